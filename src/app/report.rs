//! Translates what was found out about a frame into the JSON that others read.

use std::collections::BTreeMap;

use super::examiner::Examined;
use crate::domain::{Assessment, Face, Frame, Point, Reading, Reason};
use crate::web::wire::{
    AssessReport, ChosenReport, FaceReport, JudgedReport, LandmarksReport, MeasureReport,
    PoseReport,
};

/// A judged frame.
pub fn judged(frame: &Frame, examined: &Examined) -> JudgedReport {
    JudgedReport {
        frame: frame.sequence,
        path: path(frame),
        bounds: examined.observation.face.as_ref().map(|face| {
            let bounds = face.bounds;
            [bounds.x, bounds.y, bounds.width, bounds.height]
        }),
        reasons: examined.judged.reasons.iter().map(|reason| reason.code().to_owned()).collect(),
        score: rounded(examined.judged.score),
    }
}

/// A chosen shot.
pub fn chosen(frame: &Frame, face: &Face, examined: &Examined) -> ChosenReport {
    ChosenReport {
        frame: frame.sequence,
        path: path(frame),
        score: rounded(examined.judged.score),
        pose: pose(face),
        measures: measures(&examined.assessment),
    }
}

/// A face's pose.
pub fn pose(face: &Face) -> PoseReport {
    let tenth = |degrees: f32| (degrees * 10.0).round() / 10.0;
    PoseReport {
        yaw: tenth(face.pose.yaw),
        pitch: tenth(face.pose.pitch),
        roll: tenth(face.pose.roll),
    }
}

/// Each measure's value.
pub fn measures(assessment: &Assessment) -> BTreeMap<String, MeasureReport> {
    let report = |reading: &Reading| MeasureReport {
        native: reading.native().map(rounded),
        score: reading.score().map(f64::round),
        not_assessed: match reading {
            Reading::NotAssessed(cause) => Some(cause.code().to_owned()),
            Reading::Assessed { .. } => None,
        },
    };
    assessment.readings.iter().map(|(name, reading)| (name.to_string(), report(reading))).collect()
}

fn path(frame: &Frame) -> Option<String> {
    frame.path.as_ref().map(|path| path.display().to_string())
}

/// Four digits: more is noise.
fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

/// A picture that was assessed, under the name of its file.
pub fn assessed(path: &str, examined: &Examined) -> AssessReport {
    let face = examined.observation.face.as_ref();
    let accepted = examined.judged.reasons.is_empty();
    AssessReport {
        path: path.to_owned(),
        verdict: if accepted { "accept" } else { "reject" }.to_owned(),
        reasons: examined.judged.reasons.iter().map(|reason| reason.code().to_owned()).collect(),
        faces: examined.observation.count(),
        score: face.map(|_| rounded(examined.judged.score)),
        face: face.map(place),
        pose: face.map(pose),
        measures: measures(&examined.assessment),
        error: None,
    }
}

/// A file that could not be assessed.
pub fn unassessed(path: &str, error: String) -> AssessReport {
    AssessReport {
        path: path.to_owned(),
        verdict: "reject".to_owned(),
        reasons: vec![Reason::Damaged.code().to_owned()],
        faces: 0,
        score: None,
        face: None,
        pose: None,
        measures: BTreeMap::new(),
        error: Some(error),
    }
}

fn place(face: &Face) -> FaceReport {
    let tenth = |pixels: f32| (pixels * 10.0).round() / 10.0;
    let point = |point: Point| [tenth(point.x), tenth(point.y)];
    let (bounds, marks) = (face.bounds, &face.landmarks);
    FaceReport {
        bounds: [bounds.x, bounds.y, bounds.width, bounds.height].map(tenth),
        landmarks: LandmarksReport {
            right_eye: point(marks.right_eye),
            left_eye: point(marks.left_eye),
            nose: point(marks.nose),
            right_mouth: point(marks.right_mouth),
            left_mouth: point(marks.left_mouth),
        },
        inter_eye_px: tenth(marks.inter_eye_distance()),
    }
}
