//! How fast the head moves: across the picture, and around its own axes.

use super::scale::reading;
use super::{Limits, Measure, Subject};
use crate::domain::{Cause, HeadPose, Landmarks, MeasureName, Reading};

pub(super) const NAME: MeasureName = MeasureName("head_motion");

pub(super) const MEASURE: Measure = Measure {
    name: NAME,
    title: "Speed of the head: shifting, approaching and turning",
    unit: "eye distances a second",
    source: "mean way of eyes, nose and mouth corners between two frames of one track, plus the way of a \
             point one eye distance from the axis of the turn; score 100 / (1 + (speed / 0.3)^2)",
    range: (0.0, f64::INFINITY),
    limits: Limits::none(),
    below: None,
    above: None,
    read,
};

/// The speed, in eye distances a second, at which half of the score is lost: a head that turns by 17 degrees
/// a second. A head at rest reads below 0.15, most of it noise of the mesh.
const HALF_LOST: f64 = 0.3;

/// What remains at this speed: 1 at rest, one half at [`HALF_LOST`].
pub(super) fn stillness(speed: f64) -> f64 {
    1.0 / (1.0 + (speed / HALF_LOST).powi(2))
}

/// The speed, in eye distances a second, at which half of a frame's worth in the choice is lost.
///
/// Far above [`HALF_LOST`]: standing still reads 0.1 to 0.6, which is mostly the mesh's own jitter.
pub(super) const RESTLESS: f64 = 2.0;

/// What remains of a frame's worth at this speed: 1 at rest, one half at [`RESTLESS`].
pub(super) fn calm(speed: f64) -> f64 {
    1.0 / (1.0 + (speed / RESTLESS).powi(2))
}

fn read(subject: &Subject<'_>) -> Reading {
    match speed(subject) {
        Ok(speed) => reading(speed, 100.0 * stillness(speed)),
        Err(cause) => Reading::NotAssessed(cause),
    }
}

fn speed(subject: &Subject<'_>) -> Result<f64, Cause> {
    let earlier = subject.earlier().ok_or(Cause::NoEarlierFrame)?;
    let seconds = earlier.elapsed.as_secs_f64();
    if seconds <= 0.0 {
        return Err(Cause::NoEarlierFrame);
    }
    let face = subject.face();
    let shift = shift(&face.landmarks, &earlier.landmarks) / subject.eye_distance()?;
    Ok(f64::from(shift + turn(face.pose, earlier.pose)) / seconds)
}

/// The mean way of the landmarks in pixels.
fn shift(now: &Landmarks, then: &Landmarks) -> f32 {
    let ways = [
        now.right_eye.distance(then.right_eye),
        now.left_eye.distance(then.left_eye),
        now.nose.distance(then.nose),
        now.right_mouth.distance(then.right_mouth),
        now.left_mouth.distance(then.left_mouth),
    ];
    ways.iter().sum::<f32>() / 5.0
}

/// The turn between two poses in radians, small angles taken as a vector.
fn turn(now: HeadPose, then: HeadPose) -> f32 {
    let (yaw, pitch, roll) = (now.yaw - then.yaw, now.pitch - then.pitch, now.roll - then.roll);
    yaw.hypot(pitch).hypot(roll).to_radians()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::{Point, Size};
    use crate::measure::subject::samples::face;
    use crate::measure::{Earlier, Pixels};

    #[test]
    fn a_head_that_moves_by_one_eye_distance_in_two_seconds_reads_one_half() {
        let (size, rgb) = (Size::new(16, 16), vec![0; 16 * 16 * 3]);
        let pixels = Pixels::new(size, &rgb).unwrap();
        let (now, then) = (face(Point::new(90.0, 50.0), 60.0), face(Point::new(30.0, 50.0), 60.0));
        let alone = Subject::new(pixels, &now, &[]);
        assert_eq!(read(&alone), Reading::NotAssessed(Cause::NoEarlierFrame));
        let earlier =
            Earlier { landmarks: then.landmarks, pose: then.pose, elapsed: Duration::from_secs(2) };
        let native = read(&alone.with_earlier(earlier)).native().unwrap();
        assert!((native - 0.5).abs() < 1e-6, "{native}");
    }

    #[test]
    fn a_turn_by_one_radian_a_second_counts_as_one_eye_distance() {
        let then = HeadPose { yaw: -10.0, pitch: 0.0, roll: 0.0 };
        let now = HeadPose { yaw: 47.295_78, ..then };
        assert!((turn(now, then) - 1.0).abs() < 1e-5);
    }

    #[test]
    fn the_faster_the_head_the_less_remains() {
        assert!((stillness(0.0) - 1.0).abs() < 1e-9);
        assert!((stillness(HALF_LOST) - 0.5).abs() < 1e-9);
        assert!(stillness(1.0) < stillness(0.5));
    }
}
