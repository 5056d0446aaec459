//! Reads how far an eye is open and where its iris is.
//!
//! The face mesh hardly moves when the lids close; this net, which sees only the eye, does.

use crate::domain::{Eye, MESH_POINTS, Mesh, Point, Point3};

use super::crop::{Reading, Region, sample};
use super::mesh::point;
use super::nets::{IRIS, Net};
use super::{Picture, Side, VisionError};

/// The region is so many times as wide as the eye (as in MediaPipe's own graph).
const MARGIN: f32 = 2.3;

/// Points of the eye's outline and brow that the net gives.
const OUTLINE_POINTS: usize = 71;

/// Points of the iris that the net gives, its centre first.
const IRIS_POINTS: usize = 5;

/// The outline's points along the lower lid, corner to corner.
const LOWER_LID: std::ops::RangeInclusive<usize> = 0..=8;

/// The upper lid's point above the lower lid's point `n` is `n + UPPER_LID`, between the corners.
const UPPER_LID: usize = 8;

/// The iris net.
pub(super) struct IrisReader {
    net: Net,
}

impl IrisReader {
    /// Loads the net.
    ///
    /// # Errors
    /// [`VisionError::Net`] when it cannot be loaded.
    pub(super) fn load() -> Result<Self, VisionError> {
        Ok(Self { net: Net::load(&IRIS)? })
    }

    /// Reads one eye of a face.
    ///
    /// # Errors
    /// [`VisionError::Net`] when the mesh is not complete or the net cannot be run.
    pub(super) fn read(
        &mut self,
        picture: &Picture,
        mesh: &Mesh,
        side: Side,
    ) -> Result<Eye, VisionError> {
        if mesh.points.len() != MESH_POINTS {
            let what = format!("the face's mesh has {} points", mesh.points.len());
            return Err(VisionError::Net { net: self.net.name(), what });
        }
        let corners = |corners: [usize; 2]| corners.map(|i| mesh.points[i].flat());
        match side {
            Side::Right => {
                let [outer, inner] = corners(point::RIGHT_EYE);
                self.eye(picture, region(outer, inner), Reading::Straight)
            }
            // The net knows only the eye whose outer corner lies to the left.
            Side::Left => {
                let [outer, inner] = corners(point::LEFT_EYE);
                self.eye(picture, region(inner, outer), Reading::Mirrored)
            }
        }
    }

    fn eye(
        &mut self,
        picture: &Picture,
        region: Region,
        reading: Reading,
    ) -> Result<Eye, VisionError> {
        let side = self.net.rows();
        let outputs = self.net.run(|planes| sample(picture, region, side, reading, planes))?;
        let outline = outputs.get(0, OUTLINE_POINTS * 3)?;
        let iris = outputs.get(1, IRIS_POINTS * 3)?;
        let across = match reading {
            Reading::Straight => iris[0],
            Reading::Mirrored => side as f32 - iris[0],
        };
        let center = region.to_picture(Point3 { x: across, y: iris[1], z: 0.0 }, side as f32);
        Ok(Eye { opening: opening(outline), iris: center.flat() })
    }
}

/// Where to look for an eye whose corners are these, the picture's left one first.
fn region(left: Point, right: Point) -> Region {
    Region {
        center: left.midpoint(right),
        side: MARGIN * left.distance(right),
        angle: (right.y - left.y).atan2(right.x - left.x),
    }
}

/// The largest distance between the lids over the distance between the corners; 0 for a broken outline.
///
/// Takes the net's outline, x, y and z of each point. The lid distance is that of "eyes open" in OFIQ; the
/// eye's own width takes the place of the face's height, because it is in the same crop.
fn opening(outline: &[f32]) -> f32 {
    let at = |index: usize| Point::new(outline[3 * index], outline[3 * index + 1]);
    let width = at(*LOWER_LID.start()).distance(at(*LOWER_LID.end()));
    let widest = (LOWER_LID.start() + 1..*LOWER_LID.end())
        .map(|lower| at(lower).distance(at(lower + UPPER_LID)))
        .fold(0.0, f32::max);
    if width > 0.0 { widest / width } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An outline with corners at 0 and 32 and the lids `gap` apart in the middle.
    fn outline(gap: f32) -> Vec<f32> {
        let mut points = vec![0.0; OUTLINE_POINTS * 3];
        for i in LOWER_LID {
            points[3 * i] = 4.0 * i as f32;
        }
        for lower in 1..8 {
            points[3 * (lower + UPPER_LID)] = 4.0 * lower as f32;
            let from_middle = (lower as f32 - 4.0).abs() / 4.0;
            points[3 * (lower + UPPER_LID) + 1] = -gap * (1.0 - from_middle);
        }
        points
    }

    #[test]
    fn the_opening_is_the_lids_distance_over_the_eyes_width() {
        assert!((opening(&outline(8.0)) - 0.25).abs() < 1e-6);
        assert!(opening(&outline(0.0)).abs() < 1e-6);
    }

    #[test]
    fn a_face_without_a_mesh_is_an_error_and_not_a_panic() {
        let picture = Picture::from_rgb(crate::domain::Size::new(1, 1), vec![0; 3]).unwrap();
        let mesh = Mesh { points: Vec::new(), presence: 1.0 };
        let error = IrisReader::load().unwrap().read(&picture, &mesh, Side::Left).unwrap_err();
        assert_eq!(error.to_string(), "net iris_landmark: the face's mesh has 0 points");
    }

    #[test]
    fn a_broken_outline_counts_as_closed() {
        assert!(opening(&[0.0; OUTLINE_POINTS * 3]).abs() < f32::EPSILON);
        assert!(opening(&[f32::NAN; OUTLINE_POINTS * 3]).abs() < f32::EPSILON);
    }

    #[test]
    fn the_region_of_an_eye_levels_its_corners() {
        let region = region(Point::new(10.0, 10.0), Point::new(10.0, 30.0));
        assert!((region.side - 46.0).abs() < 1e-4);
        assert!((region.angle - std::f32::consts::FRAC_PI_2).abs() < 1e-6);
    }
}
