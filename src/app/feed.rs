//! Frames for a command that captures by itself: a replay step by step, a camera through its thread.

use std::time::Duration;

use super::rig;
use crate::camera::{
    CameraError, CameraState, Capture, ControlSettings, Empty, FrameSource, Pace, Replay,
    SourceSpec, StopSignal, V4l2Source, Wish,
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
    Live(Box<Capture>),
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
        let told = |status: &crate::camera::CameraStatus| {
            if status.state != CameraState::Streaming {
                tracing::info!(state = status.state.name(), detail = status.detail, "camera");
            }
        };
        let capture = Capture::start(factory, told)
            .map_err(|error| Failure::caused(Exit::Internal, &error))?;
        Ok(Self::Live(Box::new(capture)))
    }

    /// How many frames were replaced by newer ones before anyone looked; none of a replay.
    pub fn superseded(&self) -> u64 {
        match self {
            Self::Stepped { .. } => 0,
            Self::Live(capture) => capture.frames().dropped(),
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
            Self::Live(capture) => Ok(match capture.frames().take(FRAME_WAIT) {
                Ok(frame) => Fed::Frame(Box::new(frame)),
                Err(Empty::TimedOut) => Fed::Waiting,
                Err(Empty::Closed) => Fed::Ended,
            }),
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
