//! Decodes the frames of a stream, and of a frame only the part that will be looked at.

use image::metadata::Orientation;

use super::{ImageError, Region, decode, jpeg, metadata, yuyv};
use crate::domain::{Encoding, Frame, PortraitFormat};
use crate::vision::Picture;

/// Decodes frame after frame in the memory of the ones before.
///
/// Asked for a part, it decodes that and leaves the rest of the picture black, for the price of the part: a
/// JPEG is still walked to its end, so that a cut or spliced one is refused as ever (see `jpeg::excerpt`).
#[derive(Default)]
pub struct FrameDecoder {
    spare: Option<Picture>,
    cutter: jpeg::Cutter,
    part: Vec<u8>,
}

impl FrameDecoder {
    /// Decodes a frame: the whole, or at least the `wanted` part.
    ///
    /// The picture tells by [`Picture::shown`] what of it was decoded. Where no part can be had, such as of a
    /// PNG or of several scans, the whole is decoded.
    ///
    /// # Errors
    /// As [`decode`].
    pub fn decode(&mut self, frame: &Frame, wanted: Option<Region>) -> Result<Picture, ImageError> {
        if let Some(picture) = wanted.and_then(|wanted| self.decode_part(frame, wanted)) {
            return Ok(picture);
        }
        decode(frame, self.spare.take().map(Picture::into_rgb))
    }

    /// Takes a picture back, so that the next frame needs no new memory.
    pub fn recycle(&mut self, picture: Picture) {
        self.spare = Some(picture);
    }

    fn decode_part(&mut self, frame: &Frame, wanted: Region) -> Option<Picture> {
        match frame.encoding {
            Encoding::Jpeg => self.jpeg_part(&frame.bytes, wanted),
            Encoding::Yuyv(size) => {
                let mut picture = Picture::black(size, self.spare.take());
                let shown = yuyv::decode_part(&frame.bytes, size, wanted, &mut picture.rgb)?;
                Some(Picture { shown, ..picture })
            }
            Encoding::Png => None,
        }
    }

    fn jpeg_part(&mut self, bytes: &[u8], wanted: Region) -> Option<Picture> {
        if metadata::orientation(PortraitFormat::Jpeg, bytes) != Orientation::NoTransforms {
            return None;
        }
        let buffer = std::mem::take(&mut self.part);
        let part = jpeg::decode_part(bytes, wanted, &mut self.cutter, buffer)?;
        let mut picture = Picture::black(part.whole, self.spare.take());
        let (placed, faithful) = (part.placed, part.faithful);
        let stride = 3 * part.whole.width as usize;
        let from = 3 * (faithful.x - placed.x) as usize;
        let columns = from..from + 3 * faithful.size.width as usize;
        let source = part.picture.rgb().chunks_exact(3 * placed.size.width as usize);
        let target = picture.rgb.chunks_exact_mut(stride).skip(faithful.y as usize);
        let rows = source.skip((faithful.y - placed.y) as usize).zip(target);
        let left = 3 * faithful.x as usize;
        for (row, place) in rows.take(faithful.size.height as usize) {
            place.get_mut(left..left + columns.len())?.copy_from_slice(row.get(columns.clone())?);
        }
        self.part = part.picture.into_rgb();
        Some(Picture { shown: faithful, ..picture })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Moment, Size};
    use crate::vision::image::{encode_jpeg, encode_png, samples};

    fn frame(encoding: Encoding, bytes: Vec<u8>) -> Frame {
        Frame { sequence: 0, captured: Moment::default(), encoding, bytes, path: None }
    }

