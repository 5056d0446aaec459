//! Writes pictures as JPEG and PNG, without any metadata.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::ImageError;
use crate::vision::Picture;

/// Encodes a picture as a baseline JPEG of `quality` 1 to 100, without chroma subsampling or metadata.
///
/// # Errors
/// When a side is longer than a JPEG's 65,535 pixels.
pub fn encode_jpeg(picture: &Picture, quality: u8) -> Result<Vec<u8>, ImageError> {
    let size = picture.size();
    let mut bytes = Vec::with_capacity(picture.rgb().len() / 8);
    JpegEncoder::new_with_quality(&mut bytes, quality.clamp(1, 100))
        .encode(picture.rgb(), size.width, size.height, ExtendedColorType::Rgb8)
        .map_err(|error| ImageError::Encode { format: "JPEG", size, what: error.to_string() })?;
    Ok(bytes)
}

/// Encodes a picture as a PNG without metadata.
///
/// # Errors
/// When the encoder refuses the picture.
pub fn encode_png(picture: &Picture) -> Result<Vec<u8>, ImageError> {
    let size = picture.size();
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(picture.rgb(), size.width, size.height, ExtendedColorType::Rgb8)
        .map_err(|error| ImageError::Encode { format: "PNG", size, what: error.to_string() })?;
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::vision::image::{decode_bytes, samples};

    #[test]
    fn a_png_gives_every_pixel_back_and_a_jpeg_nearly() {
        let picture = samples::gradient(40, 30);
        assert_eq!(decode_bytes(&encode_png(&picture).unwrap()).unwrap(), picture);

        let again = decode_bytes(&encode_jpeg(&picture, 100).unwrap()).unwrap();
        let off = |(a, b): (&u8, &u8)| u64::from(a.abs_diff(*b));
        let sum: u64 = again.rgb().iter().zip(picture.rgb()).map(off).sum();
        assert!(sum / (picture.rgb().len() as u64) < 4, "{sum}");
    }
}
