//! Takes from a driver's buffer exactly what belongs to the frame.
//!
//! A buffer is as long as the largest frame and is used again and again: behind the payload lie bytes of older
//! frames. Nothing behind `bytesused` is ever looked at.

use std::borrow::Cow;
use std::time::Duration;

use super::PixelFormat;
use crate::camera::payload::{Defect, jpeg_length, jpeg_size};
use crate::domain::{Moment, Size};

/// How far a JPEG's size may lie from the agreed one: some cameras round up to whole blocks.
const BLOCK: u32 = 16;

/// A time stamp older than this is not one of the monotonic clock.
const OLDEST: Duration = Duration::from_secs(10);

/// What was agreed with the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Agreed {
    pub(super) format: PixelFormat,
    pub(super) size: Size,
    /// Bytes from row to row; only of uncompressed formats.
    pub(super) stride: u32,
}

/// The frame's own bytes; `used` is the driver's `bytesused`.
pub(super) fn payload(buffer: &[u8], used: u32, agreed: Agreed) -> Result<Cow<'_, [u8]>, Defect> {
    let bytes = buffer.get(..used as usize).ok_or(Defect::Cut)?;
    if bytes.is_empty() {
        return Err(Defect::Empty);
    }
    match agreed.format {
        PixelFormat::Mjpeg => {
            let whole = bytes.get(..jpeg_length(bytes)?).unwrap_or(bytes);
            check_jpeg_size(whole, agreed.size)?;
            Ok(Cow::Borrowed(whole))
        }
        PixelFormat::Yuyv => rows(bytes, agreed),
    }
}

fn check_jpeg_size(bytes: &[u8], wanted: Size) -> Result<(), Defect> {
    let found = jpeg_size(bytes).ok_or(Defect::Cut)?;
    let near = |a: u32, b: u32| a.abs_diff(b) < BLOCK;
    if near(found.width, wanted.width) && near(found.height, wanted.height) {
        Ok(())
    } else {
        Err(Defect::Size { found, wanted })
    }
}

/// Uncompressed rows without the driver's padding.
fn rows(bytes: &[u8], agreed: Agreed) -> Result<Cow<'_, [u8]>, Defect> {
    // What a driver says may be anything, and a kiosk's `usize` may have 32 bits.
    let row = (agreed.size.width as usize).saturating_mul(2);
    let stride = (agreed.stride as usize).max(row);
    let wanted = stride.saturating_mul(agreed.size.height as usize);
    if bytes.len() != wanted {
        return Err(Defect::Length { found: bytes.len(), wanted });
    }
    if stride == row {
        return Ok(Cow::Borrowed(bytes));
    }
    let trimmed = bytes.chunks_exact(stride).flat_map(|line| line.iter().take(row).copied());
    Ok(Cow::Owned(trimmed.collect()))
}

/// The driver's time stamp if it can be one of the monotonic clock, else `now`.
pub(super) fn capture_time(stamp: Option<Duration>, now: Moment) -> Moment {
    let stamped = stamp.map(Moment::from_origin);
    stamped.filter(|at| *at <= now && now.since(*at) < OLDEST).unwrap_or(now)
}

/// Counts frames from the opening, with gaps where the driver lost some, beyond its 32-bit counter's end.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sequence {
    last: Option<u32>,
    count: u64,
}

