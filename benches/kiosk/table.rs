//! Times things and prints rows.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Sorted times of one thing.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// Times `work` so many rounds, after a warm-up.
    pub(crate) fn of<T>(rounds: usize, mut work: impl FnMut() -> T) -> Self {
        (0..rounds / 10 + 1).for_each(|_| drop(black_box(work())));
        Self::sorted((0..rounds).map(|_| {
            let began = Instant::now();
            black_box(work());
            began.elapsed()
        }))
    }

    /// Takes times that were taken elsewhere.
    pub(crate) fn sorted(times: impl IntoIterator<Item = Duration>) -> Self {
        let mut times: Vec<_> = times.into_iter().collect();
        times.sort_unstable();
        Self(times)
    }

    /// The time that `share` of the rounds did not exceed, in milliseconds.
    pub(crate) fn millis(&self, share: f64) -> f64 {
        let index = ((self.0.len() - 1) as f64 * share).round();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small index")]
        let at = self.0[index as usize];
        at.as_secs_f64() * 1000.0
    }
}

/// Prints a heading.
pub(crate) fn heading(text: &str) {
    println!("\n{text}");
}

/// Prints p50 and p99 of one thing.
pub(crate) fn row(name: &str, times: &Times) {
    println!("  {name:<52} p50 {:8.3} ms   p99 {:8.3} ms", times.millis(0.5), times.millis(0.99));
}

/// Prints a figure beside its budget.
pub(crate) fn budget(name: &str, found: f64, allowed: f64, unit: &str) {
    let word = if found <= allowed { "within" } else { "OVER" };
    println!("  {name:<52} {found:8.2} {unit}   {word} the budget of {allowed} {unit}");
}
