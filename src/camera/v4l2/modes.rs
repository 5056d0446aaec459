//! Asks a device for its modes, and sets one.

use std::time::Duration;

use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::video::Capture as _;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC, Fraction};

use super::buffer::Agreed;
use super::faults::{Phase, camera_error};
use super::negotiation::{nearest_interval, nearest_step};
use super::{Interval, Mode, PixelFormat, Wish, unusable};
use crate::camera::CameraError;
use crate::domain::Size;

/// Every mode of the two usable formats; of ranges the value nearest to the wish.
pub(super) fn modes(device: &Device, wish: &Wish) -> Vec<Mode> {
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
pub(super) fn set_mode(
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
