//! `camera calibrate`: proposes settings for the mounted camera.

use std::time::Duration;

use clap::Args;

use super::output::{Output, Tone};
use super::setting::Setting;
use crate::app::camera_calibrate;
use crate::clock::monotonic_now;
use crate::failure::{Exit, Failure};
use crate::web::camera::CalibrationReport;

/// How often the progress changes.
const REFRESH: Duration = Duration::from_secs(1);

/// Arguments of `camera calibrate`.
#[derive(Debug, Args)]
pub(super) struct CalibrateArgs {
    /// How many seconds to look, while one person stands at the usual place and looks straight ahead
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(2..=60))]
    seconds: u64,
}

pub(super) fn run(args: &CalibrateArgs, setting: &Setting, output: &Output) -> Result<(), Failure> {
    let mut next = monotonic_now();
    let mut told = |examined: u64, used: usize| {
        let now = monotonic_now();
        if now >= next {
            next = now + REFRESH;
            output.progress(format!("{examined} frames examined, {used} with exactly one face"));
        }
    };
    let length = Duration::from_secs(args.seconds);
    let report = camera_calibrate::run(&setting.config, length, &mut told)?;
    tell(&report, output);
    output.json(&report)?;
    if !report.measured.is_empty() {
        return Ok(());
    }
    let error = format!("camera {}: {}", report.source, report.notes.join("; "));
    Err(Failure::new(Exit::Unavailable, error)
        .hint("`kiosk-enroll camera test` shows what the camera sees"))
}

fn tell(report: &CalibrationReport, output: &Output) {
    output.line(format!("camera  {}", report.source));
    output.line(format!("frames  {} examined, {} used", report.examined, report.used));
    for (name, spread) in &report.measured {
        output.line(format!(
            "found   {name:<20} {:>8.2}  deviation {:.2}",
            spread.median, spread.deviation
        ));
    }
    for note in &report.notes {
        output.line(format!("advice  {}", output.paint(Tone::Warning, note)));
    }
    if report.measured.is_empty() {
        return;
    }
    if report.settings.is_empty() {
        output.line("nothing needs to change in the configuration");
        return;
    }
    output.line("paste this into the configuration if it is right:\n");
    output.line(report.toml.trim_end());
}
