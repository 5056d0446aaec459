//! Draws a contact sheet: the frames of a session side by side, with what was found and decided.
//!
//! A technician sees at a glance why a frame was or was not taken. Each tile shows number and time, the
//! picture with the face's box, the score as a bar, and the reason codes as they stand in JSON and logs.
//!
//! **Invariant:** memory is bounded whatever the length of a session: pictures are shrunk as they come, and
//! at most [`SheetBuilder::new`]'s count of them is kept (120 take about 13 MB, the finished sheet about
//! 25 MB more). Where there are more, every second, then every fourth one and so on is shown; candidates are
//! always shown before others.
//!
//! What is absent: no file access. A sheet shows faces: whoever stores it decides who may read it.

mod canvas;
mod proof;
mod tile;

pub use proof::{Line, Proof, Verdict};

use std::time::Duration;

use crate::domain::{Rect, Size};
use crate::vision::Picture;

use canvas::{Canvas, Lettering, palette};
use tile::Tile;

/// How many tiles a sheet shows unless told otherwise.
pub const DEFAULT_TILES: usize = 120;

/// Pixels between tiles and around the sheet.
const GAP: u32 = 12;
/// Height of the title, the summary and the legend.
const HEADER_HEIGHT: u32 = 112;
/// The most tiles side by side: more make the sheet wider than screens.
const MAX_COLUMNS: usize = 8;
/// The least width of a sheet, so that its header fits.
const MIN_COLUMNS: usize = 4;

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Chosen as a shot, with its rank from 1.
    Chosen(usize),
    /// It was a candidate.
    Candidate,
    /// It has a face that is not good enough.
    Rejected,
    /// It has no face.
    Empty,
}

/// One frame as it is to be shown.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// The frame's sequence number, by which it can be marked later.
    pub sequence: u64,
    /// The picture, of any size.
    pub picture: &'a Picture,
    /// The box around the face, in the picture's pixels.
    pub face: Option<Rect>,
    /// The frame's name or number.
    pub title: &'a str,
    /// The time since the session began.
    pub time: Duration,
    /// How good it is, 0 to 1, if it was judged.
    pub score: Option<f64>,
    /// Reason codes or other short lines; the first few are shown.
    pub lines: Vec<String>,
    /// What became of it so far.
    pub mark: Mark,
}

/// Why a sheet cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// The picture cannot be encoded.
    #[error("contact sheet of {size} cannot be encoded")]
    Encode {
        /// The sheet's size.
        size: Size,
        /// What the encoder said.
        source: image::ImageError,
    },
}

/// Gathers frames as they come and draws them in the end.
#[derive(Debug)]
pub struct SheetBuilder {
    max_tiles: usize,
    /// Every how manieth frame is shown.
    stride: u64,
    offered: u64,
    /// The size in which pictures are shown, from the first one's shape.
    thumbnail: Option<Size>,
    tiles: Vec<Tile>,
}

impl SheetBuilder {
    /// Begins a sheet of at most `max_tiles` tiles, at least one.
    pub fn new(max_tiles: usize) -> Self {
        let max_tiles = max_tiles.max(1);
        Self { max_tiles, stride: 1, offered: 0, thumbnail: None, tiles: Vec::new() }
    }

    /// Shrinks a frame and keeps it, if there is room for its kind.
    pub fn add(&mut self, entry: &Entry<'_>) {
        let index = self.offered;
        self.offered += 1;
        if !index.is_multiple_of(self.stride) && !is_taken(entry.mark) {
            return;
        }
        let size =
            *self.thumbnail.get_or_insert_with(|| tile::thumbnail_size(entry.picture.size()));
        self.tiles.push(Tile::shrink(index, entry, size));
        self.make_room();
    }

    /// Changes the mark of a frame; a frame that is not shown is left out.
    pub fn mark(&mut self, sequence: u64, mark: Mark) {
        for tile in self.tiles.iter_mut().filter(|tile| tile.sequence == sequence) {
            tile.mark = mark;
        }
    }

    /// How many frames are shown so far.
    pub fn len(&self) -> usize {
        self.tiles.len()
    }

    /// Whether no frame is shown so far.
    pub fn is_empty(&self) -> bool {
        self.tiles.is_empty()
    }

    /// Draws the sheet and encodes it as PNG, with a title and a summary of one line.
    ///
    /// # Errors
    /// When the encoder fails.
    pub fn finish(self, title: &str, summary: &str) -> Result<Vec<u8>, SheetError> {
        let columns = self.columns();
        let columns_u32 = u32::try_from(columns).unwrap_or(u32::MAX);
        let rows = u32::try_from(self.tiles.len().div_ceil(columns)).unwrap_or(u32::MAX);
        let tile =
            tile::size(self.thumbnail.unwrap_or_else(|| tile::thumbnail_size(Size::new(4, 3))));
        let size = Size::new(
            GAP + columns_u32 * (tile.width + GAP),
            HEADER_HEIGHT + GAP + rows * (tile.height + GAP),
        );
        let mut canvas = Canvas::new(size, palette::PAPER);
        self.draw_header(&mut canvas, title, summary);
        for (place, shown) in self.tiles.iter().enumerate() {
            let column = u32::try_from(place % columns).unwrap_or(u32::MAX);
            let row = u32::try_from(place / columns).unwrap_or(u32::MAX);
            let left = GAP + column * (tile.width + GAP);
            let top = HEADER_HEIGHT + row * (tile.height + GAP);
            shown.draw(&mut canvas, left, top, tile);
        }
        canvas.into_png().map_err(|source| SheetError::Encode { size, source })
    }

