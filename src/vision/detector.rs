//! Finds faces in a whole picture with YuNet.

use std::f32::consts::E;

use crate::domain::{Detection, Landmarks, Point, Rect};

use super::Picture;
use super::VisionError;
use super::crop::shrink;
use super::nets::{COARSE_DETECTOR, FINE_DETECTOR, Net, Outputs};

/// Less sure than this is not a face.
const LEAST_CONFIDENCE: f32 = 0.7;

/// Two boxes that overlap more than this (intersection over union) are the same face.
const SAME_FACE: f32 = 0.3;

/// The net answers on three grids with cells of so many input pixels.
const STRIDES: [usize; 3] = [8, 16, 32];

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// 160 x 128: faces of a tenth of the picture's height and more, a third of the time.
    Coarse,
    /// 320 x 256: faces of a sixteenth of the picture's height and more.
    Fine,
}

/// The face detector at its two input sizes.
pub(super) struct Detector {
    coarse: Net,
    fine: Net,
}

impl Detector {
    /// Loads the nets.
    ///
    /// # Errors
    /// [`VisionError::Net`] when one cannot be loaded.
    pub(super) fn load() -> Result<Self, VisionError> {
        Ok(Self { coarse: Net::load(&COARSE_DETECTOR)?, fine: Net::load(&FINE_DETECTOR)? })
    }

    /// Gives the faces of a picture, the largest first, in picture coordinates.
    ///
    /// # Errors
    /// [`VisionError::Net`] when the net cannot be run.
    pub(super) fn detect(
        &mut self,
        picture: &Picture,
        detail: Detail,
    ) -> Result<Vec<Detection>, VisionError> {
        let net = match detail {
            Detail::Coarse => &mut self.coarse,
            Detail::Fine => &mut self.fine,
        };
        let (rows, columns) = (net.rows(), net.columns());
        let mut scale = 1.0;
        let outputs = net.run(|planes| scale = shrink(picture, columns, rows, planes))?;
        let mut found = Vec::new();
        for (level, stride) in STRIDES.into_iter().enumerate() {
            found.extend(Grid::read(&outputs, level, stride, rows, columns)?.faces(scale));
        }
        Ok(distinct(found))
    }
}

/// One of the three grids of the net's answer; each cell proposes one face.
struct Grid<'a> {
    stride: f32,
    columns: usize,
    class: &'a [f32],
    object: &'a [f32],
    boxes: &'a [f32],
    points: &'a [f32],
}

impl<'a> Grid<'a> {
    fn read(
        outputs: &'a Outputs,
        level: usize,
        stride: usize,
        rows: usize,
        columns: usize,
    ) -> Result<Self, VisionError> {
        let cells = (rows / stride) * (columns / stride);
        // The net gives its twelve outputs kind by kind, each for the three grids.
        Ok(Self {
            stride: stride as f32,
            columns: columns / stride,
            class: outputs.get(level, cells)?,
            object: outputs.get(3 + level, cells)?,
            boxes: outputs.get(6 + level, cells * 4)?,
            points: outputs.get(9 + level, cells * 10)?,
        })
    }

    /// The faces that the grid is sure of, scaled to picture coordinates.
    fn faces(&self, scale: f32) -> impl Iterator<Item = Detection> {
        (0..self.class.len()).filter_map(move |cell| {
            let sure = self.class[cell].clamp(0.0, 1.0) * self.object[cell].clamp(0.0, 1.0);
            let confidence = sure.sqrt();
            (confidence >= LEAST_CONFIDENCE).then(|| self.face(cell, confidence, scale))
        })
    }

    /// Decodes one cell: offsets of centre and points in strides from the cell, sizes as logarithms of strides.
    fn face(&self, cell: usize, confidence: f32, scale: f32) -> Detection {
        let (column, row) = ((cell % self.columns) as f32, (cell / self.columns) as f32);
        let unit = self.stride * scale;
        let at = |offset: &[f32]| Point::new((column + offset[0]) * unit, (row + offset[1]) * unit);
        let shape = &self.boxes[4 * cell..4 * cell + 4];
        let center = at(&shape[..2]);
        let (width, height) = (E.powf(shape[2]) * unit, E.powf(shape[3]) * unit);
        let points = &self.points[10 * cell..10 * cell + 10];
        Detection {
            bounds: Rect::new(center.x - width / 2.0, center.y - height / 2.0, width, height),
            confidence,
            landmarks: Landmarks {
                right_eye: at(&points[..2]),
                left_eye: at(&points[2..4]),
                nose: at(&points[4..6]),
                right_mouth: at(&points[6..8]),
                left_mouth: at(&points[8..]),
            },
        }
    }
}

/// Keeps the surest of each heap of overlapping boxes; the largest first.
fn distinct(mut found: Vec<Detection>) -> Vec<Detection> {
    found.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let mut kept: Vec<Detection> = Vec::new();
    for candidate in found {
        if kept.iter().all(|k| k.bounds.overlap(candidate.bounds) <= SAME_FACE) {
            kept.push(candidate);
        }
    }
    kept.sort_by(|a, b| b.bounds.area().total_cmp(&a.bounds.area()));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detection(x: f32, size: f32, confidence: f32) -> Detection {
        Detection {
            bounds: Rect::new(x, 0.0, size, size),
            confidence,
            landmarks: Landmarks::default(),
        }
    }

    #[test]
    fn a_cell_proposes_a_face_relative_to_its_own_place() {
        let mut grid = Grid {
            stride: 16.0,
            columns: 20,
            class: &[0.0; 320],
            object: &[0.0; 320],
            boxes: &[0.0; 1280],
            points: &[0.0; 3200],
        };
        let (mut class, mut boxes, mut points) = ([0.0; 320], [0.0; 1280], [0.0; 3200]);
        // Row 2, column 3; centre half a stride further, e strides wide, one stride high.
        class[43] = 0.81;
        boxes[172..176].copy_from_slice(&[0.5, 0.5, 1.0, 0.0]);
        points[430..432].copy_from_slice(&[0.25, -0.5]);
        (grid.class, grid.object, grid.boxes, grid.points) = (&class, &[1.0; 320], &boxes, &points);
        let faces: Vec<Detection> = grid.faces(2.0).collect();
        let [face] = faces[..] else { panic!("{faces:?}") };
        assert!((face.confidence - 0.9).abs() < 1e-6);
        assert!((face.bounds.center().x - 112.0).abs() < 1e-3);
        assert!((face.bounds.center().y - 80.0).abs() < 1e-3);
        assert!((face.bounds.width - 32.0 * E).abs() < 1e-3);
        assert!((face.landmarks.right_eye.x - 104.0).abs() < 1e-3);
        assert!((face.landmarks.right_eye.y - 48.0).abs() < 1e-3);
    }

    #[test]
    fn of_overlapping_boxes_the_surest_stays_and_the_largest_face_comes_first() {
        let found = vec![
            detection(0.0, 50.0, 0.8),
            detection(2.0, 50.0, 0.9),
            detection(200.0, 80.0, 0.75),
        ];
        let kept = distinct(found);
        assert_eq!(kept.iter().map(|d| d.confidence).collect::<Vec<_>>(), [0.75, 0.9]);
    }

    #[test]
    fn numbers_that_are_none_give_no_face() {
        let grid = Grid {
            stride: 8.0,
            columns: 1,
            class: &[f32::NAN],
            object: &[1.0],
            boxes: &[0.0; 4],
            points: &[0.0; 10],
        };
        assert_eq!(grid.faces(1.0).count(), 0);
    }
}
