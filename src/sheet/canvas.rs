//! Boxes, pictures and text on a picture, clipped at its edges.

use std::convert::Infallible;

use embedded_graphics::mono_font::iso_8859_1::{FONT_9X15, FONT_9X15_BOLD, FONT_9X18};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::prelude::{Dimensions, DrawTarget, OriginDimensions, Point, Primitive};
use embedded_graphics::primitives::{PrimitiveStyleBuilder, Rectangle, StrokeAlignment};
use embedded_graphics::text::{Baseline, Text};
use embedded_graphics::{Drawable, Pixel};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ImageEncoder, RgbImage};

use crate::domain::Size;

/// A colour of the sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Paint {
    pub(super) r: u8,
    pub(super) g: u8,
    pub(super) b: u8,
}

/// The sheet's colours: dark, so that pictures stand out; amber and green also differ in brightness.
pub(super) mod palette {
    use super::Paint;

    const fn paint(r: u8, g: u8, b: u8) -> Paint {
        Paint { r, g, b }
    }

    pub(in crate::sheet) const PAPER: Paint = paint(20, 22, 27);
    pub(in crate::sheet) const CARD: Paint = paint(35, 39, 46);
    pub(in crate::sheet) const CHOSEN_CARD: Paint = paint(22, 58, 38);
    pub(in crate::sheet) const WELL: Paint = paint(12, 13, 16);
    pub(in crate::sheet) const INK: Paint = paint(236, 238, 241);
    pub(in crate::sheet) const SOFT: Paint = paint(160, 167, 178);
    pub(in crate::sheet) const CHOSEN: Paint = paint(52, 211, 107);
    pub(in crate::sheet) const REJECTED: Paint = paint(214, 148, 46);
    pub(in crate::sheet) const EMPTY: Paint = paint(82, 88, 98);
}

/// A kind of lettering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lettering {
    /// Twice as large as the others.
    Title,
    /// For the header's lines.
    Label,
    Strong,
    Text,
}

/// A picture to draw on.
pub(super) struct Canvas {
    pixels: RgbImage,
}

impl Canvas {
    pub(super) fn new(size: Size, paper: Paint) -> Self {
        let pixel = image::Rgb([paper.r, paper.g, paper.b]);
        Self { pixels: RgbImage::from_pixel(size.width, size.height, pixel) }
    }

    pub(super) fn size(&self) -> Size {
        Size::new(self.pixels.width(), self.pixels.height())
    }

    pub(super) fn into_rgb(self) -> Vec<u8> {
        self.pixels.into_raw()
    }

    pub(super) fn into_png(self) -> Result<Vec<u8>, image::ImageError> {
        let mut png = Vec::new();
        let encoder =
            PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Adaptive);
        let (width, height) = self.pixels.dimensions();
        encoder.write_image(&self.pixels, width, height, image::ExtendedColorType::Rgb8)?;
        Ok(png)
    }

    /// Fills a box.
    pub(super) fn fill(&mut self, left: u32, top: u32, size: Size, paint: Paint) {
        let _: Result<(), Infallible> = self.fill_solid(&area(left, top, size), paint.into());
    }

    /// Draws the inside edge of a box.
    pub(super) fn frame(&mut self, left: u32, top: u32, size: Size, width: u32, paint: Paint) {
        let style = PrimitiveStyleBuilder::new()
            .stroke_color(paint.into())
            .stroke_width(width)
            .stroke_alignment(StrokeAlignment::Inside)
            .build();
        let _: Result<(), Infallible> = area(left, top, size).into_styled(style).draw(self);
    }

    /// Writes one line with its upper left corner at `left`, `top`; gives its right edge.
    pub(super) fn text(
        &mut self,
        left: u32,
        top: u32,
        text: &str,
        lettering: Lettering,
        paint: Paint,
    ) -> u32 {
        let style = MonoTextStyle::new(lettering.font(), paint.into());
        let scale = lettering.scale();
        let origin = point(left / scale, top / scale);
        let line = Text::with_baseline(text, origin, style, Baseline::Top);
        let _: Result<_, Infallible> = line.draw(&mut Enlarged { canvas: self, scale });
        left + lettering.width_of(text)
    }

    /// Writes one line with its upper right corner at `right`, `top`.
    pub(super) fn text_right(
        &mut self,
        right: u32,
        top: u32,
        text: &str,
        lettering: Lettering,
        paint: Paint,
    ) {
        self.text(right.saturating_sub(lettering.width_of(text)), top, text, lettering, paint);
    }

    /// Lays a picture on the canvas.
    pub(super) fn paste(&mut self, left: u32, top: u32, picture: &RgbImage) {
        image::imageops::replace(&mut self.pixels, picture, i64::from(left), i64::from(top));
    }
}

