//! Decides whether a badge in view is shown anew or still the same showing.
//!
//! A badge often stays in view: on a lanyard, in a hand. Therefore it asks again only when
//! - [`QUIET`] has passed since its session ended (or since it was refused), and
//! - it was out of sight for [`AWAY`] since then.
//!
//! Time is an argument; nothing here reads a clock.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::Moment;

/// How long a badge asks for nothing after its session ended.
pub const QUIET: Duration = Duration::from_secs(10);

/// How long a badge must have been out of sight to be shown anew.
pub const AWAY: Duration = Duration::from_secs(3);

/// How many badges are remembered; beyond that the one longest out of sight is forgotten.
const MAX_REMEMBERED: usize = 64;

/// Whether a sight of a badge asks for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Showing {
    /// It is shown anew: take it.
    New,
    /// It is still, or again too early, the same showing.
    Same,
}

/// Remembers the badges that were shown lately, by their content.
#[derive(Debug, Default)]
pub(super) struct Debounce {
    seen: BTreeMap<String, Sighting>,
}

#[derive(Debug)]
struct Sighting {
    last_seen: Moment,
    /// When its session ended or it was refused.
    settled: Moment,
    /// Whether it was away since then.
    shown_anew: bool,
}

impl Debounce {
    /// Notes that `content` is in view.
    pub(super) fn sight(&mut self, content: &str, now: Moment) -> Showing {
        let Some(sighting) = self.seen.get_mut(content) else {
            self.settle(content, now);
            return Showing::New;
        };
        sighting.shown_anew |= now.since(sighting.last_seen) >= AWAY;
        sighting.last_seen = now;
        if sighting.shown_anew && now.since(sighting.settled) >= QUIET {
            self.settle(content, now);
            Showing::New
        } else {
            Showing::Same
        }
    }

    /// Notes that what `content` asked for is done with; it counts as in view until now.
    pub(super) fn settle(&mut self, content: &str, now: Moment) {
        let sighting = Sighting { last_seen: now, settled: now, shown_anew: false };
        self.seen.insert(content.to_owned(), sighting);
        if self.seen.len() > MAX_REMEMBERED {
            let oldest = self.seen.iter().min_by_key(|(_, sighting)| sighting.last_seen);
            if let Some(oldest) = oldest.map(|(content, _)| content.clone()) {
                self.seen.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_origin(Duration::from_millis(millis))
    }

    #[test]
    fn one_showing_asks_once() {
        let mut debounce = Debounce::default();
        assert_eq!(debounce.sight("a", at(0)), Showing::New);
        for i in 1..300 {
            assert_eq!(debounce.sight("a", at(i * 200)), Showing::Same, "a badge on a lanyard");
        }
    }

    #[test]
    fn a_badge_asks_again_ten_seconds_after_its_session() {
        let mut debounce = Debounce::default();
        debounce.sight("a", at(0));
        debounce.settle("a", at(20_000));
        assert_eq!(debounce.sight("a", at(29_999)), Showing::Same);
        assert_eq!(debounce.sight("a", at(30_000)), Showing::New);
    }

    #[test]
    fn a_badge_shown_again_too_early_need_not_be_taken_away_a_second_time() {
        let mut debounce = Debounce::default();
        debounce.settle("a", at(0));
        let asked = (70..120).find(|i| debounce.sight("a", at(i * 100)) == Showing::New);
        assert_eq!(asked, Some(100));
    }

    #[test]
    fn another_badge_need_not_wait() {
        let mut debounce = Debounce::default();
        debounce.sight("a", at(0));
        assert_eq!(debounce.sight("b", at(100)), Showing::New);
        assert_eq!(debounce.sight("a", at(200)), Showing::Same);
    }

    #[test]
    fn the_memory_of_badges_is_bounded() {
        let mut debounce = Debounce::default();
        for i in 0..1_000 {
            debounce.sight(&i.to_string(), at(i));
        }
        assert_eq!(debounce.seen.len(), MAX_REMEMBERED);
        assert_eq!(debounce.sight("999", at(1_001)), Showing::Same);
    }
}
