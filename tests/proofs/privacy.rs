//! What a thief of the disk finds after delivery, drop and expiry: nothing of a face.
//!
//! The thief has every block of the image, those of no file among them, and the device's key. He looks for
//! pictures in the clear, and he gathers whatever looks like an entry or a data key and lets the program open it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kiosk_enroll::clock::wall_now;
use kiosk_enroll::queue::{DeviceKey, Queue, QueueOptions};
use kiosk_enroll::stand_in::{FaultKind, StandIn, StandInOptions};
use tokio::runtime::Runtime;

use crate::agent::Site;
use crate::ext4::{Ext4, inside};
use crate::plan::{Figures, Outcome, Plan, figure};

const IMAGE: u64 = 64 << 20;
const DRAIN_LIMIT: Duration = Duration::from_secs(60);
const FACES: [&str; 3] = ["collins_frontal", "hopper_frontal", "collins_yaw+10"];
/// Persons of a round: most are delivered, the last ones dropped, damaged and put aside.
const PERSONS: usize = 8;
const DROPPED: usize = 6;
const DAMAGED: usize = 7;
/// Longer than anything is kept.
const AGES: Duration = Duration::from_secs(400 * 86_400);
/// So many bytes running are enough to call it readable.
const WINDOW: usize = 8;
const BLOCK: usize = 4_096;
const ENTRY: &[u8] = b"KENRUPD\x01";
const KEY: &[u8] = b"KENRKEY\x01";
const KEY_LENGTH: usize = 100;
const KEY_PREFIX: usize = 28;

pub(crate) fn run(plan: &mut Plan) -> Outcome {
    inside("privacy", plan, search)
}

fn search(plan: &mut Plan) -> Figures {
    let runtime = Runtime::new().unwrap();
    let stand_in = runtime.block_on(StandIn::start(StandInOptions::default())).unwrap();
    let disk = Ext4::new(IMAGE);
    let site = Site::new(&disk.site().join("state"), &stand_in.base_url());
    let marks = Marks::of(&FACES.map(face));
    let (mut before, mut entries) = (0, 0);
    for round in 0..plan.rounds {
        stand_in.set_fault(FaultKind::Down);
        for person in 0..PERSONS {
            let face = face_path(FACES[plan.rng.usize(..FACES.len())]);
            let notes = format!("{round}");
            let words = ["update", &format!("p{person}"), "--notes", &notes, "--image", &face];
            site.ask(&words);
        }
        // One is replaced by a newer one of the same person.
        site.ask(&["update", "p0", "--image", &face_path(FACES[0])]);
        // The control: while they wait, whoever has the device's key can open them.
        let thief = Thief::search(&disk.raw(), &marks);
        before += thief.opened(&site);
        damage(&site, plan);
        site.ask(&["queue", "drop", &waiting(&site, DROPPED), "--yes"]);
        stand_in.set_fault(FaultKind::None);
        let agent = site.start_ready();
        site.wait_until_empty(DRAIN_LIMIT);
        let put_aside = site.ask(&["status"])["queue"]["quarantined"].clone();
        assert_eq!(put_aside, 1, "a damaged update is put aside when it is met");
        agent.kill();
        expire(&site);
        let thief = Thief::search(&disk.raw(), &marks);
        assert_eq!(thief.keys.len(), 0, "data keys that still open something lie in the image");
        assert_eq!(thief.opened(&site), 0, "updates can still be opened");
        entries += thief.entries.len();
    }
    assert!(before >= plan.rounds as usize * (PERSONS - 1), "the thief finds what waits: {before}");
    vec![
        figure(
            "updates delivered, replaced, dropped, expired",
            plan.rounds as usize * (PERSONS + 1),
        ),
        figure("opened by the thief while they waited", before),
        figure("sealed entries that the thief gathered afterwards", entries),
        figure("of them opened", 0),
        figure("faces in the clear, ever", 0),
    ]
}

/// Damages the sealed body of one update, which goes into the quarantine when it is to be delivered.
fn damage(site: &Site, plan: &mut Plan) {
    let id = waiting(site, DAMAGED);
    let number: u64 = id.trim_start_matches('u').parse().unwrap();
    let path = site.dir().join(format!("queue/entries/{number:016x}.entry"));
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.len() - 1 - plan.rng.usize(..1_000);
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
}

/// Lets the time pass after which what was put aside is thrown away.
fn expire(site: &Site) {
    let key = DeviceKey::load(&site.dir().join("device.key")).unwrap();
    let dir = site.dir().join("queue");
    let (queue, _) = Queue::open(&dir, key, QueueOptions::default(), wall_now() + AGES).unwrap();
    let left = queue.summary(wall_now() + AGES);
    assert_eq!((left.quarantined, left.queued, left.parked), (0, 0, 0));
}

/// The id of the update of one person.
fn waiting(site: &Site, person: usize) -> String {
    let list = site.ask(&["queue", "list"]);
    let person = format!("p{person}");
    let of = list.as_array().unwrap().iter().find(|update| update["person_id"] == person.as_str());
    of.unwrap()["id"].as_str().unwrap().to_owned()
}

