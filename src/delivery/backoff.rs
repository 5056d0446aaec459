//! How long to wait: full jitter, and a token bucket. Pure: the random number is an argument.

use std::str::FromStr;
use std::time::Duration;

use crate::domain::Moment;

/// How many updates may go at once after a quiet time.
const BURST: f64 = 5.0;

/// Draws a wait between zero and `min * 2^failures`, at most `max`; also at that cap it is drawn, so that a
/// thousand kiosks never knock together. `random` is in 0..1.
///
/// "Full jitter" of M. Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015.
pub(super) fn full_jitter(min: Duration, max: Duration, failures: u32, random: f64) -> Duration {
    ceiling(min, max, failures).mul_f64(random.clamp(0.0, 1.0))
}

/// Draws a wait between half of `min * 2^failures` and all of it, at most `max`: for knocking on a door that
/// only a person can open.
pub(super) fn half_jitter(min: Duration, max: Duration, failures: u32, random: f64) -> Duration {
    ceiling(min, max, failures).mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
}

fn ceiling(min: Duration, max: Duration, failures: u32) -> Duration {
    min.saturating_mul(2_u32.saturating_pow(failures.min(30))).min(max)
}

/// How long to wait for a queue that failed so many times before.
pub(super) fn patience(failures: u32) -> Duration {
    Duration::from_secs(1 << failures.min(5))
}

/// How fast updates may follow each other, written as `1/2s`: one in two seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    updates: u32,
    per: Duration,
}

impl Rate {
    /// `updates` updates in each `per`; `None` if either is zero.
    pub const fn new(updates: u32, per: Duration) -> Option<Self> {
        if updates == 0 || per.is_zero() { None } else { Some(Self { updates, per }) }
    }

    /// The time that one update stands for.
    fn interval(self) -> Duration {
        self.per / self.updates
    }
}

impl Default for Rate {
    fn default() -> Self {
        Self { updates: 1, per: Duration::from_secs(2) }
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.updates, humantime::format_duration(self.per))
    }
}

/// A rate that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rate \"{found}\" is not a count and a time such as \"1/2s\" or \"30/1m\"")]
pub struct RateError {
    found: String,
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.split_once('/').and_then(|(updates, per)| {
            let per = humantime::parse_duration(per.trim()).ok()?;
            Self::new(updates.trim().parse().ok()?, per)
        });
        parsed.ok_or_else(|| RateError { found: text.chars().take(40).collect() })
    }
}

/// Lets a few updates go at once, then one in each interval.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    rate: Rate,
    tokens: f64,
    filled: Moment,
}

impl Bucket {
    /// A full bucket.
    pub(super) const fn full(rate: Rate, now: Moment) -> Self {
        Self { rate, tokens: BURST, filled: now }
    }

    /// The moment from which one update may go: `now` or later.
    pub(super) fn ready(&self, now: Moment) -> Moment {
        let missing = 1.0 - self.level(now);
        if missing <= 0.0 { now } else { now + self.rate.interval().mul_f64(missing) }
    }

    /// Takes out one token.
    pub(super) fn take(&mut self, now: Moment) {
        self.tokens = (self.level(now) - 1.0).max(0.0);
        self.filled = now;
    }

    /// Leaves one token, so that the first updates after an outage do not come in a burst.
    pub(super) fn drain(&mut self, now: Moment) {
        self.tokens = self.level(now).min(1.0);
        self.filled = now;
    }

    fn level(&self, now: Moment) -> f64 {
        let gained = now.since(self.filled).as_secs_f64() / self.rate.interval().as_secs_f64();
        (self.tokens + gained).min(BURST)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_secs(1);
    const MAX: Duration = Duration::from_secs(900);

    fn at(seconds: f64) -> Moment {
        Moment::from_origin(Duration::from_secs_f64(seconds))
    }

    #[test]
    fn a_wait_grows_to_the_cap_and_is_drawn_there_too() {
        assert_eq!(full_jitter(MIN, MAX, 0, 1.0), MIN);
        assert_eq!(full_jitter(MIN, MAX, 4, 0.5), Duration::from_secs(8));
        assert_eq!(full_jitter(MIN, MAX, u32::MAX, 1.0), MAX);
        assert_eq!(full_jitter(MIN, MAX, u32::MAX, 0.1), Duration::from_secs(90));
        assert_eq!(full_jitter(MIN, MAX, 3, 0.0), Duration::ZERO);
        assert_eq!(half_jitter(MIN, MAX, u32::MAX, 0.0), Duration::from_secs(450));
    }

    #[test]
    fn a_rate_reads_as_it_is_written() {
        let rate: Rate = "1/2s".parse().unwrap();
        assert_eq!(rate, Rate::default());
        assert_eq!(rate.to_string(), "1/2s");
        assert_eq!("30 / 1m".parse::<Rate>().unwrap().interval(), Duration::from_secs(2));
        for bad in ["", "1", "0/2s", "1/0s", "1/2", "-1/2s", "a/b"] {
            let error = bad.parse::<Rate>().unwrap_err();
            assert!(error.to_string().contains("1/2s"), "{error}");
        }
    }

    #[test]
    fn a_bucket_gives_a_few_at_once_and_then_keeps_the_rate() {
        let mut bucket = Bucket::full(Rate::default(), at(0.0));
        for _ in 0..5 {
            assert_eq!(bucket.ready(at(0.0)), at(0.0));
            bucket.take(at(0.0));
        }
        assert_eq!(bucket.ready(at(0.0)), at(2.0));
        assert_eq!(bucket.ready(at(1.0)), at(2.0));
        assert_eq!(bucket.ready(at(2.0)), at(2.0));
    }

    #[test]
    fn a_drained_bucket_lets_one_go() {
        let mut bucket = Bucket::full(Rate::default(), at(0.0));
        bucket.drain(at(10.0));
        assert_eq!(bucket.ready(at(10.0)), at(10.0));
        bucket.take(at(10.0));
        assert_eq!(bucket.ready(at(10.0)), at(12.0));
    }
}
