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
            Fed::Waiting | Fed::Lost { .. } => continue,
            Fed::Back => {
                count.cut();
                continue;
            }
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

/// The first and the last frame of one stream: a camera that is opened anew counts anew.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    first: (u64, Moment),
    last: (u64, Moment),
}

impl Stretch {
    fn steps(&self) -> u64 {
        self.last.0.saturating_sub(self.first.0)
    }

    fn seconds(&self) -> f64 {
        self.last.1.since(self.first.1).as_secs_f64()
    }
}

/// Counts frames and their faults.
#[derive(Debug, Default)]
struct Count {
    earlier: Vec<Stretch>,
    present: Option<Stretch>,
    examined: u64,
    superseded: u64,
    damaged: u64,
    stale: u64,
}

impl Count {
    fn add(&mut self, frame: &Frame, examined: &Examined) {
        self.note(frame.sequence, frame.captured);
        let has = |reason| u64::from(examined.judged.reasons.contains(&reason));
        self.damaged += has(Reason::Damaged);
        self.stale += has(Reason::Stale);
    }

    fn note(&mut self, sequence: u64, captured: Moment) {
        self.examined += 1;
        let at = (sequence, captured);
        match &mut self.present {
            Some(present) if sequence > present.last.0 => present.last = at,
            _ => {
                self.cut();
                self.present = Some(Stretch { first: at, last: at });
            }
        }
    }

    /// Ends a stream: what comes next has numbers of its own.
    fn cut(&mut self) {
        self.earlier.extend(self.present.take());
    }

    fn stretches(&self) -> impl Iterator<Item = &Stretch> {
        self.earlier.iter().chain(&self.present)
    }

    /// How many frames the camera sent, by its own count.
    fn sent(&self) -> u64 {
        self.stretches().map(|stretch| stretch.steps() + 1).sum()
    }

    fn lost(&self) -> u64 {
        self.sent().saturating_sub(self.examined + self.superseded)
    }

    fn rate(&self) -> Option<f64> {
        let seconds: f64 = self.stretches().map(Stretch::seconds).sum();
        let steps: u64 = self.stretches().map(Stretch::steps).sum();
        (seconds > 0.0).then(|| (steps as f64 / seconds * 10.0).round() / 10.0)
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
        brightness: shown.map(|(_, picture)| brightness(picture)),
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

/// The mean luma of what was decoded, 0 to 1 (ITU-R BT.709 on the sRGB values).
fn brightness(picture: &Picture) -> f64 {
    let (shown, stride) = (picture.shown(), 3 * picture.size().width as usize);
    let (left, width) = (3 * shown.x as usize, 3 * shown.size.width as usize);
    let rows = picture.rgb().chunks_exact(stride).skip(shown.y as usize);
    let mut sums = [0_u64; 3];
    for row in rows.take(shown.size.height as usize) {
        for pixel in row.get(left..left + width).unwrap_or_default().chunks_exact(3) {
            sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u64::from(*value));
        }
    }
    let pixels = f64::from(shown.size.width) * f64::from(shown.size.height);
    let [red, green, blue] = sums.map(|sum| sum as f64 / (255.0 * pixels.max(1.0)));
    ((0.2126 * red + 0.7152 * green + 0.0722 * blue) * 1_000.0).round() / 1_000.0
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

/// What a test tells of frames that are `grey` all over.
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
pub(crate) fn of_grey(grey: u8) -> CameraTestReport {
    use crate::config::{Layers, Sources};
    use crate::domain::{Assessment, JudgedFrame, Observation, Size};

    let settings = vec!["camera.source=frames:/grey".to_owned()];
    let layers = Layers::gather(&Sources { settings, ..Sources::default() }).unwrap();
    let config = Config::resolve(&layers).unwrap();
    let size = Size::new(320, 240);
    let picture = Picture::from_rgb(size, vec![grey; 320 * 240 * 3]).unwrap();
    let examined = Examined {
        picture: Some(picture),
        observation: Observation::default(),
        assessment: Assessment::default(),
        judged: JudgedFrame::default(),
        damage: None,
    };
    let mut count = Count::default();
    (0..30).for_each(|n| count.note(n, Moment::from_origin(Duration::from_millis(100 * n))));
    conclude(&config, &count, Some(&examined), &[]).unwrap().report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_for_each_stream_of_a_camera_that_was_opened_anew() {
        let mut count = Count::default();
        let mut note = |sequence, millis| {
            count.note(sequence, Moment::from_origin(Duration::from_millis(millis)));
        };
        for n in 0..=10 {
            note(5_000 + n, 100 * n);
        }
        for n in 0..=10 {
            note(2 * n, 9_000 + 200 * n);
        }
        assert_eq!((count.sent(), count.lost()), (11 + 21, 10));
        assert_eq!(count.rate(), Some(10.0));
        count.cut();
        count.note(400, Moment::from_origin(Duration::from_secs(20)));
        assert_eq!((count.sent(), count.rate()), (33, Some(10.0)), "the pause counts for nothing");
    }

    #[test]
    fn the_brightness_is_that_of_the_whole_picture_without_a_face() {
        assert_eq!(of_grey(0).brightness, Some(0.0));
        assert_eq!(of_grey(255).brightness, Some(1.0));
        let middle = of_grey(128).brightness;
        assert!(middle.is_some_and(|middle| (0.45..0.55).contains(&middle)), "{middle:?}");
    }
}
