//! `camera test`: looks through the configured camera for some seconds, and tells what it found.

use std::time::Duration;

use super::advice::{self, Flow, View};
use super::examiner::Examined;
use super::feed::{CameraMode, Fed, Feed};
use super::{Rig, report, rig};
use crate::camera::SourceSpec;
use crate::config::Config;
use crate::domain::{Frame, Gate, MeasureName, Moment, Reason};
use crate::failure::{Exit, Failure};
use crate::sheet::{Line, Proof, Verdict};
use crate::vision::Picture;
use crate::vision::image;
use crate::web::camera::{CameraTestReport, GateReport};

/// Quality of the drawn picture: lettering wants a high one.
const QUALITY: u8 = 95;

/// The measure that tells how far a face is.
const EYES: MeasureName = MeasureName("inter_eye_distance");

/// What is told while the test runs.
#[derive(Debug, Clone, Copy)]
pub struct Glimpse<'a> {
    /// Frames a second so far.
    pub rate: Option<f64>,
    /// Frames that were examined so far.
    pub examined: u64,
    /// Frames that the camera or the driver lost so far.
    pub lost: u64,
    /// Frames that came whole so far but could not be decoded.
    pub damaged: u64,
    /// The distance between the eyes in pixels, if a face is seen.
    pub eyes_px: Option<f32>,
    /// What is wrong with the face.
    pub reasons: &'a [Reason],
}

/// The report, and the picture with its findings as JPEG if a frame came.
#[derive(Debug)]
pub struct CameraTest {
    /// What was found.
    pub report: CameraTestReport,
    /// The drawn picture.
    pub jpeg: Option<Vec<u8>>,
}

/// Looks for so long; `told` hears of each examined frame.
///
/// # Errors
/// When the camera cannot be opened, or the nets cannot be run.
pub fn run(
    config: &Config,
    length: Duration,
    told: &mut dyn FnMut(Glimpse<'_>),
) -> Result<CameraTest, Failure> {
    let rig = Rig::new(config)?;
    // The nets take a moment to load: before the camera sends, not while it does.
    let mut examiner = rig.thorough_examiner()?;
    let mut feed = Feed::open(config)?;
    let mut count = Count::default();
    let mut best: Option<Examined> = None;
    let began = feed.now();
    while feed.now().since(began) < length {
        let frame = match feed.wait()? {
            Fed::Frame(frame) => frame,
            Fed::Waiting => continue,
            Fed::Ended => break,
        };
        let examined = examiner
            .examine(&frame, feed.now())
            .map_err(|error| Failure::caused(Exit::Internal, &error))?;
        count.add(&frame, &examined);
        count.superseded = feed.superseded();
        let face = examined.observation.face.as_ref();
        told(Glimpse {
            rate: count.rate(),
            examined: count.examined,
            lost: count.lost(),
            damaged: count.damaged,
            eyes_px: face.map(|face| face.landmarks.inter_eye_distance()),
            reasons: &examined.judged.reasons,
        });
        if best.as_ref().is_none_or(|best| worth(&examined) >= worth(best)) {
            best = Some(examined);
        }
    }
    conclude(config, &count, best.as_ref(), rig.gates())
}

/// A replay runs at its own rate.
fn wished_rate(config: &Config) -> Result<f64, Failure> {
    Ok(match rig::camera_spec(config)? {
        SourceSpec::Frames(frames) => frames.fps,
        _ => CameraMode::wished(config).wish().fps,
    })
}

/// What makes one picture more worth showing than another: a face, then a good one; the later of equals.
fn worth(examined: &Examined) -> (bool, bool, f64) {
    let seen = examined.observation.face.is_some();
    (examined.picture.is_some(), seen, examined.judged.score)
}

/// Counts frames and their faults.
#[derive(Debug, Default)]
struct Count {
    first: Option<(u64, Moment)>,
    last: Option<(u64, Moment)>,
    examined: u64,
    superseded: u64,
    damaged: u64,
    stale: u64,
}

impl Count {
    fn add(&mut self, frame: &Frame, examined: &Examined) {
        let at = (frame.sequence, frame.captured);
        self.first.get_or_insert(at);
        self.last = Some(at);
        self.examined += 1;
        let has = |reason| u64::from(examined.judged.reasons.contains(&reason));
        self.damaged += has(Reason::Damaged);
        self.stale += has(Reason::Stale);
    }

    /// How many frames the camera sent, by its own count.
    fn sent(&self) -> u64 {
        match (self.first, self.last) {
            (Some((first, _)), Some((last, _))) => last - first + 1,
            _ => 0,
        }
    }

    fn lost(&self) -> u64 {
        self.sent().saturating_sub(self.examined + self.superseded)
    }

    fn rate(&self) -> Option<f64> {
        let ((first, began), (last, ended)) = (self.first?, self.last?);
        let seconds = ended.since(began).as_secs_f64();
        (seconds > 0.0).then(|| ((last - first) as f64 / seconds * 10.0).round() / 10.0)
    }
}

fn conclude(
    config: &Config,
    count: &Count,
    best: Option<&Examined>,
    gates: &[Gate],
) -> Result<CameraTest, Failure> {
    let shown = best.and_then(|best| Some((best, best.picture.as_ref()?)));
    let flow = Flow {
        rate: count.rate(),
        wished: wished_rate(config)?,
        sent: count.sent(),
        lost: count.lost() + count.damaged,
    };
    let mut advice = advice::about_flow(flow);
    match shown {
        Some((best, picture)) if best.observation.face.is_some() => {
            let view = View { frame: picture.size(), lens: config.camera.lens };
            advice.extend(advice::about_face(&best.assessment, gates, view));
        }
        Some(_) => advice.push("no face was seen: stand in front of the camera".to_owned()),
        None => advice.push("no picture came: look at the cable and the power supply".to_owned()),
    }
    let found = best.map(|best| report::assessed("", best));
    let report = CameraTestReport {
        source: config.camera.source.clone(),
        size: shown.map(|(_, picture)| [picture.size().width, picture.size().height]),
        rate: count.rate(),
        examined: count.examined,
        superseded: count.superseded,
        lost: count.lost(),
        damaged: count.damaged,
        stale: count.stale,
        face: found.as_ref().and_then(|found| found.face.clone()),
        pose: found.as_ref().and_then(|found| found.pose),
        tilt: config.camera.tilt,
        distance_cm: shown.and_then(|(best, picture)| distance_cm(config, best, picture)),
        gates: best.map_or_else(Vec::new, |best| gate_reports(best, gates)),
        measures: found.map(|found| found.measures).unwrap_or_default(),
        advice,
        picture: None,
    };
    let jpeg = shown.map(|(best, picture)| draw(best, picture, &report)).transpose()?;
    Ok(CameraTest { report, jpeg })
}

/// How far the face is, where the lens is known. The distance of the eyes is that of a head that is not turned.
fn distance_cm(config: &Config, best: &Examined, picture: &Picture) -> Option<f64> {
    let eyes = best.assessment.get(EYES)?.native()?;
    Some((config.camera.lens?.distance(eyes, picture.size().width) * 100.0).round())
}

fn gate_reports(best: &Examined, gates: &[Gate]) -> Vec<GateReport> {
    if best.observation.face.is_none() {
        return Vec::new();
    }
    let report = |gate: &Gate| {
        let value = best.assessment.get(gate.measure).and_then(crate::domain::Reading::native);
        GateReport {
            measure: gate.measure.to_string(),
            value: value.map(|value| (value * 10_000.0).round() / 10_000.0),
            min: gate.min,
            max: gate.max,
            reason: value.and_then(|value| gate.check(value)).map(|it| it.code().to_owned()),
        }
    };
    gates.iter().map(report).collect()
}

/// A gate's line for people: name, value, limits.
pub fn gate_line(gate: &GateReport) -> String {
    let value = gate.value.map_or_else(|| "not assessed".to_owned(), |value| format!("{value:.2}"));
    let limits = match (gate.min, gate.max) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => String::new(),
    };
    format!("{:<24} {value:>12}  {limits}", gate.measure)
}

