//! The queue on a real disk: damage, restarts, secrecy, a second opener, the index.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use kiosk_enroll::domain::{
    Confirmation, Date, PersonId, PersonUpdate, Portrait, PortraitFormat, Settlement, Size,
    UpdateDraft, UpdateState, WallTime,
};
use kiosk_enroll::queue::{
    DeviceKey, IndexHealth, Queue, QueueError, QueueErrorKind, QueueOptions, Recovery,
};

const NOW: WallTime = WallTime::from_unix_millis(1_795_466_530_250);
const FACE: &[u8] = b"A-FACE-THAT-MUST-NOT-BE-READABLE";

struct Site(tempfile::TempDir);

impl Site {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn dir(&self) -> PathBuf {
        self.0.path().join("queue")
    }

    fn try_open(&self) -> Result<(Queue, Recovery), QueueError> {
        let key = DeviceKey::load_or_create(&self.0.path().join("device.key")).unwrap();
        let options = QueueOptions { reserve_bytes: 64 << 10, ..QueueOptions::default() };
        Queue::open(&self.dir(), key, options, NOW)
    }

    fn open(&self) -> (Queue, Recovery) {
        self.try_open().unwrap()
    }

    fn files(&self, under: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut dirs = vec![self.dir().join(under)];
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() { dirs.push(path) } else { found.push(path) }
            }
        }
        found.sort();
        found
    }
}

fn portrait() -> Portrait {
    let bytes = FACE.iter().copied().cycle().take(20_000).collect();
    Portrait::from_decoded(PortraitFormat::Jpeg, Size::new(640, 800), bytes).unwrap()
}

fn update(person: &str) -> PersonUpdate {
    let draft = UpdateDraft {
        name: Some("Ada Lovelace".into()),
        images: Some(vec![portrait()]),
        ..UpdateDraft::default()
    };
    let today = Date::new(2026, 11, 23).unwrap();
    PersonUpdate::parse(PersonId::parse(person).unwrap(), draft, today).unwrap()
}

fn fill(queue: &Queue, persons: usize) {
    for person in 0..persons {
        queue.enqueue(update(&format!("person_{person}")), NOW).unwrap();
    }
}

/// Delivers all there is, and says whose it was.
fn drain(queue: &Queue) -> Vec<String> {
    let mut delivered = Vec::new();
    while let Some(lease) = queue.lease(NOW).unwrap() {
        delivered.push(lease.head.person_id.to_string());
        let settlement = Settlement::Delivered(Confirmation::Confirmed);
        queue.settle(lease.head.id, settlement, NOW).unwrap().unwrap();
    }
    delivered
}

#[test]
fn counters_waiting_times_and_reasons_survive_a_restart() {
    let site = Site::new();
    let (queue, first) = site.open();
    assert_eq!(first.index, IndexHealth::Healthy);
    fill(&queue, 3);
    let busy = queue.lease(NOW).unwrap().unwrap().head.id;
    let not_before = NOW + Duration::from_secs(90);
    let reason = "503 from the API".to_owned();
    queue.settle(busy, Settlement::Retry { not_before, reason }, NOW).unwrap();
    let refused = queue.lease(NOW).unwrap().unwrap().head.id;
    queue.settle(refused, Settlement::Park { reason: "no face found".into() }, NOW).unwrap();
    queue.lease(NOW).unwrap().unwrap();
    drop(queue);

    let (queue, recovery) = site.open();
    assert_eq!((recovery.updates, recovery.index), (3, IndexHealth::Healthy));
    let list = queue.list();
    assert_eq!((list[0].attempts, list[0].not_before), (1, Some(not_before)));
    assert_eq!(list[0].reason.as_deref(), Some("503 from the API"));
    assert_eq!(
        (list[1].state, list[1].reason.as_deref()),
        (UpdateState::Parked, Some("no face found"))
    );
    assert_eq!(list[2].state, UpdateState::Queued, "after a restart nothing is in flight");
    assert_eq!(queue.enqueue(update("person_9"), NOW).unwrap().id.0, 4);
}

#[test]
fn after_delivery_nothing_of_the_person_is_left_on_the_disk() {
    let site = Site::new();
    let (queue, _) = site.open();
    fill(&queue, 5);
    queue.enqueue(update("person_2"), NOW).unwrap();
    let parked = queue.lease(NOW).unwrap().unwrap().head.id;
    let reason = "Ada Lovelace is unknown".to_owned();
    queue.settle(parked, Settlement::Park { reason }, NOW).unwrap();
    let sealed = site.files("entries");
    assert_eq!(drain(&queue).len(), 4);
    queue.discard(parked).unwrap();
    drop(queue);
    assert!(
        !sealed.is_empty() && site.files("entries").is_empty() && site.files("keys").is_empty()
    );
    for path in site.files("") {
        let bytes = std::fs::read(&path).unwrap();
        for secret in [FACE, b"Ada Lovelace", b"person_"] {
            let found = bytes.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "{} in {}", String::from_utf8_lossy(secret), path.display());
        }
    }
    assert_eq!(site.open().0.receipts().len(), 4);
}

