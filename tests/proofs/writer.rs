//! The process that a power cut hits: tells what it finds, then queues and settles until something fails.
//!
//! What it says goes to a pipe, which no power cut reaches. A line before an operation says that it is about
//! to happen, the line after it that it was acknowledged.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use kiosk_enroll::clock::wall_now;
use kiosk_enroll::domain::{Confirmation, Lease, Settlement};
use kiosk_enroll::queue::{DeviceKey, Queue, QueueOptions};

use crate::numbers;

const PERSONS: u64 = 12;
const SIZES: [usize; 3] = [2_000, 20_000, 150_000];

pub(crate) fn run(dir: &Path, seed: u64, from: u64) {
    if let Err(why) = write(dir, seed, from) {
        say(&format!("ended {why}"));
    }
}

fn write(dir: &Path, seed: u64, from: u64) -> Result<(), String> {
    let queue = open(dir)?;
    for head in queue.list() {
        let (_, update) = queue.read(head.id).map_err(|error| format!("reading: {error}"))?;
        say(&format!(
            "holds {} {} {}",
            head.id,
            head.person_id,
            numbers::written(&numbers::of(&update))
        ));
    }
    say("ready");
    let mut rng = fastrand::Rng::with_seed(seed);
    for number in from.. {
        match rng.u8(..10) {
            0..6 => enqueue(&queue, &mut rng, number)?,
            _ => settle(&queue, &mut rng)?,
        }
    }
    Ok(())
}

fn open(dir: &Path) -> Result<Queue, String> {
    let key = DeviceKey::load_or_create(&dir.join("device.key")).map_err(told)?;
    let options = QueueOptions { reserve_bytes: 64 << 10, ..QueueOptions::default() };
    let (queue, recovery) =
        Queue::open(&dir.join("queue"), key, options, wall_now()).map_err(told)?;
    say(&format!("open {} {}", recovery.quarantined + recovery.foreign, recovery.index.name()));
    Ok(queue)
}

fn enqueue(queue: &Queue, rng: &mut fastrand::Rng, number: u64) -> Result<(), String> {
    let person = format!("p{}", rng.u64(..PERSONS));
    let values = numbers::draw(rng, number);
    let bytes = SIZES[rng.usize(..SIZES.len())];
    let update = numbers::update(&person, &values, bytes);
    say(&format!("asks {person} {}", numbers::written(&values)));
    let enqueued = queue.enqueue(update, wall_now()).map_err(told)?;
    say(&format!("queued {}", enqueued.id));
    Ok(())
}

fn settle(queue: &Queue, rng: &mut fastrand::Rng) -> Result<(), String> {
    if rng.u8(..3) == 0 {
        return settle_several(queue);
    }
    let Some(Lease { head, update }) = queue.lease(wall_now()).map_err(told)? else {
        return Ok(());
    };
    say(&format!(
        "sends {} {} {}",
        head.id,
        head.person_id,
        numbers::written(&numbers::of(&update))
    ));
    let reason = "a proof".to_owned();
    let (settlement, word) = match rng.u8(..10) {
        0..7 => (Settlement::Delivered(Confirmation::Confirmed), "delivered"),
        7 => (Settlement::Release, "released"),
        8 => (Settlement::Park { reason }, "parked"),
        _ => {
            let not_before = wall_now() + Duration::from_millis(rng.u64(..20));
            (Settlement::Retry { not_before, reason }, "delayed")
        }
    };
    let parked = word == "parked";
    say(&format!("settles {word}"));
    queue.settle(head.id, settlement, wall_now()).map_err(told)?;
    say(&format!("{word} {}", head.id));
    // Half of the parked ones are looked after, so that they do not pile up.
    if parked && rng.bool() && queue.requeue(head.id).is_ok() {
        say(&format!("requeued {}", head.id));
    }
    Ok(())
}

/// Settles as delivered all that may go at once, at most four.
fn settle_several(queue: &Queue) -> Result<(), String> {
    let mut group = Vec::new();
    while group.len() < 4
        && let Some(Lease { head, update }) = queue.lease(wall_now()).map_err(told)?
    {
        let values = numbers::written(&numbers::of(&update));
        say(&format!("sends {} {} {values}", head.id, head.person_id));
        say("settles delivered");
        group.push((head.id, Confirmation::Confirmed));
    }
    let departed = queue.settle_delivered(group, wall_now());
    for receipt in departed.receipts {
        say(&format!("delivered {}", receipt.id));
    }
    departed.failed.map_or(Ok(()), |error| Err(told(error)))
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Says a line, or ends: without anybody to listen there is nothing to prove.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}
