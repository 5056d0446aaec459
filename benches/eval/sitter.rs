//! The people of the evaluation: two portraits and their mirror images, lifted to a surface that can turn.
//!
//! The surface's depth comes from the same mesh net that later reads the pose. What it says about angles is
//! therefore flattered; what it says about blur, light, choice and parallax is not much touched by that.

use std::fs;
use std::path::Path;

use kiosk_enroll::domain::{Moment, Point, Point3};
use kiosk_enroll::vision::image::decode_bytes;
use kiosk_enroll::vision::{FaceFinder, NetFaceFinder};

use crate::canvas::Canvas;

/// Nodes of the depth field and of the warp lie so many pixels apart.
const STEP: usize = 8;
/// The camera's distance in eye distances: about 60 cm.
pub(crate) const CAMERA: f32 = 9.5;

/// Somebody who sits for the evaluation.
#[derive(Clone)]
pub(crate) struct Sitter {
    /// Which of the two people it is: a mirror image is nobody new.
    pub(crate) person: usize,
    pub(crate) canvas: Canvas,
    pub(crate) eyes: Point,
    pub(crate) eye_distance: f32,
    /// The face mesh, as it lies in the portrait.
    pub(crate) mesh: Vec<Point>,
    pub(crate) backdrop: Canvas,
    middle: Point,
    axis: f32,
    depth: Grid,
}

/// How a head is held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stance {
    /// Degrees, signs as ISO/IEC 19794-5.
    pub(crate) yaw: f32,
    pub(crate) pitch: f32,
    pub(crate) roll: f32,
    /// 1 is the portrait's own size.
    pub(crate) scale: f32,
    /// Where the middle of the face is to lie.
    pub(crate) at: Point,
}

/// Values at the nodes of a raster.
#[derive(Clone)]
struct Grid {
    columns: usize,
    rows: usize,
    values: Vec<f32>,
}

impl Grid {
    fn of(width: usize, height: usize, value: impl Fn(f32, f32) -> f32) -> Self {
        let (columns, rows) = (width / STEP + 2, height / STEP + 2);
        let node = |i: usize| value((i % columns * STEP) as f32, (i / columns * STEP) as f32);
        Self { columns, rows, values: (0..columns * rows).map(node).collect() }
    }

    fn at(&self, x: f32, y: f32) -> f32 {
        let x = (x / STEP as f32).clamp(0.0, self.columns as f32 - 1.001);
        let y = (y / STEP as f32).clamp(0.0, self.rows as f32 - 1.001);
        let (left, top) = (x as usize, y as usize);
        let (fx, fy) = (x - left as f32, y - top as f32);
        let value = |dx: usize, dy: usize| self.values[(top + dy) * self.columns + left + dx];
        let upper = value(0, 0) + (value(1, 0) - value(0, 0)) * fx;
        let lower = value(0, 1) + (value(1, 1) - value(0, 1)) * fx;
        upper + (lower - upper) * fy
    }
}

/// The two people, each followed by the mirror image.
pub(crate) fn sitters() -> Vec<Sitter> {
    let mut finder = NetFaceFinder::load().unwrap();
    let mut sitters = Vec::new();
    for (person, name) in ["collins", "hopper"].into_iter().enumerate() {
        let file = format!("tests/fixtures/derived/{name}_frontal.jpg");
        let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        let canvas = Canvas::of(&decode_bytes(&bytes).unwrap());
        let mirrored = canvas.mirrored();
        sitters.push(Sitter::new(person, canvas, &mut finder));
        sitters.push(Sitter::new(person, mirrored, &mut finder));
    }
    sitters
}

impl Sitter {
    fn new(person: usize, canvas: Canvas, finder: &mut NetFaceFinder) -> Self {
        finder.forget();
        let seen = finder.observe(&canvas.picture(), Moment::default()).unwrap();
        let face = seen.face.expect("the portrait shows a face");
        let marks = face.landmarks;
        let eye_distance = marks.inter_eye_distance();
        let eyes = marks.right_eye.midpoint(marks.left_eye);
        let mouth = marks.right_mouth.midpoint(marks.left_mouth);
        let middle = eyes.midpoint(mouth);
        let mut depths: Vec<f32> = face.mesh.points.iter().map(|point| point.z).collect();
        depths.sort_by(f32::total_cmp);
        let back = depths[depths.len() * 9 / 10];
        let points = &face.mesh.points;
        let depth = Grid::of(canvas.width, canvas.height, |x, y| {
            depth_at(points, Point::new(x, y), eye_distance, back)
        });
        let backdrop = crate::damage::gaussian(&canvas.resized(0.125), 4.0).resized(8.0);
        let axis = back + 0.3 * eye_distance;
        let mesh = points.iter().map(|point| point.flat()).collect();
        Self { person, canvas, eyes, eye_distance, mesh, backdrop, middle, axis, depth }
    }

    /// The same sitter on another portrait of the same geometry.
    pub(crate) fn looking(&self, canvas: Canvas) -> Self {
        Self { canvas, ..self.clone() }
    }

    /// Where the middle of the face lies in the portrait.
    pub(crate) const fn middle(&self) -> Point {
        self.middle
    }

