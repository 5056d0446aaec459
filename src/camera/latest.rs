//! Hands the newest frame from the capture thread to whoever looks, and drops those nobody took.
//!
//! **Invariants**
//! * At most one value waits, so memory is bounded however slow the consumer is.
//! * What is taken is the newest there is, and no value is taken twice.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Why nothing was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    /// Nothing came in time.
    TimedOut,
    /// Nothing will come any more.
    Closed,
}

/// A slot for one value between two threads.
#[derive(Debug)]
pub struct Latest<T> {
    slot: Mutex<Slot<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Slot<T> {
    value: Option<T>,
    dropped: u64,
    closed: bool,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        let slot = Slot { value: None, dropped: 0, closed: false };
        Self { slot: Mutex::new(slot), changed: Condvar::new() }
    }
}

impl<T> Latest<T> {
    /// Puts a value in; one that still waits is dropped and counted.
    pub fn put(&self, value: T) {
        let mut slot = self.lock();
        if slot.value.replace(value).is_some() {
            slot.dropped += 1;
        }
        self.changed.notify_one();
    }

    /// Takes the value, waiting for it up to `timeout`.
    ///
    /// # Errors
    /// [`Empty::TimedOut`] when none came in time, [`Empty::Closed`] when none will come any more.
    pub fn take(&self, timeout: Duration) -> Result<T, Empty> {
        let until = Instant::now() + timeout;
        let mut slot = self.lock();
        loop {
            if let Some(value) = slot.value.take() {
                return Ok(value);
            }
            let left = until.saturating_duration_since(Instant::now());
            if slot.closed {
                return Err(Empty::Closed);
            }
            if left.is_zero() {
                return Err(Empty::TimedOut);
            }
            (slot, _) =
                self.changed.wait_timeout(slot, left).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Says that nothing will come any more; a value that waits can still be taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// How many values nobody took.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    fn lock(&self) -> MutexGuard<'_, Slot<T>> {
        // No code that could panic runs under the lock, so what it guards is always sound.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_slow_consumer_gets_the_newest_and_the_others_are_counted() {
        let latest = Latest::default();
        for value in 0..5 {
            latest.put(value);
        }
        assert_eq!(latest.take(Duration::ZERO), Ok(4));
        assert_eq!(latest.take(Duration::ZERO), Err(Empty::TimedOut));
        assert_eq!(latest.dropped(), 4);
    }

    #[test]
    fn a_waiting_consumer_wakes_for_a_value_and_for_the_end() {
        let latest = std::sync::Arc::new(Latest::default());
        let consumer = std::sync::Arc::clone(&latest);
        let thread = std::thread::spawn(move || (consumer.take(LONG), consumer.take(LONG)));
        latest.put(7);
        latest.close();
        assert!(matches!(thread.join(), Ok((Ok(7), Err(Empty::Closed)))));
    }
}