#[test]
fn damage_to_any_one_file_costs_at_most_that_one_update() {
    let damages: [fn(&Path); 5] = [
        |path| {
            let mut bytes = std::fs::read(path).unwrap();
            let middle = bytes.len() / 2;
            bytes.iter_mut().skip(middle).take(1).for_each(|byte| *byte ^= 1);
            std::fs::write(path, bytes).unwrap();
        },
        |path| {
            let mut bytes = std::fs::read(path).unwrap();
            bytes.iter_mut().take(1).for_each(|byte| *byte ^= 0x80);
            std::fs::write(path, bytes).unwrap();
        },
        |path| {
            let length = std::fs::metadata(path).unwrap().len();
            std::fs::File::options().write(true).open(path).unwrap().set_len(length / 2).unwrap();
        },
        |path| std::fs::write(path, vec![0; 4_096]).unwrap(),
        |path| std::fs::remove_file(path).unwrap(),
    ];
    for (kind, damage) in damages.into_iter().enumerate() {
        let files = {
            let site = Site::new();
            let (queue, _) = site.open();
            fill(&queue, 3);
            drop(queue);
            site.files("").len()
        };
        for number in 0..files {
            let site = Site::new();
            let (queue, _) = site.open();
            fill(&queue, 3);
            drop(queue);
            let path = site.files("")[number].clone();
            damage(&path);
            let (queue, _) = site.open();
            let delivered = drain(&queue).len();
            let least = if path.starts_with(site.dir().join("entries")) { 2 } else { 3 };
            assert!(delivered >= least, "damage {kind} to {}: {delivered}", path.display());
            let next = queue.enqueue(update("person_9"), NOW).unwrap().id;
            assert!(next.0 > 3, "{next} was given before");
        }
    }
}

#[test]
fn a_ruined_index_is_built_anew_and_costs_nothing() {
    let site = Site::new();
    let (queue, _) = site.open();
    fill(&queue, 3);
    drop(queue);
    for path in site.files("index") {
        std::fs::write(path, b"not a database").unwrap();
    }
    let (queue, recovery) = site.open();
    assert_eq!((recovery.updates, recovery.index), (3, IndexHealth::Rebuilt));
    assert!(site.dir().join("index.bad").is_dir());
    assert_eq!(drain(&queue), ["person_0", "person_1", "person_2"]);
    drop(queue);
    assert_eq!(site.open().1.index, IndexHealth::Healthy);
}

#[test]
fn what_lies_in_the_place_of_the_index_is_put_aside() {
    let site = Site::new();
    std::fs::create_dir_all(site.dir().join("index.bad/older")).unwrap();
    std::fs::write(site.dir().join("index"), b"in the way").unwrap();
    let (queue, recovery) = site.open();
    assert_eq!(recovery.index, IndexHealth::Rebuilt);
    fill(&queue, 2);
    assert_eq!(drain(&queue).len(), 2);
}

#[test]
fn a_second_opener_is_told_who_was_first() {
    let site = Site::new();
    let (_queue, _) = site.open();
    let error = site.try_open().err().unwrap();
    assert_eq!(error.kind(), QueueErrorKind::Locked);
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
}

#[test]
fn another_device_key_leaves_everything_alone_until_the_right_one_is_back() {
    let site = Site::new();
    let (queue, _) = site.open();
    fill(&queue, 2);
    drop(queue);
    let key = site.0.path().join("device.key");
    std::fs::rename(&key, site.0.path().join("right.key")).unwrap();
    let (queue, recovery) = site.open();
    assert_eq!((recovery.updates, recovery.foreign, recovery.quarantined), (0, 2, 0));
    let id = queue.enqueue(update("person_7"), NOW).unwrap().id;
    assert!(id.0 > 2);
    assert_eq!(drain(&queue), ["person_7"]);
    drop(queue);
    std::fs::rename(site.0.path().join("right.key"), &key).unwrap();
    assert_eq!(drain(&site.open().0), ["person_0", "person_1"]);
}

#[test]
fn a_full_queue_refuses_in_words_and_keeps_what_it_has() {
    let site = Site::new();
    let key = DeviceKey::load_or_create(&site.0.path().join("device.key")).unwrap();
    let options = QueueOptions { max_items: 2, reserve_bytes: 0, ..QueueOptions::default() };
    let (queue, _) = Queue::open(&site.dir(), key, options, NOW).unwrap();
    fill(&queue, 2);
    let error = queue.enqueue(update("person_2"), NOW).unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::Full);
    assert_eq!(error.to_string(), "queue is full: the number of updates would be 3, allowed is 2");
    let again = queue.enqueue(update("person_1"), NOW).unwrap();
    assert_eq!(again.coalesced_with.len(), 1, "a new state of a known person still fits");
    assert_eq!(queue.list().len(), 2);
}

#[test]
fn a_broken_picture_is_met_when_its_turn_comes_and_the_next_goes_on() {
    let site = Site::new();
    let (queue, _) = site.open();
    fill(&queue, 2);
    let path = site.files("entries")[0].clone();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[10_000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(drain(&queue), ["person_1"]);
    assert_eq!(queue.summary(NOW).quarantined, 1);
    assert_eq!(site.files("keys").len(), 2, "what is left of it could still be opened");
}
