//! What a durable enqueue costs beside the bare file operations that it cannot do without.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stdout, reason = "a measurement prints its figures")]

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use kiosk_enroll::domain::{
    Date, PersonId, PersonUpdate, Portrait, PortraitFormat, Size, UpdateDraft, WallTime,
};
use kiosk_enroll::queue::{DeviceKey, Queue, QueueOptions};

const NOW: WallTime = WallTime::from_unix_millis(1_795_466_530_250);
const BYTES: usize = 150_000;
const ROUNDS: u32 = 300;

fn update(person: u32) -> PersonUpdate {
    let portrait =
        Portrait::from_decoded(PortraitFormat::Jpeg, Size::new(640, 800), vec![7; BYTES]).unwrap();
    let draft = UpdateDraft { images: Some(vec![portrait]), ..UpdateDraft::default() };
    let id = PersonId::parse(&format!("p{person}")).unwrap();
    PersonUpdate::parse(id, draft, Date::new(2026, 11, 23).unwrap()).unwrap()
}

fn bare(dir: &Path, name: u32) {
    let tmp = dir.join("tmp");
    let mut file = File::create(&tmp).unwrap();
    file.write_all(&vec![7; BYTES]).unwrap();
    file.sync_data().unwrap();
    std::fs::rename(tmp, dir.join(name.to_string())).unwrap();
    File::open(dir).unwrap().sync_all().unwrap();
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Run with `cargo test --release --test queue_cost -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement, not a test"]
fn a_durable_enqueue_beside_the_bare_file_operations() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let key = DeviceKey::load_or_create(&dir.path().join("device.key")).unwrap();
    let (queue, _) =
        Queue::open(&dir.path().join("queue"), key, QueueOptions::default(), NOW).unwrap();
    let (mut queued, mut plain) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let update = update(round);
        let start = Instant::now();
        queue.enqueue(update, NOW).unwrap();
        queued.push(start.elapsed());
        let start = Instant::now();
        bare(dir.path(), round);
        plain.push(start.elapsed());
    }
    let (queued, plain) = (median(queued), median(plain));
    let ratio = queued.as_secs_f64() / plain.as_secs_f64();
    println!("{BYTES} bytes: enqueue {queued:?}, bare {plain:?}, ratio {ratio:.2} (medians)");
}
