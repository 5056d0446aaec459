//! What a tracked frame asks of the allocator, stage by stage, once everything has its buffers.

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

/// Counts, and hands everything on to the system.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// Does the work a few times for its buffers' sake, then prints what each of `rounds` more rounds asks for.
pub(crate) fn row<T>(name: &str, rounds: usize, mut work: impl FnMut() -> T) {
    (0..rounds / 10 + 1).for_each(|_| drop(work()));
    let region = Region::new(ALLOCATOR);
    (0..rounds).for_each(|_| drop(work()));
    let asked = region.change();
    let each = |count: usize| count as f64 / rounds as f64;
    let calls = each(asked.allocations + asked.reallocations);
    println!("  {name:<52} {calls:8.1} calls  {:10.1} kB", each(asked.bytes_allocated) / 1000.0);
}
