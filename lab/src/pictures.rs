//! Makes what the camera will show, on the host: pictures of the walk-up and of two persons, in every shape.
//!
//! The two persons are tinted, one red and one blue, by an amount that leaves the brightness alone: each block
//! of a delivered portrait then tells whose frame it came from, whatever the faces look like.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, Rgb, RgbImage};

/// How far red and blue are moved apart.
const TINT: i32 = 40;
const QUALITY: u8 = 80;

/// What a folder's pictures look like.
#[derive(Debug, Clone, Copy)]
enum Tint {
    Natural,
    Red,
    Blue,
}

/// The folders: name, tint, files below `fixtures`; none stands for the whole walk-up.
const FOLDERS: [(&str, Tint, &[&str]); 4] = [
    ("walkup", Tint::Natural, &[]),
    ("red", Tint::Red, &["collins_frontal", "collins_yaw+5", "collins_yaw-5"]),
    ("blue", Tint::Blue, &["hopper_frontal", "hopper_frontal"]),
    ("yuyv", Tint::Natural, &["collins_frontal"]),
];

/// Writes every folder below `out`; `root` is the repository.
pub fn make(root: &Path, out: &Path) -> io::Result<()> {
    for (name, tint, files) in FOLDERS {
        let files = if files.is_empty() {
            walkup(root)?
        } else {
            let fixture = |file: &&str| root.join(format!("tests/fixtures/derived/{file}.jpg"));
            files.iter().map(fixture).collect()
        };
        for (index, file) in files.iter().enumerate() {
            let picture = tinted(open(file)?.to_rgb8(), tint);
            let folder = out.join(name);
            write_jpeg(&folder.join("640x480"), index, &picture)?;
            write_jpeg(&folder.join("1280x720"), index, &widened(&picture))?;
            if name == "yuyv" {
                let path = folder.join(format!("640x480/{index:03}.yuyv"));
                fs::write(path, yuyv(&picture))?;
            }
        }
    }
    Ok(())
}

fn walkup(root: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(root.join("assets/walkup"))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "jpg"))
        .collect();
    files.sort();
    Ok(files)
}

fn open(path: &Path) -> io::Result<DynamicImage> {
    image::open(path).map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
}

/// Fills the wide frame's height; the sides are grey.
fn widened(picture: &RgbImage) -> RgbImage {
    let scaled = image::imageops::resize(picture, 960, 720, FilterType::Triangle);
    let mut wide =
        RgbImage::from_fn(1280, 720, |x, y| *scaled.get_pixel(x.saturating_sub(160).min(959), y));
    image::imageops::replace(&mut wide, &scaled, 160, 0);
    wide
}

fn tinted(mut picture: RgbImage, tint: Tint) -> RgbImage {
    let shift = match tint {
        Tint::Natural => return picture,
        Tint::Red => TINT,
        Tint::Blue => -TINT,
    };
    for Rgb([r, g, b]) in picture.pixels_mut() {
        let grey = (i32::from(*r) * 77 + i32::from(*g) * 151 + i32::from(*b) * 28) / 256;
        // Room for the tint at both ends, so that it never clips away.
        let grey = grey.clamp(TINT, 255 - TINT);
        *r = (grey + shift) as u8;
        *g = grey as u8;
        *b = (grey - shift) as u8;
    }
    picture
}

fn write_jpeg(folder: &Path, index: usize, picture: &RgbImage) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .encode_image(picture)
        .map_err(io::Error::other)?;
    fs::write(folder.join(format!("{index:03}.jpg")), bytes)
}

/// Packed 4:2:2 of the usual video range.
fn yuyv(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(picture.len() * 2 / 3);
    let pixels: Vec<[f32; 3]> = picture.pixels().map(|pixel| pixel.0.map(f32::from)).collect();
    for pair in pixels.chunks_exact(2) {
        let luma = |[r, g, b]: [f32; 3]| 16.0 + 0.257 * r + 0.504 * g + 0.098 * b;
        let [r, g, b] = std::array::from_fn(|at| (pair[0][at] + pair[1][at]) / 2.0);
        let u = 128.0 - 0.148 * r - 0.291 * g + 0.439 * b;
        let v = 128.0 + 0.439 * r - 0.368 * g - 0.071 * b;
        bytes.extend([luma(pair[0]), u, luma(pair[1]), v].map(|value| value.round() as u8));
    }
    bytes
}

/// Whose frame a delivered portrait came from: each of 8 x 8 blocks is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Red,
    Blue,
    /// Blocks of both: a spliced picture.
    Mixed,
}

/// Tells whose frame a portrait came from.
pub fn whose(jpeg: &[u8]) -> io::Result<Whose> {
    let picture = image::load_from_memory(jpeg).map_err(io::Error::other)?.to_rgb8();
    let mut balance = [[0_i64; 8]; 8];
    let (width, height) = picture.dimensions();
    for (x, y, Rgb([r, _, b])) in picture.enumerate_pixels() {
        let block = &mut balance[(y * 8 / height) as usize][(x * 8 / width) as usize];
        *block += i64::from(*r) - i64::from(*b);
    }
    let mut blocks = balance.iter().flatten();
    if blocks.clone().all(|block| *block > 0) {
        Ok(Whose::Red)
    } else if blocks.all(|block| *block < 0) {
        Ok(Whose::Blue)
    } else {
        Ok(Whose::Mixed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jpeg(picture: &RgbImage) -> Vec<u8> {
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(picture).unwrap();
        bytes
    }

    #[test]
    fn the_tint_tells_persons_and_splices_apart() {
        let grey = RgbImage::from_fn(64, 64, |x, y| Rgb([(x * 3 + y) as u8; 3]));
        let (red, blue) = (tinted(grey.clone(), Tint::Red), tinted(grey, Tint::Blue));
        assert_eq!(whose(&jpeg(&red)).unwrap(), Whose::Red);
        assert_eq!(whose(&jpeg(&blue)).unwrap(), Whose::Blue);
        let mut spliced = red;
        image::imageops::replace(
            &mut spliced,
            &image::imageops::crop_imm(&blue, 0, 32, 64, 32).to_image(),
            0,
            32,
        );
        assert_eq!(whose(&jpeg(&spliced)).unwrap(), Whose::Mixed);
    }
}
