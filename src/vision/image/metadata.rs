//! Takes metadata out of JPEG and PNG files without touching a pixel, and reads the one tag that matters.

use image::metadata::Orientation;

use super::ImageError;
use super::jpeg::{SOS, normalise_jpeg, segment};
use super::png::SIGNATURE;
use crate::domain::PortraitFormat;

/// Chunks that change how the pixels look; everything else (text, EXIF, times, animations) goes.
const PNG_KEPT: [&[u8; 4]; 10] =
    [b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP"];

/// Reads how the picture must be turned to stand upright; as it is, where no tag can be read.
pub(super) fn orientation(format: PortraitFormat, bytes: &[u8]) -> Orientation {
    let exif = match format {
        PortraitFormat::Jpeg => jpeg_exif(bytes),
        PortraitFormat::Png => png_exif(bytes),
    };
    exif.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms)
}

fn jpeg_exif(bytes: &[u8]) -> Option<&[u8]> {
    let mut at = 2;
    loop {
        let found = segment(bytes, at).ok()??;
        if found.marker == SOS {
            return None;
        }
        if found.marker == 0xE1 && found.body.starts_with(b"Exif\0\0") {
            return found.body.get(6..);
        }
        at = found.end;
    }
}

fn png_exif(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes.strip_prefix(&SIGNATURE)?;
    loop {
        let (chunk, after) = split_chunk(rest)?;
        if chunk.name == b"eXIf" {
            return Some(chunk.body);
        }
        rest = after;
    }
}

/// Leaves of a complete JPEG's segments only those that its pixels need.
///
/// Kept are the tables, the frame, the scans, JFIF without a thumbnail, the colour profile and Adobe's
/// colour transform; EXIF, XMP, IPTC, comments, thumbnails and attached pictures go.
pub(super) fn strip_jpeg(bytes: &[u8]) -> Result<Vec<u8>, ImageError> {
    let whole = normalise_jpeg(bytes)?;
    let mut out = whole.get(..2).unwrap_or_default().to_vec();
    let mut at = 2;
    while let Some(found) = segment(&whole, at)? {
        if found.marker == SOS {
            out.extend(whole.get(found.start..).unwrap_or_default());
            return Ok(out);
        }
        if is_needed(found.marker, found.body) {
            out.extend(whole.get(found.start..found.end).unwrap_or_default());
        }
        at = found.end;
    }
    Err(ImageError::Truncated { format: "JPEG", bytes: bytes.len() })
}

fn is_needed(marker: u8, body: &[u8]) -> bool {
    match marker {
        0xE0 => body.starts_with(b"JFIF\0") && body.len() == 14,
        0xE2 => body.starts_with(b"ICC_PROFILE\0"),
        0xEE => body.starts_with(b"Adobe"),
        0xE1..=0xEF | 0xFE => false,
        _ => true,
    }
}

/// Leaves of a PNG's chunks only those that its pixels need, up to its end chunk.
pub(super) fn strip_png(bytes: &[u8]) -> Result<Vec<u8>, ImageError> {
    let truncated = || ImageError::Truncated { format: "PNG", bytes: bytes.len() };
    let mut out = SIGNATURE.to_vec();
    let mut rest = bytes.strip_prefix(&SIGNATURE).ok_or_else(truncated)?;
    loop {
        let (chunk, after) = split_chunk(rest).ok_or_else(truncated)?;
        if PNG_KEPT.contains(&chunk.name) {
            out.extend(chunk.whole);
        }
        if chunk.name == b"IEND" {
            return Ok(out);
        }
        rest = after;
    }
}

struct Chunk<'a> {
    name: &'a [u8; 4],
    body: &'a [u8],
    whole: &'a [u8],
}

/// Splits off the first chunk: length, name, body, checksum.
fn split_chunk(bytes: &[u8]) -> Option<(Chunk<'_>, &[u8])> {
    let (length, named) = bytes.split_first_chunk::<4>()?;
    let (name, rest) = named.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let body = rest.get(..length)?;
    let (whole, after) = bytes.split_at_checked(length.checked_add(12)?)?;
    Some((Chunk { name, body, whole }, after))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::vision::image::{decode_bytes, encode_jpeg, encode_png, samples};

    #[test]
    fn a_jpeg_loses_exif_and_comment_and_no_pixel() {
        let clean = encode_jpeg(&samples::gradient(80, 60), 92).unwrap();
        let mut tagged = clean.clone();
        tagged.splice(2..2, *b"\xFF\xE1\x00\x0AExif\0\0GP");
        tagged.splice(2..2, *b"\xFF\xFE\x00\x08secret");
        tagged.extend(b"trailing thumbnail");
        let stripped = strip_jpeg(&tagged).unwrap();
        assert_eq!(stripped, clean);
    }

    #[test]
    fn a_png_loses_its_texts_and_no_pixel() {
        let picture = samples::gradient(80, 60);
        let clean = encode_png(&picture).unwrap();
        let mut tagged = clean.clone();
        // A text chunk behind the header chunk; readers skip its wrong checksum with the chunk.
        tagged.splice(33..33, *b"\0\0\0\x0CtEXtComment\0hall\0\0\0\0");
        let stripped = strip_png(&tagged).unwrap();
        assert_eq!(stripped, clean);
        assert_eq!(decode_bytes(&stripped).unwrap(), picture);
        assert!(strip_png(&tagged[..60]).is_err());
    }
}
