//! Reads JPEG: finds where a picture really ends, completes what UVC cameras leave out, decodes strictly.
//!
//! A lax decoder paints the missing part of a cut frame grey, or with what its buffer held before; this
//! product must not enroll half a face, so everything but a whole picture is an error.

mod bits;
mod excerpt;
mod huffman;
mod layout;
mod tables;

use std::borrow::Cow;

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

pub(super) use self::excerpt::Cutter;
use self::layout::{Coding, Huffman, Layout};
pub(super) use self::layout::{SOI, SOS, segment};
use super::{ImageError, MAX_SIDE, Region, check_size, fit, wrap};
use crate::domain::Size;
use crate::vision::Picture;

/// How many scans a progressive picture may have; a hostile file could hold thousands.
const MAX_SCANS: usize = 64;

const EOI_LENGTH: usize = 2;

/// How far the decoder may read ahead of the last code without being short of data, in bytes.
const READ_AHEAD: usize = 16;

/// Makes a camera's JPEG complete by itself: nothing after its end marker, and its Huffman tables inside.
///
/// A UVC camera may leave the tables out (they are then those of ITU T.81, K.3.3); servers and browsers
/// refuse such a file. Bytes that need nothing are given back as they are.
///
/// # Errors
/// When the bytes do not begin with a start marker, are cut short, or their segments do not add up.
pub fn normalise_jpeg(bytes: &[u8]) -> Result<Cow<'_, [u8]>, ImageError> {
    let layout = Layout::of(bytes)?;
    Ok(complete(bytes, &layout))
}

/// A decoded part of a picture.
pub(super) struct Part {
    /// The size of the whole picture.
    pub(super) whole: Size,
    /// The part, as a picture of its own.
    pub(super) picture: Picture,
    /// Where it lies in the whole.
    pub(super) placed: Region,
    /// Which region of the whole it shows just as the whole would.
    pub(super) faithful: Region,
}

/// Decodes a part of a picture that holds at least the `wanted` region; all of its codes are walked, but only
/// the part becomes pixels.
///
/// `None` for a picture of which no part can be had, be it for its coding or because something is amiss.
pub(super) fn decode_part(
    bytes: &[u8],
    wanted: Region,
    cutter: &mut Cutter,
    buffer: Vec<u8>,
) -> Option<Part> {
    let layout = Layout::of(bytes).ok()?;
    check_size("JPEG", layout.size).ok()?;
    let excerpt = cutter.cut(bytes, &layout, wanted)?;
    let picture = decode(&cutter.jpeg, buffer).ok()?;
    let (placed, faithful) = (excerpt.placed, excerpt.faithful);
    Some(Part { whole: layout.size, picture, placed, faithful })
}

/// Decodes a whole picture strictly into RGB.
pub(super) fn decode(bytes: &[u8], buffer: Vec<u8>) -> Result<Picture, ImageError> {
    let layout = Layout::of(bytes)?;
    check_size("JPEG", layout.size)?;
    let whole = unforgiving(complete(bytes, &layout), &layout);
    let options = DecoderOptions::new_safe()
        .set_strict_mode(true)
        .set_use_unsafe(true)
        .jpeg_set_out_colorspace(ColorSpace::RGB)
        .jpeg_set_max_scans(MAX_SCANS)
        .set_max_width(MAX_SIDE as usize)
        .set_max_height(MAX_SIDE as usize);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(whole.as_ref()), options);
    decoder.decode_headers().map_err(|error| damaged(&error))?;
    let mut rgb = fit(buffer, layout.size);
    if decoder.output_buffer_size() != Some(rgb.len()) {
        return Err(ImageError::Damaged {
            format: "JPEG",
            what: "its frame header stands twice".to_owned(),
        });
    }
    // Of a picture in several scans the decoder may leave parts untouched: they must not show an older face.
    rgb.fill(0);
    decoder.decode_into(&mut rgb).map_err(|error| damaged(&error))?;
    wrap("JPEG", layout.size, rgb)
}

fn complete<'a>(bytes: &'a [u8], layout: &Layout) -> Cow<'a, [u8]> {
    let whole = bytes.get(..layout.end).unwrap_or(bytes);
    match layout.huffman {
        Huffman::Present => Cow::Borrowed(whole),
        Huffman::LeftOut => {
            let (head, scans) = whole.split_at(layout.first_scan.min(whole.len()));
            Cow::Owned([head, &tables::STANDARD_DHT, scans].concat())
        }
    }
}

/// Makes the decoder notice that data is missing although an end marker stands there.
///
/// Even in its strict mode the decoder goes on with zeros behind an end marker that comes too early, as it
/// does when packets were lost on the wire; behind the end of its input it does not. So the marker is
/// replaced by just as many bytes as the decoder reads ahead. Of several scans each needs its own end, so
/// those are left as they are.
fn unforgiving<'a>(whole: Cow<'a, [u8]>, layout: &Layout) -> Cow<'a, [u8]> {
    if layout.coding == Coding::SeveralScans {
        return whole;
    }
    let mut open_ended = whole.into_owned();
    open_ended.truncate(open_ended.len().saturating_sub(EOI_LENGTH));
    open_ended.extend([0; READ_AHEAD]);
    Cow::Owned(open_ended)
}

