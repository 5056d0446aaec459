//! A durable enqueue beside a bare write and fsync of the same bytes, in turns.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use kiosk_enroll::clock::{utc_date, wall_now};
use kiosk_enroll::domain::{PersonId, PersonUpdate, Portrait, PortraitFormat, Size, UpdateDraft};
use kiosk_enroll::queue::{DeviceKey, Queue, QueueOptions};

use crate::table::{Times, heading, row};

const ROUNDS: usize = 100;
const BYTES: usize = 150_000;

/// Prints the table.
pub(crate) fn run() {
    let dir = tempfile::tempdir_in("target").unwrap();
    let key = DeviceKey::load_or_create(&dir.path().join("key")).unwrap();
    let (queue, _) =
        Queue::open(&dir.path().join("queue"), key, QueueOptions::default(), wall_now()).unwrap();
    let bare = dir.path().join("bare");
    fs::create_dir(&bare).unwrap();
    let bytes: Vec<u8> = (0..BYTES).map(|_| fastrand::u8(..)).collect();
    let (mut enqueues, mut writes) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let update = update(round, &bytes);
        let began = Instant::now();
        queue.enqueue(update, wall_now()).unwrap();
        enqueues.push(began.elapsed());
        let began = Instant::now();
        write_durably(&bare, round, &bytes);
        writes.push(began.elapsed());
    }
    let (enqueues, writes) = (Times::sorted(enqueues), Times::sorted(writes));
    heading(&format!("{ROUNDS} updates of {} kB, in turns on the same disk", BYTES / 1000));
    row("bare: write, fsync, rename, fsync of the folder", &writes);
    row("enqueue: sealed and acknowledged", &enqueues);
    println!("  {:<52} {:8.2}", "ratio of the p50s", enqueues.millis(0.5) / writes.millis(0.5));
}

fn update(round: usize, bytes: &[u8]) -> PersonUpdate {
    let portrait =
        Portrait::from_decoded(PortraitFormat::Jpeg, Size::new(480, 640), bytes.to_vec()).unwrap();
    let draft = UpdateDraft { images: Some(vec![portrait]), ..UpdateDraft::default() };
    let person = PersonId::parse(&format!("person_{round}")).unwrap();
    PersonUpdate::parse(person, draft, utc_date(wall_now())).unwrap()
}

fn write_durably(folder: &Path, round: usize, bytes: &[u8]) {
    let (new, done) = (folder.join("new"), folder.join(round.to_string()));
    let mut file = File::create(&new).unwrap();
    file.write_all(bytes).unwrap();
    file.sync_data().unwrap();
    fs::rename(new, done).unwrap();
    File::open(folder).unwrap().sync_all().unwrap();
}