/// The stream's line for people.
pub fn flow_line(report: &CameraTestReport) -> String {
    let size =
        report.size.map_or_else(String::new, |[width, height]| format!("{width}x{height}, "));
    let rate = report.rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}"));
    format!(
        "{size}{rate} frames a second; {} examined, {} lost, {} damaged, {} too old",
        report.examined, report.lost, report.damaged, report.stale
    )
}

/// The face's line for people, where there is more to tell than its gates: how far it is, and what the pose is
/// relative to.
pub fn face_line(report: &CameraTestReport) -> Option<String> {
    let distance = report.distance_cm.map(|cm| format!("about {cm:.0} cm from the lens"));
    let tilt = (report.tilt != 0.0 && report.face.is_some())
        .then(|| format!("nod told as if the camera were level (camera.tilt = {})", report.tilt));
    let parts: Vec<String> = distance.into_iter().chain(tilt).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn draw(best: &Examined, picture: &Picture, report: &CameraTestReport) -> Result<Vec<u8>, Failure> {
    let line = |text: String, verdict| Line { text, verdict };
    let mut lines = vec![
        line(format!("Camera test: {}", report.source), Verdict::Heading),
        line(flow_line(report), Verdict::Neutral),
    ];
    lines.extend(face_line(report).map(|text| line(text, Verdict::Neutral)));
    for gate in &report.gates {
        let passes = gate.reason.is_none() && gate.value.is_some();
        lines.push(line(gate_line(gate), if passes { Verdict::Good } else { Verdict::Bad }));
    }
    lines.extend(report.advice.iter().map(|advice| line(advice.clone(), Verdict::Heading)));
    let face = best.observation.face.as_ref().map(|face| (face.bounds, face.landmarks));
    let told = |error: &dyn std::error::Error| Failure::caused(Exit::Internal, error);
    let drawn = Proof { picture, face, lines }.draw().map_err(|error| told(&error))?;
    image::encode_jpeg(&drawn, QUALITY).map_err(|error| told(&error))
}
