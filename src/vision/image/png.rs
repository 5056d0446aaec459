//! Decodes PNG files, which only come from people and replays, never from a camera.

use std::io::Cursor;

use image::codecs::png::PngDecoder;
use image::{DynamicImage, Limits};

use super::{ImageError, MAX_PIXELS, check_size, wrap};
use crate::domain::Size;
use crate::vision::Picture;

/// The first bytes of every PNG.
pub(super) const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// Decodes any colour type into 8-bit RGB; an alpha channel is dropped, not blended.
pub(super) fn decode(bytes: &[u8]) -> Result<Picture, ImageError> {
    let size = header_size(bytes)?;
    check_size("PNG", size)?;
    let damaged = |error: image::ImageError| damaged(&error, bytes.len());
    let mut limits = Limits::default();
    // 16-bit RGBA takes eight bytes a pixel; as much again for the decoder's own rows and tables.
    limits.max_alloc = Some(MAX_PIXELS * 8 * 2);
    let decoder = PngDecoder::with_limits(Cursor::new(bytes), limits).map_err(damaged)?;
    let rgb = DynamicImage::from_decoder(decoder).map_err(damaged)?.into_rgb8();
    wrap("PNG", size, rgb.into_raw())
}

/// Reads the size from the header chunk, which always comes first.
fn header_size(bytes: &[u8]) -> Result<Size, ImageError> {
    let (Some(b"IHDR"), Some(&[w0, w1, w2, w3, h0, h1, h2, h3])) =
        (bytes.get(12..16), bytes.get(16..24))
    else {
        return Err(ImageError::Truncated { format: "PNG", bytes: bytes.len() });
    };
    Ok(Size::new(u32::from_be_bytes([w0, w1, w2, w3]), u32::from_be_bytes([h0, h1, h2, h3])))
}

fn damaged(error: &image::ImageError, bytes: usize) -> ImageError {
    match error {
        image::ImageError::IoError(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => {
            ImageError::Truncated { format: "PNG", bytes }
        }
        other => ImageError::Damaged { format: "PNG", what: other.to_string() },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use image::ImageEncoder;
    use image::codecs::png::PngEncoder;

    use super::*;

    fn png(data: &[u8], size: u32, color: image::ExtendedColorType) -> Vec<u8> {
        let mut bytes = Vec::new();
        PngEncoder::new(&mut bytes).write_image(data, size, size, color).unwrap();
        bytes
    }

    #[test]
    fn every_colour_type_becomes_rgb() {
        use image::ExtendedColorType::{L8, La8, Rgb8, Rgb16, Rgba8};
        for (color, bytes) in [(L8, 1), (La8, 2), (Rgb8, 3), (Rgba8, 4), (Rgb16, 6)] {
            let picture = decode(&png(&vec![90; 400 * bytes], 20, color)).unwrap();
            assert_eq!(picture.size(), Size::new(20, 20));
            assert!(picture.rgb().iter().all(|v| *v == 90), "{color:?}");
        }
    }

    #[test]
    fn a_header_that_promises_too_much_is_refused_before_decoding() {
        let mut bytes = png(&[0; 400], 20, image::ExtendedColorType::L8);
        bytes[16..20].copy_from_slice(&12_000_u32.to_be_bytes());
        bytes[20..24].copy_from_slice(&9_000_u32.to_be_bytes());
        assert!(matches!(decode(&bytes).unwrap_err(), ImageError::Size { format: "PNG", .. }));
    }

    #[test]
    fn a_cut_file_is_refused_at_every_length() {
        let bytes = png(&[5; 1200], 20, image::ExtendedColorType::Rgb8);
        for end in 8..bytes.len() - 12 {
            assert!(decode(&bytes[..end]).is_err(), "{end} of {} bytes", bytes.len());
        }
    }
}
