//! The queue against a model of the world around it, under random actions, power cuts, faults and damage.
//!
//! The model is a persons API that remembers what it was sent. Every value is a number that only grows, so
//! "nothing older overwrites something newer" and "nothing acknowledged is lost" can be read off the server:
//!
//! - a value that arrives is never lower than the one that is there for that person and field;
//! - in the end the server has, of each person and field, the newest value that was acknowledged, except
//!   where it was discarded, is parked, or lay in the one file that was damaged.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use self::actions::{Action, Damage, action};
use self::groups::UnderWay;
use self::updates::{FACE, named, picked, update, values};
use super::memory_fs::MemoryFs;
use super::*;
use crate::domain::{Confirmation, UpdateState};

mod actions;
mod groups;
mod updates;

/// The queue, its disk and the server it feeds.
struct World {
    fs: Arc<MemoryFs>,
    queue: Option<Queue>,
    now: WallTime,
    /// How much of what was not synced the next power cut leaves.
    part: u8,
    last_value: u64,
    last_id: UpdateId,
    acknowledged: BTreeMap<(String, &'static str), u64>,
    server: BTreeMap<(String, &'static str), u64>,
    /// The highest value that ever arrived.
    arrived: BTreeMap<(String, &'static str), u64>,
    /// Values that arrived while the queue could not be told, or could not note it.
    unanswered: BTreeSet<(String, &'static str, u64)>,
    /// Values that need not arrive, and those before them that they took the place of.
    excused: BTreeSet<(String, &'static str, u64)>,
    in_flight: BTreeMap<UpdateId, PersonUpdate>,
    /// Several that are being settled.
    under_way: Option<UnderWay>,
    /// Accepted by the server while the disk refused to settle it: to be settled as delivered again.
    unsettled: BTreeSet<UpdateId>,
    parked: BTreeSet<UpdateId>,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            fs: Arc::new(MemoryFs::default()),
            queue: None,
            now: samples::NOW,
            part: 0,
            last_value: 100,
            last_id: UpdateId(0),
            acknowledged: BTreeMap::new(),
            server: BTreeMap::new(),
            arrived: BTreeMap::new(),
            unanswered: BTreeSet::new(),
            excused: BTreeSet::new(),
            in_flight: BTreeMap::new(),
            under_way: None,
            unsettled: BTreeSet::new(),
            parked: BTreeSet::new(),
        };
        world.restart();
        world
    }

    /// Gives how many changes of files were asked for.
    fn run(actions: &[Action]) -> u64 {
        let mut world = Self::new();
        for action in actions {
            world.act(action);
            if world.fs.is_dark() {
                world.restart();
            }
        }
        world.finish()
    }

    fn queue(&self) -> &Queue {
        self.queue.as_ref().unwrap()
    }

    fn act(&mut self, action: &Action) {
        match *action {
            Action::Enqueue { person, fields } => self.enqueue(person, fields),
            Action::Lease(pick) => drop(self.lease(pick)),
            Action::LookAhead => self.queue().look_ahead(self.now),
            Action::Deliver(pick) => {
                if let Some(id) = picked(self.in_flight.keys(), pick)
                    && !self.is_leaving(id)
                {
                    self.deliver(id);
                }
            }
            Action::BeginGroup(bits) => self.begin_group(bits),
            Action::SettleGroup => self.settle_group(),
            Action::FinishGroup => self.finish_group(),
            Action::Retry(pick, seconds) => {
                let not_before = self.now + Duration::from_secs(seconds.into());
                self.give_back(pick, Settlement::Retry { not_before, reason: "busy".into() });
            }
            Action::Park(pick) => self.give_back(pick, Settlement::Park { reason: "bad".into() }),
            Action::Release(pick) => self.give_back(pick, Settlement::Release),
            Action::Requeue(pick) => {
                if let Some(id) = picked(self.parked.iter(), pick) {
                    match self.queue().requeue(id) {
                        Err(QueueError::Outdated { .. }) => {}
                        _ => drop(self.parked.remove(&id)),
                    }
                }
            }
            Action::Discard(pick) => self.discard(pick),
            Action::Restart => self.restart(),
            Action::CutPowerAfter(after, part) => {
                self.part = part;
                self.fs.cut_power_after(after.into());
            }
            Action::FailAfter(after) => self.fs.fail_after(after.into()),
            Action::Fill(left) => {
                let used: usize = self.fs.files().values().map(Vec::len).sum();
                self.fs.set_capacity(Some(used as u64 + u64::from(left)));
            }
            Action::Free => self.fs.set_capacity(None),
            Action::Damage(pick, damage) => self.damage(pick, damage),
            Action::MoveClock(hours) => {
                let step = Duration::from_hours(hours.unsigned_abs().into());
                self.now = if hours < 0 { self.now - step } else { self.now + step };
            }
        }
    }

    /// Ends the process, and the power if it was cut, and starts again.
    fn restart(&mut self) {
        self.forget_group();
        self.queue = None;
        self.in_flight.clear();
        self.unsettled.clear();
        for _ in 0..5 {
            if self.fs.is_dark() {
                self.fs.restart(self.part);
            }
            let options = QueueOptions { reserve_bytes: 4_000, ..QueueOptions::default() };
            let fs = Arc::clone(&self.fs) as Arc<dyn fs::FileSystem>;
            match Queue::open_on(fs, DeviceKey::for_test(1), options, self.now) {
                Ok((queue, _)) => {
                    self.queue = Some(queue);
                    if !self.fs.is_dark() {
                        break;
                    }
                    self.queue = None;
                }
                Err(error) => assert!(self.fs.is_dark(), "it must always open: {error}"),
            }
        }
        let list = self.queue().list();
        let parked = |id: &UpdateId| {
            list.iter().any(|head| head.id == *id && head.state == UpdateState::Parked)
        };
        assert!(self.parked.iter().all(parked), "parked stays parked: {:?} {list:?}", self.parked);
        assert!(list.iter().all(|head| head.state != UpdateState::InFlight));
    }

    fn enqueue(&mut self, person: u8, fields: u8) {
        self.last_value += 1;
        let update = update(person, fields, self.last_value);
        let values = values(&update);
        let Ok(enqueued) = self.queue().enqueue(update, self.now) else { return };
        assert!(enqueued.id > self.last_id, "an id was given twice");
        assert!(enqueued.coalesced_with.iter().all(|old| !self.in_flight.contains_key(old)));
        self.last_id = enqueued.id;
        for (field, value) in values {
            self.acknowledged.insert((format!("p{person}"), field), value);
        }
    }

    fn lease(&mut self, pick: Pick<'_>) -> Option<UpdateId> {
        let at_hand = match pick {
            Pick::Foremost => self.queue().lease_at_hand(self.now),
            Pick::Smallest { .. } => None,
        };
        let lease = match at_hand {
            Some(lease) => lease,
            None => self.queue().state().lease(pick, self.now).ok().flatten()?,
        };
        let person = lease.update.person_id();
        assert!(
            self.in_flight.values().all(|other| other.person_id() != person),
            "two of one person in flight"
        );
        self.in_flight.insert(lease.head.id, lease.update);
        Some(lease.head.id)
    }

    /// The server takes an update in.
    fn arrive(&mut self, id: UpdateId) {
        let update = &self.in_flight[&id];
        for (field, value) in values(update) {
            let person = update.person_id().to_string();
            let highest = self.arrived.entry((person.clone(), field)).or_default();
            *highest = value.max(*highest);
            let before = self.server.insert((person, field), value).unwrap_or(0);
            assert!(value >= before, "{id}: {field} {value} overwrote the newer {before}");
        }
    }

    fn deliver(&mut self, id: UpdateId) {
        self.arrive(id);
        let settled =
            self.queue().settle(id, Settlement::Delivered(Confirmation::Confirmed), self.now);
        self.learn(id, settled.map(|receipt| assert_eq!(receipt.unwrap().id, id)).is_ok());
    }

    /// Takes note of what the queue said about a delivered update.
    fn learn(&mut self, id: UpdateId, settled: bool) {
        let receipt = PathBuf::from(format!("/queue/receipts/{:016x}.receipt", id.0));
        let noted = !self.fs.is_dark() && self.fs.files().contains_key(&receipt);
        if !settled || !noted {
            self.doubt(id);
        }
        if settled {
            self.in_flight.remove(&id);
            self.unsettled.remove(&id);
        } else {
            self.unsettled.insert(id);
        }
    }

    /// The values of this update arrived, but the queue may not know it.
    fn doubt(&mut self, id: UpdateId) {
        let update = &self.in_flight[&id];
        let person = update.person_id().to_string();
        let values = values(update).into_iter();
        self.unanswered.extend(values.map(|(field, value)| (person.clone(), field, value)));
    }

    fn give_back(&mut self, pick: u8, settlement: Settlement) {
        let Some(id) = picked(self.in_flight.keys(), pick) else { return };
        if self.unsettled.contains(&id) || self.is_leaving(id) {
            return;
        }
        let parks = matches!(settlement, Settlement::Park { .. });
        if self.queue().settle(id, settlement, self.now).is_ok() && parks {
            self.parked.insert(id);
        }
        self.in_flight.remove(&id);
    }

    fn discard(&mut self, pick: u8) {
        let ids: Vec<_> = self.queue().list().iter().map(|head| head.id).collect();
        let Some(id) = picked(ids.iter(), pick) else { return };
        if !self.in_flight.contains_key(&id) {
            self.excuse(id);
            let _ = self.queue().discard(id);
            self.parked.remove(&id);
        }
    }

    /// Damages one file while the queue is closed; what lay in it is excused.
    ///
    /// The disk is sound and has room then: twins protect from one damage at a time, once they could be mended.
    fn damage(&mut self, pick: u8, damage: Damage) {
        self.fs.disarm();
        self.fs.set_capacity(None);
        // The restart below comes before their settlement, too.
        self.forget_group();
        let ours = |path: &PathBuf| {
            ["entries", "keys", "queue"].iter().any(|dir| path.parent().unwrap().ends_with(dir))
        };
        let files: Vec<_> = self.fs.files().into_keys().filter(ours).collect();
        let Some(path) = files.get(usize::from(pick) % files.len().max(1)).cloned() else { return };
        if let Some(id) = named(&path) {
            self.excuse(id);
            self.parked.remove(&id);
        }
        self.queue = None;
        let mut bytes = self.fs.files().remove(&path).unwrap_or_default();
        let at = |number: u16| usize::from(number) % bytes.len().max(1);
        let damaged = match damage {
            Damage::Flip(bit) => {
                let at = at(bit / 8);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << (bit % 8);
                }
                Some(bytes)
            }
            Damage::Truncate(length) => {
                let length = at(length);
                bytes.truncate(length);
                Some(bytes)
            }
            Damage::Zero => Some(vec![0; bytes.len()]),
            Damage::Delete => None,
        };
        self.fs.tamper(&path, damaged);
        self.restart();
    }

    fn excuse(&mut self, id: UpdateId) {
        let in_flight = self.in_flight.get(&id).cloned();
        let waiting = || self.queue().read(id).ok().map(|(_, update)| update);
        if let Some(update) = in_flight.or_else(waiting) {
            let person = update.person_id().to_string();
            for (field, value) in values(&update) {
                self.unlearn(&person, field, value);
                self.excused.insert((person.clone(), field, value));
            }
            for (other, field, value) in self.unanswered.clone() {
                if other == person {
                    self.unlearn(&person, field, value);
                }
            }
        }
    }

    /// Forgets that a value arrived whose answer got lost: who takes its update away, or the note that parked
    /// an older one, puts up with an older value coming after it.
    fn unlearn(&mut self, person: &str, field: &'static str, value: u64) {
        let place = (person.to_owned(), field);
        if self.server.get(&place) == Some(&value) {
            self.server.remove(&place);
        }
    }

    /// Lets the world heal, delivers what is left, and looks whether all is there and all is gone.
    fn finish(mut self) -> u64 {
        self.fs.disarm();
        self.fs.set_capacity(None);
        self.restart();
        for head in self.queue().list() {
            if head.state == UpdateState::Parked {
                self.excuse(head.id);
                let _ = self.queue().discard(head.id);
            }
        }
        while let Some(due) = self.queue().next_due(self.now) {
            self.now = self.now.max(due);
            if let Some(id) = self.lease(Pick::Foremost) {
                self.deliver(id);
            }
        }
        for ((person, field), value) in &self.acknowledged {
            let there = self.arrived.get(&(person.clone(), *field)).copied().unwrap_or(0);
            let newest = (person.clone(), *field, u64::MAX);
            let excused =
                self.excused.range((person.clone(), *field, *value)..=newest).next().is_some();
            assert!(
                there >= *value || excused,
                "{person} {field} {value} was lost, there is {there}"
            );
        }
        assert_eq!(self.queue().list(), []);
        let summary = self.queue().summary(self.now);
        self.queue = None;
        let files = self.fs.files();
        let broken = summary.quarantined + summary.foreign > 0;
        let left = files.keys().filter(|path| {
            ["entries", "keys"].iter().any(|dir| path.parent().unwrap().ends_with(dir))
        });
        assert!(broken || left.count() == 0, "{:?}", files.keys());
        for (path, bytes) in &files {
            assert!(!bytes.windows(FACE.len()).any(|window| window == FACE), "a face in {path:?}");
        }
        self.fs.operations()
    }
}

/// A day at a kiosk in which everything happens once.
fn script() -> Vec<Action> {
    use Action::{
        BeginGroup, Deliver, Discard, Enqueue, FinishGroup, Lease, Park, Requeue, Restart, Retry,
        SettleGroup,
    };
    vec![
        Enqueue { person: 0, fields: 5 },
        Enqueue { person: 0, fields: 2 },
        Lease(Pick::Foremost),
        Enqueue { person: 0, fields: 7 },
        Enqueue { person: 1, fields: 4 },
        Deliver(0),
        Lease(Pick::Foremost),
        Park(0),
        Lease(Pick::Foremost),
        Retry(0, 10),
        Enqueue { person: 0, fields: 1 },
        Lease(Pick::Foremost),
        Deliver(0),
        Requeue(0),
        Enqueue { person: 1, fields: 3 },
        Restart,
        Discard(0),
        Enqueue { person: 2, fields: 7 },
        Enqueue { person: 0, fields: 6 },
        Lease(Pick::Foremost),
        Lease(Pick::Foremost),
        BeginGroup(255),
        Enqueue { person: 2, fields: 3 },
        SettleGroup,
        Lease(Pick::Foremost),
        FinishGroup,
        Lease(Pick::Foremost),
        Deliver(0),
    ]
}

fn script_with(disturbance: Action) -> Vec<Action> {
    std::iter::once(disturbance).chain(script()).collect()
}

#[test]
fn a_power_cut_at_any_operation_loses_nothing_that_was_acknowledged() {
    let mut undisturbed = World::new();
    script().iter().for_each(|action| undisturbed.act(action));
    let operations = u8::try_from(undisturbed.fs.operations()).unwrap_or(u8::MAX);
    assert!(operations > 60, "{operations}");
    for after in 0..operations {
        for part in [0, 128, 255] {
            World::run(&script_with(Action::CutPowerAfter(after, part)));
        }
    }
}

#[test]
fn a_fault_at_any_operation_loses_nothing_that_was_acknowledged() {
    for after in 0..120 {
        World::run(&script_with(Action::FailAfter(after)));
    }
}

/// Enough for ten thousand actions by far, whatever is drawn; `PROPTEST_CASES` asks for more.
const CASES: u32 = 512;
const FEWEST_ACTIONS: u64 = 10_000;

/// `SEED=7 cargo test --lib queue::model -- --nocapture` repeats a run.
#[test]
#[allow(clippy::print_stdout, reason = "a proof prints its seed and its figures")]
fn whatever_happens_nothing_is_lost_and_nothing_older_wins() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| fastrand::u64(..1_000_000_000));
    let default = ProptestConfig::with_source_file(file!());
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { CASES };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(ProptestConfig { cases, ..default }, rng);
    let (actions, changes) = (Cell::new(0), Cell::new(0));
    let ended = runner.run(&proptest::collection::vec(action(), 1..80), |drawn| {
        actions.set(actions.get() + drawn.len() as u64);
        changes.set(changes.get() + World::run(&drawn));
        Ok(())
    });
    if let Err(failure) = ended {
        panic!("SEED={seed}: {failure}");
    }
    let (actions, changes) = (actions.get(), changes.get());
    println!("model: SEED={seed}: {actions} actions, {changes} changes of files, nothing lost");
    assert!(actions >= FEWEST_ACTIONS, "only {actions} actions");
}
