//! How much of the frame's height the head takes: too near a camera distorts a face and cuts the portrait.

use super::scale::{reading, sigmoid};
use super::{Limits, Measure, Subject};
use crate::domain::{MeasureName, Reading, Reason};

pub(super) const MEASURE: Measure = Measure {
    name: MeasureName("head_size"),
    title: "Distance from the eyes to the chin over the frame's height",
    unit: "",
    source: "ISO/IEC 29794-5 HeadSize (T over the height); limits for a live frame are this project's",
    range: (0.0, f64::INFINITY),
    limits: Limits::at_most([Some(0.50), Some(0.42), Some(0.38)]),
    below: None,
    above: Some(Reason::MoveBack),
    read,
};

fn read(subject: &Subject<'_>) -> Reading {
    match subject.eye_chin_distance() {
        Ok(distance) => {
            let share = f64::from(distance) / f64::from(subject.size().height);
            reading(share, 100.0 * (1.0 - sigmoid(share, 0.45, 0.03)))
        }
        Err(cause) => Reading::NotAssessed(cause),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::{Point, Size};
    use crate::measure::Pixels;
    use crate::measure::subject::samples::face;

    #[test]
    fn a_face_near_the_camera_takes_more_of_the_frame() {
        let (size, rgb) = (Size::new(64, 480), vec![0; 64 * 480 * 3]);
        let pixels = Pixels::new(size, &rgb).unwrap();
        let share = |distance| {
            let face = face(Point::new(32.0, 200.0), distance);
            read(&Subject::new(pixels, &face, &[])).native().unwrap()
        };
        assert!(share(60.0) < 0.3 && share(120.0) > 0.42, "{} {}", share(60.0), share(120.0));
    }
}
