//! Turns what a camera test found into advice for whoever mounts the camera.

use crate::domain::{Assessment, Gate, Lens, Reading, Reason, Size};
use crate::measure::MEASURES;

/// Below this share of the wished rate the camera is called slow.
const SLOW: f64 = 0.8;

/// More than this share of lost frames is called a fault of the cable.
const LOSSY: f64 = 0.02;

/// What the stream was like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flow {
    /// Frames a second that were reached.
    pub(super) rate: Option<f64>,
    /// Frames a second that were wished for.
    pub(super) wished: f64,
    /// Frames that the camera sent, as far as they were counted.
    pub(super) sent: u64,
    /// Frames among them that were lost or damaged.
    pub(super) lost: u64,
}

/// What to do about the stream.
pub(super) fn about_flow(flow: Flow) -> Vec<String> {
    let mut advice = Vec::new();
    if let Some(rate) = flow.rate.filter(|rate| *rate < flow.wished * SLOW) {
        advice.push(format!(
            "{rate:.1} frames a second, {:.0} wanted: give the face more light, which shortens the \
             exposure, or use a USB port of its own",
            flow.wished
        ));
    }
    if flow.lost as f64 > flow.sent as f64 * LOSSY {
        advice.push(format!(
            "{} of {} frames were lost or damaged: try a shorter cable, another USB port, or a powered hub",
            flow.lost, flow.sent
        ));
    }
    advice
}

/// Through what the face is seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    /// The picture's size.
    pub(super) frame: Size,
    /// The lens, if its angle of view is known.
    pub(super) lens: Option<Lens>,
}

/// What to do about the face, one sentence for each gate that refuses it.
pub(super) fn about_face(assessment: &Assessment, gates: &[Gate], view: View) -> Vec<String> {
    let sentence = |gate: &Gate| {
        let Some(Reading::Assessed { native, .. }) = assessment.get(gate.measure) else {
            return None;
        };
        let reason = gate.check(native)?;
        let limit = if reason == gate.below { gate.min } else { gate.max }?;
        Some(about_gate(gate, native, limit, reason, view))
    };
    gates.iter().filter_map(sentence).collect()
}

fn about_gate(gate: &Gate, native: f64, limit: f64, reason: Reason, view: View) -> String {
    if reason == Reason::MoveCloser {
        let nearer = nearer(native, limit, view);
        return format!(
            "the eyes are {native:.0} px apart, {limit:.0} wanted: move the camera {nearer}"
        );
    }
    let measure = MEASURES.iter().find(|measure| measure.name == gate.measure);
    let title = measure.map_or("", |measure| measure.title);
    let unit = measure.map_or("", |measure| measure.unit);
    let bound = if reason == gate.below { "at least" } else { "at most" };
    let remedy = remedy(reason);
    format!("{title}: {} {unit}, {bound} {} wanted: {remedy}", short(native), short(limit))
        .replace(" ,", ",")
}

/// How far to come closer, so that eyes `found` pixels apart become `wanted` pixels apart.
fn nearer(found: f64, wanted: f64, view: View) -> String {
    match view.lens {
        Some(lens) => {
            let width = view.frame.width;
            let metres = lens.distance(found, width) - lens.distance(wanted, width);
            format!("about {:.0} cm closer", (metres * 100.0).max(1.0))
        }
        None => {
            let share = (found / wanted * 100.0).floor().max(1.0);
            format!(
                "closer, to {share:.0} % of the distance (camera.horizontal_fov makes it centimetres)"
            )
        }
    }
}

fn short(value: f64) -> String {
    if value.abs() >= 10.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

const fn remedy(reason: Reason) -> &'static str {
    match reason {
        Reason::MoveBack => "mount the camera farther away",
        Reason::CenterFace => "aim the camera at the face's height",
        Reason::TooDark => "put a lamp beside the camera, or turn it away from a window",
        Reason::TooBright => "keep direct light off the face",
        Reason::UnevenLight => "light the face from both sides, or from the front",
        Reason::TurnLeft | Reason::TurnRight => "mount the camera straight in front of the person",
        Reason::ChinUp => "mount the camera lower, or tilt it up",
        Reason::ChinDown => "mount the camera higher, or tilt it down",
        Reason::StraightenHead => "level the camera",
        Reason::HoldStill => "clean the lens, set its focus, and give the face more light",
        Reason::SeveralFaces => "turn the camera away from passers-by",
        Reason::OpenEyes => "look at the camera with open eyes",
        Reason::CloseMouth => "close the mouth",
        Reason::FaceCovered => "uncover the face",
        Reason::EyesCovered => "take dark glasses off",
        Reason::NoisyPicture => "give the face more light, or set camera.gain lower",
        Reason::CompressedPicture => {
            "let the camera compress less: another format, a smaller size, or a USB port of its own"
        }
        Reason::MoveCloser => "mount the camera nearer",
        Reason::NoFace | Reason::FaceChanged | Reason::Damaged | Reason::Stale => {
            "stand in front of the camera"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{MeasureName, Profile};

    const VIEW: View = View { frame: Size::new(1280, 720), lens: None };

    fn advice(name: &'static str, native: f64, view: View) -> Vec<String> {
        let reading = Reading::Assessed { native, score: 0.0 };
        let assessment = Assessment { readings: vec![(MeasureName(name), reading)] };
        let gates = crate::measure::gates(Profile::Standard, &std::collections::BTreeMap::new());
        about_face(&assessment, &gates.unwrap_or_default(), view)
    }

    #[test]
    fn a_face_that_is_too_small_is_told_in_centimetres_where_the_lens_is_known() {
        let lens = Some(Lens { horizontal_fov: 65.0 });
        let told = advice("inter_eye_distance", 50.0, View { lens, ..VIEW });
        let wanted = "the eyes are 50 px apart, 60 wanted: move the camera about 21 cm closer";
        assert_eq!(told, [wanted]);
        let told = advice("inter_eye_distance", 50.0, VIEW);
        assert!(told[0].contains("closer, to 83 % of the distance"), "{told:?}");
    }

    #[test]
    fn each_failed_gate_is_told_with_value_limit_and_remedy() {
        let told = advice("luminance_mean", 0.01, VIEW);
        assert!(told.iter().all(|line| line.contains("wanted: ")), "{told:?}");
        assert!(advice("inter_eye_distance", 90.0, VIEW).is_empty());
    }

    #[test]
    fn a_slow_and_lossy_stream_is_told_and_a_sound_one_is_not() {
        let flow = Flow { rate: Some(29.8), wished: 30.0, sent: 300, lost: 1 };
        assert!(about_flow(flow).is_empty());
        let told = about_flow(Flow { rate: Some(7.5), lost: 20, ..flow });
        assert_eq!(told.len(), 2);
    }
}
