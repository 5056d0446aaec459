//! What a tracked frame asks of the allocator, stage by stage, once everything has its buffers.

use kiosk_enroll::app::examiner::{Examiner, EyesLook};
use kiosk_enroll::vision::image::FrameDecoder;
use kiosk_enroll::vision::{FaceFinder, Side};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region as Stretch, StatsAlloc};

use crate::frame::{Sitting, camera_clock, judged};
use crate::table::heading;

/// Counts, and hands everything on to the system.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

const ROUNDS: usize = 100;

/// Prints the table.
pub(crate) fn run() {
    let mut now = camera_clock();
    let Sitting { mut frame, picture, mut finder, face, eyes, gates, around } =
        Sitting::begin(&mut now);

    heading("what such a frame asks of the allocator");
    let mut decoder = FrameDecoder::default();
    row("decode the part around a followed face", || {
        let part = decoder.decode(&frame, around).unwrap();
        decoder.recycle(part);
    });
    row("follow: mesh once, detector now and then", || finder.observe(&picture, now()).unwrap());
    row("one eye", || finder.eye(&picture, &face, Side::Right).unwrap());
    row("measures and gates", || judged(&picture, &face, &eyes, &gates));
    let mut examiner = Examiner::new(Box::new(finder), gates, EyesLook::OnlyCandidates);
    row("a tracked frame in all", || {
        frame.captured = now();
        let examined = examiner.examine(&frame, frame.captured).unwrap();
        examiner.recycle(examined);
    });
}

/// Does the work a few times for its buffers' sake, then prints what it asks for each further time.
fn row<T>(name: &str, mut work: impl FnMut() -> T) {
    (0..ROUNDS / 10).for_each(|_| drop(work()));
    let stretch = Stretch::new(ALLOCATOR);
    (0..ROUNDS).for_each(|_| drop(work()));
    let asked = stretch.change();
    let calls = (asked.allocations + asked.reallocations) as f64 / ROUNDS as f64;
    let kilobytes = asked.bytes_allocated as f64 / ROUNDS as f64 / 1000.0;
    println!("  {name:<52} {calls:8.1} calls  {kilobytes:10.1} kB");
}
