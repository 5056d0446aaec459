//! Signs of life of the loops; the watchdog is fed only while all of them show some.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::monotonic_now;
use crate::domain::Moment;

/// A loop that has not beaten for so long is taken for dead.
const LIMIT: Duration = Duration::from_secs(20);

/// One loop's sign of life.
#[derive(Debug, Clone)]
pub struct Pulse {
    name: &'static str,
    last_millis: Arc<AtomicU64>,
}

impl Pulse {
    /// A pulse that has just beaten.
    pub fn new(name: &'static str) -> Self {
        let pulse = Self { name, last_millis: Arc::default() };
        pulse.beat();
        pulse
    }

    /// Shows a sign of life.
    pub fn beat(&self) {
        let millis = u64::try_from(monotonic_now().since_origin().as_millis()).unwrap_or(u64::MAX);
        self.last_millis.store(millis, Ordering::Relaxed);
    }

    /// When it last beat.
    pub fn last_beat(&self) -> Moment {
        Moment::from_origin(Duration::from_millis(self.last_millis.load(Ordering::Relaxed)))
    }

    fn is_alive(&self, now: Moment) -> bool {
        now.since(self.last_beat()) < LIMIT
    }
}

/// The names of the loops that have shown no sign of life at `now`.
pub fn silent(pulses: &[Pulse], now: Moment) -> Vec<&'static str> {
    pulses.iter().filter(|pulse| !pulse.is_alive(now)).map(|pulse| pulse.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_stops_beating_is_named() {
        let pulses = [Pulse::new("booth")];
        assert!(silent(&pulses, monotonic_now()).is_empty());
        assert_eq!(silent(&pulses, monotonic_now() + LIMIT * 2), ["booth"]);
    }
}
