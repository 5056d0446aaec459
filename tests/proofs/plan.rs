//! What is asked for, and what a proof is given and gives back.

use std::path::{Path, PathBuf};

/// What the command line asks for.
pub(crate) enum Asked {
    /// A test runner asks for a list.
    Nothing,
    /// The short form; words choose by name.
    Quick { filter: Vec<String> },
    /// The long form.
    Proofs { name: String, rounds: Option<u32>, seed: Option<u64> },
    /// The process that the power proof cuts off.
    Writer { dir: PathBuf, seed: u64, from: u64 },
}

impl Asked {
    pub(crate) fn parse(arguments: &[String]) -> Self {
        let after = |flag: &str| {
            let at = arguments.iter().position(|argument| argument == flag)?;
            arguments.get(at + 1).filter(|value| !value.is_empty())
        };
        let number = |flag| after(flag).map(|text: &String| text.parse::<u64>().unwrap());
        if let Some(dir) = after("--writer") {
            let (seed, from) = (number("--seed").unwrap(), number("--from").unwrap());
            return Self::Writer { dir: dir.into(), seed, from };
        }
        if let Some(name) = after("--proof") {
            let rounds = number("--rounds").map(|rounds| u32::try_from(rounds).unwrap());
            return Self::Proofs { name: name.clone(), rounds, seed: number("--seed") };
        }
        if arguments.iter().any(|argument| argument == "--list") {
            return Self::Nothing;
        }
        let words = arguments.iter().filter(|argument| !argument.starts_with('-'));
        Self::Quick { filter: words.cloned().collect() }
    }
}

/// What a proof goes by.
pub(crate) struct Plan {
    pub rounds: u32,
    pub seed: u64,
    pub rng: fastrand::Rng,
}

impl Plan {
    pub(crate) fn new(rounds: u32, seed: Option<u64>) -> Self {
        let seed = seed.unwrap_or_else(|| fastrand::u64(..1_000_000_000));
        Self { rounds, seed, rng: fastrand::Rng::with_seed(seed) }
    }
}

/// A figure and what it says.
pub(crate) type Figures = Vec<(String, String)>;

/// What a proof ended in; a broken promise is a panic.
pub(crate) enum Outcome {
    Held(Figures),
    /// Nothing was lost, but these figures are beyond their bounds.
    Missed(Figures, Vec<String>),
    /// The same, and the process inside the namespace has told the figures.
    HeldInside,
    Skipped(String),
}

/// A figure.
pub(crate) fn figure(what: &str, value: impl std::fmt::Display) -> (String, String) {
    (what.to_owned(), value.to_string())
}

/// Set where the process runs in a mount namespace of its own.
pub(crate) const INSIDE: &str = "PROOF_INSIDE_NAMESPACE";

pub(crate) fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// The bytes of a directory as `du` counts them.
pub(crate) fn disk_usage(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let of = |path: PathBuf| match std::fs::symlink_metadata(&path) {
        Ok(found) if found.is_dir() => disk_usage(&path) + found.blocks() * 512,
        Ok(found) => found.blocks() * 512,
        Err(_) => 0,
    };
    entries.flatten().map(|entry| of(entry.path())).sum()
}
