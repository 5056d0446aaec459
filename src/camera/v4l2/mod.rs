//! Frames from a USB camera through V4L2 and nokhwa.
//!
//! ```text
//! SourceSpec ─nodes─▶ /dev/videoN ─negotiation─▶ mode ─set─▶ controls ─▶ Backend ─▶ nokhwa::Camera ─▶ V4l2Source
//! ```
//!
//! **Invariants**
//! * Names are resolved anew at each opening: a node's number may belong to another camera after a replug.
//! * Format and rate are set here, whatever state the last program left the camera in.
//! * After any error the source is of no use any more; the capture thread drops it and opens another.

mod backend;
mod buffer;
mod controls;
mod faults;
mod holders;
#[cfg(test)]
mod hostile;
mod listing;
mod modes;
mod negotiation;
mod nodes;
mod reset;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use nokhwa::Camera;
use nokhwa_core::types::{ApiBackend, CameraIndex, CameraInfo};
use v4l::Device;
use v4l::capability::{Capabilities, Flags};

use self::backend::{Backend, SharedAside, last_sequence, take_fault};
use self::buffer::{Agreed, Sequence};
pub use self::controls::{Choice, Control, ControlSettings, Extent, Settable};
use self::faults::{Phase, camera_error};
pub use self::holders::Holder;
pub use self::listing::{CameraInventory, CameraListing, list_cameras};
use self::modes::{modes, set_mode};
use self::negotiation::choose;
pub use self::negotiation::{Interval, Mode, PixelFormat, Wish};
use self::nodes::{Node, Roots};
pub use self::reset::reset_usb;
use super::{CameraError, FrameSource, SourceSpec, StopSignal};
use crate::clock::monotonic_now;
use crate::domain::{Encoding, Frame, Moment};

/// Frames dropped after the opening, while exposure and white balance settle; the first may be damaged too.
const SETTLING: u32 = 8;

/// A USB camera as a frame source.
pub struct V4l2Source {
    camera: Camera,
    aside: SharedAside,
    source_name: String,
    description: String,
    agreed: Agreed,
    stall: Duration,
    stop: StopSignal,
    sequence: Sequence,
    settling: u32,
}

impl V4l2Source {
    /// Opens the camera that `spec` names now, sets its `controls` and starts its stream in the mode nearest
    /// to `wish`.
    ///
    /// `stall` is how long a frame may keep everyone waiting, `stop` ends such a wait early.
    ///
    /// # Errors
    /// What keeps the camera from streaming, as a [`CameraError`] with the camera's name.
    pub fn open(
        spec: &SourceSpec,
        wish: &Wish,
        controls: &ControlSettings,
        stall: Duration,
        stop: StopSignal,
    ) -> Result<Self, CameraError> {
        let roots = Roots::default();
        let mut refusal = None;
        for node in nodes::candidates(spec, &roots, &nodes::list(&roots))? {
            match Self::open_node(&node, wish, controls, stall, stop.clone()) {
                Err(CameraError::Busy { source_name, .. }) => {
                    let held_by = holders::others(&node.path);
                    return Err(CameraError::Busy { source_name, held_by });
                }
                // For `auto`, a node that gives no pictures does not hide the camera behind it.
                Err(error @ CameraError::Unusable { .. }) => refusal = refusal.or(Some(error)),
                other => return other,
            }
        }
        Err(refusal.unwrap_or_else(|| CameraError::Absent {
            source_name: spec.to_string(),
            found: "no USB camera".to_owned(),
        }))
    }

    fn open_node(
        node: &Node,
        wish: &Wish,
        controls: &ControlSettings,
        stall: Duration,
        stop: StopSignal,
    ) -> Result<Self, CameraError> {
        let source_name = node.name();
        let fail = |error| camera_error(error, Phase::Opening, &source_name, stall);
        let device = Device::with_path(&node.path).map_err(fail)?;
        check_capabilities(&device, node)?;
        let modes = modes(&device, wish);
        let Some(mode) = choose(&modes, wish) else {
            return Err(unusable(&source_name, "it offers neither MJPEG nor YUYV"));
        };
        let agreed = set_mode(&device, mode, &source_name, stall)?;
        // Only now is the camera ours: another program's would have refused the mode.
        controls.apply(&device, &source_name);
        let mode = Mode { size: agreed.size, ..mode };
        let description = format!("{source_name} ({}), {mode}", node.card);
        let index = CameraIndex::Index(node.number);
        let info = CameraInfo::new(&node.card, &node.driver, &source_name, index.clone());
        let fps = mode.interval.map_or(wish.fps, Interval::fps);
        let (backend, aside) = Backend::new(device, agreed, fps, info, stall, stop.clone());
        let mut camera = Camera::with_custom(index, ApiBackend::Video4Linux, Box::new(backend));
        if let Err(error) = camera.open_stream() {
            return Err(fail(take_fault(&aside).unwrap_or_else(|| std::io::Error::other(error))));
        }
        let sequence = Sequence::default();
        Ok(Self {
            camera,
            aside,
            source_name,
            description,
            agreed,
            stall,
            stop,
            sequence,
            settling: SETTLING,
        })
    }

    fn failure(&self, error: nokhwa::NokhwaError) -> CameraError {
        if self.stop.is_stopped() {
            return CameraError::Ended { source_name: self.source_name.clone() };
        }
        let cause = take_fault(&self.aside).unwrap_or_else(|| std::io::Error::other(error));
        camera_error(cause, Phase::Streaming, &self.source_name, self.stall)
    }
}

impl FrameSource for V4l2Source {
    fn next(&mut self) -> Result<Frame, CameraError> {
        loop {
            let buffer = self.camera.frame().map_err(|error| self.failure(error))?;
            let sequence = self.sequence.count(last_sequence(&self.aside));
            if self.settling > 0 {
                self.settling -= 1;
                continue;
            }
            let captured =
                buffer.capture_timestamp().map_or_else(monotonic_now, Moment::from_origin);
            let bytes = buffer.buffer_bytes();
            // The last other holder goes first, so that the bytes change hands without a copy.
            drop(buffer);
            let encoding = match self.agreed.format {
                PixelFormat::Mjpeg => Encoding::Jpeg,
                PixelFormat::Yuyv => Encoding::Yuyv(self.agreed.size),
            };
            return Ok(Frame { sequence, captured, encoding, bytes: bytes.into(), path: None });
        }
    }

    fn describe(&self) -> String {
        self.description.clone()
    }
}

/// Refuses what is no capture node of a USB camera.
fn check_capabilities(device: &Device, node: &Node) -> Result<(), CameraError> {
    // `v4l` panics on a name that the driver cut within a character; such a camera is still a camera.
    let asked = catch_unwind(AssertUnwindSafe(|| device.query_caps()));
    let Ok(Ok(Capabilities { driver, capabilities, .. })) = asked else { return Ok(()) };
    if nodes::is_ribbon(&driver) {
        return Err(nodes::ribbon(node.name()));
    }
    if !capabilities.contains(Flags::VIDEO_CAPTURE | Flags::STREAMING) {
        let what =
            format!("{} gives no pictures (a metadata or output node?)", node.path.display());
        return Err(unusable(&node.name(), &what));
    }
    Ok(())
}

fn unusable(source_name: &str, what: &str) -> CameraError {
    CameraError::Unusable { source_name: source_name.to_owned(), what: what.to_owned() }
}
