//! One frame on the sheet.

use std::time::Duration;

use image::{ImageBuffer, Rgb, RgbImage};

use crate::domain::{Rect, Size};

use super::canvas::{Canvas, Lettering, Paint, palette};
use super::{Entry, Mark};

/// Width of a picture on the sheet.
const PICTURE_WIDTH: u32 = 224;
/// Heights that a picture on the sheet may have.
const PICTURE_HEIGHTS: std::ops::RangeInclusive<u32> = 126..=224;
/// Pixels between a tile's edge and its contents.
const INSET: u32 = 9;
const TITLE_HEIGHT: u32 = 21;
const SCORE_HEIGHT: u32 = 25;
const LINE_HEIGHT: u32 = 16;
/// How many lines are shown; of more, the last one says how many are left out.
const MAX_LINES: usize = 3;

/// A shrunk frame with its texts.
pub(super) struct Tile {
    pub(super) index: u64,
    pub(super) sequence: u64,
    pub(super) mark: Mark,
    picture: RgbImage,
    /// In pixels of the shrunk picture.
    face: Option<Rect>,
    title: String,
    time: Duration,
    score: Option<f64>,
    lines: Vec<String>,
}

impl std::fmt::Debug for Tile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tile({}, {:?})", self.sequence, self.mark)
    }
}

/// The size in which pictures of this shape are shown.
pub(super) fn thumbnail_size(picture: Size) -> Size {
    let height =
        f64::from(PICTURE_WIDTH) * f64::from(picture.height) / f64::from(picture.width.max(1));
    let height = height.round() as u32;
    Size::new(PICTURE_WIDTH, height.clamp(*PICTURE_HEIGHTS.start(), *PICTURE_HEIGHTS.end()))
}

/// The size of a whole tile.
pub(super) const fn size(thumbnail: Size) -> Size {
    let texts = TITLE_HEIGHT + SCORE_HEIGHT + LINE_HEIGHT * MAX_LINES as u32;
    Size::new(thumbnail.width + 2 * INSET, thumbnail.height + texts + 2 * INSET)
}

/// The colour that stands for a mark.
pub(super) const fn colour(mark: Mark) -> Paint {
    match mark {
        Mark::Chosen(_) | Mark::Candidate => palette::CHOSEN,
        Mark::Rejected => palette::REJECTED,
        Mark::Empty => palette::EMPTY,
    }
}

/// How strongly a tile is framed.
pub(super) const fn frame_width(mark: Mark) -> u32 {
    match mark {
        Mark::Chosen(_) => 5,
        Mark::Candidate => 2,
        Mark::Rejected | Mark::Empty => 1,
    }
}

impl Tile {
    /// Shrinks a frame to fit into `thumbnail`.
    pub(super) fn shrink(index: u64, entry: &Entry<'_>, thumbnail: Size) -> Self {
        let source = entry.picture.size();
        let scale = (f64::from(thumbnail.width) / f64::from(source.width))
            .min(f64::from(thumbnail.height) / f64::from(source.height));
        let shrunk = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
        let (width, height) = (shrunk(source.width), shrunk(source.height));
        let picture = ImageBuffer::<Rgb<u8>, &[u8]>::from_raw(
            source.width,
            source.height,
            entry.picture.rgb(),
        )
        .map_or_else(
            || RgbImage::new(width, height),
            |view| image::imageops::thumbnail(&view, width, height),
        );
        let scale = scale as f32;
        let face = entry.face.map(|face| {
            Rect::new(face.x * scale, face.y * scale, face.width * scale, face.height * scale)
        });
        Self {
            index,
            sequence: entry.sequence,
            mark: entry.mark,
            picture,
            face,
            title: entry.title.to_owned(),
            time: entry.time,
            score: entry.score,
            lines: some_lines(&entry.lines),
        }
    }

    /// Draws the tile with its upper left corner at `left`, `top`.
    pub(super) fn draw(&self, canvas: &mut Canvas, left: u32, top: u32, size: Size) {
        let ink = colour(self.mark);
        let card = match self.mark {
            Mark::Chosen(_) => palette::CHOSEN_CARD,
            Mark::Candidate | Mark::Rejected | Mark::Empty => palette::CARD,
        };
        canvas.fill(left, top, size, card);
        canvas.frame(left, top, size, frame_width(self.mark), ink);
        let inside = size.width - 2 * INSET;
        let (x, mut y) = (left + INSET, top + INSET);
        let time = format!("{:.2} s", self.time.as_secs_f64());
        canvas.text_right(x + inside, y, &time, Lettering::Text, palette::SOFT);
        let room = inside.saturating_sub(Lettering::Text.width_of(&time) + 8);
        let title = Lettering::Strong.shortened(&self.title, room);
        canvas.text(x, y, &title, Lettering::Strong, palette::INK);
        y += TITLE_HEIGHT;
        let well = Size::new(
            inside,
            size.height - 2 * INSET - TITLE_HEIGHT - SCORE_HEIGHT - LINE_HEIGHT * MAX_LINES as u32,
        );
        self.draw_picture(canvas, x, y, well);
        y += well.height;
        self.draw_score(canvas, x, y + 8, inside);
        y += SCORE_HEIGHT;
        for line in &self.lines {
            let line = Lettering::Text.shortened(line, inside);
            canvas.text(x, y, &line, Lettering::Text, ink_of_lines(self.mark));
            y += LINE_HEIGHT;
        }
    }

