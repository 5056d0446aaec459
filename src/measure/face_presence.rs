//! How surely the mesh sees a face: a covered or half hidden one lowers it.

use super::scale::reading;
use super::{Limits, Measure, Subject};
use crate::domain::{MeasureName, Reading, Reason};

pub(super) const MEASURE: Measure = Measure {
    name: MeasureName("face_presence"),
    title: "Sureness of the face mesh that it sees a face",
    unit: "",
    source: "the face flag of MediaPipe's face_landmark net",
    range: (0.0, 1.0),
    limits: Limits::at_least([Some(0.5), Some(0.5), Some(0.8)]),
    below: Some(Reason::FaceCovered),
    above: None,
    read,
};

fn read(subject: &Subject<'_>) -> Reading {
    let presence = f64::from(subject.face().mesh.presence);
    reading(presence, 100.0 * presence)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::{Point, Size};
    use crate::measure::Pixels;
    use crate::measure::subject::samples::face;

    #[test]
    fn the_flag_is_the_value() {
        let (size, rgb) = (Size::new(16, 16), vec![0; 16 * 16 * 3]);
        let mut face = face(Point::new(8.0, 8.0), 60.0);
        face.mesh.presence = 0.5;
        let subject = Subject::new(Pixels::new(size, &rgb).unwrap(), &face, &[]);
        assert_eq!(read(&subject), Reading::Assessed { native: 0.5, score: 50.0 });
    }
}
