//! The thread that owns the camera: it takes every frame, keeps the newest, and brings the camera back.
//!
//! ```text
//!            ┌── waits 0.25 to 5 s, 0.5 s if absent ◀───┐
//!            ▼                                          │ any error, or a panic of a driver's crate
//! start ─▶ Opening ─▶ Streaming ────────────────────────┤
//!                        │                              ▼
//!                        └─▶ Ended ◀─ stop      Absent, Denied, Busy, Stalled, Failing
//! ```
//! A camera that keeps giving nothing has its USB port reset, and is given up in the end (see `rescue`); the
//! thread itself goes on trying, for whoever supervises the process may have other plans.
//!
//! **Invariants**
//! * The thread never pauses between frames, so none grows old in the driver's buffers.
//! * A stream that gave an error is dropped before the device is opened again, never retried.
//! * Every fault is tried again, a wrong configuration too: a folder or a group may be put right meanwhile.
//! * While the camera is away its state stays what it was: one change of it, or of its cause, is one line in the log.
//! * Signals are blocked here: one would interrupt the driver's wait and end the stream.
//!
//! What it does not do: judge the age or the contents of a frame, or end the process.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::signal::SigSet;

use super::backoff::{Backoff, SOUND};
use super::rescue::{Rescue, Step};
use super::{CameraError, FrameSource, Latest, Remedy, StopSignal, Waited};
use crate::clock::monotonic_now;
use crate::domain::{Frame, Moment};

/// Opens the source; called again after each failure. The signal is for the source's own waits.
pub type Factory = Box<dyn FnMut(&StopSignal) -> Result<Box<dyn FrameSource>, CameraError> + Send>;

/// Resets the camera's USB port, as far as that is allowed.
pub type Reset = Box<dyn FnMut() + Send>;

/// Told of each change of state or of its cause.
type Watch = Box<dyn FnMut(&CameraStatus) + Send>;

/// How often is looked for a camera that is away: it costs a look into a folder, and who plugs one in waits.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How the camera is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CameraState {
    /// It is being opened for the first time.
    Opening,
    /// Frames come.
    Streaming,
    /// It is not plugged in.
    Absent,
    /// It may not be opened.
    Denied,
    /// Another program has it.
    Busy,
    /// It is open but sends nothing.
    Stalled,
    /// Something else is wrong with it.
    Failing,
    /// Nothing more will come.
    Ended,
}

impl CameraState {
    /// The name as it stands in JSON, logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Streaming => "streaming",
            Self::Absent => "absent",
            Self::Denied => "denied",
            Self::Busy => "busy",
            Self::Stalled => "stalled",
            Self::Failing => "failing",
            Self::Ended => "ended",
        }
    }

    const fn after(error: &CameraError) -> Self {
        match error {
            CameraError::Absent { .. } | CameraError::Unplugged { .. } => Self::Absent,
            CameraError::Denied { .. } => Self::Denied,
            CameraError::Busy { .. } => Self::Busy,
            CameraError::Stalled { .. } => Self::Stalled,
            CameraError::Ended { .. } => Self::Ended,
            CameraError::Unusable { .. }
            | CameraError::Failing { .. }
            | CameraError::Source { .. } => Self::Failing,
        }
    }
}

/// How the camera is, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameraStatus {
    /// How it is.
    pub state: CameraState,
    /// Where frames come from, or why none do, for people.
    pub detail: String,
}

/// What the thread tells without a change of state.
#[derive(Debug, Default)]
struct Pulse {
    /// Milliseconds of the monotonic clock.
    last_beat: AtomicU64,
    failures: AtomicU32,
    given_up: AtomicBool,
}

/// The running capture thread. Dropping it stops and joins the thread.
#[derive(Debug)]
pub struct Capture {
    stop: StopSignal,
    frames: Arc<Latest<Frame>>,
    pulse: Arc<Pulse>,
    thread: Option<JoinHandle<()>>,
}

impl Capture {
    /// Starts the thread for a source without a port to reset; `watch` is called there, at each change of state
    /// or of its cause.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        factory: Factory,
        watch: impl FnMut(&CameraStatus) + Send + 'static,
    ) -> std::io::Result<Self> {
        Self::start_with_reset(factory, Box::new(|| {}), watch)
    }

    /// Starts the thread; `reset` and `watch` are called there, the latter at each change of state or of its
    /// cause.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start_with_reset(
        factory: Factory,
        reset: Reset,
        watch: impl FnMut(&CameraStatus) + Send + 'static,
    ) -> std::io::Result<Self> {
        let stop = StopSignal::default();
        let frames = Arc::new(Latest::default());
        let pulse = Arc::new(Pulse::default());
        let worker = Worker {
            factory,
            reset,
            watch: Box::new(watch),
            stop: stop.clone(),
            frames: Arc::clone(&frames),
            pulse: Arc::clone(&pulse),
            told: None,
            backoff: Backoff::default(),
            rescue: Rescue::default(),
            lived: Duration::ZERO,
        };
        let thread =
            std::thread::Builder::new().name("camera".to_owned()).spawn(move || worker.run())?;
        Ok(Self { stop, frames, pulse, thread: Some(thread) })
    }

    /// The slot with the newest frame; closed when nothing more will come.
    pub const fn frames(&self) -> &Arc<Latest<Frame>> {
        &self.frames
    }

    /// When the thread last showed that it lives, with or without a camera: food for a watchdog.
    pub fn last_beat(&self) -> Moment {
        Moment::from_origin(Duration::from_millis(self.pulse.last_beat.load(Ordering::Relaxed)))
    }

    /// Whether the camera was there in vain so often that only a new process may help.
    pub fn has_given_up(&self) -> bool {
        self.pulse.given_up.load(Ordering::Relaxed)
    }

    /// How many streams in a row did not give frames for ten seconds.
    pub fn failures(&self) -> u32 {
        self.pulse.failures.load(Ordering::Relaxed)
    }

    /// Stops the thread and waits until the camera is closed.
    pub fn stop(mut self) {
        self.finish();
    }

    fn finish(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the camera thread panicked");
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.finish();
    }
}