impl Lettering {
    pub(super) fn width_of(self, text: &str) -> u32 {
        u32::try_from(text.chars().count()).unwrap_or(u32::MAX).saturating_mul(self.advance())
    }

    /// As much of `text` as fits into `width` pixels.
    pub(super) fn shortened(self, text: &str, width: u32) -> String {
        let room = (width / self.advance()) as usize;
        if text.chars().count() <= room {
            text.to_owned()
        } else {
            let cut: String = text.chars().take(room.saturating_sub(2)).collect();
            format!("{cut}..")
        }
    }

    fn advance(self) -> u32 {
        let font = self.font();
        (font.character_size.width + font.character_spacing) * self.scale()
    }

    const fn scale(self) -> u32 {
        match self {
            Self::Title => 2,
            Self::Label | Self::Strong | Self::Text => 1,
        }
    }

    const fn font(self) -> &'static MonoFont<'static> {
        match self {
            Self::Title => &FONT_9X15_BOLD,
            Self::Label => &FONT_9X18,
            Self::Strong => &FONT_9X15_BOLD,
            Self::Text => &FONT_9X15,
        }
    }
}

impl From<Paint> for Rgb888 {
    fn from(paint: Paint) -> Self {
        Self::new(paint.r, paint.g, paint.b)
    }
}

fn point(x: u32, y: u32) -> Point {
    Point::new(i32::try_from(x).unwrap_or(i32::MAX), i32::try_from(y).unwrap_or(i32::MAX))
}

fn area(left: u32, top: u32, size: Size) -> Rectangle {
    Rectangle::new(
        point(left, top),
        embedded_graphics::geometry::Size::new(size.width, size.height),
    )
}

impl OriginDimensions for Canvas {
    fn size(&self) -> embedded_graphics::geometry::Size {
        embedded_graphics::geometry::Size::new(self.pixels.width(), self.pixels.height())
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I>(&mut self, pixels: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Pixel<Rgb888>>,
    {
        let bounds = self.bounding_box();
        for Pixel(place, colour) in pixels {
            if bounds.contains(place) {
                let (x, y) = (place.x.unsigned_abs(), place.y.unsigned_abs());
                self.pixels.put_pixel(x, y, image::Rgb([colour.r(), colour.g(), colour.b()]));
            }
        }
        Ok(())
    }
}

/// Draws every pixel as a square of `scale` pixels: the fonts come in small sizes only.
struct Enlarged<'a> {
    canvas: &'a mut Canvas,
    scale: u32,
}

impl OriginDimensions for Enlarged<'_> {
    fn size(&self) -> embedded_graphics::geometry::Size {
        OriginDimensions::size(self.canvas) / self.scale
    }
}

impl DrawTarget for Enlarged<'_> {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I>(&mut self, pixels: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Pixel<Rgb888>>,
    {
        let size = embedded_graphics::geometry::Size::new_equal(self.scale);
        let scale = i32::try_from(self.scale).unwrap_or(1);
        for Pixel(place, colour) in pixels {
            self.canvas.fill_solid(&Rectangle::new(place * scale, size), colour)?;
        }
        Ok(())
    }
}
