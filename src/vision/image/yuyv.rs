//! Converts packed 4:2:2 pixels of a camera into RGB.

use super::{ImageError, Region, check_size, fit, wrap};
use crate::domain::Size;
use crate::vision::Picture;

/// Converts `Y0 U Y1 V` into RGB by ITU-R BT.601 with the limited range that UVC cameras use.
pub(super) fn decode(bytes: &[u8], size: Size, buffer: Vec<u8>) -> Result<Picture, ImageError> {
    check(bytes, size)?;
    let mut rgb = fit(buffer, size);
    convert(bytes, &mut rgb);
    wrap("YUYV frame", size, rgb)
}

/// The same for at least the `wanted` region, into the pixels of a whole picture; gives the region that was
/// converted. `None` when the frame or the region is not as it should be.
pub(super) fn decode_part(
    bytes: &[u8],
    size: Size,
    wanted: Region,
    rgb: &mut [u8],
) -> Option<Region> {
    check(bytes, size).ok()?;
    Region::whole(size).contains(wanted).then_some(())?;
    // Two pixels share their colour.
    let left = wanted.x / 2 * 2;
    let width = (wanted.x + wanted.size.width).next_multiple_of(2) - left;
    let (columns, stride) = (left as usize..(left + width) as usize, size.width as usize);
    let rows = bytes.chunks_exact(2 * stride).zip(rgb.chunks_exact_mut(3 * stride));
    for (row, out) in rows.skip(wanted.y as usize).take(wanted.size.height as usize) {
        convert(
            row.get(2 * columns.start..2 * columns.end)?,
            out.get_mut(3 * columns.start..3 * columns.end)?,
        );
    }
    Some(Region { x: left, size: Size::new(width, wanted.size.height), ..wanted })
}

fn check(bytes: &[u8], size: Size) -> Result<(), ImageError> {
    check_size("YUYV frame", size)?;
    let wanted = size.width as usize * size.height as usize * 2;
    if bytes.len() == wanted && size.width.is_multiple_of(2) {
        Ok(())
    } else {
        Err(ImageError::Length { size, wanted, found: bytes.len() })
    }
}

fn convert(bytes: &[u8], rgb: &mut [u8]) {
    for (pair, out) in bytes.chunks_exact(4).zip(rgb.chunks_exact_mut(6)) {
        if let (&[y0, u, y1, v], [r0, g0, b0, r1, g1, b1]) = (pair, out) {
            [*r0, *g0, *b0] = to_rgb(y0, u, v);
            [*r1, *g1, *b1] = to_rgb(y1, u, v);
        }
    }
}

/// Fixed point with 8 fraction bits: 298/256 = 255/219, the others are BT.601's factors times 255/224.
fn to_rgb(y: u8, u: u8, v: u8) -> [u8; 3] {
    let luma = 298 * (i32::from(y) - 16);
    let (blue, red) = (i32::from(u) - 128, i32::from(v) - 128);
    let byte = |sum: i32| ((sum + 128) >> 8).clamp(0, 255) as u8;
    [byte(luma + 409 * red), byte(luma - 100 * blue - 208 * red), byte(luma + 516 * blue)]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn black_white_and_red_keep_their_colours() {
        assert_eq!(to_rgb(16, 128, 128), [0, 0, 0]);
        assert_eq!(to_rgb(235, 128, 128), [255, 255, 255]);
        let [r, g, b] = to_rgb(81, 90, 240);
        assert!(r > 250 && g < 5 && b < 5, "{r} {g} {b}");
    }

    #[test]
    fn a_frame_of_another_length_is_refused() {
        let size = Size::new(32, 16);
        assert!(decode(&[128; 1024], size, Vec::new()).is_ok());
        for bytes in [0, 1023, 1025] {
            let error = decode(&vec![128; bytes], size, Vec::new()).unwrap_err();
            assert!(
                matches!(error, ImageError::Length { wanted: 1024, found, .. } if found == bytes)
            );
        }
    }
}