impl Sequence {
    /// The number of the frame that the driver numbers `raw`.
    pub(super) fn count(&mut self, raw: u32) -> u64 {
        if let Some(last) = self.last.replace(raw) {
            // A driver that does not count at all still gets rising numbers.
            self.count += u64::from(raw.wrapping_sub(last).max(1));
        }
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MJPEG: Agreed =
        Agreed { format: PixelFormat::Mjpeg, size: Size::new(1280, 720), stride: 0 };

    fn jpeg(height: u16) -> Vec<u8> {
        let [h0, h1] = height.to_be_bytes();
        vec![0xFF, 0xD8, 0xFF, 0xC0, 0, 8, 8, h0, h1, 5, 0, 3, 0xFF, 0xDA, 7, 7, 7, 0xFF, 0xD9]
    }

    #[test]
    fn a_short_frame_is_never_completed_with_an_older_one() {
        let older = jpeg(720);
        let short = older.len() as u32 - 4;
        assert_eq!(payload(&older, short, MJPEG), Err(Defect::Cut));
        assert_eq!(payload(&older, 0, MJPEG), Err(Defect::Empty));
        assert_eq!(payload(&older, 1_000_000, MJPEG), Err(Defect::Cut));
    }

    #[test]
    fn a_whole_frame_is_given_without_what_lies_behind() {
        let mut buffer = jpeg(720);
        let used = buffer.len() as u32;
        buffer.extend([9; 100]);
        assert_eq!(payload(&buffer, used, MJPEG).as_deref(), Ok(jpeg(720).as_slice()));
        assert_eq!(payload(&buffer, used + 50, MJPEG).as_deref(), Ok(jpeg(720).as_slice()));
    }

    #[test]
    fn a_frame_of_another_size_is_no_frame_of_this_stream() {
        let padded = jpeg(728);
        assert!(payload(&padded, padded.len() as u32, MJPEG).is_ok());
        let other = jpeg(480);
        let defect = payload(&other, other.len() as u32, MJPEG);
        assert!(matches!(defect, Err(Defect::Size { .. })));
    }

    #[test]
    fn uncompressed_frames_have_exactly_their_length_and_lose_their_padding() {
        let size = Size::new(2, 2);
        let tight = Agreed { format: PixelFormat::Yuyv, size, stride: 4 };
        assert_eq!(payload(&[1; 8], 8, tight).as_deref(), Ok([1; 8].as_slice()));
        assert_eq!(payload(&[1; 8], 7, tight), Err(Defect::Length { found: 7, wanted: 8 }));
        let wide = Agreed { stride: 6, ..tight };
        let padded = [1, 2, 3, 4, 0, 0, 5, 6, 7, 8, 0, 0];
        assert_eq!(payload(&padded, 12, wide).as_deref(), Ok([1, 2, 3, 4, 5, 6, 7, 8].as_slice()));
    }

    #[test]
    fn a_time_stamp_of_another_clock_gives_way_to_now() {
        let at = |seconds| Moment::from_origin(Duration::from_secs(seconds));
        let stamp = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(capture_time(stamp(99), at(100)), at(99));
        for odd in [stamp(0), stamp(1_795_000_000), None] {
            assert_eq!(capture_time(odd, at(100)), at(100));
        }
    }

    #[test]
    fn lost_frames_leave_gaps_and_the_counter_may_run_over() {
        let mut sequence = Sequence::default();
        let raw = [u32::MAX - 1, u32::MAX, 0, 3, 3];
        assert_eq!(raw.map(|raw| sequence.count(raw)), [0, 1, 2, 5, 6]);
    }

    proptest::proptest! {
        #[test]
        fn whatever_the_driver_says_no_byte_behind_the_payload_is_given(
            body in proptest::collection::vec(0_u8.., 0..400), used: u32, near in 0_u32..500,
            width in 0_u32..40, height in 0_u32..40, stride in 0_u32..100, mjpeg: bool,
        ) {
            let format = if mjpeg { PixelFormat::Mjpeg } else { PixelFormat::Yuyv };
            let agreed = Agreed { format, size: Size::new(width, height), stride };
            let framed = [&[0xFF, 0xD8], body.as_slice(), &[0xFF, 0xD9]].concat();
            for used in [used, near] {
                for buffer in [&body, &framed] {
                    if let Ok(bytes) = payload(buffer, used, agreed) {
                        proptest::prop_assert!(bytes.len() <= used as usize);
                    }
                }
            }
        }

        #[test]
        fn any_geometry_of_the_driver_is_counted_without_overflow(width: u32, height: u32, stride: u32) {
            let agreed = Agreed { format: PixelFormat::Yuyv, size: Size::new(width, height), stride };
            let _ = payload(&[1; 64], 64, agreed);
        }
    }
}
