//! Whether the mouth is closed: the inner lips' distance over the distance from eyes to chin.

use super::scale::{reading, sigmoid};
use super::{Limits, Measure, Subject};
use crate::domain::{Cause, MeasureName, Reading, Reason};

pub(super) const MEASURE: Measure = Measure {
    name: MeasureName("mouth_closed"),
    title: "Opening of the mouth over the distance from the eyes to the chin",
    unit: "",
    source: "ISO/IEC 29794-5 MouthClosed; score as OFIQ: 1 - S(0.2, 0.06); below 0.01 closed, 0.08 open",
    range: (0.0, f64::INFINITY),
    limits: Limits::at_most([None, Some(0.20), Some(0.10)]),
    below: None,
    above: Some(Reason::CloseMouth),
    read,
};

/// Inner lip points, upper and lower: at the middle and half way to the corners.
const LIPS: [(usize, usize); 3] = [(13, 14), (82, 87), (312, 317)];

fn read(subject: &Subject<'_>) -> Reading {
    match opening(subject) {
        Ok(share) => reading(share, 100.0 * (1.0 - sigmoid(share, 0.2, 0.06))),
        Err(cause) => Reading::NotAssessed(cause),
    }
}

fn opening(subject: &Subject<'_>) -> Result<f64, Cause> {
    let chin = subject.eye_chin_distance()?;
    let mut widest = 0.0_f32;
    for (upper, lower) in LIPS {
        let gap = subject.mesh_point(upper)?.distance(subject.mesh_point(lower)?);
        widest = widest.max(gap);
    }
    Ok(f64::from(widest / chin))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::{Point, Size};
    use crate::measure::Pixels;
    use crate::measure::subject::samples::face;

    #[test]
    fn a_dropped_jaw_opens_the_mouth() {
        let (size, rgb) = (Size::new(16, 16), vec![0; 16 * 16 * 3]);
        let pixels = Pixels::new(size, &rgb).unwrap();
        let mut face = face(Point::new(8.0, 8.0), 60.0);
        let closed = read(&Subject::new(pixels, &face, &[])).native().unwrap();
        face.mesh.points[14].y += 20.0;
        let open = read(&Subject::new(pixels, &face, &[])).native().unwrap();
        assert!(closed < 0.06 && open > 0.15, "{closed} {open}");
    }
}
