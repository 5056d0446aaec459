//! What a durable enqueue costs beside the bare file operations that it cannot do without.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use kiosk_enroll::clock::wall_now;
use kiosk_enroll::queue::{DeviceKey, Queue, QueueOptions};

use crate::ledger::Values;
use crate::numbers;
use crate::plan::{Outcome, Plan, figure};

const BYTES: usize = 150_000;
/// The most a durable enqueue may take, in times of a bare durable write.
const MOST_TIME: f64 = 1.5;
/// The most bytes that may go to the disk for a byte that is queued.
const MOST_WRITTEN: f64 = 1.1;

pub(crate) fn run(plan: &mut Plan) -> Outcome {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let key = DeviceKey::load_or_create(&folder.path().join("device.key")).unwrap();
    let dir = folder.path().join("queue");
    let (queue, _) = Queue::open(&dir, key, QueueOptions::default(), wall_now()).unwrap();
    let bare = folder.path().join("bare");
    fs::create_dir(&bare).unwrap();
    let noise: Vec<u8> = std::iter::repeat_with(|| plan.rng.u8(..)).take(BYTES).collect();
    let (mut queued, mut plain, mut written) = (Vec::new(), Vec::new(), 0);
    for round in 0..u64::from(plan.rounds) {
        let update =
            numbers::update(&format!("p{round}"), &Values::from([("images", round)]), BYTES);
        let (before, began) = (bytes_written(), Instant::now());
        queue.enqueue(update, wall_now()).unwrap();
        queued.push(began.elapsed());
        written += bytes_written() - before;
        let began = Instant::now();
        write_durably(&bare, round, &noise);
        plain.push(began.elapsed());
    }
    let (queued, plain) = (median(queued), median(plain));
    let ratio = queued.as_secs_f64() / plain.as_secs_f64();
    let amplification = written as f64 / (f64::from(plan.rounds) * BYTES as f64);
    assert!(ratio <= MOST_TIME, "an enqueue takes {ratio:.2} bare writes");
    assert!(amplification <= MOST_WRITTEN, "{amplification:.3} bytes written per byte");
    Outcome::Held(vec![
        figure("median of a durable enqueue of 150 kB", format!("{queued:.2?}")),
        figure("median of write, fdatasync, rename, fsync of the folder", format!("{plain:.2?}")),
        figure("ratio (at most 1.5)", format!("{ratio:.2}")),
        figure("bytes written per byte queued (at most 1.1)", format!("{amplification:.3}")),
    ])
}

fn write_durably(folder: &Path, round: u64, bytes: &[u8]) {
    let new = folder.join("new");
    let mut file = File::create(&new).unwrap();
    file.write_all(bytes).unwrap();
    file.sync_data().unwrap();
    fs::rename(new, folder.join(round.to_string())).unwrap();
    File::open(folder).unwrap().sync_all().unwrap();
}

/// Bytes that this process, all its threads, has caused to be written to the disk.
fn bytes_written() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap();
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.unwrap().trim().parse().unwrap()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
