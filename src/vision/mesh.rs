//! Fits the 468-point face mesh into a region of a picture.

use std::f32::consts::TAU;

use crate::domain::{Detection, Landmarks, MESH_POINTS, Mesh, Point, Point3, Rect};

use super::Picture;
use super::VisionError;
use super::crop::{Reading, Region, sample};
use super::nets::{FACE_MESH, Net};

/// The region around a face is so many times as wide as the face (as in MediaPipe's own graph).
pub(super) const MARGIN: f32 = 1.5;

/// A region below this presence holds no face.
pub(super) const LEAST_PRESENCE: f32 = 0.5;

/// Points of the mesh by their place on the face; right and left are the person's own.
pub(super) mod point {
    pub(crate) const RIGHT_EYE: [usize; 2] = [33, 133];
    pub(crate) const LEFT_EYE: [usize; 2] = [263, 362];
    pub(crate) const NOSE_TIP: usize = 1;
    pub(crate) const RIGHT_MOUTH: usize = 61;
    pub(crate) const LEFT_MOUTH: usize = 291;
}

/// The mesh net.
pub(super) struct MeshFinder {
    net: Net,
}

impl MeshFinder {
    /// Loads the net.
    ///
    /// # Errors
    /// [`VisionError::Net`] when it cannot be loaded.
    pub(super) fn load() -> Result<Self, VisionError> {
        Ok(Self { net: Net::load(&FACE_MESH)? })
    }

    /// Fits the mesh into a region, in one pass.
    ///
    /// The presence says whether it is worth anything; broken numbers give a presence of 0.
    ///
    /// # Errors
    /// [`VisionError::Net`] when the net cannot be run.
    pub(super) fn fit(&mut self, picture: &Picture, region: Region) -> Result<Mesh, VisionError> {
        let side = self.net.rows();
        let outputs =
            self.net.run(|planes| sample(picture, region, side, Reading::Straight, planes))?;
        let values = outputs.get(0, MESH_POINTS * 3)?;
        let flag = outputs.get(1, 1)?[0];
        let points: Vec<Point3> = values
            .chunks_exact(3)
            .map(|v| region.to_picture(Point3 { x: v[0], y: v[1], z: v[2] }, side as f32))
            .collect();
        let finite = |p: &Point3| p.x.is_finite() && p.y.is_finite() && p.z.is_finite();
        let sound = flag.is_finite() && points.iter().all(finite);
        let presence = if sound { 1.0 / (1.0 + (-flag).exp()) } else { 0.0 };
        Ok(Mesh { points, presence })
    }

    /// Fits the mesh to a detection in two passes: the second one looks where the first found the face.
    ///
    /// One pass is not enough, because the detector's points tend toward an upright frontal face: a head
    /// that is turned by 30° would be read some degrees off. `None` if there is no face after all.
    ///
    /// # Errors
    /// [`VisionError::Net`] when the net cannot be run.
    pub(super) fn fit_detection(
        &mut self,
        picture: &Picture,
        detection: &Detection,
    ) -> Result<Option<Mesh>, VisionError> {
        let first = self.fit(picture, region_of_detection(detection))?;
        if first.presence <= LEAST_PRESENCE {
            return Ok(None);
        }
        let second = self.fit(picture, region_of_mesh(&first))?;
        Ok((second.presence > LEAST_PRESENCE).then_some(second))
    }
}

/// Where to look for the mesh of a detected face: turned until the eyes are level.
pub(super) fn region_of_detection(detection: &Detection) -> Region {
    let Landmarks { right_eye, left_eye, .. } = detection.landmarks;
    Region {
        center: detection.bounds.center(),
        side: MARGIN * detection.bounds.width.max(detection.bounds.height),
        angle: (left_eye.y - right_eye.y).atan2(left_eye.x - right_eye.x),
    }
}

