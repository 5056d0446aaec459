//! The face turned upright and scaled to an eye distance of 60 pixels, with the oval that it fills.
//!
//! Measures on this view do not depend on how near someone stands, and cost the same for every camera. The
//! picture is averaged down by whole steps before it is turned, so that a large face does not alias.

mod crop;
mod histogram;
mod place;

use std::ops::Range;

use self::crop::Crop;
pub(super) use self::histogram::{Histogram, linear};
use self::place::ToView;
use super::subject::{Pixels, Subject};
use crate::domain::{Cause, Point};

/// The eye distance in the aligned view, in pixels.
pub(super) const EYE_DISTANCE: f32 = 60.0;

pub(super) const WIDTH: usize = 192;
pub(super) const HEIGHT: usize = 224;

/// Where the middle of the eyes lies: the oval then fits in with 18 pixels around it.
pub(super) const EYES: Point = Point::new(96.0, 92.0);

/// The least share of the oval that must lie inside the picture.
const MIN_INSIDE: f32 = 0.75;

/// The mesh points around the face, from the forehead clockwise in the picture.
const OVAL: [usize; 36] = [
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
];

/// The aligned view of a face.
#[derive(Clone)]
pub(super) struct Aligned {
    rgb: Vec<[u8; 3]>,
    /// For each row the columns inside the oval.
    oval: Vec<Range<usize>>,
    to_view: ToView,
}

impl std::fmt::Debug for Aligned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Aligned")
    }
}

impl Aligned {
    /// Aligns the face; fails when it is too small or mostly outside the picture.
    pub(super) fn of(subject: &Subject<'_>, pixels: &Pixels<'_>) -> Result<Self, Cause> {
        subject.eye_distance()?;
        let eyes = subject.face().landmarks;
        let step = Point::new(
            (eyes.left_eye.x - eyes.right_eye.x) / EYE_DISTANCE,
            (eyes.left_eye.y - eyes.right_eye.y) / EYE_DISTANCE,
        );
        let to_view = ToView { middle: subject.eye_middle(), step };
        let oval = oval(subject, &to_view)?;
        if share_inside(&oval, &to_view, pixels) < MIN_INSIDE {
            return Err(Cause::OutsidePicture);
        }
        let crop = Crop::of(pixels, &to_view).ok_or(Cause::OutsidePicture)?;
        let rgb = crop.turn(&to_view, &needed(&oval));
        Ok(Self { rgb, oval, to_view })
    }

    /// The columns of row `y` that lie inside the face's oval.
    pub(super) fn oval(&self, y: usize) -> Range<usize> {
        self.oval.get(y).cloned().unwrap_or_default()
    }

    /// Where a point of the picture lies in this view.
    pub(super) fn place(&self, point: Point) -> Point {
        self.to_view.view(point)
    }

    /// Brightness as the eye sees it, 0 to 255, row by row (the luma of ITU-R BT.601).
    pub(super) fn luma(&self) -> Vec<f32> {
        let weigh = |[r, g, b]: &[u8; 3]| {
            0.299 * f32::from(*r) + 0.587 * f32::from(*g) + 0.114 * f32::from(*b)
        };
        self.rgb.iter().map(weigh).collect()
    }

    /// Luminance inside the oval.
    pub(super) fn face_histogram(&self) -> Histogram {
        self.histogram(self.oval.iter().cloned().enumerate())
    }

    /// Luminance inside a square of `side` pixels around `center`.
    pub(super) fn square_histogram(&self, center: Point, side: f32) -> Histogram {
        Histogram::of(self.square(center, side))
    }

    /// The pixels of a square of `side` pixels around `center`, as far as they lie in the view.
    pub(super) fn square(&self, center: Point, side: f32) -> impl Iterator<Item = &[u8; 3]> {
        let half = side / 2.0;
        let from = Point::new(center.x - half, center.y - half);
        self.area(from, Point::new(center.x + half, center.y + half)).flatten()
    }

    /// The rows of pixels between two corners, as far as they lie in the view.
    pub(super) fn area(&self, from: Point, to: Point) -> impl Iterator<Item = &[[u8; 3]]> {
        let edge = |at: f32, limit: usize| (at.round().max(0.0) as usize).min(limit);
        let columns = edge(from.x, WIDTH)..edge(to.x, WIDTH);
        let rows = edge(from.y, HEIGHT)..edge(to.y, HEIGHT);
        let row = move |y: usize| self.rgb.get(y * WIDTH + columns.start..y * WIDTH + columns.end);
        rows.filter_map(row)
    }

    fn histogram(&self, spans: impl Iterator<Item = (usize, Range<usize>)>) -> Histogram {
        let row = |(y, columns): (usize, Range<usize>)| {
            self.rgb.get(y * WIDTH + columns.start..y * WIDTH + columns.end).unwrap_or_default()
        };
        Histogram::of(spans.flat_map(row))
    }
}

