//! A square of the picture at the middle of the face, pixel by pixel as it arrived: noise and the blocks of a
//! JPEG are gone as soon as a picture is scaled.

use super::skin::brightness;
use super::{Pixels, Subject};
use crate::domain::{Cause, Point};

/// A window reaches so many eye distances to each side of the middle of the face.
const REACH: f32 = 1.0;

/// Nor more pixels than this: what is counted here is the same all over a large face.
const MOST: f32 = 128.0;

/// The middle of the face lies so many eye distances below the eyes.
const BELOW_THE_EYES: f32 = 0.35;

/// Fewer pixels a side tell nothing.
const FEWEST: usize = 24;

/// Brightness, 0 to 255, of a part of the picture at its own size.
#[derive(Clone)]
pub(super) struct Window {
    pub(super) luma: Vec<u8>,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl std::fmt::Debug for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Window({}x{})", self.width, self.height)
    }
}

impl Window {
    /// Cuts the window out; fails where too little of it is inside the picture.
    pub(super) fn of(subject: &Subject<'_>, pixels: &Pixels<'_>) -> Result<Self, Cause> {
        let distance = subject.eye_distance()?;
        let eyes = subject.face().landmarks;
        let down = Point::new(
            -(eyes.left_eye.y - eyes.right_eye.y) * BELOW_THE_EYES,
            (eyes.left_eye.x - eyes.right_eye.x) * BELOW_THE_EYES,
        );
        let middle = subject.eye_middle();
        let middle = Point::new(middle.x + down.x, middle.y + down.y);
        let reach = (distance * REACH).min(MOST);
        let span = |at: f32, limit: u32| {
            let edge = |place: f32| place.clamp(0.0, limit as f32) as usize;
            edge(at - reach)..edge(at + reach)
        };
        let columns = span(middle.x, pixels.size().width);
        let rows = span(middle.y, pixels.size().height);
        if columns.len() < FEWEST || rows.len() < FEWEST {
            let small = 2.0 * reach < FEWEST as f32;
            return Err(if small { Cause::TooSmall } else { Cause::OutsidePicture });
        }
        let (width, height) = (columns.len(), rows.len());
        let mut luma = Vec::with_capacity(width * height);
        for y in rows {
            let row = pixels.row(y).get(columns.start * 3..columns.end * 3).unwrap_or_default();
            luma.extend(row.as_chunks().0.iter().map(brightness));
        }
        Ok(Self { luma, width, height })
    }

    /// The rows, from the top.
    pub(super) fn rows(&self) -> std::slice::ChunksExact<'_, u8> {
        self.luma.chunks_exact(self.width)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::Size;
    use crate::measure::subject::samples::{face, picture};

    #[test]
    fn a_window_lies_around_the_nose_and_never_grows_beyond_its_most() {
        let size = Size::new(900, 900);
        let rgb = picture(size, |_, y| [(y / 4) as u8; 3]);
        let pixels = Pixels::new(size, &rgb).unwrap();
        for (distance, side) in [(40.0, 80), (300.0, 256)] {
            let face = face(Point::new(450.0, 400.0), distance);
            let window = Window::of(&Subject::new(pixels, &face, &[]), &pixels).unwrap();
            assert_eq!((window.width, window.height), (side, side));
            let middle = window.luma[(side / 2) * side + side / 2];
            assert!(middle.abs_diff(((400.0 + 0.35 * distance) / 4.0) as u8) < 2, "{middle}");
        }
    }

    #[test]
    fn a_tiny_face_and_one_outside_have_no_window() {
        let (size, rgb) = (Size::new(64, 64), vec![9; 64 * 64 * 3]);
        let pixels = Pixels::new(size, &rgb).unwrap();
        let cut = |at: Point, distance: f32| {
            let face = face(at, distance);
            Window::of(&Subject::new(pixels, &face, &[]), &pixels).map(|_| ()).unwrap_err()
        };
        assert_eq!(cut(Point::new(32.0, 32.0), 9.0), Cause::TooSmall);
        assert_eq!(cut(Point::new(-50.0, 32.0), 30.0), Cause::OutsidePicture);
    }
}
