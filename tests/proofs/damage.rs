//! Damage to any one file of the state directory: only that one thing may suffer, and visibly.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kiosk_enroll::clock::wall_now;
use kiosk_enroll::domain::{Confirmation, Settlement, UpdateId, UpdateState};
use kiosk_enroll::queue::{DeviceKey, Queue, QueueOptions, Recovery};

use crate::agent::Site;
use crate::ledger::Values;
use crate::numbers;
use crate::plan::{Outcome, Plan, figure};

/// So many are queued, parked and delivered.
const QUEUED: u64 = 9;
const PARKED: u64 = 3;
const DELIVERED: u64 = 3;
/// How often the real program looks at the damage, too.
const PROGRAM_EVERY: u32 = 10;

pub(crate) fn run(plan: &mut Plan) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let sound = Kiosk(folder.path().join("sound"));
    sound.fill();
    let before = sound.look();
    assert_eq!(before.held.len() as u64, QUEUED + PARKED);
    let mut suffered: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for trial in 0..plan.rounds {
        let kiosk = Kiosk(folder.path().join(format!("trial-{trial}")));
        copy(&sound.0, &kiosk.0);
        let files = files(&kiosk.0);
        let path = &files[plan.rng.usize(..files.len())];
        let part = Part::of(&kiosk.0, path);
        let damage = Damage::ALL[plan.rng.usize(..Damage::ALL.len())];
        println!("    {trial}: {damage:?} {}", path.strip_prefix(&kiosk.0).unwrap().display());
        damage.befall(path, &mut plan.rng);
        if trial % PROGRAM_EVERY == 0 && part != Part::DeviceKey {
            Site::new(&kiosk.0, "http://127.0.0.1:9").ask(&["queue", "list"]);
        }
        let costs = kiosk.judge(part, damage, &before, &sound);
        let sum = suffered.entry(part.name()).or_default();
        sum.0 += 1;
        sum.1 += u32::from(costs);
        fs::remove_dir_all(&kiosk.0).unwrap();
    }
    let told = |(part, (trials, costs)): (&str, (u32, u32))| {
        figure(
            &format!("trials with {part}"),
            format!("{trials}, of which {costs} cost that one thing"),
        )
    };
    let mut figures: Vec<_> = suffered.into_iter().map(told).collect();
    figures.push(figure("anything else lost or changed", 0));
    Outcome::Held(figures)
}

/// A kiosk's state directory.
struct Kiosk(PathBuf);

/// What lies in a queue.
struct Seen {
    held: BTreeMap<UpdateId, (UpdateState, Values)>,
    receipts: usize,
    recovery: Recovery,
    quarantined: usize,
}

impl Kiosk {
    fn open(&self) -> Result<(Queue, Recovery), String> {
        let key = DeviceKey::load_or_create(&self.0.join("device.key"));
        let key = key.map_err(|error| error.to_string())?;
        let options = QueueOptions { reserve_bytes: 64 << 10, ..QueueOptions::default() };
        let opened = Queue::open(&self.0.join("queue"), key, options, wall_now());
        Ok(opened.expect("failed start"))
    }

    fn fill(&self) {
        fs::create_dir_all(&self.0).unwrap();
        let (queue, _) = self.open().unwrap();
        for number in 1..=QUEUED + PARKED + DELIVERED {
            let values = Values::from([("notes", number), ("name", number), ("images", number)]);
            let update = numbers::update(&format!("p{number}"), &values, 9_000);
            queue.enqueue(update, wall_now()).unwrap();
        }
        for turn in 0..DELIVERED + PARKED + 2 {
            let id = queue.lease(wall_now()).unwrap().unwrap().head.id;
            let reason = "a proof".to_owned();
            let settlement = if turn < DELIVERED {
                Settlement::Delivered(Confirmation::Confirmed)
            } else if turn < DELIVERED + PARKED {
                Settlement::Park { reason }
            } else {
                Settlement::Retry { not_before: wall_now() + Duration::from_hours(1), reason }
            };
            queue.settle(id, settlement, wall_now()).unwrap();
        }
    }

    /// Opens it and reads everything.
    fn look(&self) -> Seen {
        self.try_look().unwrap()
    }

    fn try_look(&self) -> Result<Seen, String> {
        let (queue, recovery) = self.open()?;
        let mut held = BTreeMap::new();
        for head in queue.list() {
            if let Ok((head, update)) = queue.read(head.id) {
                held.insert(head.id, (head.state, numbers::of(&update)));
            }
        }
        let quarantined = queue.summary(wall_now()).quarantined;
        Ok(Seen { held, receipts: queue.receipts().len(), recovery, quarantined })
    }

