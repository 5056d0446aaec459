//! What is measured: one face in one picture, with the geometry and the views that measures share.

use std::cell::OnceCell;
use std::time::Duration;

use super::aligned::{Aligned, Histogram};
use super::window::Window;
use crate::domain::{
    Cause, Detection, Eyes, Face, HeadPose, Landmarks, MESH_POINTS, Point, Reading, Size,
};

/// The mesh point at the bottom of the chin.
const CHIN: usize = 152;

/// Eye distances below this, in pixels, leave nothing to measure.
const MIN_EYE_DISTANCE: f32 = 8.0;

/// Borrowed pixels: interleaved RGB, 8 bits a channel, rows without padding.
#[derive(Clone, Copy)]
pub struct Pixels<'a> {
    size: Size,
    rgb: &'a [u8],
}

impl<'a> Pixels<'a> {
    /// Borrows pixels; `None` unless there are exactly three bytes a pixel and at least one pixel.
    pub fn new(size: Size, rgb: &'a [u8]) -> Option<Self> {
        let wanted = size.width as usize * size.height as usize * 3;
        (wanted > 0 && rgb.len() == wanted).then_some(Self { size, rgb })
    }

    /// The size in pixels.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// Row `y`, three bytes a pixel; empty below the last row.
    pub(super) fn row(&self, y: usize) -> &'a [u8] {
        let stride = self.size.width as usize * 3;
        self.rgb.get(y * stride..(y + 1) * stride).unwrap_or_default()
    }
}

impl std::fmt::Debug for Pixels<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pixels({})", self.size)
    }
}

/// Where the same face was a moment before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Earlier {
    /// Its landmarks then.
    pub landmarks: Landmarks,
    /// Its pose then.
    pub pose: HeadPose,
    /// How long ago that was.
    pub elapsed: Duration,
}

/// One face in one picture. What several measures need is computed once, when the first asks for it.
#[derive(Debug)]
pub struct Subject<'a> {
    pixels: Pixels<'a>,
    face: &'a Face,
    others: &'a [Detection],
    eyes: Option<&'a Eyes>,
    earlier: Option<Earlier>,
    aligned: OnceCell<Result<Aligned, Cause>>,
    histogram: OnceCell<Histogram>,
    window: OnceCell<Result<Window, Cause>>,
}

impl<'a> Subject<'a> {
    /// A face in a picture, with the other faces of that picture.
    pub const fn new(pixels: Pixels<'a>, face: &'a Face, others: &'a [Detection]) -> Self {
        Self {
            pixels,
            face,
            others,
            eyes: None,
            earlier: None,
            aligned: OnceCell::new(),
            histogram: OnceCell::new(),
            window: OnceCell::new(),
        }
    }

    /// Adds the eyes, whose reading is costly and may come later.
    #[must_use]
    pub const fn with_eyes(mut self, eyes: &'a Eyes) -> Self {
        self.eyes = Some(eyes);
        self
    }

    /// Adds where the same face was a moment before.
    #[must_use]
    pub const fn with_earlier(mut self, earlier: Earlier) -> Self {
        self.earlier = Some(earlier);
        self
    }

    /// The picture's size.
    pub(super) const fn size(&self) -> Size {
        self.pixels.size
    }

