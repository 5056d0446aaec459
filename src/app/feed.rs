//! Frames for a command that captures by itself: a replay step by step, a camera through its thread.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::rig;
use crate::camera::{
    CameraError, CameraState, CameraStatus, Capture, ControlSettings, Empty, Factory, FrameSource,
    Pace, Replay, SourceSpec, StopSignal, V4l2Source, Wish,
};
use crate::clock::monotonic_now;
use crate::config::Config;
use crate::domain::{Frame, Moment, Size};
use crate::failure::{Exit, Failure};

/// How long a camera may take for its next frame before the session sees the time pass.
const FRAME_WAIT: Duration = Duration::from_millis(100);

/// What the feed gives next.
pub enum Fed {
    /// A frame whose turn is now.
    Frame(Box<Frame>),
    /// Nothing yet.
    Waiting,
    /// The camera gives nothing until it is back.
    Lost {
        /// Why, for people.
        reason: String,
    },
    /// The camera gives frames again.
    Back,
    /// Nothing more will come.
    Ended,
}

/// A source of frames with the clock that belongs to it.
pub enum Feed {
    /// A replay: its own capture times are the clock, so that the result never depends on the machine.
    Stepped {
        /// The replay.
        source: Box<dyn FrameSource>,
        /// The last frame's capture time.
        now: Moment,
    },
    /// A camera.
    Live(Box<Live>),
}

/// Whether the consumer of frames knows that the camera is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    Given,
    Lost,
}

/// A camera's thread and what it last told.
pub struct Live {
    capture: Capture,
    status: Arc<Mutex<Option<CameraStatus>>>,
    sight: Sight,
}

impl Live {
    fn start(factory: Factory) -> Result<Self, Failure> {
        let status = Arc::new(Mutex::new(None));
        let told = Arc::clone(&status);
        let watch = move |status: &CameraStatus| {
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(status.clone());
        };
        let capture = Capture::start(factory, watch)
            .map_err(|error| Failure::caused(Exit::Internal, &error))?;
        Ok(Self { capture, status, sight: Sight::Given })
    }

    fn wait(&mut self) -> Fed {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let state = status.as_ref().map_or(CameraState::Opening, |status| status.state);
        match (self.sight, state) {
            (Sight::Given, CameraState::Opening | CameraState::Streaming | CameraState::Ended) => {}
            (Sight::Given, _) => {
                self.sight = Sight::Lost;
                let reason = status.map_or_else(String::new, |status| status.detail);
                return Fed::Lost { reason };
            }
            (Sight::Lost, CameraState::Streaming) => {
                self.sight = Sight::Given;
                return Fed::Back;
            }
            (Sight::Lost, _) => {}
        }
        match (self.capture.frames().take(FRAME_WAIT), self.sight) {
            (Ok(frame), Sight::Given) => Fed::Frame(Box::new(frame)),
            // From before the loss, or so new that the return was not told yet.
            (Ok(_), Sight::Lost) | (Err(Empty::TimedOut), _) => Fed::Waiting,
            (Err(Empty::Closed), _) => Fed::Ended,
        }
    }
}

impl Feed {
    /// Opens the configured source.
    ///
    /// # Errors
    /// When its name cannot be understood, or a replay has no picture.
    pub fn open(config: &Config) -> Result<Self, Failure> {
        let spec = rig::camera_spec(config)?;
        let mode = CameraMode::wished(config);
        let now = monotonic_now();
        if matches!(spec, SourceSpec::Frames(_)) {
            let pace = Pace::Stepped { start: now };
            let source = open_source(&spec, &mode, pace, StopSignal::default());
            let source = source.map_err(|error| failure(&error))?;
            return Ok(Self::Stepped { source, now });
        }
        // A camera that cannot be opened at all is told at once; the thread would try for ever.
        drop(
            open_source(&spec, &mode, Pace::RealTime, StopSignal::default())
                .map_err(|e| failure(&e))?,
        );
        let factory = Box::new(move |stop: &StopSignal| {
            open_source(&spec, &mode, Pace::RealTime, stop.clone())
        });
        Ok(Self::Live(Box::new(Live::start(factory)?)))
    }

    /// How many frames were replaced by newer ones before anyone looked; none of a replay.
    pub fn superseded(&self) -> u64 {
        match self {
            Self::Stepped { .. } => 0,
            Self::Live(live) => live.capture.frames().dropped(),
        }
    }

    /// The present time of the feed's clock.
    pub fn now(&self) -> Moment {
        match self {
            Self::Stepped { now, .. } => *now,
            Self::Live(_) => monotonic_now(),
        }
    }