    /// Checks what the damage cost; says whether it cost the damaged thing.
    fn judge(&self, part: Part, damage: Damage, before: &Seen, sound: &Kiosk) -> bool {
        if part == Part::DeviceKey {
            return self.judge_device_key(before, sound);
        }
        let seen = self.look();
        let mut costs = false;
        for (id, (state, values)) in &before.held {
            match seen.held.get(id) {
                Some((found, same)) => {
                    assert_eq!(same, values, "{id} has changed");
                    // Only the note itself says that an update is parked.
                    let unparked = part == Part::Note(*id) && damage == Damage::Delete;
                    assert!(found == state || unparked, "{id} is {found:?}, was {state:?}");
                    costs |= found != state;
                }
                None => {
                    assert_eq!(part, Part::Entry(*id), "{id} is lost");
                    costs = true;
                    let visible = seen.quarantined == 1 || damage == Damage::Delete;
                    assert!(visible, "{id} has gone without a trace");
                }
            }
        }
        let receipt = usize::from(part == Part::Receipt && seen.receipts < before.receipts);
        assert_eq!(seen.receipts + receipt, before.receipts, "receipts");
        assert!(seen.recovery.foreign == 0);
        self.judge_afterwards(&seen);
        costs || receipt > 0
    }

    /// New updates get ids of their own, and what is there is handed out.
    fn judge_afterwards(&self, seen: &Seen) {
        let (queue, again) = self.open().unwrap();
        assert_eq!((again.quarantined, again.updates), (0, seen.held.len()), "the second start");
        let update = numbers::update("somebody", &Values::from([("notes", 1)]), 0);
        let id = queue.enqueue(update, wall_now()).unwrap().id;
        assert!(id.0 > QUEUED + PARKED + DELIVERED, "{id} was given before");
        let mut left = 0;
        let tomorrow = wall_now() + Duration::from_hours(2);
        while let Some(lease) = queue.lease(tomorrow).unwrap() {
            let settlement = Settlement::Delivered(Confirmation::Confirmed);
            queue.settle(lease.head.id, settlement, tomorrow).unwrap();
            left += 1;
        }
        let waiting = seen.held.values().filter(|(state, _)| *state == UpdateState::Queued).count();
        assert_eq!(left, waiting + 1, "handed out");
    }

    /// Without its key nothing can be read, but nothing may be thrown away either.
    fn judge_device_key(&self, before: &Seen, sound: &Kiosk) -> bool {
        let costs = match self.try_look() {
            Ok(seen) => {
                assert!(seen.held.is_empty() || seen.held.len() == before.held.len());
                assert_eq!(seen.recovery.foreign + seen.held.len(), before.held.len());
                seen.held.is_empty()
            }
            Err(_) => true,
        };
        fs::copy(sound.0.join("device.key"), self.0.join("device.key")).unwrap();
        assert_eq!(self.look().held, before.held, "with the key back");
        costs
    }
}

/// Which part of the state directory a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Entry(UpdateId),
    Note(UpdateId),
    Receipt,
    DataKey,
    Index,
    Sequence,
    DeviceKey,
    Other,
}

impl Part {
    fn of(root: &Path, path: &Path) -> Self {
        let name = path.file_name().unwrap().to_str().unwrap();
        let id = || UpdateId(u64::from_str_radix(&name[..16], 16).unwrap());
        let place = path.strip_prefix(root).unwrap().to_str().unwrap();
        match place.split('/').collect::<Vec<_>>().as_slice() {
            ["queue", "entries", name] if name.ends_with(".entry") => Self::Entry(id()),
            ["queue", "entries", _] => Self::Note(id()),
            ["queue", "receipts", _] => Self::Receipt,
            ["queue", "keys", _] => Self::DataKey,
            ["queue", "index", ..] => Self::Index,
            ["queue", "sequence" | "sequence.twin"] => Self::Sequence,
            ["device.key"] => Self::DeviceKey,
            _ => Self::Other,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Entry(_) => "an update",
            Self::Note(_) => "the note of a parked update",
            Self::Receipt => "a receipt",
            Self::DataKey => "a day's key or its twin",
            Self::Index => "a file of the index (sled)",
            Self::Sequence => "the sequence mark or its twin",
            Self::DeviceKey => "the device key (all wait until it is back)",
            Self::Other => "the reserve or the lock",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    Flip,
    Zero,
    Truncate,
    Append,
    Delete,
}

impl Damage {
    const ALL: [Self; 5] = [Self::Flip, Self::Zero, Self::Truncate, Self::Append, Self::Delete];

    fn befall(self, path: &Path, rng: &mut fastrand::Rng) {
        let mut bytes = fs::read(path).unwrap();
        let at = rng.usize(..bytes.len().max(1));
        match self {
            Self::Flip => {
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << rng.u8(..8))
            }
            Self::Zero => bytes.iter_mut().skip(at).take(4_096).for_each(|byte| *byte = 0),
            Self::Truncate => {
                return File::options().write(true).open(path).unwrap().set_len(at as u64).unwrap();
            }
            Self::Append => bytes.extend((0..1 + rng.usize(..100)).map(|_| rng.u8(..))),
            Self::Delete => return fs::remove_file(path).unwrap(),
        }
        fs::write(path, bytes).unwrap();
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { dirs.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target)
        } else {
            let _ = fs::copy(&path, &target).unwrap();
        }
    }
}