struct Worker {
    factory: Factory,
    reset: Reset,
    watch: Watch,
    stop: StopSignal,
    frames: Arc<Latest<Frame>>,
    pulse: Arc<Pulse>,
    told: Option<CameraStatus>,
    backoff: Backoff,
    rescue: Rescue,
    /// For how long the present stream has given frames.
    lived: Duration,
}

/// What becomes of the thread after a stream.
enum Next {
    OpenAgain(Duration),
    End,
}

impl Worker {
    fn run(mut self) {
        if let Err(error) = SigSet::all().thread_block() {
            tracing::warn!(%error, "signals cannot be blocked in the camera thread");
        }
        self.publish(CameraState::Opening, "opening the camera".to_owned());
        while !self.stop.is_stopped() {
            match self.one_stream() {
                Next::End => break,
                Next::OpenAgain(wait) => {
                    if self.stop.wait(wait) == Waited::Stopped {
                        break;
                    }
                }
            }
        }
        self.publish(CameraState::Ended, "no more frames will come".to_owned());
        self.frames.close();
    }

    /// Opens the source and streams until it fails; contains the panics of the driver's crates, which may
    /// come from their destructors too.
    fn one_stream(&mut self) -> Next {
        let opened = monotonic_now();
        self.feed_watchdog(opened);
        self.lived = Duration::ZERO;
        let outcome = catch_unwind(AssertUnwindSafe(|| self.stream(opened)));
        let (state, detail, remedy) = match outcome {
            Ok(error) => (CameraState::after(&error), describe(&error), error.remedy()),
            Err(_) => {
                (CameraState::Failing, "the camera's driver crate panicked".into(), Remedy::Reopen)
            }
        };
        if remedy == Remedy::Finish || self.stop.is_stopped() {
            return Next::End;
        }
        let wait = match state {
            CameraState::Absent => LOOK_AGAIN,
            _ => self.backoff.after(self.lived),
        };
        self.pulse.failures.store(self.backoff.failures(), Ordering::Relaxed);
        self.publish(state, detail);
        match self.rescue.after(remedy, self.lived) {
            Step::Reopen => {}
            Step::Reset => (self.reset)(),
            Step::GiveUp => self.pulse.given_up.store(true, Ordering::Relaxed),
        }
        Next::OpenAgain(wait)
    }

    /// Streams until an error, which it gives back.
    fn stream(&mut self, opened: Moment) -> CameraError {
        let mut source = match (self.factory)(&self.stop) {
            Ok(source) => source,
            Err(error) => return error,
        };
        let description = source.describe();
        while !self.stop.is_stopped() {
            match source.next() {
                Ok(frame) => {
                    let now = monotonic_now();
                    self.feed_watchdog(now);
                    self.lived = now.since(opened);
                    if self.lived >= SOUND {
                        self.pulse.failures.store(0, Ordering::Relaxed);
                        self.pulse.given_up.store(false, Ordering::Relaxed);
                    }
                    self.frames.put(frame);
                    if self.told.as_ref().map(|told| told.state) != Some(CameraState::Streaming) {
                        self.publish(CameraState::Streaming, description.clone());
                    }
                }
                Err(error) => return error,
            }
        }
        CameraError::Ended { source_name: description }
    }

    fn feed_watchdog(&self, now: Moment) {
        let millis = u64::try_from(now.since_origin().as_millis()).unwrap_or(u64::MAX);
        self.pulse.last_beat.store(millis, Ordering::Relaxed);
    }

    fn publish(&mut self, state: CameraState, detail: String) {
        let status = CameraStatus { state, detail };
        if self.told.as_ref() == Some(&status) {
            return;
        }
        let detail = &status.detail;
        match state {
            CameraState::Opening | CameraState::Streaming | CameraState::Ended => {
                tracing::info!(state = state.name(), "camera: {detail}");
            }
            _ => tracing::warn!(state = state.name(), "camera: {detail}"),
        }
        (self.watch)(&status);
        self.told = Some(status);
    }
}

/// The error with its cause, in one line.
fn describe(error: &CameraError) -> String {
    use std::error::Error as _;
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
