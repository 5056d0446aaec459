//! `camera calibrate`: measures a person who looks straight, and proposes settings. Writes nothing.

use std::time::Duration;

use super::Rig;
use super::calibration::{self, EYES, MEASURED, Present, Proposal, Sample};
use super::examiner::Examined;
use super::feed::{Fed, Feed};
use crate::config::Config;
use crate::domain::{Gate, Reading, Size};
use crate::failure::{Exit, Failure};
use crate::web::camera::{CalibrationReport, SettingReport, SpreadReport};

/// Looks for so long; `told` hears how many frames were examined and how many of them can be used.
///
/// # Errors
/// When the camera cannot be opened, or the nets cannot be run.
pub fn run(
    config: &Config,
    length: Duration,
    told: &mut dyn FnMut(u64, usize),
) -> Result<CalibrationReport, Failure> {
    // What is to be found out must not be taken off before.
    let mut level = config.clone();
    level.camera.tilt = 0.0;
    let rig = Rig::new(&level)?;
    let mut examiner = rig.examiner()?;
    let mut feed = Feed::open(&level)?;
    let (mut samples, mut examined_frames, mut size) = (Vec::new(), 0, None);
    let began = feed.now();
    while feed.now().since(began) < length {
        let frame = match feed.wait()? {
            Fed::Frame(frame) => frame,
            Fed::Waiting | Fed::Lost { .. } | Fed::Back => continue,
            Fed::Ended => break,
        };
        let examined = examiner
            .examine(&frame, feed.now())
            .map_err(|error| Failure::caused(Exit::Internal, &error))?;
        examined_frames += 1;
        size = examined.picture.as_ref().map(|picture| picture.size()).or(size);
        samples.extend(sample(&examined));
        told(examined_frames, samples.len());
        examiner.recycle(examined);
    }
    let proposal = calibration::propose(&samples, present(config, rig.gates(), size));
    Ok(report(config, examined_frames, samples.len(), proposal))
}

/// What a frame with exactly one face says, if everything could be measured.
fn sample(examined: &Examined) -> Option<Sample> {
    if examined.observation.count() != 1 {
        return None;
    }
    let mut sample = Sample::default();
    for (value, name) in sample.iter_mut().zip(MEASURED) {
        *value = examined.assessment.get(name).and_then(Reading::native)?;
    }
    Some(sample)
}

fn present(config: &Config, gates: &[Gate], size: Option<Size>) -> Present {
    Present {
        tilt: f64::from(config.camera.tilt),
        eyes_min: gates.iter().find(|gate| gate.measure == EYES).and_then(|gate| gate.min),
        lens: config.camera.lens,
        width: size.map_or(config.camera.width, |size| size.width),
    }
}

fn report(config: &Config, examined: u64, used: usize, proposal: Proposal) -> CalibrationReport {
    let toml = proposal.as_toml();
    let spread = |spread: &calibration::Spread| SpreadReport {
        median: rounded(spread.median),
        deviation: rounded(spread.deviation),
    };
    let setting = |setting: calibration::Setting| SettingReport {
        key: setting.key.to_owned(),
        value: setting.value,
        now: setting.now,
        reason: setting.reason,
    };
    CalibrationReport {
        source: config.camera.source.clone(),
        examined,
        used: used as u64,
        measured: proposal
            .measured
            .iter()
            .map(|(name, it)| ((*name).to_owned(), spread(it)))
            .collect(),
        settings: proposal.settings.into_iter().map(setting).collect(),
        notes: proposal.notes,
        toml,
    }
}

/// Four digits: more is noise.
fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}