fn face_path(name: &str) -> String {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/derived");
    fixtures.join(format!("{name}.jpg")).to_str().unwrap().to_owned()
}

fn face(name: &str) -> Vec<u8> {
    fs::read(face_path(name)).unwrap()
}

/// Pieces of faces, raw and as base64, by which a copy in the clear is found.
struct Marks {
    pieces: HashMap<[u8; WINDOW], usize>,
    /// By their first byte and their second: most bytes of a disk need no closer look.
    begins: Vec<bool>,
}

impl Marks {
    fn of(faces: &[Vec<u8>]) -> Self {
        let mut pieces = HashMap::new();
        for (number, face) in faces.iter().enumerate() {
            // The tables in front are the same in every JPEG.
            for at in (1_024..face.len() - WINDOW).step_by(512) {
                pieces.insert(piece(&face[at..]), number);
            }
            let text = STANDARD.encode(face).into_bytes();
            for at in (2_048..text.len() - WINDOW).step_by(512) {
                pieces.insert(piece(&text[at..]), number);
            }
        }
        let mut begins = vec![false; 1 << 16];
        pieces.keys().for_each(|piece: &[u8; WINDOW]| begins[beginning(piece)] = true);
        Self { pieces, begins }
    }

    fn face(&self, window: &[u8]) -> Option<usize> {
        let known = self.begins[beginning(window)];
        known.then(|| self.pieces.get(window).copied()).flatten()
    }
}

fn beginning(window: &[u8]) -> usize {
    usize::from(window[0]) << 8 | usize::from(window[1])
}

fn piece(bytes: &[u8]) -> [u8; WINDOW] {
    bytes[..WINDOW].try_into().unwrap()
}

/// What was found in all blocks of a disk.
struct Thief {
    entries: Vec<Vec<u8>>,
    keys: Vec<Vec<u8>>,
}

impl Thief {
    /// Looks at every byte. A piece of a face in the clear ends the proof.
    fn search(image: &[u8], marks: &Marks) -> Self {
        let mut found = Self { entries: Vec::new(), keys: Vec::new() };
        for begin in (0..image.len()).step_by(BLOCK) {
            let block = &image[begin..(begin + BLOCK + WINDOW - 1).min(image.len())];
            // Most blocks were never written.
            if block.iter().any(|byte| *byte != 0) {
                for (at, window) in block.windows(WINDOW).enumerate() {
                    found.look(image, begin + at, window, marks);
                }
            }
        }
        found
    }

    fn look(&mut self, image: &[u8], at: usize, window: &[u8], marks: &Marks) {
        if window == ENTRY {
            self.entries.extend(entry_at(&image[at..]));
        } else if window == KEY {
            let key = image.get(at..at + KEY_LENGTH).filter(|key| key[KEY_PREFIX..] != [0; 72]);
            self.keys.extend(key.map(<[u8]>::to_vec));
        } else if let Some(face) = marks.face(window) {
            panic!("a piece of face {face} lies readable at byte {at} of the image");
        }
    }

    /// How many of the entries the program opens with the device's key and what else was found.
    fn opened(&self, site: &Site) -> usize {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("queue");
        for (folder, files) in [("entries", self.entries()), ("keys", self.keys())] {
            fs::create_dir_all(dir.join(folder)).unwrap();
            for (name, bytes) in files {
                fs::write(dir.join(folder).join(name), bytes).unwrap();
            }
        }
        let key = DeviceKey::load(&site.dir().join("device.key")).unwrap();
        let options = QueueOptions { reserve_bytes: 0, ..QueueOptions::default() };
        let (queue, _) = Queue::open(&dir, key, options, wall_now()).unwrap();
        let images = |id| queue.read(id).ok().and_then(|(_, update)| Some(update.images()?.len()));
        queue.list().iter().filter_map(|head| images(head.id)).count()
    }

    fn entries(&self) -> Vec<(String, &[u8])> {
        let name = |entry: &Vec<u8>| format!("{:016x}.entry", number(&entry[28..36]));
        self.entries.iter().map(|entry| (name(entry), entry.as_slice())).collect()
    }

    fn keys(&self) -> Vec<(String, &[u8])> {
        let name = |key: &Vec<u8>| {
            let id: String = key[20..28].iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{:06}-{id}.key", i32::from_le_bytes(key[16..20].try_into().unwrap()))
        };
        self.keys.iter().map(|key| (name(key), key.as_slice())).collect()
    }
}

/// The whole entry that begins here, by the lengths in its header.
fn entry_at(bytes: &[u8]) -> Option<Vec<u8>> {
    let head = u32::from_le_bytes(bytes.get(60..64)?.try_into().ok()?) as usize;
    let body = usize::try_from(number(bytes.get(64..72)?)).ok()?;
    let end = 72_usize.checked_add(head)?.checked_add(body)?;
    bytes.get(..end).map(<[u8]>::to_vec)
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().unwrap())
}
