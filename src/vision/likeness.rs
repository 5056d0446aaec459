//! Whether two pictures taken one after the other show the same face: a coarse comparison of looks.
//!
//! What it does *not* do: recognise anyone. It answers only whether the face of a moment ago, in the same
//! light and nearly the same pose, was exchanged for another one.

use crate::domain::Mesh;

use super::Picture;
use super::crop::{Reading, Region, sample};
use super::mesh::{MARGIN, region_of_mesh};

/// Cells along each side of the thumbnail.
const CELLS: usize = 24;

/// A thumbnail of a face in its own upright frame, with mean 0 and length 1. Its `Debug` shows no value.
#[derive(Clone, PartialEq)]
pub(super) struct Likeness(Vec<f32>);

impl std::fmt::Debug for Likeness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Likeness")
    }
}

impl Likeness {
    /// Takes the likeness of the face whose mesh this is.
    pub(super) fn of(picture: &Picture, mesh: &Mesh) -> Self {
        let around = region_of_mesh(mesh);
        let face = Region { side: around.side / MARGIN, ..around };
        let mut planes = vec![0.0; 3 * CELLS * CELLS];
        sample(picture, face, CELLS, Reading::Straight, &mut planes);
        Self::from_values(planes)
    }

    /// Takes any values as a likeness; a flat picture has none and resembles nothing.
    pub(super) fn from_values(mut values: Vec<f32>) -> Self {
        let mean = values.iter().sum::<f32>() / values.len().max(1) as f32;
        values.iter_mut().for_each(|v| *v -= mean);
        let length = values.iter().map(|v| v * v).sum::<f32>().sqrt();
        let scale = if length > f32::EPSILON { 1.0 / length } else { 0.0 };
        values.iter_mut().for_each(|v| *v *= scale);
        Self(values)
    }

    /// The correlation of two likenesses, -1 to 1; brightness and contrast do not change it.
    pub(super) fn resemblance(&self, other: &Self) -> f32 {
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_light_and_contrast_change_nothing() {
        let face: Vec<f32> = (0..48).map(|i| (i as f32 * 0.7).sin()).collect();
        let brighter = face.iter().map(|v| v * 1.7 + 0.4).collect();
        let (face, brighter) = (Likeness::from_values(face), Likeness::from_values(brighter));
        assert!((face.resemblance(&brighter) - 1.0).abs() < 1e-4);
    }

    #[test]
    fn a_flat_picture_resembles_nothing_not_even_itself() {
        let flat = Likeness::from_values(vec![0.3; 12]);
        assert!(flat.resemblance(&flat).abs() < 1e-6);
    }
}
