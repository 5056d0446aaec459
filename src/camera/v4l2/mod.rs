//! Frames from a USB camera through V4L2 and nokhwa.
//!
//! ```text
//! SourceSpec ─nodes─▶ /dev/videoN ─negotiation─▶ mode ─set─▶ Backend ─▶ nokhwa::Camera ─▶ V4l2Source
//! ```
//!
//! **Invariants**
//! * Names are resolved anew at each opening: a node's number may belong to another camera after a replug.
//! * Format and rate are set here, whatever state the last program left the camera in.
//! * After any error the source is of no use any more; the capture thread drops it and opens another.

mod backend;
mod buffer;
mod faults;
mod negotiation;
mod nodes;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use nokhwa::Camera;
use nokhwa_core::types::{ApiBackend, CameraIndex, CameraInfo};
use v4l::capability::{Capabilities, Flags};
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::video::Capture as _;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC, Fraction};

use self::backend::{Backend, SharedAside, last_sequence, take_fault};
use self::buffer::{Agreed, Sequence};
use self::faults::{Phase, camera_error};
pub use self::negotiation::{Interval, Mode, PixelFormat, Wish};
use self::negotiation::{choose, nearest_interval, nearest_step};
use self::nodes::{Node, Roots};
use super::{CameraError, FrameSource, SourceSpec, StopSignal};
use crate::clock::monotonic_now;
use crate::domain::{Encoding, Frame, Moment, Size};

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
    /// Opens the camera that `spec` names now and starts its stream in the mode nearest to `wish`.
    ///
    /// `stall` is how long a frame may keep everyone waiting, `stop` ends such a wait early.
    ///
    /// # Errors
    /// What keeps the camera from streaming, as a [`CameraError`] with the camera's name.
    pub fn open(
        spec: &SourceSpec,
        wish: &Wish,
        stall: Duration,
        stop: StopSignal,
    ) -> Result<Self, CameraError> {
        let roots = Roots::default();
        let mut refusal = None;
        for node in nodes::candidates(spec, &roots, &nodes::list(&roots))? {
            match Self::open_node(&node, wish, stall, stop.clone()) {
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
        let description = format!("{} ({}), {mode}", source_name, node.card);
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

/// A camera as it is found, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct CameraListing {
    /// The name for the configuration: it stays after a replug.
    pub name: String,
    /// The device file at the moment.
    pub node: String,
    /// What the camera calls itself.
    pub card: String,
    /// Its kernel driver.
    pub driver: String,
    /// What it offers, or why that is not known.
    pub modes: Result<Vec<Mode>, String>,
}

/// Lists the nodes that give pictures, ribbon cameras with the reason why they cannot be used.
///
/// Opens each device for a moment without changing anything.
pub fn list_cameras(wish: &Wish) -> Vec<CameraListing> {
    let list = nodes::list(&Roots::default()).into_iter();
    list.filter(|node| node.index == 0)
        .filter_map(|node| {
            let inspected = inspect(&node, wish);
            let is_camera = inspected.is_ok() || nodes::is_ribbon(&node.driver);
            let open = !matches!(inspected, Err(CameraError::Unusable { .. }));
            (is_camera || open).then(|| CameraListing {
                name: node.name(),
                node: node.path.display().to_string(),
                card: node.card,
                driver: node.driver,
                modes: inspected.map_err(|error| error.to_string()),
            })
        })
        .collect()
}

fn inspect(node: &Node, wish: &Wish) -> Result<Vec<Mode>, CameraError> {
    let fail = |error| camera_error(error, Phase::Opening, &node.name(), Duration::ZERO);
    let device = Device::with_path(&node.path).map_err(fail)?;
    check_capabilities(&device, node)?;
    Ok(modes(&device, wish))
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

/// Every mode of the two usable formats; of ranges the value nearest to the wish.
fn modes(device: &Device, wish: &Wish) -> Vec<Mode> {
    let mut modes = Vec::new();
    for format in PixelFormat::ALL {
        let sizes = device.enum_framesizes(FourCC::new(format.fourcc())).unwrap_or_default();
        for size in sizes.into_iter().map(|size| nearest_size(&size.size, wish)) {
            let intervals = intervals(device, format, size, wish);
            if intervals.is_empty() {
                modes.push(Mode { format, size, interval: None });
            }
            let mode = |interval| Mode { format, size, interval: Some(interval) };
            modes.extend(intervals.into_iter().map(mode));
        }
    }
    modes
}

fn nearest_size(size: &FrameSizeEnum, wish: &Wish) -> Size {
    match size {
        FrameSizeEnum::Discrete(size) => Size::new(size.width, size.height),
        FrameSizeEnum::Stepwise(range) => Size::new(
            nearest_step(wish.size.width, range.min_width, range.max_width, range.step_width),
            nearest_step(wish.size.height, range.min_height, range.max_height, range.step_height),
        ),
    }
}

fn intervals(device: &Device, format: PixelFormat, size: Size, wish: &Wish) -> Vec<Interval> {
    let fourcc = FourCC::new(format.fourcc());
    let found = device.enum_frameintervals(fourcc, size.width, size.height).unwrap_or_default();
    let interval = |fraction: &Fraction| Interval {
        numerator: fraction.numerator,
        denominator: fraction.denominator,
    };
    found
        .iter()
        .map(|found| match &found.interval {
            FrameIntervalEnum::Discrete(fraction) => interval(fraction),
            FrameIntervalEnum::Stepwise(range) => {
                nearest_interval(wish.fps, interval(&range.min), interval(&range.max))
            }
        })
        .filter(|interval| interval.fps() > 0.0)
        .collect()
}

/// Sets format and rate, and reads back what the driver made of them.
fn set_mode(
    device: &Device,
    mode: Mode,
    source_name: &str,
    stall: Duration,
) -> Result<Agreed, CameraError> {
    let fail = |error| camera_error(error, Phase::Opening, source_name, stall);
    let fourcc = FourCC::new(mode.format.fourcc());
    let wanted = Format::new(mode.size.width, mode.size.height, fourcc);
    let found = device.set_format(&wanted).map_err(fail)?;
    if found.fourcc != fourcc {
        let what = format!("it was asked for {mode} and set itself to {}", found.fourcc);
        return Err(unusable(source_name, &what));
    }
    if let Some(Interval { numerator, denominator }) = mode.interval {
        let rate = Parameters::new(Fraction::new(numerator, denominator));
        match device.set_params(&rate) {
            Ok(_) => {}
            // A driver without a choice of rates says "no such request"; it streams all the same.
            Err(error) if error.raw_os_error() == Some(nix::libc::ENOTTY) => {}
            Err(error) => return Err(fail(error)),
        }
    }
    let size = Size::new(found.width, found.height);
    Ok(Agreed { format: mode.format, size, stride: found.stride })
}
