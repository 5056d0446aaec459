//! `camera list|test|calibrate`: see what cameras there are, and what one of them sees.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::calibrate::{self, CalibrateArgs};
use super::output::{Output, Tone};
use super::setting::Setting;
use crate::app::camera_test::{self, Glimpse, face_line, flow_line, gate_line};
use crate::app::cameras;
use crate::clock::monotonic_now;
use crate::failure::{Exit, Failure};
use crate::web::camera::{CameraReport, CameraTestReport, ChoiceReport, ControlReport, ModeReport};

/// A live line longer than a terminal is wide could not be written over.
const TERMINAL: usize = 79;

/// How often the live figures change.
const REFRESH: Duration = Duration::from_millis(500);

/// Subcommands of `camera`.
#[derive(Debug, Subcommand)]
pub(super) enum CameraCommand {
    /// List cameras: stable name, sizes and rates, who holds them, why one cannot be used
    List,
    /// Look through the configured camera and draw what it sees, with every gate and advice
    Test(TestArgs),
    /// Propose the tilt and a gate from a person who looks straight ahead; writes nothing
    Calibrate(CalibrateArgs),
}

/// Arguments of `camera test`.
#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// How many seconds to look
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Where the picture goes (JPEG); it shows a face, so mind who can read it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(
    command: CameraCommand,
    setting: &Setting,
    output: &Output,
) -> Result<(), Failure> {
    match command {
        CameraCommand::List => list(setting, output),
        CameraCommand::Test(args) => test(&args, setting, output),
        CameraCommand::Calibrate(args) => calibrate::run(&args, setting, output),
    }
}

fn list(setting: &Setting, output: &Output) -> Result<(), Failure> {
    let report = cameras::list(&setting.config);
    for camera in &report.cameras {
        tell_camera(camera, output);
    }
    for other in &report.others {
        output.line(output.paint(Tone::Faint, &format!("no camera: {other}")));
    }
    output.json(&report)?;
    if !report.cameras.is_empty() {
        return Ok(());
    }
    let found = match report.others.len() {
        0 => "it is empty or not there".to_owned(),
        count => format!("none of its {count} nodes gives pictures"),
    };
    Err(Failure::new(
        Exit::Unavailable,
        format!("no camera was found: looked in {}, and {found}", report.looked_in),
    )
    .hint(
        "plug a USB camera in; `lsusb` and `dmesg | grep uvcvideo` tell whether the kernel sees it",
    ))
}

fn tell_camera(camera: &CameraReport, output: &Output) {
    output.line(output.paint(Tone::Strong, &camera.product));
    output.line(format!("  name    {}", camera.name));
    for name in &camera.other_names {
        output.line(format!("  or      {name}"));
    }
    let bus = camera.bus.as_deref().map(|bus| format!(", USB {bus}")).unwrap_or_default();
    output.line(format!("  node    {}{bus}, driver {}", camera.node, camera.driver));
    for mode in &camera.modes {
        output.line(format!("  mode    {}", mode_line(mode)));
    }
    for control in &camera.controls {
        output.line(format!("  control {}", control_line(control)));
    }
    for holder in &camera.held_by {
        let text = format!("{} (process {})", holder.program, holder.pid);
        output.line(format!("  held by {}", output.paint(Tone::Warning, &text)));
    }
    if let Some(problem) = &camera.problem {
        output.line(format!("  {}", output.paint(Tone::Bad, problem)));
    }
}

fn mode_line(mode: &ModeReport) -> String {
    let rates: Vec<String> = mode.rates.iter().map(ToString::to_string).collect();
    let rates = if rates.is_empty() { "unknown".to_owned() } else { rates.join(", ") };
    format!("{}x{} {} at {rates} fps", mode.width, mode.height, mode.format)
}

/// A control's line for people: name, now, range, default, and the key that sets it.
fn control_line(control: &ControlReport) -> String {
    let extent = match (control.min, control.max, control.step) {
        (Some(min), Some(max), Some(step)) if step > 1 => format!("{min} to {max} by {step}"),
        (Some(min), Some(max), _) => format!("{min} to {max}"),
        _ if control.choices.is_empty() => "range unknown".to_owned(),
        _ => {
            let choice = |it: &ChoiceReport| format!("{} {}", it.value, it.name);
            control.choices.iter().map(choice).collect::<Vec<_>>().join(", ")
        }
    };
    let now = control.current.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let default = control.default.map(|it| format!("; default {it}")).unwrap_or_default();
    let key = match (&control.key, control.read_only) {
        (_, true) => "; can only be read".to_owned(),
        (Some(key), false) => format!("; set by {key}"),
        (None, false) => String::new(),
    };
    format!("{:<28} {now:>6}  ({extent}{default}{key})", control.name)
}

fn test(args: &TestArgs, setting: &Setting, output: &Output) -> Result<(), Failure> {
    let mut next = monotonic_now();
    let mut told = |glimpse: Glimpse<'_>| {
        let now = monotonic_now();
        if now >= next {
            next = now + REFRESH;
            output.live(live_line(glimpse));
        }
    };
    let length = Duration::from_secs(args.seconds);
    let test = camera_test::run(&setting.config, length, &mut told);
    output.end_live();
    let mut test = test?;
    if let (Some(path), Some(jpeg)) = (&args.out, &test.jpeg) {
        std::fs::write(path, jpeg).map_err(|error| {
            Failure::new(Exit::CannotCreate, format!("picture {}: {error}", path.display()))
        })?;
        test.report.picture = Some(path.display().to_string());
    }
    tell_test(&test.report, output);
    output.json(&test.report)?;
    if test.report.examined == 0 {
        let error = format!("camera {} sent no frame", test.report.source);
        return Err(Failure::new(Exit::Unavailable, error)
            .hint("look at the cable and the power supply, and plug the camera in again"));
    }
    Ok(())
}

fn live_line(glimpse: Glimpse<'_>) -> String {
    let rate = glimpse.rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}"));
    let face =
        glimpse.eyes_px.map_or_else(|| "no face".to_owned(), |px| format!("eyes {px:.0} px apart"));
    // The first is the one to put right first; all of them would not fit.
    let verdict = match glimpse.reasons {
        [] => "good".to_owned(),
        [only] => only.code().to_owned(),
        [first, others @ ..] => format!("{} +{}", first.code(), others.len()),
    };
    let Glimpse { examined, lost, damaged, .. } = glimpse;
    let line = format!(
        "{rate:>5} fps  {examined} examined, {lost} lost, {damaged} damaged  {face:<17}  {verdict}"
    );
    line.chars().take(TERMINAL).collect()
}

fn tell_test(report: &CameraTestReport, output: &Output) {
    output.line(format!("camera  {}", report.source));
    output.line(format!("stream  {}", flow_line(report)));
    if let Some(line) = face_line(report) {
        output.line(format!("face    {line}"));
    }
    for gate in &report.gates {
        let passes = gate.reason.is_none() && gate.value.is_some();
        let tone = if passes { Tone::Good } else { Tone::Bad };
        output.line(format!("gate    {}", output.paint(tone, &gate_line(gate))));
    }
    for advice in &report.advice {
        output.line(format!("advice  {}", output.paint(Tone::Warning, advice)));
    }
    if let Some(picture) = &report.picture {
        output.line(format!("picture {picture}"));
    }
}
