//! Tells a face from a flat picture of one: how far its points have moved as those of no plane can.

use nalgebra::{Matrix3, SMatrix, SVector};

use crate::domain::{MESH_POINTS, Mesh, Point};

/// What of the movement from one mesh to the other no homography explains, in eye distances of the first:
/// the root of the mean square over all points.
///
/// Two views of one plane, however it is held, differ by a homography (Hartley and Zisserman, Multiple View
/// Geometry, 2003, section 13.1); the best one is found by the normalised direct linear transformation (there,
/// algorithm 4.2). `None` for meshes that are not complete, not finite, or without extent.
pub fn relief(before: &Mesh, now: &Mesh) -> Option<f32> {
    let (from, from_scale) = normalised(before)?;
    let (to, to_scale) = normalised(now)?;
    let homography = homography(&from, &to)?;
    let mut sum = 0.0;
    for (a, b) in from.iter().zip(&to) {
        let seen = homography * nalgebra::Vector3::new(a[0], a[1], 1.0);
        sum += (seen[0] / seen[2] - b[0]).powi(2) + (seen[1] / seen[2] - b[1]).powi(2);
    }
    // Both are measured in their own extent: a face that came nearer has no more relief.
    let eyes = eye_distance(before)? * from_scale;
    let relief = (sum / MESH_POINTS as f64).sqrt() / eyes;
    (relief.is_finite() && to_scale > 0.0).then_some(relief as f32)
}

/// The points about their middle, so that they lie √2 from it in the mean; and the scale that does it.
fn normalised(mesh: &Mesh) -> Option<(Vec<[f64; 2]>, f64)> {
    if mesh.points.len() != MESH_POINTS {
        return None;
    }
    let flat: Vec<[f64; 2]> =
        mesh.points.iter().map(|p| [f64::from(p.x), f64::from(p.y)]).collect();
    let count = flat.len() as f64;
    let middle = [0, 1].map(|axis| flat.iter().map(|p| p[axis]).sum::<f64>() / count);
    let away = |p: &[f64; 2]| (p[0] - middle[0]).hypot(p[1] - middle[1]);
    let extent = flat.iter().map(away).sum::<f64>() / count;
    let scale = std::f64::consts::SQRT_2 / extent;
    let placed = |p: &[f64; 2]| [(p[0] - middle[0]) * scale, (p[1] - middle[1]) * scale];
    (extent.is_finite() && extent > 0.0).then(|| (flat.iter().map(placed).collect(), scale))
}

fn eye_distance(mesh: &Mesh) -> Option<f64> {
    let eye = |corners: [usize; 2]| -> Option<Point> {
        let [a, b] = corners.map(|index| mesh.points.get(index).map(|point| point.flat()));
        Some(a?.midpoint(b?))
    };
    let right = eye(super::mesh::point::RIGHT_EYE)?;
    let left = eye(super::mesh::point::LEFT_EYE)?;
    Some(f64::from(right.distance(left))).filter(|distance| *distance > 0.0)
}

/// The homography with the least algebraic error: the weakest direction of the equations' normal matrix.
fn homography(from: &[[f64; 2]], to: &[[f64; 2]]) -> Option<Matrix3<f64>> {
    let mut normal = SMatrix::<f64, 9, 9>::zeros();
    for ([x, y], [u, v]) in from.iter().zip(to) {
        let first = SVector::<f64, 9>::from([*x, *y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y, -u]);
        let second = SVector::<f64, 9>::from([0.0, 0.0, 0.0, *x, *y, 1.0, -v * x, -v * y, -v]);
        normal += first * first.transpose() + second * second.transpose();
    }
    let eigen = normal.try_symmetric_eigen(f64::EPSILON, 200)?;
    let weakest = eigen.eigenvectors.column(eigen.eigenvalues.imin());
    Some(Matrix3::from_row_slice(weakest.as_slice()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::Point3;

    /// The canonical face, or a print of it, turned about the upright axis and seen from 60 cm.
    fn seen(degrees: f32, depth: f32) -> Mesh {
        let table = include_str!("../../models/canonical_face_468.csv");
        let (sin, cos) = degrees.to_radians().sin_cos();
        let point = |line: &str| {
            let at: Vec<f32> = line.split(',').map(|n| n.trim().parse().unwrap()).collect();
            let (x, y, z) = (at[0], at[1], at[2] * depth);
            let (across, toward) = (x * cos + z * sin, z * cos - x * sin);
            let scale = 600.0 / (60.0 - toward);
            Point3 { x: 320.0 + across * scale, y: 240.0 - y * scale, z: -toward * scale }
        };
        Mesh { points: table.lines().skip(1).map(point).collect(), presence: 1.0 }
    }

    #[test]
    fn a_print_has_no_relief_however_it_is_turned_and_a_face_has() {
        for degrees in [-50.0, -20.0, 5.0, 40.0_f32] {
            let print = relief(&seen(0.0, 0.0), &seen(degrees, 0.0)).unwrap();
            assert!(print < 0.001, "{degrees}: {print}");
        }
        let face = |degrees| relief(&seen(0.0, 1.0), &seen(degrees, 1.0)).unwrap();
        assert!(face(0.0) < 0.001);
        assert!(face(25.0) > 0.05, "{}", face(25.0));
        assert!(face(-25.0) > face(-10.0));
    }

    #[test]
    fn a_mesh_that_is_not_complete_or_has_no_extent_has_no_relief() {
        let face = seen(0.0, 1.0);
        let empty = Mesh { points: Vec::new(), presence: 1.0 };
        let point = Mesh { points: vec![Point3::default(); MESH_POINTS], presence: 1.0 };
        assert_eq!(relief(&face, &empty), None);
        assert_eq!(relief(&face, &point), None);
        let mut broken = seen(5.0, 1.0);
        broken.points[9].x = f32::NAN;
        assert_eq!(relief(&face, &broken), None);
    }
}
