//! `make eval`: what the measures, the gates and the choice are worth, repeatable to the last digit.
//!
//! Every trial draws from its own seed, so a run gives the same figures on any number of threads. The full
//! mode writes docs/evaluation.md and its curves; `CLIPS=n` runs n clips, as many trials in proportion, and
//! writes to target/eval/ instead. `CLIP=n` shows one clip frame by frame.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "an evaluation that cannot run must stop"
)]
#![allow(clippy::print_stdout, reason = "it tells how far it is")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pixels and figures for people"
)]

mod canvas;
mod chart;
mod choice;
mod cover;
mod covers;
mod crew;
mod damage;
mod faceless;
mod faults;
mod look;
mod page;
mod pose;
mod repeat;
mod sitter;
mod stats;
mod walk;

use std::path::PathBuf;
use std::time::Instant;

/// The clips of the full mode.
const FULL: usize = 200;

/// How much is run.
pub(crate) struct Plan {
    /// Walk-up clips.
    pub(crate) clips: usize,
    /// Pictures for each strength of each fault.
    pub(crate) pictures: usize,
    /// Crops of each picture without a face.
    pub(crate) crops: usize,
}

fn main() {
    // `cargo test --benches` only asks whether it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let aside = root.join("target/eval");
    if let Some(clip) = number("CLIP") {
        look::look(&aside, &sitter::sitters(), clip);
        return;
    }
    let clips = number("CLIPS").unwrap_or(FULL);
    let folder = if clips >= FULL { root.join("docs") } else { aside };
    let plan = Plan { clips, pictures: (clips / 8).clamp(3, 30), crops: (clips / 4).clamp(3, 100) };
    let began = Instant::now();
    let sitters = sitter::sitters();
    std::fs::create_dir_all(&folder).unwrap();
    let mut sections = Vec::new();
    let mut add = |section| {
        // After each, so that a run that is ended early leaves what it found.
        sections.push(section);
        page::write(&folder, &plan, &sections);
    };
    add(pose::run(&root));
    add(faults::run(&plan, &sitters));
    add(covers::run(&plan, &sitters));
    add(faceless::run(&plan, &root));
    add(repeat::run(&plan, &sitters));
    add(choice::run(&plan, &sitters));
    println!("{} written after {:.0} s", folder.display(), began.elapsed().as_secs_f64());
}

/// The whole number in a variable of the environment, if it is set.
fn number(name: &str) -> Option<usize> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}; a whole number is wanted")))
}