/// The columns inside the polygon of the face's outline, row by row.
fn oval(subject: &Subject<'_>, to_view: &ToView) -> Result<Vec<Range<usize>>, Cause> {
    let mut outline = [Point::default(); OVAL.len()];
    for (corner, index) in outline.iter_mut().zip(OVAL) {
        *corner = to_view.view(subject.mesh_point(index)?);
    }
    let mut rows = vec![(f32::MAX, f32::MIN); HEIGHT];
    for (from, to) in outline.iter().zip(outline.iter().cycle().skip(1)) {
        let (top, low) = if from.y <= to.y { (from, to) } else { (to, from) };
        let first = top.y.ceil().clamp(0.0, HEIGHT as f32) as usize;
        let last = low.y.ceil().clamp(0.0, HEIGHT as f32) as usize;
        for (y, (left, right)) in rows.iter_mut().enumerate().take(last).skip(first) {
            let x = top.x + (low.x - top.x) * (y as f32 - top.y) / (low.y - top.y);
            (*left, *right) = (left.min(x), right.max(x));
        }
    }
    let column = |x: f32| x.ceil().clamp(0.0, WIDTH as f32) as usize;
    let span = |(left, right)| if left < right { column(left)..column(right) } else { 0..0 };
    Ok(rows.into_iter().map(span).collect())
}

fn share_inside(oval: &[Range<usize>], to_view: &ToView, pixels: &Pixels<'_>) -> f32 {
    let (width, height) = (pixels.size().width as f32, pixels.size().height as f32);
    let (mut inside, mut all) = (0_u32, 0_u32);
    // Every fourth pixel of every fourth row tells the share well enough.
    for (y, columns) in oval.iter().enumerate().step_by(4) {
        for x in columns.clone().step_by(4) {
            let at = to_view.picture(Point::new(x as f32, y as f32));
            all += 1;
            inside += u32::from((0.0..width).contains(&at.x) && (0.0..height).contains(&at.y));
        }
    }
    if all == 0 { 0.0 } else { inside as f32 / all as f32 }
}

/// The part of the view that measures look at.
struct Needed {
    rows: Range<usize>,
    columns: Range<usize>,
}

/// The oval's bounds, and around them what blurring draws in.
fn needed(oval: &[Range<usize>]) -> Needed {
    const AROUND: usize = 12;
    let filled = || oval.iter().enumerate().filter(|(_, columns)| !columns.is_empty());
    let widen = |from: Option<usize>, to: Option<usize>, limit: usize| {
        from.unwrap_or(0).saturating_sub(AROUND)..(to.unwrap_or(0) + AROUND).min(limit)
    };
    let first_row = filled().map(|(y, _)| y).min();
    let last_row = filled().map(|(y, _)| y).max();
    let left = filled().map(|(_, columns)| columns.start).min();
    let right = filled().map(|(_, columns)| columns.end).max();
    Needed { rows: widen(first_row, last_row, HEIGHT), columns: widen(left, right, WIDTH) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::Size;
    use crate::measure::subject::samples::{face, picture};

    const SIZE: Size = Size::new(640, 480);

    /// A picture whose colours tell the place: red grows to the right, green downwards.
    fn map() -> Vec<u8> {
        picture(SIZE, |x, y| [(x * 255 / SIZE.width) as u8, (y * 255 / SIZE.height) as u8, 40])
    }

    #[test]
    fn the_eyes_lie_sixty_pixels_apart_whatever_the_size_and_the_roll() {
        let rgb = map();
        let pixels = Pixels::new(SIZE, &rgb).unwrap();
        for (distance, tilt) in [(40.0, 0.0), (60.0, 10.0), (95.0, -20.0)] {
            let mut face = face(Point::new(320.0, 220.0), distance);
            face.landmarks.right_eye.y += tilt;
            face.landmarks.left_eye.y -= tilt;
            let subject = Subject::new(pixels, &face, &[]);
            let view = subject.aligned().unwrap();
            for (eye, x) in [(face.landmarks.right_eye, 66), (face.landmarks.left_eye, 126)] {
                let [red, green, _] = view.rgb[92 * WIDTH + x];
                assert!((f32::from(red) - eye.x * 255.0 / 640.0).abs() < 2.0, "{red} at {eye:?}");
                assert!((f32::from(green) - eye.y * 255.0 / 480.0).abs() < 2.0, "{green}");
            }
        }
    }

    #[test]
    fn the_oval_is_as_wide_and_high_as_a_face() {
        let rgb = map();
        let face = face(Point::new(320.0, 220.0), 60.0);
        let subject = Subject::new(Pixels::new(SIZE, &rgb).unwrap(), &face, &[]);
        let view = subject.aligned().unwrap();
        let rows = (0..HEIGHT).filter(|y| !view.oval(*y).is_empty()).count();
        let widest = (0..HEIGHT).map(|y| view.oval(y).len()).max().unwrap();
        assert!((160..175).contains(&rows), "{rows}");
        assert!((135..150).contains(&widest), "{widest}");
    }

    #[test]
    fn a_face_outside_the_picture_or_without_a_mesh_has_no_view() {
        let rgb = map();
        let pixels = Pixels::new(SIZE, &rgb).unwrap();
        let outside = face(Point::new(10.0, 10.0), 60.0);
        let cause = Subject::new(pixels, &outside, &[]).aligned().map(|_| ()).unwrap_err();
        assert_eq!(cause, Cause::OutsidePicture);

        let mut bare = face(Point::new(320.0, 220.0), 60.0);
        bare.mesh.points.clear();
        let cause = Subject::new(pixels, &bare, &[]).aligned().map(|_| ()).unwrap_err();
        assert_eq!(cause, Cause::NoFace);
    }
}