    /// What is behind the sitter.
    #[allow(dead_code, reason = "for the tests, which share this file")]
    pub(crate) const fn backdrop(&self) -> &Canvas {
        &self.backdrop
    }

    /// The sitter in this stance, before a blurred backdrop where the portrait ends.
    pub(crate) fn rendered(&self, stance: &Stance) -> Canvas {
        let mut canvas = self.backdrop.clone();
        self.render_over(&mut canvas, stance);
        canvas
    }

    /// Draws the sitter's head over another picture.
    pub(crate) fn render_over(&self, canvas: &mut Canvas, stance: &Stance) {
        let rotation = rotation(stance);
        let source = |x: f32, y: f32| self.source(stance, &rotation, x, y);
        let xs = Grid::of(canvas.width, canvas.height, |x, y| source(x, y).0);
        let ys = Grid::of(canvas.width, canvas.height, |x, y| source(x, y).1);
        for y in 0..canvas.height {
            for x in 0..canvas.width {
                let (from_x, from_y) = (xs.at(x as f32, y as f32), ys.at(x as f32, y as f32));
                let share = self.share(from_x, from_y);
                if share > 0.0 {
                    let colour = self.canvas.at(from_x, from_y);
                    let at = (y * canvas.width + x) * 3;
                    for (under, over) in canvas.rgb[at..at + 3].iter_mut().zip(colour) {
                        *under += (over - *under) * share;
                    }
                }
            }
        }
    }

    /// How much of a place of the portrait is drawn: away from the head it fades into the backdrop.
    fn share(&self, x: f32, y: f32) -> f32 {
        let (dx, dy) =
            ((x - self.middle.x) / self.eye_distance, (y - self.middle.y) / self.eye_distance);
        let edge = (self.canvas.width as f32 - 1.0 - x)
            .min(x)
            .min(y)
            .min(self.canvas.height as f32 - 1.0 - y);
        ((3.6 - dx.hypot(0.8 * dy)) / 1.2).clamp(0.0, 1.0) * (edge / 12.0).clamp(0.0, 1.0)
    }

    /// The place of the portrait that is seen at a place of the picture.
    fn source(&self, stance: &Stance, rotation: &[[f32; 3]; 3], x: f32, y: f32) -> (f32, f32) {
        let (wanted_x, wanted_y) =
            ((x - stance.at.x) / stance.scale, (y - stance.at.y) / stance.scale);
        let (mut from_x, mut from_y) = (wanted_x, wanted_y);
        // The surface is smooth and the turns are small, so that stepping by the error soon arrives.
        for _ in 0..8 {
            let (seen_x, seen_y) = self.seen(rotation, from_x, from_y);
            from_x += wanted_x - seen_x;
            from_y += wanted_y - seen_y;
        }
        // Far from the head nothing turns with it.
        let far = from_x.hypot(from_y) / self.eye_distance;
        let still = ((far - 2.2) / 1.4).clamp(0.0, 1.0);
        from_x += (wanted_x - from_x) * still;
        from_y += (wanted_y - from_y) * still;
        (from_x + self.middle.x, from_y + self.middle.y)
    }

    /// Where a place of the portrait is seen, both from the middle of the face.
    fn seen(&self, rotation: &[[f32; 3]; 3], x: f32, y: f32) -> (f32, f32) {
        let near = self.axis - self.depth.at(x + self.middle.x, y + self.middle.y);
        let point = [x, -y, near];
        let turned = rotation.map(|row| row[0] * point[0] + row[1] * point[1] + row[2] * point[2]);
        let camera = CAMERA * self.eye_distance;
        let larger = camera / (camera - turned[2]).max(1.0);
        // A head that does not turn must look as in the portrait, which was taken in perspective too.
        let as_taken = camera / (camera - near).max(1.0);
        (turned[0] * larger / as_taken, -turned[1] * larger / as_taken)
    }
}

/// Ry(yaw) Rx(pitch) Rz(roll), with y up and z toward the camera.
pub(crate) fn rotation(stance: &Stance) -> [[f32; 3]; 3] {
    let (sy, cy) = stance.yaw.to_radians().sin_cos();
    let (sx, cx) = stance.pitch.to_radians().sin_cos();
    let (sz, cz) = stance.roll.to_radians().sin_cos();
    [
        [cy * cz + sy * sx * sz, -cy * sz + sy * sx * cz, sy * cx],
        [cx * sz, cx * cz, -sx],
        [-sy * cz + cy * sx * sz, sy * sz + cy * sx * cz, cy * cx],
    ]
}

/// The depth between the mesh's points; away from them it falls back toward the shoulders.
fn depth_at(points: &[Point3], at: Point, eye_distance: f32, back: f32) -> f32 {
    let width = 0.1 * eye_distance;
    let (mut sum, mut weights, mut nearest) = (0.0, 0.0, f32::MAX);
    for point in points {
        let distance = point.flat().distance(at);
        let weight = (-(distance / width).powi(2) / 2.0).exp();
        sum += weight * point.z;
        weights += weight;
        nearest = nearest.min(distance);
    }
    let behind = back + 0.4 * nearest.min(eye_distance);
    (sum + 0.02 * behind) / (weights + 0.02)
}
