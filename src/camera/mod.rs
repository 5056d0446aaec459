//! Gives frames: from a USB camera through V4L2, or replayed from picture files.
//!
//! The port is [`FrameSource`]; the backends lie beside it.
//!
//! ```text
//! SourceSpec ──▶ V4l2Source │ Replay ──next()──▶ Capture's thread ──put──▶ Latest ──take──▶ vision
//!                                                  │    ▲
//!                                       CameraStatus    └─ reopens after a back-off
//! ```
//!
//! **Invariants**
//! * Every byte of a frame belongs to that frame: nothing of an older one is ever handed on.
//! * One owner at a time: a source is dropped before its device is opened again.
//! * A slow consumer gets the newest frame, never a queue of old ones.
//!
//! What is absent: no decoding into pixels and no judging of faces (see `vision` and `measure`).

mod backoff;
mod capture;
mod latest;
mod payload;
mod replay;
mod rescue;
mod spec;
mod stop;
mod v4l2;

pub use capture::{CameraState, CameraStatus, Capture, Factory, Reset};
pub use latest::{Empty, Latest};
pub use replay::{Pace, Replay};
pub use spec::{AtEnd, FramesSpec, SourceSpec};
pub use stop::{StopSignal, Waited};
pub use v4l2::{
    CameraInventory, CameraListing, Choice, Control, ControlSettings, Extent, Holder, Interval,
    Mode, PixelFormat, Settable, V4l2Source, Wish, list_cameras, reset_usb,
};

use std::time::Duration;

use crate::domain::Frame;

/// A source of frames. Belongs to the thread that opened it, which calls [`next`](Self::next) without a pause.
///
/// It need not be `Send`: nokhwa's `Camera` is not.
pub trait FrameSource {
    /// Waits for the next frame.
    ///
    /// # Errors
    /// Any error ends the stream: the source is dropped and opened anew (see [`CameraError::remedy`]),
    /// except [`CameraError::Ended`], after which nothing more comes.
    fn next(&mut self) -> Result<Frame, CameraError>;

    /// Says in words where the frames come from, for people.
    fn describe(&self) -> String;
}

/// What an error of a source asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Drop the source and open it again after a back-off.
    Reopen,
    /// Nothing more will come; this is not a fault.
    Finish,
    /// A person must act first, and no reset would help; it is looked at again now and then.
    Wait,
    /// The configuration must change first.
    Configure,
}

/// Why there is no frame.
#[derive(Debug, thiserror::Error)]
pub enum CameraError {
    /// No such device or folder at the moment.
    #[error("camera {source_name} is not there: {found}")]
    Absent {
        /// As configured.
        source_name: String,
        /// What was found instead.
        found: String,
    },
    /// The device exists but may not be opened.
    #[error("camera {source_name} may not be opened: permission denied")]
    Denied {
        /// The device.
        source_name: String,
    },
    /// Another program streams from it.
    #[error("camera {source_name} is in use by {}", users(.held_by))]
    Busy {
        /// The device.
        source_name: String,
        /// Who has it open, as far as this user may know.
        held_by: Vec<Holder>,
    },
    /// The device gives no format that can be used.
    #[error("camera {source_name} cannot be used: {what}")]
    Unusable {
        /// The device.
        source_name: String,
        /// What is wrong with it.
        what: String,
    },
    /// It went away while streaming.
    #[error("camera {source_name} was unplugged")]
    Unplugged {
        /// The device.
        source_name: String,
    },
    /// It stopped sending.
    #[error("camera {source_name} sent nothing for {waited:?}")]
    Stalled {
        /// The device.
        source_name: String,
        /// How long nothing came.
        waited: Duration,
    },
    /// The driver reported something else.
    #[error("camera {source_name} failed")]
    Failing {
        /// The device.
        source_name: String,
        /// The driver's error.
        source: std::io::Error,
    },
    /// A replay without loop is at its end.
    #[error("replay {source_name} is at its end")]
    Ended {
        /// The folder.
        source_name: String,
    },
    /// The source's name cannot be understood, or its folder holds no picture.
    #[error("camera source \"{source_name}\": {what}")]
    Source {
        /// As configured.
        source_name: String,
        /// What was found and what is allowed.
        what: String,
    },
}

impl CameraError {
    /// What to do about it.
    pub const fn remedy(&self) -> Remedy {
        match self {
            Self::Ended { .. } => Remedy::Finish,
            Self::Source { .. } => Remedy::Configure,
            Self::Absent { .. }
            | Self::Unplugged { .. }
            | Self::Denied { .. }
            | Self::Busy { .. }
            | Self::Unusable { .. } => Remedy::Wait,
            Self::Stalled { .. } | Self::Failing { .. } => Remedy::Reopen,
        }
    }

    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Absent { .. } | Self::Unplugged { .. } => {
                "plug the camera in, or name another one; `camera list` shows those that are there"
            }
            Self::Denied { .. } => "run as a member of the group video",
            Self::Busy { .. } => "stop the other program; `fuser /dev/video*` names it",
            Self::Unusable { .. } => "use a USB camera that sends MJPEG or YUYV",
            Self::Stalled { .. } | Self::Failing { .. } => {
                "look at the cable and the power supply, and plug the camera in again"
            }
            Self::Ended { .. } => "leave out \"once\" to replay without end",
            Self::Source { .. } => {
                "use \"auto\", a path, a name from /dev/v4l/by-id or by-path, \"serial:NUMBER\", an index, or \"frames:DIR?fps=10&once\""
            }
        }
    }
}

fn users(holders: &[Holder]) -> String {
    let named: Vec<String> =
        holders.iter().map(|it| format!("{} (process {})", it.program, it.pid)).collect();
    if named.is_empty() { "another program".to_owned() } else { named.join(" and ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_the_camera_is_named_where_that_is_known() {
        let busy = |held_by| CameraError::Busy { source_name: "cam".to_owned(), held_by };
        assert_eq!(busy(Vec::new()).to_string(), "camera cam is in use by another program");
        let holder = |pid, program: &str| Holder { pid, program: program.to_owned() };
        let told = busy(vec![holder(77, "cheese"), holder(8, "obs")]).to_string();
        assert_eq!(told, "camera cam is in use by cheese (process 77) and obs (process 8)");
    }
}
