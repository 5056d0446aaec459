//! A request to stop that reaches a thread wherever it waits.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// The whole time passed.
    ToTheEnd,
    /// The request to stop came.
    Stopped,
}

/// A request to stop, shared by those who give it and those who obey. It is given once and stays.
#[derive(Debug, Clone, Default)]
pub struct StopSignal {
    shared: Arc<(Mutex<bool>, Condvar)>,
}

impl StopSignal {
    /// Asks everyone who waits with this signal to stop.
    pub fn stop(&self) {
        let (stopped, changed) = &*self.shared;
        *stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }

    /// Tells whether the request was given.
    pub fn is_stopped(&self) -> bool {
        *self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `duration` or the request, whichever comes first.
    pub fn wait(&self, duration: Duration) -> Waited {
        let (stopped, changed) = &*self.shared;
        let until = Instant::now() + duration;
        let mut stopped = stopped.lock().unwrap_or_else(PoisonError::into_inner);
        while !*stopped {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Waited::ToTheEnd;
            }
            (stopped, _) =
                changed.wait_timeout(stopped, left).unwrap_or_else(PoisonError::into_inner);
        }
        Waited::Stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_signal_ends_every_wait_at_once() {
        let signal = StopSignal::default();
        assert_eq!(signal.wait(Duration::ZERO), Waited::ToTheEnd);
        let waiting = signal.clone();
        let thread = std::thread::spawn(move || waiting.wait(Duration::from_secs(3_600)));
        signal.stop();
        assert!(matches!(thread.join(), Ok(Waited::Stopped)));
        assert!(signal.is_stopped());
    }
}