    fn columns(&self) -> usize {
        // About twice as wide as high, as tiles are a little higher than wide.
        let wanted = (self.tiles.len() as f64 * 2.0).sqrt().ceil();
        (wanted as usize).clamp(MIN_COLUMNS, MAX_COLUMNS)
    }

    fn draw_header(&self, canvas: &mut Canvas, title: &str, summary: &str) {
        canvas.text(GAP, 14, title, Lettering::Title, palette::INK);
        canvas.text(GAP, 52, summary, Lettering::Label, palette::SOFT);
        let mut x = GAP;
        for (mark, name) in [
            (Mark::Chosen(1), "chosen, with rank"),
            (Mark::Candidate, "candidate"),
            (Mark::Rejected, "rejected"),
            (Mark::Empty, "no face"),
        ] {
            canvas.frame(x, 80, Size::new(26, 18), tile::frame_width(mark), tile::colour(mark));
            x = canvas.text(x + 34, 80, name, Lettering::Label, palette::INK) + 28;
        }
        let shown = format!("{} of {} frames shown", self.tiles.len(), self.offered);
        let right = canvas.size().width - GAP;
        canvas.text_right(right, 80, &shown, Lettering::Label, palette::SOFT);
    }

    fn make_room(&mut self) {
        while self.tiles.len() > self.max_tiles {
            let before = self.tiles.len();
            self.stride = self.stride.saturating_mul(2);
            let stride = self.stride;
            self.tiles.retain(|tile| is_taken(tile.mark) || tile.index.is_multiple_of(stride));
            let only_taken = self.tiles.iter().all(|tile| is_taken(tile.mark));
            if only_taken && self.tiles.len() == before {
                // The oldest candidates belong to tracks that were given up long ago.
                self.tiles.drain(..before - self.max_tiles);
            }
        }
    }
}

const fn is_taken(mark: Mark) -> bool {
    matches!(mark, Mark::Chosen(_) | Mark::Candidate)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    fn picture() -> Picture {
        Picture::from_rgb(Size::new(64, 48), vec![90; 64 * 48 * 3]).unwrap()
    }

    fn add(builder: &mut SheetBuilder, sequence: u64, mark: Mark) {
        builder.add(&Entry {
            sequence,
            picture: &picture(),
            face: Some(Rect::new(-5.0, 10.0, 90.0, 20.0)),
            title: "033.jpg",
            time: Duration::from_millis(3_300),
            score: Some(0.7),
            lines: vec!["turn_right".to_owned(), "hold_still".to_owned()],
            mark,
        });
    }

    fn shown(builder: &SheetBuilder) -> Vec<u64> {
        builder.tiles.iter().map(|tile| tile.sequence).collect()
    }

    #[test]
    fn a_sheet_is_a_picture_with_a_row_for_every_few_tiles() {
        let mut builder = SheetBuilder::new(DEFAULT_TILES);
        for i in 0..5 {
            add(&mut builder, i, Mark::Rejected);
        }
        let png = builder.finish("lobby-01", "5 considered").unwrap();
        let sheet = image::load_from_memory(&png).unwrap();
        let tile = tile::size(tile::thumbnail_size(Size::new(64, 48)));
        assert_eq!(sheet.width(), GAP + 4 * (tile.width + GAP));
        assert_eq!(sheet.height(), HEADER_HEIGHT + GAP + 2 * (tile.height + GAP));
    }

    #[test]
    fn an_empty_sheet_still_has_its_header() {
        let png = SheetBuilder::new(0).finish("lobby-01", "nothing considered").unwrap();
        assert!(image::load_from_memory(&png).unwrap().height() >= HEADER_HEIGHT);
    }

    #[test]
    fn a_long_session_is_thinned_evenly_and_keeps_its_candidates() {
        let mut builder = SheetBuilder::new(10);
        for i in 0..40 {
            add(&mut builder, i, if i == 13 { Mark::Candidate } else { Mark::Rejected });
            assert!(builder.len() <= 10);
        }
        builder.mark(13, Mark::Chosen(1));
        assert_eq!(shown(&builder), [0, 8, 13, 16, 24, 32]);
    }

    #[test]
    fn candidates_alone_are_bounded_too_and_the_latest_stay() {
        let mut builder = SheetBuilder::new(4);
        for i in 0..30 {
            add(&mut builder, i, Mark::Candidate);
        }
        assert_eq!(shown(&builder), [26, 27, 28, 29]);
    }

    #[test]
    fn chosen_frames_stand_out_in_green() {
        let sheet = |mark| {
            let mut builder = SheetBuilder::new(1);
            add(&mut builder, 0, mark);
            let png = builder.finish("lobby-01", "").unwrap();
            image::load_from_memory(&png).unwrap().into_rgb8()
        };
        let green = |mark| {
            let paint = palette::CHOSEN;
            sheet(mark).pixels().filter(|pixel| pixel.0 == [paint.r, paint.g, paint.b]).count()
        };
        let legend_and_nothing_else = green(Mark::Rejected);
        let candidate = green(Mark::Candidate) - legend_and_nothing_else;
        let chosen = green(Mark::Chosen(1)) - legend_and_nothing_else;
        assert!(candidate > 0 && chosen > candidate * 3 / 2, "{candidate} {chosen}");
    }
}