    fn draw_picture(&self, canvas: &mut Canvas, x: u32, y: u32, well: Size) {
        canvas.fill(x, y, well, palette::WELL);
        let left = x + well.width.saturating_sub(self.picture.width()) / 2;
        let top = y + well.height.saturating_sub(self.picture.height()) / 2;
        canvas.paste(left, top, &self.picture);
        if let Some((dx, dy, size)) = self.face.and_then(|face| self.clipped(face)) {
            canvas.frame(left + dx, top + dy, size, 2, colour(self.mark));
        }
        if let Mark::Chosen(rank) = self.mark {
            let rank = rank.to_string();
            let badge = Size::new(Lettering::Title.width_of(&rank) + 16, 36);
            canvas.fill(x, y, badge, palette::CHOSEN);
            canvas.text(x + 8, y + 4, &rank, Lettering::Title, palette::WELL);
        }
    }

    /// The part of a box that lies inside the shrunk picture.
    fn clipped(&self, face: Rect) -> Option<(u32, u32, Size)> {
        let (width, height) = (self.picture.width() as f32, self.picture.height() as f32);
        let (x0, y0) = (face.x.clamp(0.0, width), face.y.clamp(0.0, height));
        let (x1, y1) =
            ((face.x + face.width).clamp(0.0, width), (face.y + face.height).clamp(0.0, height));
        let size = Size::new((x1 - x0) as u32, (y1 - y0) as u32);
        (size.width > 0 && size.height > 0).then_some((x0 as u32, y0 as u32, size))
    }

    fn draw_score(&self, canvas: &mut Canvas, x: u32, y: u32, width: u32) {
        let Some(score) = self.score.filter(|score| score.is_finite()) else { return };
        let score = score.clamp(0.0, 1.0);
        let value = format!("{score:.2}");
        let bar = width.saturating_sub(Lettering::Text.width_of(&value) + 10);
        canvas.fill(x, y + 2, Size::new(bar, 8), palette::WELL);
        let filled = (f64::from(bar) * score).round() as u32;
        canvas.fill(x, y + 2, Size::new(filled, 8), colour(self.mark));
        canvas.text_right(x + width, y - 2, &value, Lettering::Text, palette::INK);
    }
}

const fn ink_of_lines(mark: Mark) -> Paint {
    match mark {
        Mark::Rejected => palette::REJECTED,
        Mark::Empty => palette::SOFT,
        Mark::Chosen(_) | Mark::Candidate => palette::CHOSEN,
    }
}

fn some_lines(lines: &[String]) -> Vec<String> {
    if lines.len() <= MAX_LINES {
        return lines.to_vec();
    }
    let mut some: Vec<String> = lines[..MAX_LINES - 1].to_vec();
    some.push(format!("and {} more", lines.len() + 1 - MAX_LINES));
    some
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::vision::Picture;

    #[test]
    fn a_tile_keeps_the_shape_of_its_picture_whatever_the_first_one_was() {
        let wide = thumbnail_size(Size::new(1_280, 720));
        assert_eq!(wide, Size::new(224, 126));
        let high = Size::new(480, 640);
        let picture = Picture::from_rgb(high, vec![0; 480 * 640 * 3]).unwrap();
        let entry = Entry {
            sequence: 1,
            picture: &picture,
            face: Some(Rect::new(120.0, 160.0, 240.0, 320.0)),
            title: "1",
            time: Duration::ZERO,
            score: None,
            lines: vec![],
            mark: Mark::Empty,
        };
        let tile = Tile::shrink(0, &entry, wide);
        assert_eq!(tile.picture.dimensions(), (95, 126));
        let face = tile.face.unwrap();
        assert!((face.height - 63.0).abs() < 0.5 && (face.y - 31.5).abs() < 0.5);
    }

    #[test]
    fn more_lines_than_fit_are_counted() {
        let lines: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        assert_eq!(some_lines(&lines), ["a", "b", "and 2 more"]);
        assert_eq!(some_lines(&lines[..3]), ["a", "b", "c"]);
    }
}
