//! Holds back lines that say the same again and again. Pure: the time is an argument.
//!
//! A line is known by what it says. Its first few go out; then it is counted, and the count goes out with the next
//! one of its kind after the window. Nothing is held back that was not just said.

use std::collections::HashMap;
use std::time::Duration;

/// How often the same line goes out within a window.
const ALLOWED: u64 = 3;
/// How long a window is.
const WINDOW: Duration = Duration::from_secs(60);
/// Kinds that are remembered; beyond, the one that was begun first is forgotten.
const KINDS: usize = 256;

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It goes out; so many like it were held back before.
    Told { held_back: u64 },
    /// It is counted only.
    HeldBack,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    began: Duration,
    seen: u64,
}

/// The kinds of line that were seen lately, by a hash of what they say.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    runs: HashMap<u64, Run>,
}

impl Repeats {
    /// Decides about a line of this kind; `now` counts from any fixed moment.
    pub(super) fn judge(&mut self, kind: u64, now: Duration) -> Fate {
        if let Some(run) = self.runs.get_mut(&kind) {
            if now.saturating_sub(run.began) < WINDOW {
                run.seen += 1;
                let told = run.seen <= ALLOWED;
                return if told { Fate::Told { held_back: 0 } } else { Fate::HeldBack };
            }
            let held_back = run.seen.saturating_sub(ALLOWED);
            *run = Run { began: now, seen: 1 };
            return Fate::Told { held_back };
        }
        self.make_room();
        self.runs.insert(kind, Run { began: now, seen: 1 });
        Fate::Told { held_back: 0 }
    }

    fn make_room(&mut self) {
        if self.runs.len() < KINDS {
            return;
        }
        let oldest = self.runs.iter().min_by_key(|(_, run)| run.began).map(|(kind, _)| *kind);
        if let Some(kind) = oldest {
            self.runs.remove(&kind);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: Fate = Fate::Told { held_back: 0 };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_flood_of_one_line_is_told_a_few_times_and_then_counted() {
        let mut repeats = Repeats::default();
        let fates: Vec<Fate> = (0..10).map(|second| repeats.judge(7, at(second))).collect();
        assert_eq!(fates[..3], [TOLD; 3]);
        assert_eq!(fates[3..], [Fate::HeldBack; 7]);
        assert_eq!(repeats.judge(7, at(61)), Fate::Told { held_back: 7 });
        assert_eq!(repeats.judge(7, at(62)), TOLD);
    }

    #[test]
    fn different_lines_do_not_hold_each_other_back() {
        let mut repeats = Repeats::default();
        (0..10).for_each(|_| {
            repeats.judge(1, at(0));
        });
        assert_eq!(repeats.judge(2, at(0)), TOLD);
    }

    #[test]
    fn a_rare_line_is_always_told() {
        let mut repeats = Repeats::default();
        assert!((0..100).all(|minute| repeats.judge(1, at(minute * 60)) == TOLD));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_newest_stay() {
        let mut repeats = Repeats::default();
        for kind in 0..10_000 {
            repeats.judge(kind, Duration::from_millis(kind));
        }
        assert_eq!(repeats.runs.len(), KINDS);
        assert!((0..3).map(|_| repeats.judge(9_999, at(11))).any(|fate| fate == Fate::HeldBack));
    }
}
