//! The queue in a process that is killed: what it acknowledged is there afterwards.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stdout, reason = "the child acknowledges on its standard output")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use kiosk_enroll::domain::{
    Confirmation, Date, PersonId, PersonUpdate, Portrait, PortraitFormat, Settlement, Size,
    UpdateDraft, WallTime,
};
use kiosk_enroll::queue::{DeviceKey, Queue, QueueOptions};

const NOW: WallTime = WallTime::from_unix_millis(1_795_466_530_250);
const DIR: &str = "KIOSK_ENROLL_TEST_QUEUE";

fn open(dir: &Path) -> Queue {
    let key = DeviceKey::load_or_create(&dir.join("device.key")).unwrap();
    let options = QueueOptions { reserve_bytes: 0, ..QueueOptions::default() };
    Queue::open(&dir.join("queue"), key, options, NOW).unwrap().0
}

fn update(person: u64) -> PersonUpdate {
    let bytes = vec![7; 30_000];
    let portrait = Portrait::from_decoded(PortraitFormat::Jpeg, Size::new(1, 1), bytes).unwrap();
    let draft = UpdateDraft { images: Some(vec![portrait]), ..UpdateDraft::default() };
    let id = PersonId::parse(&format!("p{person}")).unwrap();
    PersonUpdate::parse(id, draft, Date::new(2026, 11, 23).unwrap()).unwrap()
}

/// Adds two and delivers one, over and over, until it is killed.
#[test]
#[ignore = "the child of the test below"]
fn child() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let queue = open(Path::new(&dir));
    let mut out = std::io::stdout();
    let first = queue.list().last().map_or(1, |last| last.id.0 + 1) * 1_000;
    for person in first.. {
        queue.enqueue(update(person), NOW).unwrap();
        writeln!(out, "\nadded p{person}").unwrap();
        if person % 2 == 0 {
            let lease = queue.lease(NOW).unwrap().unwrap();
            writeln!(out, "\nsending {}", lease.head.person_id).unwrap();
            let settlement = Settlement::Delivered(Confirmation::Confirmed);
            queue.settle(lease.head.id, settlement, NOW).unwrap();
            writeln!(out, "\ndelivered {}", lease.head.person_id).unwrap();
        }
    }
}

#[test]
fn what_was_acknowledged_survives_the_kill_and_what_was_delivered_does_not_return() {
    let dir = tempfile::tempdir().unwrap();
    let (mut there, mut gone) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..6 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut left = 5 + 7 * round;
        let mut killed = false;
        let mut sending = None;
        while let Some(Ok(line)) = lines.next() {
            match line.split_once(' ') {
                Some(("added", person)) => drop(there.insert(person.to_owned())),
                Some(("sending", person)) => sending = Some(person.to_owned()),
                Some(("delivered", person)) => {
                    there.remove(person);
                    gone.insert(person.to_owned());
                    sending = None;
                }
                _ => continue,
            }
            left -= 1;
            if left <= 0 && !killed {
                child.kill().unwrap();
                killed = true;
            }
        }
        child.wait().unwrap();
        let queue = open(dir.path());
        let found: BTreeSet<_> =
            queue.list().iter().map(|head| head.person_id.to_string()).collect();
        if let Some(person) = sending.filter(|person| !found.contains(person)) {
            there.remove(&person);
        }
        assert!(found.is_superset(&there), "lost: {:?}", there.difference(&found));
        assert!(found.is_disjoint(&gone), "returned: {:?}", found.intersection(&gone));
        there = found;
    }
    assert!(!gone.is_empty());
}
