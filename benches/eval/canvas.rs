//! A picture to work on: colours as numbers from 0 to 255 that may have fractions.

use image::codecs::jpeg::JpegEncoder;
use kiosk_enroll::domain::Size;
use kiosk_enroll::vision::Picture;
use kiosk_enroll::vision::image::decode_bytes;

/// Interleaved RGB, row by row.
#[derive(Clone)]
pub(crate) struct Canvas {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) rgb: Vec<f32>,
}

impl Canvas {
    pub(crate) fn of(picture: &Picture) -> Self {
        let size = picture.size();
        Self {
            width: size.width as usize,
            height: size.height as usize,
            rgb: picture.rgb().iter().map(|value| f32::from(*value)).collect(),
        }
    }

    pub(crate) fn filled(width: usize, height: usize, colour: [f32; 3]) -> Self {
        Self { width, height, rgb: colour.repeat(width * height) }
    }

    pub(crate) fn picture(&self) -> Picture {
        Picture::from_rgb(self.size(), self.bytes()).unwrap()
    }

    pub(crate) fn size(&self) -> Size {
        Size::new(self.width as u32, self.height as u32)
    }

    fn bytes(&self) -> Vec<u8> {
        self.rgb.iter().map(|value| value.round().clamp(0.0, 255.0) as u8).collect()
    }

    /// As a camera would send it.
    pub(crate) fn jpeg(&self, quality: u8) -> Vec<u8> {
        let mut jpeg = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, quality);
        let (width, height) = (self.width as u32, self.height as u32);
        encoder.encode(&self.bytes(), width, height, image::ExtendedColorType::Rgb8).unwrap();
        jpeg
    }

    /// What is left of it after a JPEG of this quality.
    pub(crate) fn compressed(&self, quality: u8) -> Self {
        Self::of(&decode_bytes(&self.jpeg(quality)).unwrap())
    }

    /// The colour between four pixels; beyond the edge the last pixel goes on.
    pub(crate) fn at(&self, x: f32, y: f32) -> [f32; 3] {
        let x = x.clamp(0.0, self.width as f32 - 1.001);
        let y = y.clamp(0.0, self.height as f32 - 1.001);
        let (left, top) = (x as usize, y as usize);
        let (fx, fy) = (x - left as f32, y - top as f32);
        let first = (top * self.width + left) * 3;
        let second = first + self.width * 3;
        let (a, b) = (&self.rgb[first..first + 6], &self.rgb[second..second + 6]);
        let mix = |i: usize| {
            let upper = a[i] + (a[i + 3] - a[i]) * fx;
            let lower = b[i] + (b[i + 3] - b[i]) * fx;
            upper + (lower - upper) * fy
        };
        [mix(0), mix(1), mix(2)]
    }

    /// The picture whose every pixel is fetched from the place that `from` names.
    pub(crate) fn moved(&self, from: impl Fn(f32, f32) -> (f32, f32)) -> Self {
        let mut rgb = Vec::with_capacity(self.rgb.len());
        for y in 0..self.height {
            for x in 0..self.width {
                let (x, y) = from(x as f32, y as f32);
                rgb.extend(self.at(x, y));
            }
        }
        Self { rgb, ..*self }
    }

    /// Seen in a mirror.
    pub(crate) fn mirrored(&self) -> Self {
        let last = self.width as f32 - 1.0;
        self.moved(|x, y| (last - x, y))
    }

    /// Scaled to another size.
    pub(crate) fn resized(&self, factor: f32) -> Self {
        let small = image::RgbImage::from_raw(self.width as u32, self.height as u32, self.bytes());
        let (width, height) = (self.width as f32 * factor, self.height as f32 * factor);
        let filter = image::imageops::FilterType::CatmullRom;
        let scaled = image::imageops::resize(&small.unwrap(), width as u32, height as u32, filter);
        let size = Size::new(scaled.width(), scaled.height());
        Self::of(&Picture::from_rgb(size, scaled.into_raw()).unwrap())
    }

    /// Every value through a function.
    pub(crate) fn each(mut self, change: impl Fn(f32) -> f32) -> Self {
        self.rgb.iter_mut().for_each(|value| *value = change(*value));
        self
    }
}
