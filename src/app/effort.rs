//! What the camera's two threads cost, lately and in all.
//!
//! A thread notes each frame with its own processor time; whoever asks reads. Lately means the last whole
//! [`SPAN`]: shorter, and the kernel's own accounting would show in the figure.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{monotonic_now, thread_cpu_time};
use crate::domain::Moment;
use crate::web::wire::EffortReport;

/// Over so long a rate and a share are measured.
const SPAN: Duration = Duration::from_secs(5);

/// The cost of one thread's work on frames; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Effort(Arc<Mutex<Ledger>>);

impl Effort {
    /// Notes a frame that the calling thread has worked on.
    pub fn note_frame(&self) {
        self.lock().note(monotonic_now(), thread_cpu_time(), 1);
    }

    /// Notes that the calling thread lives, with or without frames.
    pub fn note_life(&self) {
        self.lock().note(monotonic_now(), thread_cpu_time(), 0);
    }

    /// What is told about it.
    pub fn report(&self) -> EffortReport {
        self.lock().report(monotonic_now())
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Ledger {
    frames: u64,
    cpu: Duration,
    noted: Moment,
    /// Where the running span began: time, processor time, frames.
    began: Option<(Moment, Duration, u64)>,
    /// Frames a second and share of a processor in the last whole span.
    lately: Option<(f64, f64)>,
}

impl Ledger {
    /// `cpu` is the thread's processor time since its start.
    fn note(&mut self, now: Moment, cpu: Duration, frames: u64) {
        // After a pause nothing is known of the time in between.
        if now.since(self.noted) > SPAN {
            self.began = None;
            self.lately = None;
        }
        self.noted = now;
        self.frames += frames;
        self.cpu = cpu;
        let (began, cpu_then, frames_then) = *self.began.get_or_insert((now, cpu, self.frames));
        let elapsed = now.since(began);
        if elapsed >= SPAN {
            let seconds = elapsed.as_secs_f64();
            let share = cpu.saturating_sub(cpu_then).as_secs_f64() / seconds;
            self.lately = Some(((self.frames - frames_then) as f64 / seconds, share));
            self.began = Some((now, cpu, self.frames));
        }
    }

    fn report(&self, now: Moment) -> EffortReport {
        let lately = self.lately.filter(|_| now.since(self.noted) <= SPAN);
        EffortReport {
            frames: self.frames,
            rate: lately.map(|(rate, _)| rounded(rate, 10.0)),
            cpu_s: rounded(self.cpu.as_secs_f64(), 100.0),
            cpu_share: lately.map(|(_, share)| rounded(share, 10_000.0)),
        }
    }
}

fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_origin(Duration::from_millis(1_000_000 + millis))
    }

    /// Ten seconds at 20 frames a second, each of which costs 5 ms.
    fn busy() -> Ledger {
        let mut ledger = Ledger::default();
        for frame in 0..=200 {
            ledger.note(at(frame * 50), Duration::from_millis(frame * 5), 1);
        }
        ledger
    }

    #[test]
    fn rate_and_share_are_those_of_the_last_seconds() {
        let report = busy().report(at(10_000));
        assert_eq!((report.rate, report.cpu_share), (Some(20.0), Some(0.1)));
        assert_eq!((report.frames, report.cpu_s), (201, 1.0));
    }

    #[test]
    fn a_thread_without_frames_still_has_its_share() {
        let mut ledger = busy();
        for second in 11..=16 {
            ledger.note(at(second * 1_000), Duration::from_millis(1_000 + second), 0);
        }
        let report = ledger.report(at(16_000));
        assert_eq!(report.rate, Some(0.0));
        assert!(report.cpu_share.is_some_and(|share| share < 0.01), "{report:?}");
    }

    #[test]
    fn before_the_first_span_and_after_a_silence_nothing_is_claimed() {
        let mut ledger = Ledger::default();
        ledger.note(at(0), Duration::ZERO, 1);
        assert_eq!(ledger.report(at(10)).cpu_share, None);
        let mut ledger = busy();
        assert_eq!(ledger.report(at(30_000)).rate, None);
        ledger.note(at(30_000), Duration::from_secs(2), 1);
        let report = ledger.report(at(30_000));
        assert_eq!((report.rate, report.frames), (None, 202));
    }
}
