//! Chooses the mode to capture in from those that a camera offers.

use std::cmp::Ordering;
use std::fmt;

use crate::domain::Size;

/// Below this many frames a second a mode is taken only for want of another.
const SLOW: f64 = 5.0;

/// How pixels come over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PixelFormat {
    /// A JPEG a frame: little bandwidth, so high rates at any size.
    Mjpeg,
    /// Packed 4:2:2, uncompressed.
    Yuyv,
}

impl PixelFormat {
    /// Every format that can be used, the preferred one first.
    pub const ALL: [Self; 2] = [Self::Mjpeg, Self::Yuyv];

    /// The four characters that name it in V4L2.
    pub const fn fourcc(self) -> &'static [u8; 4] {
        match self {
            Self::Mjpeg => b"MJPG",
            Self::Yuyv => b"YUYV",
        }
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mjpeg => "MJPEG",
            Self::Yuyv => "YUYV",
        })
    }
}

/// The time from frame to frame in seconds, as the fraction that the driver knows: 2/15 is 7.5 frames a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// Seconds.
    pub numerator: u32,
    /// Divided by.
    pub denominator: u32,
}

impl Interval {
    /// Frames a second; 0 for a fraction that is none.
    pub fn fps(self) -> f64 {
        if self.numerator == 0 {
            0.0
        } else {
            f64::from(self.denominator) / f64::from(self.numerator)
        }
    }
}

/// One way in which a camera can send frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    /// How pixels come.
    pub format: PixelFormat,
    /// The frame's size.
    pub size: Size,
    /// The time from frame to frame; `None` where the driver does not tell.
    pub interval: Option<Interval>,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.size, self.format)?;
        match self.interval {
            Some(interval) => write!(f, " at {} fps", (interval.fps() * 100.0).round() / 100.0),
            None => Ok(()),
        }
    }
}

/// What the configuration wishes for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wish {
    /// The frame's size.
    pub size: Size,
    /// Frames a second.
    pub fps: f64,
}

/// The mode that comes nearest to the wish; `None` when there is none at all.
///
/// In this order: not slower than five frames a second, the nearest size (by the ratio of pixels and of
/// shapes, so that a quarter is as far as four times), MJPEG before YUYV, the nearest rate.
pub(super) fn choose(modes: &[Mode], wish: &Wish) -> Option<Mode> {
    modes.iter().copied().min_by(|a, b| compare(a, b, wish))
}

fn compare(a: &Mode, b: &Mode, wish: &Wish) -> Ordering {
    let slow = |mode: &Mode| fps(mode).is_some_and(|fps| fps < SLOW.min(wish.fps));
    (slow(a).cmp(&slow(b)))
        .then_with(|| size_misfit(a, wish).total_cmp(&size_misfit(b, wish)))
        .then_with(|| a.format.cmp(&b.format))
        .then_with(|| rate_misfit(a, wish).total_cmp(&rate_misfit(b, wish)))
}

fn fps(mode: &Mode) -> Option<f64> {
    mode.interval.map(Interval::fps)
}

fn size_misfit(mode: &Mode, wish: &Wish) -> f64 {
    let shape = |size: Size| f64::from(size.width) / f64::from(size.height);
    let area = |size: Size| f64::from(size.width) * f64::from(size.height);
    let (found, wanted) = (mode.size, wish.size);
    (area(found) / area(wanted)).ln().abs() + (shape(found) / shape(wanted)).ln().abs()
}

fn rate_misfit(mode: &Mode, wish: &Wish) -> f64 {
    fps(mode).map_or(0.0, |fps| (fps.max(0.01) / wish.fps).ln().abs())
}

/// The value of a range in steps that lies nearest to `wanted`.
pub(super) fn nearest_step(wanted: u32, min: u32, max: u32, step: u32) -> u32 {
    let wanted = wanted.clamp(min, max.max(min));
    let steps = (wanted - min + step.max(1) / 2) / step.max(1);
    (min + steps * step.max(1)).min(max.max(min))
}

