//! From a face to readings, from readings to reasons and to one number.

use super::{MEASURES, Subject, head_motion, head_pose, illumination_uniformity, sharpness};
use crate::domain::{Assessment, Cause, Gate, MeasureName, Reading, Reason};

/// Reads every measure of a face.
pub fn assess(subject: &Subject<'_>) -> Assessment {
    let read = |measure: &super::Measure| (measure.name, (measure.read)(subject));
    Assessment { readings: MEASURES.iter().map(read).collect() }
}

/// Reads what was left out before, now that `subject` has its eyes; the other readings stay.
pub fn complete(subject: &Subject<'_>, assessment: &mut Assessment) {
    for (name, reading) in &mut assessment.readings {
        let measure = MEASURES.iter().find(|measure| measure.name == *name);
        if let (Reading::NotAssessed(Cause::NotNeeded), Some(measure)) = (*reading, measure) {
            *reading = (measure.read)(subject);
        }
    }
}

/// Gives the reasons why a face fails its gates: the one to put right first at the front, each once.
///
/// What was not assessed never passes: without a face the reason is [`Reason::NoFace`], outside the picture
/// [`Reason::CenterFace`], too small [`Reason::MoveCloser`], white all over [`Reason::TooBright`]; a reading that was
/// left out counts as too low, though only where no other reason made it unnecessary (see [`is_promising`]).
pub fn judge(assessment: &Assessment, gates: &[Gate]) -> Vec<Reason> {
    let (mut reasons, left_out) = sort(assessment, gates);
    if reasons.is_empty() {
        reasons = left_out;
    }
    reasons.sort_unstable();
    reasons.dedup();
    reasons
}

/// Tells whether only readings that were left out keep the face from passing: reading them is worth it.
pub fn is_promising(assessment: &Assessment, gates: &[Gate]) -> bool {
    let (reasons, left_out) = sort(assessment, gates);
    reasons.is_empty() && !left_out.is_empty()
}

/// The reasons of readings that were taken, and those of readings that were left out.
fn sort(assessment: &Assessment, gates: &[Gate]) -> (Vec<Reason>, Vec<Reason>) {
    let (mut reasons, mut left_out) = (Vec::new(), Vec::new());
    for gate in gates {
        match assessment.get(gate.measure) {
            Some(Reading::Assessed { native, .. }) => reasons.extend(gate.check(native)),
            Some(Reading::NotAssessed(Cause::OutsidePicture)) => reasons.push(Reason::CenterFace),
            Some(Reading::NotAssessed(Cause::TooSmall)) => reasons.push(Reason::MoveCloser),
            Some(Reading::NotAssessed(Cause::Clipped)) => reasons.push(Reason::TooBright),
            Some(Reading::NotAssessed(Cause::NotNeeded)) => left_out.push(gate.below),
            Some(Reading::NotAssessed(Cause::NoFace)) | None => reasons.push(Reason::NoFace),
            // A single picture has no earlier frame: what compares with one cannot refuse it.
            Some(Reading::NotAssessed(Cause::NoEarlierFrame)) => {}
        }
    }
    (reasons, left_out)
}

