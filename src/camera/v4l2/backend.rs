//! A nokhwa backend over the `v4l` crate that keeps frames apart.
//!
//! nokhwa's own V4L2 backend gives the whole buffer instead of the payload, so a frame cut short is completed
//! with an older one; it waits for ever when a camera falls silent; and it cannot open a camera that was left
//! at a rate which is no whole number. This one gives exactly the payload, waits with a limit, and is handed a
//! device whose format was already set.
//!
//! What it does not do: change formats or controls of an open camera; those calls are refused.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nokhwa_core::buffer::Buffer;
use nokhwa_core::error::NokhwaError;
use nokhwa_core::traits::CaptureBackendTrait;
use nokhwa_core::types::{
    ApiBackend, CameraControl, CameraFormat, CameraInfo, ControlValueSetter, FrameFormat,
    KnownCameraControl, Resolution,
};
use v4l::Device;
use v4l::buffer::{Flags, Metadata, Type};
use v4l::io::mmap::Stream;
use v4l::io::traits::CaptureStream;

use super::PixelFormat;
use super::buffer::{Agreed, capture_time, payload};
use crate::camera::StopSignal;
use crate::camera::payload::Defect;
use crate::clock::monotonic_now;

/// Buffers that the driver fills in turn.
const BUFFERS: u32 = 4;

/// How often a wait for a frame looks at the stop signal.
const LOOK: Duration = Duration::from_millis(200);

const LONGEST_STALL: Duration = Duration::from_secs(3_600);

/// `poll`'s "there is data".
const POLLIN: i16 = nix::libc::POLLIN;

/// What nokhwa's types cannot carry, beside the call that they pass through.
#[derive(Debug, Default)]
pub(super) struct Aside {
    fault: Option<io::Error>,
    sequence: u32,
}

/// An [`Aside`] shared by the backend and the source that owns the `Camera`.
pub(super) type SharedAside = Arc<Mutex<Aside>>;

/// The driver's error behind the last error that nokhwa gave.
pub(super) fn take_fault(aside: &SharedAside) -> Option<io::Error> {
    aside.lock().unwrap_or_else(PoisonError::into_inner).fault.take()
}

/// The driver's number of the last frame.
pub(super) fn last_sequence(aside: &SharedAside) -> u32 {
    aside.lock().unwrap_or_else(PoisonError::into_inner).sequence
}

/// An opened device whose format is set.
pub(super) struct Backend {
    device: Device,
    stream: Option<Stream<'static>>,
    agreed: Agreed,
    format: CameraFormat,
    info: CameraInfo,
    stall: Duration,
    stop: StopSignal,
    aside: SharedAside,
}

impl Backend {
    /// Takes over a device; `fps` is only told to those who ask nokhwa.
    pub(super) fn new(
        device: Device,
        agreed: Agreed,
        fps: f64,
        info: CameraInfo,
        stall: Duration,
        stop: StopSignal,
    ) -> (Self, SharedAside) {
        let aside = SharedAside::default();
        let resolution = Resolution::new(agreed.size.width, agreed.size.height);
        let format = CameraFormat::new(resolution, frame_format(agreed.format), fps.round() as u32);
        let shared = Arc::clone(&aside);
        (Self { device, stream: None, agreed, format, info, stall, stop, aside }, shared)
    }

    fn start(&mut self) -> io::Result<()> {
        let mut stream = Stream::with_buffers(&self.device, Type::VideoCapture, BUFFERS)?;
        // `v4l` counts milliseconds in 32 bits and panics beyond.
        stream.set_timeout(self.stall.min(LONGEST_STALL));
        self.stream = Some(stream);
        Ok(())
    }

    /// The next whole frame; damaged ones are passed over as long as time is left.
    fn whole_frame(&mut self) -> io::Result<Buffer> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        let deadline = Instant::now() + self.stall;
        let mut last_defect = None;
        loop {
            if let Some(defect) = last_defect
                && Instant::now() >= deadline
            {
                let what = format!("only damaged frames come; of the last one: {defect}");
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            await_data(stream, deadline, &self.stop)?;
            let (buffer, meta) = stream.next()?;
            match own_bytes(buffer, meta, self.agreed) {
                Ok(bytes) => {
                    let now = monotonic_now();
                    let captured = capture_time(stamp(meta), now).since_origin();
                    let mut aside = self.aside.lock().unwrap_or_else(PoisonError::into_inner);
                    aside.sequence = meta.sequence;
                    return Ok(Buffer::with_timestamp(
                        self.format.resolution(),
                        &bytes,
                        self.format.format(),
                        Some(captured),
                    ));
                }
                Err(defect) => {
                    tracing::debug!(sequence = meta.sequence, %defect, "passed over a frame");
                    last_defect = Some(defect);
                }
            }
        }
    }

