//! Head rotation: the rigid fit of a face mesh to the canonical face.

use std::sync::LazyLock;

use nalgebra::{Matrix3, Vector3};

use crate::domain::{HeadPose, MESH_POINTS, Point3};

/// MediaPipe's canonical face: x to the viewer's right, y up, z toward the camera, in centimetres.
static CANONICAL: LazyLock<Vec<Vector3<f64>>> =
    LazyLock::new(|| parse(include_str!("../../models/canonical_face_468.csv")));

/// Gives the rotation of the head whose mesh this is, in degrees.
///
/// The rotation R that maps the canonical face onto the mesh, up to scale and shift, with the least squared
/// error over all points (Umeyama 1991, equation 40), read as R = Ry(yaw) Rx(pitch) Rz(roll). Signs as
/// ISO/IEC 19794-5. `None` for a mesh that has not [`MESH_POINTS`] finite points.
pub(super) fn head_pose(mesh: &[Point3]) -> Option<HeadPose> {
    if mesh.len() != MESH_POINTS || CANONICAL.len() != MESH_POINTS {
        return None;
    }
    // Picture coordinates turned about the x axis, so that both faces live in the same kind of space.
    let seen: Vec<Vector3<f64>> = mesh
        .iter()
        .map(|p| Vector3::new(f64::from(p.x), -f64::from(p.y), -f64::from(p.z)))
        .collect();
    if seen.iter().any(|p| !p.iter().all(|v| v.is_finite())) {
        return None;
    }
    rotation(&CANONICAL, &seen).map(|r| angles(&r))
}

/// The rotation that best maps `from` onto `to` after both are centred; `None` if the points have no extent.
fn rotation(from: &[Vector3<f64>], to: &[Vector3<f64>]) -> Option<Matrix3<f64>> {
    let (from_middle, to_middle) = (mean(from), mean(to));
    let covariance: Matrix3<f64> =
        from.iter().zip(to).map(|(a, b)| (b - to_middle) * (a - from_middle).transpose()).sum();
    let svd = covariance.try_svd(true, true, f64::EPSILON, 100)?;
    let (u, v_t) = (svd.u?, svd.v_t?);
    // The weakest direction is turned over if the best fit would be a mirror image.
    let weakest = svd.singular_values.imin();
    let mut handed = Matrix3::identity();
    handed[(weakest, weakest)] = (u * v_t).determinant().signum();
    (svd.singular_values.max() > 0.0).then(|| u * handed * v_t)
}

fn mean(points: &[Vector3<f64>]) -> Vector3<f64> {
    points.iter().sum::<Vector3<f64>>() / points.len() as f64
}

fn angles(r: &Matrix3<f64>) -> HeadPose {
    let yaw = r[(0, 2)].atan2(r[(2, 2)]);
    let pitch = (-r[(1, 2)]).clamp(-1.0, 1.0).asin();
    let roll = r[(1, 0)].atan2(r[(1, 1)]);
    HeadPose {
        yaw: yaw.to_degrees() as f32,
        pitch: pitch.to_degrees() as f32,
        roll: roll.to_degrees() as f32,
    }
}

/// Reads a table of points with a heading; the file is embedded, so a test and not an error guards it.
fn parse(table: &str) -> Vec<Vector3<f64>> {
    let number = |text: Option<&str>| text.and_then(|t| t.trim().parse().ok()).unwrap_or(f64::NAN);
    table
        .lines()
        .skip(1)
        .map(|line| {
            let mut fields = line.split(',');
            Vector3::new(number(fields.next()), number(fields.next()), number(fields.next()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Rotation3;

    /// The canonical face as a camera sees it after these rotations, in pixels.
    fn turned(yaw: f64, pitch: f64, roll: f64) -> Vec<Point3> {
        let about = |axis: Vector3<f64>, degrees: f64| {
            Rotation3::from_scaled_axis(axis * degrees.to_radians())
        };
        let r = about(Vector3::y(), yaw) * about(Vector3::x(), pitch) * about(Vector3::z(), roll);
        let pixel = |p: &Vector3<f64>| {
            let p = r * p * 11.0;
            Point3 { x: 320.0 + p.x as f32, y: 240.0 - p.y as f32, z: 5.0 - p.z as f32 }
        };
        CANONICAL.iter().map(pixel).collect()
    }

    #[test]
    fn the_canonical_face_has_468_points_and_its_right_eye_on_the_pictures_left() {
        assert_eq!(CANONICAL.len(), MESH_POINTS);
        assert!(CANONICAL.iter().all(|p| p.iter().all(|v| v.is_finite())));
        assert!(CANONICAL[33].x < 0.0 && CANONICAL[263].x > 0.0);
        assert!(CANONICAL[10].y > CANONICAL[152].y, "the forehead is above the chin");
    }

    #[test]
    fn a_turned_face_reads_the_angles_it_was_turned_by() {
        for (yaw, pitch, roll) in [
            (0.0, 0.0, 0.0),
            (25.0, 0.0, 0.0),
            (0.0, -20.0, 0.0),
            (0.0, 0.0, 170.0),
            (-30.0, 15.0, 20.0),
        ] {
            let pose = head_pose(&turned(yaw, pitch, roll)).unwrap();
            assert!((f64::from(pose.yaw) - yaw).abs() < 1e-2, "{pose:?}");
            assert!((f64::from(pose.pitch) - pitch).abs() < 1e-2, "{pose:?}");
            assert!((f64::from(pose.roll) - roll).abs() < 1e-2, "{pose:?}");
        }
    }

    #[test]
    fn the_signs_are_those_of_iso_19794_5() {
        let nose = |mesh: &[Point3]| (mesh[1].x - 320.0, mesh[1].y - 240.0);
        let frontal = nose(&turned(0.0, 0.0, 0.0));
        assert!(
            nose(&turned(20.0, 0.0, 0.0)).0 > frontal.0,
            "positive yaw: nose to the picture's right"
        );
        assert!(nose(&turned(0.0, 20.0, 0.0)).1 > frontal.1, "positive pitch: nose goes down");
        let tilted = turned(0.0, 0.0, 20.0);
        assert!(tilted[10].x < tilted[152].x, "positive roll: forehead to the picture's left");
    }

    #[test]
    fn a_collapsed_or_broken_mesh_has_no_pose() {
        assert_eq!(head_pose(&[]), None);
        assert_eq!(head_pose(&vec![Point3::default(); MESH_POINTS]), None);
        let mut mesh = turned(0.0, 0.0, 0.0);
        mesh[7].z = f32::NAN;
        assert_eq!(head_pose(&mesh), None);
    }
}
