//! Whether the face is alone: how large the next largest face is beside it.

use super::scale::reading;
use super::{Limits, Measure, Subject};
use crate::domain::{MeasureName, Reading, Reason};

pub(super) const MEASURE: Measure = Measure {
    name: MeasureName("single_face"),
    title: "Area of the next largest face over the area of this one",
    unit: "",
    source: "ISO/IEC 29794-5 SingleFacePresent; score as OFIQ: 100 (1 - ratio)",
    range: (0.0, f64::INFINITY),
    limits: Limits::at_most([Some(0.50), Some(0.25), Some(0.10)]),
    below: None,
    above: Some(Reason::SeveralFaces),
    read,
};

fn read(subject: &Subject<'_>) -> Reading {
    let others = subject.others().iter().map(|other| f64::from(other.bounds.area()));
    let next = others.fold(0.0, f64::max);
    let ratio = next / f64::from(subject.face().bounds.area());
    reading(ratio, 100.0 * (1.0 - ratio))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::{Detection, Landmarks, Point, Rect, Size};
    use crate::measure::Pixels;
    use crate::measure::subject::samples::face;

    #[test]
    fn the_largest_of_the_others_counts() {
        let (size, rgb) = (Size::new(16, 16), vec![0; 16 * 16 * 3]);
        let pixels = Pixels::new(size, &rgb).unwrap();
        let mut face = face(Point::new(8.0, 8.0), 60.0);
        face.bounds = Rect::new(0.0, 0.0, 100.0, 100.0);
        let other = |side| Detection {
            bounds: Rect::new(200.0, 0.0, side, side),
            confidence: 0.9,
            landmarks: Landmarks::default(),
        };
        let alone = read(&Subject::new(pixels, &face, &[]));
        assert_eq!(alone, Reading::Assessed { native: 0.0, score: 100.0 });
        let crowd = [other(20.0), other(50.0)];
        assert_eq!(read(&Subject::new(pixels, &face, &crowd)).native(), Some(0.25));
    }
}