    fn note(&self, error: io::Error) -> String {
        let text = error.to_string();
        self.aside.lock().unwrap_or_else(PoisonError::into_inner).fault = Some(error);
        text
    }

    const fn refused() -> NokhwaError {
        NokhwaError::UnsupportedOperationError(ApiBackend::Video4Linux)
    }
}

/// Waits in short steps, because after a time-out inside `v4l` the stream cannot be used again.
///
/// Before the first frame the driver answers at once and `v4l` itself waits, with the same limit.
fn await_data(stream: &Stream<'_>, deadline: Instant, stop: &StopSignal) -> io::Result<()> {
    let handle = stream.handle();
    loop {
        if stop.is_stopped() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let step = i32::try_from(left.min(LOOK).as_millis()).unwrap_or(0);
        if handle.poll(POLLIN, step)? > 0 {
            return Ok(());
        }
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}

fn own_bytes<'b>(
    buffer: &'b [u8],
    meta: &Metadata,
    agreed: Agreed,
) -> Result<Cow<'b, [u8]>, Defect> {
    if meta.flags.contains(Flags::ERROR) {
        return Err(Defect::Cut);
    }
    payload(buffer, meta.bytesused, agreed)
}

fn stamp(meta: &Metadata) -> Option<Duration> {
    let monotonic = meta.flags & Flags::TIMESTAMP_MASK == Flags::TIMESTAMP_MONOTONIC;
    monotonic.then(|| Duration::from(meta.timestamp))
}

const fn frame_format(format: PixelFormat) -> FrameFormat {
    match format {
        PixelFormat::Mjpeg => FrameFormat::MJPEG,
        PixelFormat::Yuyv => FrameFormat::YUYV,
    }
}

impl CaptureBackendTrait for Backend {
    fn backend(&self) -> ApiBackend {
        ApiBackend::Video4Linux
    }

    fn camera_info(&self) -> &CameraInfo {
        &self.info
    }

    fn refresh_camera_format(&mut self) -> Result<(), NokhwaError> {
        Ok(())
    }

    fn camera_format(&self) -> CameraFormat {
        self.format
    }

    fn set_camera_format(&mut self, _: CameraFormat) -> Result<(), NokhwaError> {
        Err(Self::refused())
    }

    fn compatible_list_by_resolution(
        &mut self,
        _: FrameFormat,
    ) -> Result<HashMap<Resolution, Vec<u32>>, NokhwaError> {
        Ok(HashMap::from([(self.format.resolution(), vec![self.format.frame_rate()])]))
    }

    fn compatible_fourcc(&mut self) -> Result<Vec<FrameFormat>, NokhwaError> {
        Ok(vec![self.format.format()])
    }

    fn resolution(&self) -> Resolution {
        self.format.resolution()
    }

    fn set_resolution(&mut self, _: Resolution) -> Result<(), NokhwaError> {
        Err(Self::refused())
    }

    fn frame_rate(&self) -> u32 {
        self.format.frame_rate()
    }

    fn set_frame_rate(&mut self, _: u32) -> Result<(), NokhwaError> {
        Err(Self::refused())
    }

    fn frame_format(&self) -> FrameFormat {
        self.format.format()
    }

    fn set_frame_format(&mut self, _: FrameFormat) -> Result<(), NokhwaError> {
        Err(Self::refused())
    }

    fn camera_control(&self, _: KnownCameraControl) -> Result<CameraControl, NokhwaError> {
        Err(Self::refused())
    }

    fn camera_controls(&self) -> Result<Vec<CameraControl>, NokhwaError> {
        // `v4l` 0.14 panics on control types that it does not know.
        Err(Self::refused())
    }

    fn set_camera_control(
        &mut self,
        _: KnownCameraControl,
        _: ControlValueSetter,
    ) -> Result<(), NokhwaError> {
        Err(Self::refused())
    }

    fn open_stream(&mut self) -> Result<(), NokhwaError> {
        self.start().map_err(|error| NokhwaError::OpenStreamError(self.note(error)))
    }

    fn is_stream_open(&self) -> bool {
        self.stream.is_some()
    }

    fn frame(&mut self) -> Result<Buffer, NokhwaError> {
        self.whole_frame().map_err(|error| NokhwaError::ReadFrameError(self.note(error)))
    }

    fn frame_raw(&mut self) -> Result<Cow<'_, [u8]>, NokhwaError> {
        self.frame().map(|buffer| Cow::Owned(buffer.buffer().to_vec()))
    }

    fn stop_stream(&mut self) -> Result<(), NokhwaError> {
        // Never an error: nokhwa's `Camera` panics on one when it is dropped.
        drop(self.stream.take());
        Ok(())
    }
}
