//! Small copies of pictures, to be written into a page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::{RgbImage, imageops};

use crate::domain::Size;
use crate::vision::Picture;
use crate::vision::image::{Region, encode_jpeg};

/// Good enough to look at, and a third of the size of a better one.
const QUALITY: u8 = 80;

/// A part of a picture as a `data:` URL, its longer side scaled down to at most `side` pixels.
pub(super) fn of(picture: &Picture, region: Region, side: u32) -> Option<String> {
    let part = cut(picture, region)?;
    let longer = part.width().max(part.height()).max(1);
    let small = if longer > side {
        let scaled = |length: u32| (u64::from(length) * u64::from(side) / u64::from(longer)).max(1);
        imageops::thumbnail(&part, scaled(part.width()) as u32, scaled(part.height()) as u32)
    } else {
        part
    };
    let size = Size::new(small.width(), small.height());
    let jpeg = encode_jpeg(&Picture::from_rgb(size, small.into_raw()).ok()?, QUALITY).ok()?;
    Some(format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg)))
}

/// The pixels of a region; `None` where it reaches beyond the picture.
fn cut(picture: &Picture, region: Region) -> Option<RgbImage> {
    let Size { width, height } = region.size;
    let stride = picture.size().width as usize * 3;
    let mut rgb = Vec::with_capacity(width as usize * height as usize * 3);
    let rows = picture.rgb().chunks_exact(stride.max(1)).skip(region.y as usize);
    for row in rows.take(height as usize) {
        rgb.extend_from_slice(row.get(region.x as usize * 3..(region.x + width) as usize * 3)?);
    }
    RgbImage::from_raw(width, height, rgb)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn a_large_picture_becomes_small_and_a_small_one_stays() {
        for (width, height, wanted) in
            [(2_000, 500, (400, 100)), (60, 90, (60, 90)), (4_000, 16, (400, 1))]
        {
            let picture = Picture::from_rgb(
                Size::new(width, height),
                vec![80; (width * height * 3) as usize],
            );
            let region = Region { x: 0, y: 0, size: Size::new(width, height) };
            let url = of(&picture.unwrap(), region, 400).unwrap();
            let jpeg =
                STANDARD.decode(url.strip_prefix("data:image/jpeg;base64,").unwrap()).unwrap();
            let seen = image::load_from_memory(&jpeg).unwrap();
            assert_eq!((seen.width(), seen.height()), wanted);
        }
    }
}
