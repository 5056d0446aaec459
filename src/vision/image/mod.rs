//! Decodes frames into pictures, crops portraits and encodes them.
//!
//! **Invariants**
//! * A picture is decoded completely or not at all: no half frame ever becomes a face.
//! * The size is read from the header and judged before a single pixel is allocated.
//! * Nothing that leaves here carries metadata: no EXIF, no thumbnail, no comment. A picture that its
//!   orientation tag wants turned is turned.
//!
//! What is absent: no file access, no scaling, no drawing.

mod encode;
mod frames;
#[cfg(test)]
mod hostile;
mod jpeg;
mod metadata;
mod png;
mod portrait;
mod yuyv;

pub use encode::{encode_jpeg, encode_png};
pub use frames::FrameDecoder;
pub use jpeg::normalise_jpeg;
pub use portrait::{
    Framing, PORTRAIT_QUALITY, Region, encode_portrait, portrait_from_file_bytes, portrait_region,
};

use image::metadata::Orientation;

use super::Picture;
use crate::domain::{Encoding, FieldError, Frame, PortraitFormat, Size};

/// The most pixels a picture may have; as RGB they take 75 MB.
pub const MAX_PIXELS: u64 = 25_000_000;

/// The longest side a picture may have, in pixels.
pub const MAX_SIDE: u32 = 16_384;

/// The shortest side a picture may have, in pixels.
pub const MIN_SIDE: u32 = 16;

/// Why bytes are not a picture that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The bytes are no JPEG and no PNG.
    #[error("found {found}; allowed are JPEG and PNG")]
    Kind {
        /// What the bytes look like.
        found: &'static str,
    },
    /// The picture is too small or too large.
    #[error(
        "a {format} of {size} pixels; allowed are {MIN_SIDE} to {MAX_SIDE} pixels a side \
         and at most {} megapixels", MAX_PIXELS / 1_000_000
    )]
    Size {
        /// The picture's format.
        format: &'static str,
        /// What its header says.
        size: Size,
    },
    /// The bytes end before the picture does.
    #[error("a {format} that is cut short: its end is not within its {bytes} bytes")]
    Truncated {
        /// The picture's format.
        format: &'static str,
        /// How many bytes there are.
        bytes: usize,
    },
    /// The picture cannot be decoded.
    #[error("a damaged {format}: {what}")]
    Damaged {
        /// The picture's format.
        format: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// Raw pixels of the wrong length.
    #[error("raw pixels of {size}: found {found} bytes, allowed are exactly {wanted}")]
    Length {
        /// The announced size.
        size: Size,
        /// The bytes that belong to it.
        wanted: usize,
        /// The bytes found.
        found: usize,
    },
    /// The picture cannot be written.
    #[error("a picture of {size} pixels cannot be written as {format}: {what}")]
    Encode {
        /// The wanted format.
        format: &'static str,
        /// The picture's size.
        size: Size,
        /// What failed.
        what: String,
    },
    /// The picture is no portrait that the persons API takes.
    #[error(transparent)]
    Portrait(#[from] FieldError),
}

impl ImageError {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Kind { .. } => "give the picture's own file, as JPEG or PNG",
            Self::Size { .. } => "scale the picture to about 1280x720 pixels",
            Self::Truncated { .. } | Self::Damaged { .. } => {
                "copy the file again, or open it in a viewer and save it anew"
            }
            Self::Length { .. } => "look at the camera's cable and its USB port",
            Self::Encode { .. } => "choose a larger part of the picture",
            Self::Portrait(_) => "give a picture that shows one face in good resolution",
        }
    }
}

/// Decodes a frame into RGB; `reuse` is the buffer of an earlier picture.
///
/// A JPEG is decoded strictly: from its start marker to its end marker, with nothing missing between.
///
/// # Errors
/// When the bytes are not a complete picture of the announced kind, or its size is not allowed.
pub fn decode(frame: &Frame, reuse: Option<Vec<u8>>) -> Result<Picture, ImageError> {
    let buffer = reuse.unwrap_or_default();
    match frame.encoding {
        Encoding::Jpeg => upright(PortraitFormat::Jpeg, &frame.bytes, buffer),
        Encoding::Png => upright(PortraitFormat::Png, &frame.bytes, buffer),
        Encoding::Yuyv(size) => yuyv::decode(&frame.bytes, size, buffer),
    }
}

/// Decodes bytes whose kind is told by their first bytes, not by a file's name.
///
/// # Errors
/// As [`decode`]; text and other formats are named.
pub fn decode_bytes(bytes: &[u8]) -> Result<Picture, ImageError> {
    upright(format_of(bytes)?, bytes, Vec::new())
}

/// Decodes a picture and turns it as its orientation tag asks.
fn upright(format: PortraitFormat, bytes: &[u8], buffer: Vec<u8>) -> Result<Picture, ImageError> {
    let (name, picture) = match format {
        PortraitFormat::Jpeg => ("JPEG", jpeg::decode(bytes, buffer)?),
        PortraitFormat::Png => ("PNG", png::decode(bytes)?),
    };
    let orientation = metadata::orientation(format, bytes);
    if orientation == Orientation::NoTransforms {
        return Ok(picture);
    }
    let size = picture.size();
    let Some(lying) = image::RgbImage::from_raw(size.width, size.height, picture.into_rgb()) else {
        return Err(ImageError::Size { format: name, size });
    };
    let mut turned = image::DynamicImage::from(lying);
    turned.apply_orientation(orientation);
    let size = Size::new(turned.width(), turned.height());
    wrap(name, size, turned.into_rgb8().into_raw())
}

