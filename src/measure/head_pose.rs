//! How far the head is turned, nodded and tilted away from the camera.
//!
//! Signs as ISO/IEC 19794-5: positive yaw looks to the person's own left, positive pitch looks down, positive
//! roll tilts toward the person's own right shoulder. Pitch has an offset of 5 to 10 degrees that depends on
//! the person, so its gate is wider.

use super::scale::reading;
use super::{Limits, Measure};
use crate::domain::{MeasureName, Reading, Reason};

const SOURCE: &str = "ISO/IEC 29794-5 HeadPose; score as OFIQ: 100 max(0, cos)^2";

pub(super) const YAW: Measure = Measure {
    name: MeasureName("head_pose_yaw"),
    title: "Turn of the head (positive: to the person's left)",
    unit: "degrees",
    source: SOURCE,
    range: (-180.0, 180.0),
    limits: Limits::within([20.0, 12.0, 7.0]),
    below: Some(Reason::TurnLeft),
    above: Some(Reason::TurnRight),
    read: |subject| angle(subject.face().pose.yaw),
};

pub(super) const PITCH: Measure = Measure {
    name: MeasureName("head_pose_pitch"),
    title: "Nod of the head (positive: down)",
    unit: "degrees",
    source: SOURCE,
    range: (-180.0, 180.0),
    limits: Limits::within([22.0, 15.0, 10.0]),
    below: Some(Reason::ChinDown),
    above: Some(Reason::ChinUp),
    read: |subject| angle(subject.face().pose.pitch),
};

pub(super) const ROLL: Measure = Measure {
    name: MeasureName("head_pose_roll"),
    title: "Tilt of the head (positive: to the person's right shoulder)",
    unit: "degrees",
    source: SOURCE,
    range: (-180.0, 180.0),
    limits: Limits::within([20.0, 12.0, 8.0]),
    below: Some(Reason::StraightenHead),
    above: Some(Reason::StraightenHead),
    read: |subject| angle(subject.face().pose.roll),
};

fn angle(degrees: f32) -> Reading {
    let degrees = f64::from(degrees);
    reading(degrees, 100.0 * degrees.to_radians().cos().max(0.0).powi(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_falls_with_the_angle_and_is_nothing_from_the_side() {
        let score = |degrees| angle(degrees).score();
        assert_eq!(score(0.0), Some(100.0));
        assert_eq!(score(-45.0), Some(50.0));
        assert_eq!(score(120.0), Some(0.0));
        assert_eq!(score(f32::NAN), None);
    }
}
