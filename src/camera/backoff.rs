//! How long to wait before a camera is opened again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(5);

/// A stream that lived this long was no failed attempt.
pub(super) const SOUND: Duration = Duration::from_secs(10);

/// Doubles from a quarter of a second to five seconds; a stream that lived for ten starts it anew.
///
/// Five seconds are long enough for a broken camera to cost nothing. One that is away does not wait for this:
/// looking for it is cheap.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Counts a stream that ended after `lived` and tells how long to wait.
    pub(super) fn after(&mut self, lived: Duration) -> Duration {
        if lived >= SOUND {
            self.failures = 0;
        }
        let wait = FIRST * 2_u32.pow(self.failures.min(8));
        self.failures = self.failures.saturating_add(1);
        wait.min(LONGEST)
    }

    /// How many streams in a row did not live.
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_to_five_seconds_and_starts_anew_after_a_sound_stream() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..7).map(|_| backoff.after(Duration::ZERO).as_millis()).collect();
        assert_eq!(waits, [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
        assert_eq!(backoff.after(SOUND), FIRST);
        assert_eq!(backoff.failures(), 1);
    }

    #[test]
    fn a_camera_that_dies_after_each_first_frame_is_not_reopened_in_a_hurry() {
        let mut backoff = Backoff::default();
        for _ in 0..10 {
            backoff.after(Duration::from_secs(1));
        }
        assert_eq!(backoff.after(Duration::from_secs(1)), LONGEST);
    }
}
