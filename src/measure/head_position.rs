//! Whether the whole head is inside the frame, with the margin that a portrait needs.

use super::scale::{reading, sigmoid};
use super::{Limits, Measure, Subject};
use crate::domain::{Cause, MeasureName, Reading, Reason};

pub(super) const MEASURE: Measure = Measure {
    name: MeasureName("head_position"),
    title: "Smallest distance from the head to the frame's edge, over the wanted one",
    unit: "",
    source: "ISO/IEC 29794-5 crop of the face image: 0.9 eye distances at the sides; above and below for a \
             live frame",
    range: (f64::NEG_INFINITY, f64::INFINITY),
    limits: Limits::at_least([Some(0.7), Some(1.0), Some(1.0)]),
    below: Some(Reason::CenterFace),
    above: None,
    read,
};

/// Room wanted beside an eye, in eye distances.
const BESIDE: f32 = 0.9;

/// Room wanted above the eyes, in eye-chin distances: the crown lies at about 0.8.
const ABOVE: f32 = 0.9;

/// Room wanted below the eyes, in eye-chin distances: the chin lies at 1.
const BELOW: f32 = 1.1;

fn read(subject: &Subject<'_>) -> Reading {
    match smallest(subject) {
        Ok(share) => reading(share, 100.0 * sigmoid(share, 1.0, 0.11)),
        Err(cause) => Reading::NotAssessed(cause),
    }
}

fn smallest(subject: &Subject<'_>) -> Result<f64, Cause> {
    let (eye, chin) = (subject.eye_distance()?, subject.eye_chin_distance()?);
    let eyes = subject.face().landmarks;
    let (width, height) = (subject.size().width as f32, subject.size().height as f32);
    let (left, right) =
        (eyes.right_eye.x.min(eyes.left_eye.x), eyes.right_eye.x.max(eyes.left_eye.x));
    let middle = subject.eye_middle().y;
    let shares = [
        left / (eye * BESIDE),
        (width - right) / (eye * BESIDE),
        middle / (chin * ABOVE),
        (height - middle) / (chin * BELOW),
    ];
    Ok(f64::from(shares.into_iter().fold(f32::MAX, f32::min)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::{Point, Size};
    use crate::measure::Pixels;
    use crate::measure::subject::samples::face;

    #[test]
    fn a_head_in_the_middle_passes_and_one_at_any_edge_does_not() {
        let (size, rgb) = (Size::new(640, 480), vec![0; 640 * 480 * 3]);
        let pixels = Pixels::new(size, &rgb).unwrap();
        let share = |x, y| {
            let face = face(Point::new(x, y), 60.0);
            read(&Subject::new(pixels, &face, &[])).native().unwrap()
        };
        assert!(share(320.0, 220.0) >= 1.0);
        for (x, y) in [(70.0, 220.0), (580.0, 220.0), (320.0, 60.0), (320.0, 400.0)] {
            assert!(share(x, y) < 1.0, "{x} {y}");
        }
    }
}
