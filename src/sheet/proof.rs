//! Draws one picture large, with what was found in it and a panel of lines beside it.

use image::{ImageBuffer, Rgb, RgbImage};

use super::canvas::{Canvas, Lettering, Paint, palette};
use crate::domain::{Landmarks, Point, Rect, Size};
use crate::vision::{Picture, VisionError};

const PANEL_WIDTH: u32 = 520;
const MARGIN: u32 = 14;
const LINE_HEIGHT: u32 = 20;
/// Half the side of a landmark's square.
const DOT: u32 = 3;

/// What a line says about its subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A heading.
    Heading,
    /// Neither good nor bad.
    Neutral,
    /// It passes.
    Good,
    /// It fails.
    Bad,
}

/// A line of the panel; one that is too long goes on below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it says.
    pub text: String,
    /// How it is coloured.
    pub verdict: Verdict,
}

/// One picture with its findings.
#[derive(Debug, Clone)]
pub struct Proof<'a> {
    /// The picture.
    pub picture: &'a Picture,
    /// The face's box and its five points, in the picture's pixels.
    pub face: Option<(Rect, Landmarks)>,
    /// The panel's lines.
    pub lines: Vec<Line>,
}

impl Proof<'_> {
    /// Draws it.
    ///
    /// # Errors
    /// Never for a picture with at least one pixel.
    pub fn draw(&self) -> Result<Picture, VisionError> {
        let size = self.picture.size();
        let lines = self.wrapped();
        let panel = 2 * MARGIN + LINE_HEIGHT * u32::try_from(lines.len()).unwrap_or(0);
        let whole = Size::new(size.width + PANEL_WIDTH, size.height.max(panel));
        let mut canvas = Canvas::new(whole, palette::PAPER);
        let view = ImageBuffer::<Rgb<u8>, _>::from_raw(
            size.width,
            size.height,
            self.picture.rgb().to_vec(),
        );
        canvas.paste(0, 0, &view.unwrap_or_else(|| RgbImage::new(size.width, size.height)));
        if let Some((bounds, marks)) = self.face {
            draw_face(&mut canvas, size, bounds, &marks);
        }
        let left = size.width + MARGIN;
        let mut top = MARGIN;
        for line in lines {
            canvas.text(left, top, &line.text, lettering(line.verdict), paint(line.verdict));
            top += LINE_HEIGHT;
        }
        Picture::from_rgb(whole, canvas.into_rgb())
    }

    fn wrapped(&self) -> Vec<Line> {
        let room = (PANEL_WIDTH - 2 * MARGIN) / Lettering::Text.width_of("x");
        let mut lines = Vec::new();
        for Line { text, verdict } in &self.lines {
            let mut part = String::new();
            for word in text.split(' ') {
                if part.chars().count() + word.chars().count() >= room as usize {
                    lines.push(Line { text: std::mem::take(&mut part), verdict: *verdict });
                    part.push_str("  ");
                }
                part.push_str(word);
                part.push(' ');
            }
            lines.push(Line { text: part, verdict: *verdict });
        }
        lines
    }
}

fn draw_face(canvas: &mut Canvas, size: Size, bounds: Rect, marks: &Landmarks) {
    let inside = |value: f32, end: u32| value.clamp(0.0, end as f32) as u32;
    let (left, top) = (inside(bounds.x, size.width), inside(bounds.y, size.height));
    let right = inside(bounds.x + bounds.width, size.width);
    let bottom = inside(bounds.y + bounds.height, size.height);
    let box_size = Size::new(right.saturating_sub(left), bottom.saturating_sub(top));
    canvas.frame(left, top, box_size, 3, palette::CHOSEN);
    let points = [marks.right_eye, marks.left_eye, marks.nose, marks.right_mouth, marks.left_mouth];
    for Point { x, y } in points {
        let (x, y) = (inside(x, size.width), inside(y, size.height));
        let side = Size::new(2 * DOT, 2 * DOT);
        canvas.fill(x.saturating_sub(DOT), y.saturating_sub(DOT), side, palette::REJECTED);
    }
}

const fn lettering(verdict: Verdict) -> Lettering {
    match verdict {
        Verdict::Heading => Lettering::Strong,
        Verdict::Neutral | Verdict::Good | Verdict::Bad => Lettering::Text,
    }
}

const fn paint(verdict: Verdict) -> Paint {
    match verdict {
        Verdict::Heading => palette::INK,
        Verdict::Neutral => palette::SOFT,
        Verdict::Good => palette::CHOSEN,
        Verdict::Bad => palette::REJECTED,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn the_picture_keeps_its_place_and_a_face_beyond_the_edge_does_no_harm() {
        let size = Size::new(64, 48);
        let picture = Picture::from_rgb(size, vec![200; 64 * 48 * 3]).unwrap();
        let face = Some((Rect::new(-20.0, 10.0, 500.0, 500.0), Landmarks::default()));
        let line = Line { text: "word ".repeat(40), verdict: Verdict::Bad };
        let proof = Proof { picture: &picture, face, lines: vec![line] };
        let drawn = proof.draw().unwrap();
        assert_eq!(drawn.size().width, 64 + PANEL_WIDTH);
        assert!(drawn.size().height > 48 + 2 * LINE_HEIGHT);
        let row = drawn.size().width as usize * 3;
        assert_eq!(drawn.rgb()[5 * row + 30], 200);
    }
}
