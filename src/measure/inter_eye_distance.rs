//! How many pixels lie between the eyes, as they would if the head were not turned.

use super::scale::{reading, sigmoid};
use super::{Limits, Measure, Subject};
use crate::domain::{MeasureName, Reading, Reason};

pub(super) const MEASURE: Measure = Measure {
    name: MeasureName("inter_eye_distance"),
    title: "Distance between the eyes",
    unit: "pixels",
    source: "ISO/IEC 29794-5 InterEyeDistance; score as OFIQ: middle 70, width 20",
    range: (0.0, f64::INFINITY),
    limits: Limits::at_least([Some(45.0), Some(60.0), Some(90.0)]),
    below: Some(Reason::MoveCloser),
    above: None,
    read,
};

/// Beyond this yaw, in degrees, the division would make any face large.
const MAX_YAW: f32 = 60.0;

fn read(subject: &Subject<'_>) -> Reading {
    match subject.eye_distance() {
        Ok(distance) => {
            let yaw = subject.face().pose.yaw.abs().min(MAX_YAW).to_radians();
            let distance = f64::from(distance / yaw.cos());
            reading(distance, 100.0 * sigmoid(distance, 70.0, 20.0))
        }
        Err(cause) => Reading::NotAssessed(cause),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::{Cause, Point, Size};
    use crate::measure::Pixels;
    use crate::measure::subject::samples::face;

    #[test]
    fn a_turned_head_is_not_taken_for_a_small_one() {
        let (size, rgb) = (Size::new(64, 64), vec![0; 64 * 64 * 3]);
        let pixels = Pixels::new(size, &rgb).unwrap();
        let mut turned = face(Point::new(30.0, 30.0), 45.0);
        turned.pose.yaw = -60.0;
        let native = read(&Subject::new(pixels, &turned, &[])).native().unwrap();
        assert!((native - 90.0).abs() < 0.1, "{native}");

        let speck = face(Point::new(30.0, 30.0), 3.0);
        let found = read(&Subject::new(pixels, &speck, &[]));
        assert_eq!(found, Reading::NotAssessed(Cause::TooSmall));
    }
}
