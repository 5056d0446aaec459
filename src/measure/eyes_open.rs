//! Whether both eyes are open: the lids' distance over the eye's width, of the smaller eye.
//!
//! The mesh hardly moves when lids close, so this needs the iris net; until its reading is there, the measure
//! is not assessed.

use super::scale::{reading, sigmoid};
use super::{Limits, Measure, Subject};
use crate::domain::{Cause, MeasureName, Reading, Reason};

pub(super) const MEASURE: Measure = Measure {
    name: MeasureName("eyes_open"),
    title: "Opening of the narrower eye over its width",
    unit: "",
    source: "ISO/IEC 29794-5 EyesOpen, read from MediaPipe's iris net: 0.31 to 0.43 open, below 0.21 closed",
    range: (0.0, f64::INFINITY),
    limits: Limits::at_least([Some(0.22), Some(0.26), Some(0.28)]),
    below: Some(Reason::OpenEyes),
    above: None,
    read,
};

fn read(subject: &Subject<'_>) -> Reading {
    let Some(eyes) = subject.eyes() else { return Reading::NotAssessed(Cause::NotNeeded) };
    let (right, left) = (f64::from(eyes.right.opening), f64::from(eyes.left.opening));
    if right.is_nan() || left.is_nan() {
        return Reading::NotAssessed(Cause::NoFace);
    }
    let opening = right.min(left);
    reading(opening, 100.0 * sigmoid(opening, 0.26, 0.03))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::{Eye, Eyes, Point, Size};
    use crate::measure::Pixels;
    use crate::measure::subject::samples::face;

    #[test]
    fn the_narrower_eye_counts_and_unread_eyes_are_not_assessed() {
        let (size, rgb) = (Size::new(16, 16), vec![0; 16 * 16 * 3]);
        let face = face(Point::new(8.0, 8.0), 40.0);
        let subject = Subject::new(Pixels::new(size, &rgb).unwrap(), &face, &[]);
        assert_eq!(read(&subject), Reading::NotAssessed(Cause::NotNeeded));

        let eye = |opening| Eye { opening, iris: Point::default() };
        let winking = Eyes { right: eye(0.35), left: eye(0.125) };
        assert_eq!(read(&subject.with_eyes(&winking)).native(), Some(0.125));
    }
}