    /// Waits a moment for the next frame.
    ///
    /// # Errors
    /// When a replay fails.
    pub fn wait(&mut self) -> Result<Fed, Failure> {
        match self {
            Self::Stepped { source, now } => match source.next() {
                Ok(frame) => {
                    *now = frame.captured;
                    Ok(Fed::Frame(Box::new(frame)))
                }
                Err(CameraError::Ended { .. }) => Ok(Fed::Ended),
                Err(error) => Err(failure(&error)),
            },
            Self::Live(live) => Ok(live.wait()),
        }
    }
}

/// What is wished of a camera, and how long it may send nothing.
#[derive(Debug, Clone)]
pub struct CameraMode {
    wish: Wish,
    controls: ControlSettings,
    stall: Duration,
}

impl CameraMode {
    /// What is wished of the camera.
    pub const fn wish(&self) -> Wish {
        self.wish
    }

    /// What the configuration wishes.
    pub fn wished(config: &Config) -> Self {
        let camera = &config.camera;
        let size = Size::new(camera.width, camera.height);
        Self {
            wish: Wish { size, fps: f64::from(camera.fps) },
            controls: ControlSettings::new(camera.controls),
            stall: camera.stall_timeout,
        }
    }
}

/// Opens the backend that belongs to a source's name.
///
/// # Errors
/// When the device or folder cannot be used.
pub fn open_source(
    spec: &SourceSpec,
    mode: &CameraMode,
    pace: Pace,
    stop: StopSignal,
) -> Result<Box<dyn FrameSource>, CameraError> {
    match spec {
        SourceSpec::Frames(frames) => Ok(Box::new(Replay::open(frames, pace, stop)?)),
        device => {
            Ok(Box::new(V4l2Source::open(device, &mode.wish, &mode.controls, mode.stall, stop)?))
        }
    }
}

/// An error of the camera with its exit code and what a person can do.
pub fn failure(error: &CameraError) -> Failure {
    let (exit, hint) = match error {
        CameraError::Denied { .. } => {
            (Exit::Permission, "join the group video, or run as the service's user")
        }
        CameraError::Source { .. } => {
            (Exit::NoInput, "camera.source names a camera, or a folder of JPEG or PNG files")
        }
        CameraError::Busy { .. } => {
            (Exit::Unavailable, "close the other program; one at a time can have a camera")
        }
        CameraError::Unusable { .. } => {
            (Exit::Unavailable, "use a USB camera that the kernel's uvcvideo driver knows")
        }
        _ => (
            Exit::Unavailable,
            "plug a USB camera in, or replay pictures with --set camera.source=frames:DIR",
        ),
    };
    Failure::caused(exit, error).hint(hint)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::Encoding;

    /// Sends so many frames, then is unplugged.
    struct Counted {
        left: u64,
        stop: StopSignal,
    }

    impl FrameSource for Counted {
        fn next(&mut self) -> Result<Frame, CameraError> {
            self.stop.wait(Duration::from_millis(10));
            self.left = self
                .left
                .checked_sub(1)
                .ok_or_else(|| CameraError::Unplugged { source_name: "scripted".into() })?;
            Ok(Frame {
                sequence: 1,
                captured: monotonic_now(),
                encoding: Encoding::Jpeg,
                bytes: Vec::new(),
                path: None,
            })
        }

        fn describe(&self) -> String {
            "scripted".into()
        }
    }

    #[test]
    fn a_camera_that_goes_and_comes_back_is_told_to_who_waits_for_frames() {
        let mut lengths = vec![u64::MAX, 3];
        let mut live = Live::start(Box::new(move |stop| {
            let left = lengths.pop().unwrap_or_default();
            Ok(Box::new(Counted { left, stop: stop.clone() }) as Box<dyn FrameSource>)
        }))
        .unwrap();
        let began = monotonic_now();
        let mut told = Vec::new();
        while told.last() != Some(&"a frame after that") {
            assert!(monotonic_now().since(began) < Duration::from_secs(60), "{told:?}");
            match live.wait() {
                Fed::Lost { reason } => {
                    assert!(reason.contains("unplugged"), "{reason}");
                    told.push("lost");
                }
                Fed::Back => told.push("back"),
                Fed::Frame(_) if told.last() == Some(&"back") => told.push("a frame after that"),
                _ => {}
            }
        }
        assert_eq!(told, ["lost", "back", "a frame after that"]);
    }
}