/// Where to look for a face again: around its mesh, turned until the outer eye corners are level.
///
/// # Panics
/// Never for a mesh of [`MESH_POINTS`] points.
pub(super) fn region_of_mesh(mesh: &Mesh) -> Region {
    let right = mesh.points[point::RIGHT_EYE[0]];
    let left = mesh.points[point::LEFT_EYE[0]];
    let angle = (left.y - right.y).atan2(left.x - right.x);
    let turned = |p: Point, angle: f32| {
        let (sin, cos) = angle.sin_cos();
        Point::new(p.x * cos - p.y * sin, p.x * sin + p.y * cos)
    };
    // The extent is taken in the turned frame, or a tilted head would get a larger region than a straight one.
    let extent = Rect::around(mesh.points.iter().map(|p| turned(p.flat(), TAU - angle)));
    Region {
        center: turned(extent.center(), angle),
        side: MARGIN * extent.width.max(extent.height),
        angle,
    }
}

/// The upright box around a mesh.
pub(super) fn bounds(mesh: &Mesh) -> Rect {
    Rect::around(mesh.points.iter().map(|p| p.flat()))
}

/// The five landmarks of a mesh; an eye is the middle of its corners.
///
/// # Panics
/// Never for a mesh of [`MESH_POINTS`] points.
pub(super) fn landmarks(mesh: &Mesh) -> Landmarks {
    let at = |index: usize| mesh.points[index].flat();
    let eye = |corners: [usize; 2]| at(corners[0]).midpoint(at(corners[1]));
    Landmarks {
        right_eye: eye(point::RIGHT_EYE),
        left_eye: eye(point::LEFT_EYE),
        nose: at(point::NOSE_TIP),
        right_mouth: at(point::RIGHT_MOUTH),
        left_mouth: at(point::LEFT_MOUTH),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mesh whose points fill a box of 100 x 140 around `center`, turned clockwise by `angle`.
    fn boxed(center: Point, angle: f32) -> Mesh {
        let mut flat = vec![Point::default(); MESH_POINTS];
        flat[0] = Point::new(-50.0, -70.0);
        flat[2] = Point::new(50.0, 70.0);
        flat[point::RIGHT_EYE[0]] = Point::new(-40.0, -20.0);
        flat[point::LEFT_EYE[0]] = Point::new(40.0, -20.0);
        let (sin, cos) = angle.sin_cos();
        let turn = |p: Point| Point3 {
            x: center.x + p.x * cos - p.y * sin,
            y: center.y + p.x * sin + p.y * cos,
            z: 0.0,
        };
        Mesh { points: flat.into_iter().map(turn).collect(), presence: 1.0 }
    }

    #[test]
    fn the_region_of_a_mesh_turns_with_the_head_and_keeps_its_size() {
        for angle in [0.0, 0.5, -1.2, 3.0] {
            let region = region_of_mesh(&boxed(Point::new(300.0, 200.0), angle));
            assert!((region.side - 210.0).abs() < 0.01, "{region:?}");
            assert!((region.angle - angle).abs() < 1e-4, "{region:?}");
            assert!(region.center.distance(Point::new(300.0, 200.0)) < 0.01, "{region:?}");
        }
    }

    #[test]
    fn the_region_of_a_detection_levels_the_eyes() {
        let detection = Detection {
            bounds: Rect::new(100.0, 100.0, 80.0, 100.0),
            confidence: 0.9,
            landmarks: Landmarks {
                right_eye: Point::new(120.0, 130.0),
                left_eye: Point::new(160.0, 170.0),
                ..Landmarks::default()
            },
        };
        let region = region_of_detection(&detection);
        assert_eq!(region.center, Point::new(140.0, 150.0));
        assert!((region.side - 150.0).abs() < 1e-4);
        assert!((region.angle - TAU / 8.0).abs() < 1e-5);
    }

    #[test]
    fn an_empty_region_has_no_face() {
        let mut finder = MeshFinder::load().unwrap();
        let size = crate::domain::Size::new(64, 64);
        let black = Picture::from_rgb(size, vec![0; 64 * 64 * 3]).unwrap();
        let region = Region { center: Point::new(32.0, 32.0), side: 60.0, angle: 0.0 };
        assert!(finder.fit(&black, region).unwrap().presence < LEAST_PRESENCE);
    }
}
