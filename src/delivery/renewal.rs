//! Decides when a token is renewed: while it is valid, at a time that is drawn from the last third of its life.
//! Pure: times and a random number in, decisions out.
//!
//! ```text
//! issued ───────────────────────┬────────── drawn ──────────┬─── further attempts ───┤ ends
//!                           two thirds                a thirtieth is left
//! ```
//!
//! Drawn, so that a thousand kiosks that were set up on one day do not ask on one day. A token that has ended
//! cannot be renewed, and one that does not say when it ends is left alone. A clock that is wrong does no harm:
//! a renewal that comes too early leaves the present token valid.

use std::time::Duration;

use crate::domain::WallTime;

use super::backoff::half_jitter;

/// How long a token is taken to live that does not say when it was issued.
const USUAL_LIFE: Duration = Duration::from_secs(30 * 86_400);
/// Between two attempts, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(900);
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3_600);

/// From when until when a token is valid, as it says itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// When it was issued, if it says so.
    pub issued: Option<WallTime>,
    /// When it ends.
    pub ends: WallTime,
}

impl Life {
    /// The stretch from which the time of a renewal is drawn.
    pub fn window(self) -> (WallTime, WallTime) {
        let known = self.issued.map(|issued| self.ends.since(issued));
        let life = known.filter(|life| !life.is_zero()).unwrap_or(USUAL_LIFE);
        (self.ends - life / 3, self.ends - life / 30)
    }
}

/// What to do about the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenewalStep {
    /// Ask for another one now.
    Ask,
    /// Look again later.
    Wait,
}

/// How the renewal stands, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RenewalOutlook {
    /// It is tried at this time.
    At(WallTime),
    /// It failed last for this reason, and is tried again at this time.
    Again(WallTime, String),
    /// It cannot be tried, because.
    Never(&'static str),
}

/// Knows when the present token is to be renewed.
#[derive(Debug, Default)]
pub struct Renewal {
    life: Option<Life>,
    at: Option<WallTime>,
    failures: u32,
    reason: Option<String>,
}

impl Renewal {
    /// What to do now. `life` is that of the present token; `random` is in 0..1.
    pub fn look(&mut self, life: Option<Life>, now: WallTime, random: f64) -> RenewalStep {
        if self.life != life {
            let at = life.map(|life| drawn(life, now, random));
            *self = Self { life, at, ..Self::default() };
        }
        let valid = life.is_some_and(|life| now < life.ends);
        let due = self.at.is_some_and(|at| at <= now);
        if valid && due { RenewalStep::Ask } else { RenewalStep::Wait }
    }

    /// The attempt failed: the next one comes later and later, but before the end.
    pub fn failed(&mut self, reason: String, now: WallTime, random: f64) {
        let pause = half_jitter(FIRST_PAUSE, LONGEST_PAUSE, self.failures, random);
        self.failures = self.failures.saturating_add(1);
        self.at = Some(now + pause);
        self.reason = Some(reason);
    }

    /// How it stands.
    pub fn outlook(&self, now: WallTime) -> RenewalOutlook {
        match (self.life, self.at) {
            (Some(life), Some(at)) if now < life.ends => match &self.reason {
                Some(reason) => RenewalOutlook::Again(at, reason.clone()),
                None => RenewalOutlook::At(at),
            },
            (Some(_), _) => RenewalOutlook::Never("the token has ended: set a new one"),
            (None, _) => RenewalOutlook::Never("the token does not say when it ends"),
        }
    }
}

fn drawn(life: Life, now: WallTime, random: f64) -> WallTime {
    let (from, until) = life.window();
    let from = from.max(now);
    from + until.since(from).mul_f64(random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const ISSUED: WallTime = WallTime::from_unix_millis(1_795_000_000_000);

    fn day(day: u32) -> WallTime {
        ISSUED + DAY * day
    }

    fn life() -> Option<Life> {
        Some(Life { issued: Some(ISSUED), ends: day(30) })
    }

    fn at(renewal: &Renewal, now: WallTime) -> Option<WallTime> {
        match renewal.outlook(now) {
            RenewalOutlook::At(at) | RenewalOutlook::Again(at, _) => Some(at),
            RenewalOutlook::Never(_) => None,
        }
    }

    #[test]
    fn the_time_is_drawn_from_the_last_third_and_leaves_some_for_further_attempts() {
        for (now, random, expected) in [
            (day(0), 0.0, day(20)),
            (day(0), 1.0, day(29)),
            (day(0), 1.0 / 3.0, day(23)),
            (day(25), 0.5, day(27)),
            (day(29), 0.9, day(29)),
        ] {
            let mut renewal = Renewal::default();
            renewal.look(life(), now, random);
            let found = at(&renewal, now).unwrap_or_default();
            assert!(found.since(expected) + expected.since(found) < DAY / 100, "{now:?} {random}");
        }
    }

    #[test]
    fn it_asks_once_the_time_has_come_while_the_token_is_valid() {
        use RenewalStep::{Ask, Wait};
        for (now, step) in [(day(19), Wait), (day(21), Ask), (day(30), Wait)] {
            let mut renewal = Renewal::default();
            renewal.look(life(), day(0), 0.0);
            assert_eq!(renewal.look(life(), now, 0.7), step, "{now:?}");
        }
    }

    #[test]
    fn a_failed_attempt_is_repeated_less_and_less_often_and_another_token_begins_anew() {
        let mut renewal = Renewal::default();
        let mut now = day(20);
        let mut pauses = Vec::new();
        renewal.look(life(), now, 0.0);
        for _ in 0..7 {
            renewal.failed("why".into(), now, 1.0);
            let next = at(&renewal, now).unwrap_or_default();
            pauses.push(next.since(now).as_secs() / 900);
            now = next;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 24, 24]);
        assert!(matches!(renewal.outlook(now), RenewalOutlook::Again(_, why) if why == "why"));
        let next = Some(Life { issued: Some(now), ends: now + DAY * 30 });
        renewal.look(next, now, 0.0);
        assert_eq!(at(&renewal, now), Some(now + DAY * 20));
    }

    #[test]
    fn a_token_without_an_end_or_after_it_is_left_alone_and_says_why() {
        let mut renewal = Renewal::default();
        renewal.look(None, day(0), 0.0);
        assert!(
            matches!(renewal.outlook(day(0)), RenewalOutlook::Never(why) if why.contains("say"))
        );
        renewal.look(life(), day(31), 0.0);
        assert!(
            matches!(renewal.outlook(day(31)), RenewalOutlook::Never(why) if why.contains("new"))
        );
    }

    #[test]
    fn one_that_does_not_say_when_it_was_issued_is_taken_for_thirty_days_old_at_its_end() {
        let silent = Life { issued: None, ends: day(30) };
        assert_eq!(silent.window(), (day(20), day(29)));
        let odd = Life { issued: Some(day(31)), ends: day(30) };
        assert_eq!(odd.window(), silent.window());
    }
}