    /// The face.
    pub(super) const fn face(&self) -> &'a Face {
        self.face
    }

    /// The other faces.
    pub(super) const fn others(&self) -> &'a [Detection] {
        self.others
    }

    /// The eyes, if they were read.
    pub(super) const fn eyes(&self) -> Option<&'a Eyes> {
        self.eyes
    }

    /// Where the same face was a moment before, if it was seen.
    pub(super) const fn earlier(&self) -> Option<Earlier> {
        self.earlier
    }

    /// The distance between the eyes in pixels, as it lies in the picture.
    pub(super) fn eye_distance(&self) -> Result<f32, Cause> {
        let distance = self.face.landmarks.inter_eye_distance();
        if !distance.is_finite() {
            Err(Cause::NoFace)
        } else if distance < MIN_EYE_DISTANCE {
            Err(Cause::TooSmall)
        } else {
            Ok(distance)
        }
    }

    /// The distance from between the eyes to the chin in pixels: OFIQ's T.
    pub(super) fn eye_chin_distance(&self) -> Result<f32, Cause> {
        self.eye_distance()?;
        let chin = self.mesh_point(CHIN)?;
        let distance = self.eye_middle().distance(chin);
        if distance >= MIN_EYE_DISTANCE { Ok(distance) } else { Err(Cause::TooSmall) }
    }

    /// The point between the eyes.
    pub(super) fn eye_middle(&self) -> Point {
        self.face.landmarks.right_eye.midpoint(self.face.landmarks.left_eye)
    }

    /// A point of the mesh as it lies in the picture.
    pub(super) fn mesh_point(&self, index: usize) -> Result<Point, Cause> {
        let points = &self.face.mesh.points;
        let point = points.get(index).filter(|_| points.len() == MESH_POINTS);
        let flat = point.ok_or(Cause::NoFace)?.flat();
        if flat.x.is_finite() && flat.y.is_finite() { Ok(flat) } else { Err(Cause::NoFace) }
    }

    /// The face turned upright and scaled to one size.
    pub(super) fn aligned(&self) -> Result<&Aligned, Cause> {
        self.aligned
            .get_or_init(|| Aligned::of(self, &self.pixels))
            .as_ref()
            .map_err(|cause| *cause)
    }

    /// The histogram of linear-light luminance inside the face's oval.
    fn histogram(&self) -> Result<&Histogram, Cause> {
        let aligned = self.aligned()?;
        Ok(self.histogram.get_or_init(|| aligned.face_histogram()))
    }

    /// A measure of how the linear-light luminances inside the face's oval are spread: `read` gets the share of
    /// each of the 256.
    pub(super) fn read_luminances(&self, read: impl FnOnce(&[f64; 256]) -> Reading) -> Reading {
        match self.histogram().map(Histogram::shares) {
            Ok(Some(shares)) => read(&shares),
            Ok(None) => Reading::NotAssessed(Cause::TooSmall),
            Err(cause) => Reading::NotAssessed(cause),
        }
    }

    /// The middle of the face, pixel by pixel as it arrived.
    pub(super) fn window(&self) -> Result<&Window, Cause> {
        self.window.get_or_init(|| Window::of(self, &self.pixels)).as_ref().map_err(|cause| *cause)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
pub(super) mod samples {
    //! A face made by arithmetic, for the tests of this room.

    use super::*;
    use crate::domain::{HeadPose, Landmarks, Mesh, Point3, Rect, TrackId};

    /// A frontal face: the canonical mesh scaled to an eye distance, its eyes' middle at `at`.
    pub(in crate::measure) fn face(at: Point, eye_distance: f32) -> Face {
        let table = include_str!("../../models/canonical_face_468.csv");
        let canonical: Vec<[f32; 3]> = table
            .lines()
            .filter(|line| !line.starts_with('x'))
            .map(|line| line.split(',').map(|number| number.parse().unwrap()).collect::<Vec<f32>>())
            .map(|point| point.try_into().unwrap())
            .collect();
        // The middles of the eyes in the canonical face: half the way between their corners.
        let (eye_x, eye_y) = (3.15, 2.62);
        let scale = eye_distance / (2.0 * eye_x);
        let place = |[x, y, z]: [f32; 3]| Point3 {
            x: at.x + x * scale,
            y: at.y - (y - eye_y) * scale,
            z: -z * scale,
        };
        let points: Vec<Point3> = canonical.into_iter().map(place).collect();
        let half = eye_distance / 2.0;
        Face {
            track: TrackId(1),
            bounds: Rect::around(points.iter().map(|point| point.flat())),
            confidence: 1.0,
            landmarks: Landmarks {
                right_eye: Point::new(at.x - half, at.y),
                left_eye: Point::new(at.x + half, at.y),
                nose: points[1].flat(),
                right_mouth: points[61].flat(),
                left_mouth: points[291].flat(),
            },
            mesh: Mesh { points, presence: 0.99 },
            pose: HeadPose::default(),
        }
    }

    /// A picture whose every pixel is given by its place.
    pub(in crate::measure) fn picture(size: Size, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
        (0..size.height)
            .flat_map(|y| (0..size.width).map(move |x| (x, y)))
            .flat_map(|(x, y)| pixel(x, y))
            .collect()
    }
}