/// Tells JPEG from PNG by the first bytes.
///
/// # Errors
/// [`ImageError::Kind`] for everything else.
pub fn format_of(bytes: &[u8]) -> Result<PortraitFormat, ImageError> {
    if bytes.starts_with(&jpeg::SOI) {
        Ok(PortraitFormat::Jpeg)
    } else if bytes.starts_with(&png::SIGNATURE) {
        Ok(PortraitFormat::Png)
    } else {
        Err(ImageError::Kind { found: look(bytes) })
    }
}

/// Names what the bytes look like, for a person who gave the wrong file.
fn look(bytes: &[u8]) -> &'static str {
    const KNOWN: [(&[u8], &str); 9] = [
        (b"data:", "a data: URL as text"),
        (b"/9j/", "base64 text of a JPEG"),
        (b"iVBORw0KGgo", "base64 text of a PNG"),
        (b"GIF8", "a GIF"),
        (b"BM", "a BMP"),
        (b"II*\0", "a TIFF"),
        (b"MM\0*", "a TIFF"),
        (b"%PDF", "a PDF"),
        (b"RIFF", "a WebP or another RIFF file"),
    ];
    let start = bytes.trim_ascii_start();
    if bytes.is_empty() {
        return "no bytes at all";
    }
    if let Some((_, name)) = KNOWN.iter().find(|(magic, _)| start.starts_with(magic)) {
        return name;
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return "an HEIC, AVIF or MP4 file";
    }
    let head = bytes.get(..512).unwrap_or(bytes);
    if head.iter().all(|b| !b.is_ascii_control() || b.is_ascii_whitespace()) {
        "text"
    } else {
        "bytes of an unknown kind"
    }
}

/// Refuses a size before anything is allocated for it.
fn check_size(format: &'static str, size: Size) -> Result<(), ImageError> {
    let sides = MIN_SIDE..=MAX_SIDE;
    let pixels = u64::from(size.width) * u64::from(size.height);
    if sides.contains(&size.width) && sides.contains(&size.height) && pixels <= MAX_PIXELS {
        Ok(())
    } else {
        Err(ImageError::Size { format, size })
    }
}

/// Makes `buffer` hold exactly the RGB bytes of `size`; what was in it stays, to be overwritten.
fn fit(mut buffer: Vec<u8>, size: Size) -> Vec<u8> {
    buffer.resize(size.width as usize * size.height as usize * 3, 0);
    buffer
}

/// Wraps pixels that were decoded for `size`.
fn wrap(format: &'static str, size: Size, rgb: Vec<u8>) -> Result<Picture, ImageError> {
    Picture::from_rgb(size, rgb)
        .map_err(|error| ImageError::Damaged { format, what: error.to_string() })
}

#[cfg(test)]
pub(crate) mod samples {
    //! Pictures made by arithmetic, for the tests of this room.

    use super::{Picture, Size};

    /// A colourful picture without two equal rows.
    pub(crate) fn gradient(width: u32, height: u32) -> Picture {
        let rgb = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .flat_map(|(x, y)| [(x * 3) as u8, (y * 5) as u8, ((x ^ y) * 7) as u8])
            .collect();
        Picture::from_rgb(Size::new(width, height), rgb).expect("the sizes agree")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_picture_is_named() {
        let cases: [(&[u8], &str); 7] = [
            (b"", "no bytes at all"),
            (b"hello, this is a text file", "text"),
            (b"data:image/jpeg;base64,/9j/4AAQ", "a data: URL as text"),
            (b" /9j/4AAQSkZJRg", "base64 text of a JPEG"),
            (b"GIF89a", "a GIF"),
            (b"\0\0\0\x18ftypheic", "an HEIC, AVIF or MP4 file"),
            (b"\x01\x02\x03", "bytes of an unknown kind"),
        ];
        for (bytes, named) in cases {
            match decode_bytes(bytes).unwrap_err() {
                ImageError::Kind { found } => assert_eq!(found, named),
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn a_refused_size_says_what_was_found_and_what_is_allowed() {
        let error = check_size("JPEG", Size::new(12_000, 9_000)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a JPEG of 12000x9000 pixels; allowed are 16 to 16384 pixels a side and at most 25 megapixels"
        );
        assert!(check_size("PNG", Size::new(1, 1)).is_err());
        assert!(check_size("PNG", Size::new(16, 16_385)).is_err());
        assert!(check_size("PNG", Size::new(4_000, 3_000)).is_ok());
    }

    #[test]
    fn a_frame_is_decoded_by_its_announced_encoding_into_the_old_buffer() {
        let picture = samples::gradient(64, 48);
        let frame = Frame {
            sequence: 1,
            captured: crate::domain::Moment::default(),
            encoding: Encoding::Png,
            bytes: encode_png(&picture).unwrap(),
            path: None,
        };
        assert_eq!(decode(&frame, None).unwrap(), picture);

        let jpeg =
            Frame { encoding: Encoding::Jpeg, bytes: encode_jpeg(&picture, 95).unwrap(), ..frame };
        let again = decode(&jpeg, Some(vec![7; 1_000_000])).unwrap();
        assert_eq!(again.size(), picture.size());
    }
}