fn damaged(error: &zune_jpeg::errors::DecodeErrors) -> ImageError {
    // The decoder's words may span lines; a log line may not.
    let what = format!("{error:?}").split_whitespace().collect::<Vec<_>>().join(" ");
    ImageError::Damaged { format: "JPEG", what }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::vision::image::{encode_jpeg, samples};

    fn sample() -> Vec<u8> {
        encode_jpeg(&samples::gradient(160, 120), 90).unwrap()
    }

    /// The sample with the standard tables, then without any.
    fn without_tables(bytes: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        while let Some(at) = out.windows(2).position(|pair| pair == [0xFF, 0xC4]) {
            let length = usize::from(u16::from_be_bytes([out[at + 2], out[at + 3]]));
            out.drain(at..at + 2 + length);
        }
        out
    }

    #[test]
    fn a_picture_cut_anywhere_is_refused() {
        let whole = sample();
        for end in (0..whole.len()).step_by(7) {
            assert!(decode(&whole[..end], Vec::new()).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn a_picture_cut_and_closed_with_an_end_marker_is_refused() {
        let whole = sample();
        let scan = Layout::of(&whole).unwrap().first_scan;
        for end in (scan + 40..whole.len() - 40).step_by(131) {
            let mut closed = whole[..end].to_vec();
            closed.extend([0xFF, 0xD9]);
            assert!(decode(&closed, Vec::new()).is_err(), "cut at {end} of {}", whole.len());
        }
    }

    #[test]
    fn a_picture_that_lost_bytes_on_the_wire_is_refused() {
        let whole = sample();
        let scan = Layout::of(&whole).unwrap().first_scan;
        for from in (scan + 40..whole.len() - 700).step_by(997) {
            let mut short = whole.clone();
            short.drain(from..from + 600);
            assert!(decode(&short, Vec::new()).is_err(), "lost from {from}");
        }
    }

    #[test]
    fn a_whole_picture_of_few_bytes_is_not_mistaken_for_a_cut_one() {
        for (width, height) in [(16, 16), (17, 300), (300, 17), (64, 64), (640, 480)] {
            for grey in [0, 128, 255] {
                let size = Size::new(width, height);
                let rgb = vec![grey; (width * height * 3) as usize];
                let flat = Picture::from_rgb(size, rgb).unwrap();
                let picture = decode(&encode_jpeg(&flat, 90).unwrap(), Vec::new()).unwrap();
                assert_eq!(picture.size(), size);
            }
        }
    }

    #[test]
    fn bytes_after_the_end_marker_are_trimmed() {
        let whole = sample();
        let mut long = whole.clone();
        long.extend([0; 5_000]);
        long.extend(&whole);
        assert_eq!(normalise_jpeg(&long).unwrap().as_ref(), whole.as_slice());
        assert_eq!(decode(&long, Vec::new()).unwrap(), decode(&whole, Vec::new()).unwrap());
    }

    #[test]
    fn a_picture_without_huffman_tables_gets_the_standard_ones() {
        let whole = sample();
        let bare = without_tables(&whole);
        assert!(bare.len() + 400 < whole.len(), "the tables were taken out");

        let picture = decode(&bare, Vec::new()).unwrap();
        assert_eq!(picture, decode(&whole, Vec::new()).unwrap());
        let completed = normalise_jpeg(&bare).unwrap();
        assert_eq!(completed.len(), bare.len() + 420);
        assert!(matches!(normalise_jpeg(&completed).unwrap(), Cow::Borrowed(_)));
    }

    #[test]
    fn a_header_that_promises_too_much_is_refused_before_decoding() {
        let mut bytes = sample();
        let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        bytes[frame + 5..frame + 7].copy_from_slice(&9_000_u16.to_be_bytes());
        bytes[frame + 7..frame + 9].copy_from_slice(&12_000_u16.to_be_bytes());
        let error = decode(&bytes, Vec::new()).unwrap_err();
        assert!(matches!(error, ImageError::Size { size, .. } if size == Size::new(12_000, 9_000)));
    }

    #[test]
    fn a_grey_picture_becomes_rgb() {
        let mut bytes = Vec::new();
        image::codecs::jpeg::JpegEncoder::new(&mut bytes)
            .encode(&[77; 32 * 32], 32, 32, image::ExtendedColorType::L8)
            .unwrap();
        let picture = decode(&bytes, Vec::new()).unwrap();
        assert!(picture.rgb().iter().all(|v| v.abs_diff(77) < 3));
    }

    proptest::proptest! {
        #[test]
        fn damaged_bytes_never_panic(at in 0_usize..4_000, value: u8, cut in 0_usize..6_000) {
            let mut bytes = sample();
            let (at, cut) = (at % bytes.len(), cut % bytes.len());
            bytes[at] = value;
            let _ = decode(&bytes, Vec::new());
            let _ = decode(&bytes[..cut], Vec::new());
            let _ = normalise_jpeg(&bytes[at..]);
        }
    }
}
