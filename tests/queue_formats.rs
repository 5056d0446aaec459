//! Queues that earlier versions wrote are read: nobody who waited for a line loses by an upgrade.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kiosk_enroll::clock::wall_now;
use kiosk_enroll::domain::{UpdateId, UpdateState};
use kiosk_enroll::queue::{DeviceKey, Queue, QueueOptions};

/// A queue with one update delivered, one parked by the server and one, coalesced of two, that waits.
fn open(version: &str) -> (tempfile::TempDir, Queue) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let home = tempfile::tempdir().unwrap();
    copy(&fixtures.join(format!("queue-{version}")), home.path());
    let key = DeviceKey::load(&home.path().join("device.key")).unwrap();
    let options = QueueOptions { reserve_bytes: 0, ..QueueOptions::default() };
    let (queue, recovery) =
        Queue::open(&home.path().join("queue"), key, options, wall_now()).unwrap();
    assert_eq!((recovery.updates, recovery.quarantined, recovery.foreign), (2, 0, 0));
    (home, queue)
}

/// Copies for the owner alone: git keeps no modes.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
            fs::set_permissions(&target, Permissions::from_mode(0o600)).unwrap();
        }
    }
}

#[test]
fn a_queue_of_version_1_is_read_to_its_last_field() {
    let (_home, queue) = open("v1");
    let (head, update) = queue.read(UpdateId(4)).unwrap();
    assert_eq!((head.state, head.person_id.as_str()), (UpdateState::Queued, "waiting"));
    assert_eq!(update.notes(), Some("first"));
    assert_eq!(update.field_names(), ["images", "gender", "notes"]);
    assert!(update.images().unwrap()[0].bytes().starts_with(&[0xFF, 0xD8]));
    let (head, _) = queue.read(UpdateId(2)).unwrap();
    assert_eq!(head.state, UpdateState::Parked);
    assert!(head.reason.unwrap().contains("PERSON_NOT_FOUND"));
    let lease = queue.lease(wall_now()).unwrap().unwrap();
    assert_eq!(lease.head.id, UpdateId(4), "what waited goes on");
    let verified = queue.verify().unwrap();
    assert!(!verified.is_damaged() && verified.checked == 2, "{verified:?}");
}

#[test]
fn an_entry_of_a_later_version_is_put_aside_with_its_data_key() {
    let (home, queue) = open("v1");
    drop(queue);
    let dir = home.path().join("queue");
    let entry = dir.join("entries/0000000000000004.entry");
    let mut bytes = fs::read(&entry).unwrap();
    bytes[7] = 2;
    fs::write(&entry, &bytes).unwrap();
    let start = || {
        let key = DeviceKey::load(&home.path().join("device.key")).unwrap();
        let options = QueueOptions { reserve_bytes: 0, ..QueueOptions::default() };
        Queue::open(&dir, key, options, wall_now()).unwrap()
    };
    let (queue, recovery) = start();
    assert_eq!((recovery.updates, recovery.quarantined), (1, 1));
    queue.discard(UpdateId(2)).unwrap();
    drop(queue);
    // The upgrade: the program knows the version now, and a person moves the file back.
    bytes[7] = 1;
    fs::write(&entry, &bytes).unwrap();
    fs::remove_file(dir.join("quarantine/0000000000000004.entry")).unwrap();
    assert_eq!(start().0.read(UpdateId(4)).unwrap().1.notes(), Some("first"));
}