/// The interval nearest to a rate within a continuous range.
pub(super) fn nearest_interval(fps: f64, shortest: Interval, longest: Interval) -> Interval {
    let wanted = Interval { numerator: 1_000, denominator: (fps * 1_000.0).round() as u32 };
    if wanted.fps() > shortest.fps() {
        shortest
    } else if wanted.fps() < longest.fps() {
        longest
    } else {
        wanted
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    const WISH: Wish = Wish { size: Size::new(1280, 720), fps: 30.0 };

    fn mode(format: PixelFormat, width: u32, height: u32, rate: (u32, u32)) -> Mode {
        let interval = Interval { numerator: rate.1, denominator: rate.0 };
        Mode { format, size: Size::new(width, height), interval: Some(interval) }
    }

    fn chosen(modes: &[Mode]) -> String {
        choose(modes, &WISH).unwrap().to_string()
    }

    #[test]
    fn the_wished_size_is_taken_as_mjpeg_at_the_nearest_rate() {
        use PixelFormat::{Mjpeg, Yuyv};
        let modes = [
            mode(Yuyv, 1280, 720, (10, 1)),
            mode(Mjpeg, 640, 480, (30, 1)),
            mode(Mjpeg, 1280, 720, (15, 1)),
            mode(Mjpeg, 1280, 720, (25, 1)),
            mode(Mjpeg, 1920, 1080, (30, 1)),
        ];
        assert_eq!(chosen(&modes), "1280x720 MJPEG at 25 fps");
    }

    #[test]
    fn a_camera_without_the_size_gives_its_nearest_one() {
        use PixelFormat::Mjpeg;
        let small = mode(Mjpeg, 640, 480, (30, 1));
        let full = mode(Mjpeg, 1920, 1080, (30, 1));
        let huge = mode(Mjpeg, 3840, 2160, (30, 1));
        assert_eq!(chosen(&[small, full, huge]), "1920x1080 MJPEG at 30 fps");
        assert_eq!(chosen(&[small, huge]), "640x480 MJPEG at 30 fps");
    }

    #[test]
    fn a_crawling_mode_of_the_right_size_gives_way_to_a_usable_one() {
        use PixelFormat::Yuyv;
        let modes = [mode(Yuyv, 1280, 720, (1, 1)), mode(Yuyv, 640, 480, (30, 1))];
        assert_eq!(chosen(&modes), "640x480 YUYV at 30 fps");
        assert_eq!(chosen(&modes[..1]), "1280x720 YUYV at 1 fps");
    }

    #[test]
    fn rates_that_are_no_whole_numbers_are_as_good_as_others() {
        let modes = [mode(PixelFormat::Mjpeg, 1280, 720, (15, 2))];
        assert_eq!(chosen(&modes), "1280x720 MJPEG at 7.5 fps");
        assert_eq!(choose(&[], &WISH), None);
    }

    #[test]
    fn an_unknown_rate_is_no_reason_against_a_mode() {
        let unknown = Mode { interval: None, ..mode(PixelFormat::Mjpeg, 1280, 720, (1, 1)) };
        assert_eq!(chosen(&[unknown]), "1280x720 MJPEG");
    }

    #[test]
    fn ranges_are_met_at_their_nearest_step() {
        assert_eq!(nearest_step(1280, 160, 1920, 16), 1280);
        assert_eq!(nearest_step(1285, 160, 1920, 16), 1280);
        assert_eq!(nearest_step(9_999, 160, 1920, 16), 1920);
        assert_eq!(nearest_step(2, 160, 1920, 0), 160);
        let (fast, slow) =
            (Interval { numerator: 1, denominator: 60 }, Interval { numerator: 1, denominator: 5 });
        assert!((nearest_interval(30.0, fast, slow).fps() - 30.0).abs() < 1e-9);
        assert_eq!(nearest_interval(90.0, fast, slow), fast);
        assert_eq!(nearest_interval(1.0, fast, slow), slow);
    }
}