/// Rates a face from 0 to 1, to choose among frames of one visit; not comparable between people.
///
/// The product (1 − blur)² · cos²(yaw) · cos²(pitch) · uniformity^0.3 · calm: each factor falls to nothing where
/// its fault alone spoils a picture. Detail lost to a blur of σ falls about as (1 − blur)² does, so that sharpness,
/// which varies most from frame to frame, weighs most. Motion matters by the blur it leaves, and that is measured:
/// calm only decides between frames that are equally sharp, and loses half at `head_motion::RESTLESS`.
/// What was not assessed makes it 0, but for the calm of a single picture, which counts as 1.
pub fn score(assessment: &Assessment) -> f64 {
    let native = |name: MeasureName| assessment.get(name).and_then(Reading::native);
    let frontal = |degrees: f64| degrees.to_radians().cos().max(0.0).powi(2);
    let product = || {
        let sharp = 1.0 - native(sharpness::NAME)?;
        let yaw = frontal(native(head_pose::YAW.name)?);
        let pitch = frontal(native(head_pose::PITCH.name)?);
        let even = native(illumination_uniformity::NAME)?.max(0.0).powf(0.3);
        let calm = native(head_motion::NAME).map_or(1.0, head_motion::calm);
        Some(sharp.powi(2) * yaw * pitch * even * calm)
    };
    product().filter(|score| score.is_finite()).map_or(0.0, |score: f64| score.clamp(0.0, 1.0))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::Profile;
    use crate::measure::gates;

    fn standard() -> Vec<Gate> {
        gates(Profile::Standard, &BTreeMap::new()).unwrap()
    }

    /// Readings that all pass, with some of them replaced.
    fn readings(replaced: &[(&str, Reading)]) -> Assessment {
        let good = |gate: &Gate| match (gate.min, gate.max) {
            (Some(min), Some(max)) => (min + max) / 2.0,
            (min, max) => min.or(max).unwrap(),
        };
        let reading = |gate: &Gate| {
            let replacement = replaced.iter().find(|(name, _)| *name == gate.measure.0);
            let good = Reading::Assessed { native: good(gate), score: 90.0 };
            (gate.measure, replacement.map_or(good, |(_, reading)| *reading))
        };
        Assessment { readings: standard().iter().map(reading).collect() }
    }

    fn assessed(native: f64) -> Reading {
        Reading::Assessed { native, score: 50.0 }
    }

    #[test]
    fn a_good_face_has_no_reasons_against_it() {
        assert_eq!(judge(&readings(&[]), &standard()), []);
        assert!(!is_promising(&readings(&[]), &standard()));
    }

    #[test]
    fn the_reason_to_put_right_first_comes_first_and_each_only_once() {
        let bad = readings(&[
            ("sharpness", assessed(0.9)),
            ("under_exposure", assessed(0.9)),
            ("luminance_mean", assessed(0.01)),
            ("head_pose_yaw", assessed(30.0)),
        ]);
        let expected = [Reason::TooDark, Reason::TurnRight, Reason::HoldStill];
        assert_eq!(judge(&bad, &standard()), expected);
    }

    #[test]
    fn what_was_not_assessed_does_not_pass() {
        for (cause, reason) in [
            (Cause::NoFace, Reason::NoFace),
            (Cause::OutsidePicture, Reason::CenterFace),
            (Cause::TooSmall, Reason::MoveCloser),
            (Cause::Clipped, Reason::TooBright),
        ] {
            let unread = readings(&[("sharpness", Reading::NotAssessed(cause))]);
            assert_eq!(judge(&unread, &standard()), [reason]);
        }
        assert_eq!(judge(&Assessment::default(), &standard()), [Reason::NoFace]);
    }

    #[test]
    fn eyes_left_unread_matter_only_when_all_else_is_well() {
        let unread = ("eyes_open", Reading::NotAssessed(Cause::NotNeeded));
        let promising = readings(&[unread]);
        assert_eq!(judge(&promising, &standard()), [Reason::OpenEyes]);
        assert!(is_promising(&promising, &standard()));

        let blurred = readings(&[unread, ("sharpness", assessed(0.9))]);
        assert_eq!(judge(&blurred, &standard()), [Reason::HoldStill]);
        assert!(!is_promising(&blurred, &standard()));
    }

    #[test]
    fn a_sharp_frame_is_not_given_up_for_a_blurred_one_in_which_the_head_rests() {
        // Frames 25 and 15 of the evaluation's clip 2: the mesh's jitter once outweighed a blur of 7 pixels.
        let frame = |sharpness, motion| {
            let mut readings = readings(&[("sharpness", assessed(sharpness))]);
            readings.readings.push((head_motion::NAME, assessed(motion)));
            score(&readings)
        };
        assert!(frame(0.489, 0.665) > 1.3 * frame(0.637, 0.486));
        assert!(frame(0.489, 0.2) > frame(0.489, 0.665));
    }

    #[test]
    fn a_sharper_and_more_frontal_face_scores_higher() {
        let base = score(&readings(&[("head_pose_yaw", assessed(10.0))]));
        assert!(score(&readings(&[])) > base);
        assert!(score(&readings(&[("sharpness", assessed(0.4))])) > score(&readings(&[])));
        assert!(score(&Assessment::default()).abs() < f64::EPSILON);
    }
}