    /// Fixtures with the sampling of cameras and of photographs.
    fn photographs() -> Vec<Vec<u8>> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/sampling/");
        ["444", "422", "420", "440", "grey", "restarts", "optimised"]
            .map(|name| std::fs::read(format!("{folder}{name}.jpg")).unwrap())
            .into()
    }

    /// Asserts that `part` shows the same as `whole` where it shows anything, and black elsewhere.
    fn assert_faithful(part: &Picture, whole: &Picture, wanted: Region) {
        let shown = part.shown();
        assert_eq!(part.size(), whole.size());
        assert!(shown.contains(wanted), "{shown:?} instead of {wanted:?}");
        let pixels = |picture: &Picture| picture.rgb().as_chunks::<3>().0.to_vec();
        for (at, (here, there)) in pixels(part).iter().zip(pixels(whole)).enumerate() {
            let (x, y) = (at as u32 % whole.size().width, at as u32 / whole.size().width);
            let dot = Region { x, y, size: Size::new(1, 1) };
            let expected = if shown.contains(dot) { there } else { [0; 3] };
            assert_eq!(*here, expected, "at {x},{y} of {shown:?}");
        }
    }

    fn region(size: Size, [x, y, width, height]: [f64; 4]) -> Region {
        let span = |from: f64, length: f64, side: u32| {
            let from = (from * f64::from(side - 1)) as u32;
            (from, 1 + (length * f64::from(side - from - 1)) as u32)
        };
        let ((x, width), (y, height)) = (span(x, width, size.width), span(y, height, size.height));
        Region { x, y, size: Size::new(width, height) }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn a_part_shows_what_the_whole_picture_shows_there_to_the_bit(
            first in prop::array::uniform4(0.0..1.0_f64),
            second in prop::array::uniform4(0.0..1.0_f64),
        ) {
            for bytes in photographs() {
                let frame = frame(Encoding::Jpeg, bytes);
                let whole = decode(&frame, None).unwrap();
                let mut decoder = FrameDecoder::default();
                // The second one over what the first one left behind.
                for sides in [first, second] {
                    let wanted = region(whole.size(), sides);
                    let part = decoder.decode(&frame, Some(wanted)).unwrap();
                    assert_faithful(&part, &whole, wanted);
                    decoder.recycle(part);
                }
            }
        }
    }

    #[test]
    fn a_small_part_is_not_paid_for_as_the_whole() {
        // The tables of the last one know only the differences that it has.
        for bytes in photographs().into_iter().take(6) {
            let frame = frame(Encoding::Jpeg, bytes);
            let wanted = Region { x: 100, y: 80, size: Size::new(40, 40) };
            let part = FrameDecoder::default().decode(&frame, Some(wanted)).unwrap();
            let shown = part.shown().size;
            assert!(shown.width <= 72 && shown.height <= 72, "{shown}");
        }
    }

    #[test]
    fn a_part_of_raw_pixels_shows_what_the_whole_shows() {
        let size = Size::new(64, 48);
        let bytes = (0..64 * 48 * 2).map(|i| (i * 37 % 251) as u8).collect();
        let frame = frame(Encoding::Yuyv(size), bytes);
        let whole = decode(&frame, None).unwrap();
        let wanted = Region { x: 7, y: 5, size: Size::new(20, 30) };
        let mut decoder = FrameDecoder::default();
        decoder.recycle(whole.clone());
        let part = decoder.decode(&frame, Some(wanted)).unwrap();
        assert!(part.shown().size.width < 30);
        assert_faithful(&part, &whole, wanted);
        let short = Frame { bytes: frame.bytes[1..].to_vec(), ..frame };
        assert!(decoder.decode(&short, Some(wanted)).is_err());
    }

    #[test]
    fn what_no_part_can_be_had_of_is_decoded_whole() {
        let picture = samples::gradient(64, 48);
        let wanted = Region { x: 0, y: 0, size: Size::new(20, 20) };
        let png = frame(Encoding::Png, encode_png(&picture).unwrap());
        let beyond = Region { x: 60, ..wanted };
        let jpeg = frame(Encoding::Jpeg, encode_jpeg(&picture, 90).unwrap());
        for (frame, wanted) in [(&png, wanted), (&jpeg, beyond)] {
            let seen = FrameDecoder::default().decode(frame, Some(wanted)).unwrap();
            assert_eq!(seen, decode(frame, None).unwrap());
        }
    }

    #[test]
    fn a_picture_cut_anywhere_has_no_part_either() {
        for bytes in photographs() {
            let mut decoder = FrameDecoder::default();
            let wanted = Region { x: 8, y: 8, size: Size::new(20, 20) };
            for end in (700..bytes.len() - 2).step_by(97) {
                for tail in [&[][..], &[0xFF, 0xD9], &[0x37; 200]] {
                    let cut = frame(Encoding::Jpeg, [&bytes[..end], tail].concat());
                    assert!(decoder.decode(&cut, Some(wanted)).is_err(), "cut at {end}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn damage_that_a_part_forgives_the_whole_forgives_as_well(
            which in 0_usize..7, at in 0.0..1.0_f64, value: u8, drop in 0_usize..40,
        ) {
            let mut bytes = photographs().swap_remove(which);
            let at = (at * (bytes.len() - 50) as f64) as usize;
            bytes[at] = value;
            bytes.drain(at + 1..at + 1 + drop);
            let damaged = frame(Encoding::Jpeg, bytes);
            let wanted = Region { x: 30, y: 30, size: Size::new(50, 40) };
            let part = FrameDecoder::default().decode(&damaged, Some(wanted));
            match (part, decode(&damaged, None)) {
                (Ok(part), Ok(whole)) => assert_faithful(&part, &whole, part.shown()),
                (Err(_), Err(_)) => {}
                (part, whole) => panic!("part: {part:?}, whole: {whole:?}"),
            }
        }
    }
}
