//! `make bench`: what one frame, one enqueue and one running agent cost on this machine, side by side in one run.
//!
//! Times are p50 and p99 over many rounds; machines are noisy, so compare the rows of one run with each other.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark that cannot run must stop"
)]
#![allow(clippy::print_stdout, reason = "its table is its result")]
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

mod agent;
mod disk;
mod frame;
mod memory;
mod table;
mod turbojpeg;

fn main() {
    // `cargo test --benches` only asks whether it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    frame::run();
    memory::run();
    disk::run();
    agent::run();
}
