//! Does a picture come, whole, often enough, and neither black nor white?
//!
//! The camera is opened only while no agent has it; a running agent is asked instead.

use std::time::Duration;

use super::agent_running;
use super::camera_device::{Choice, choose};
use super::finding::{Check, Finding};
use super::site::Site;
use crate::app::camera_test;
use crate::failure::Exit;
use crate::web::camera::CameraTestReport;
use crate::web::wire::CameraStatus;

pub(super) const CHECK: Check = Check {
    id: "camera.picture",
    expected: "whole pictures, near the configured rate, neither black nor white",
    exit: Exit::Unavailable,
    // Loading the nets takes its time on a small device, and cameras are slow to start.
    limit: Duration::from_secs(12),
    look: |site| probe(site).map_or_else(|finding| finding, |facts| judge(&facts)),
};

/// How long is looked.
const LOOK: Duration = Duration::from_millis(1_500);
/// Below it the mean of the face, or of the picture, is as good as black.
const BLACK: f64 = 0.02;

/// What is known about pictures.
enum Facts {
    Agent(CameraStatus),
    Own(Box<CameraTestReport>),
}

fn probe(site: &Site) -> Result<Facts, Finding> {
    match site.agent() {
        agent_running::Facts::Running(status) => {
            let camera = status.camera.clone();
            return camera
                .map(Facts::Agent)
                .ok_or_else(|| Finding::skipped("the agent tells nothing"));
        }
        agent_running::Facts::NotRunning => {}
        _ => return Err(Finding::skipped("an agent may hold it, but does not answer")),
    }
    match choose(site)? {
        Choice::Replay(_) => {}
        Choice::Camera(camera) if camera.problem.is_none() => {}
        _ => return Err(Finding::skipped("there is no camera that works: see camera.device")),
    }
    let test = camera_test::run(site.config()?, LOOK, &mut |_| {}).map_err(|failure| {
        let hint = failure.hint.unwrap_or_else(|| "look at the cable".to_owned());
        Finding::failed(failure.error, hint).command("kiosk-enroll camera test --out view.jpg")
    })?;
    Ok(Facts::Own(Box::new(test.report)))
}

fn judge(facts: &Facts) -> Finding {
    let finding = match facts {
        Facts::Agent(camera) => judge_agent(camera),
        Facts::Own(report) => judge_own(report),
    };
    match finding.remedy {
        Some(_) => finding.command("kiosk-enroll camera test --seconds 10 --out view.jpg"),
        None => finding,
    }
}

fn judge_agent(camera: &CameraStatus) -> Finding {
    let found = format!("the agent says {} after {} frames", camera.state, camera.frames);
    match camera.state.as_str() {
        "streaming" if camera.frames > 0 => Finding::ok(found),
        "ended" => Finding::ok(format!("{found}: the replay is at its end")),
        "streaming" | "opening" => Finding::warning(found, "look again in some seconds"),
        _ => {
            let reason = camera.reason.as_deref().unwrap_or("no reason given");
            Finding::failed(
                format!("{found}: {reason}"),
                "look at the cable, the hub and the power supply; see camera.device and camera.usb",
            )
        }
    }
}

fn judge_own(report: &CameraTestReport) -> Finding {
    let size =
        report.size.map(|[width, height]| format!(" of {width}x{height}")).unwrap_or_default();
    let rate = report.rate.map(|rate| format!(", {rate} fps")).unwrap_or_default();
    let lost = report.lost + report.damaged;
    let lost = if lost > 0 { format!(", {lost} lost or damaged") } else { String::new() };
    let measure = |name: &str| report.measures.get(name).and_then(|measure| measure.native);
    let luminance = measure("luminance");
    let light = luminance.map(|mean| format!(", luminance {mean:.2}")).unwrap_or_default();
    let found = format!("{} pictures{size}{rate}{light}{lost}", report.examined);
    if report.examined == 0 {
        let remedy = "look at the cable and the power supply, and plug the camera in again";
        return Finding::failed("no picture came", remedy);
    }
    if report.size.is_none() {
        return Finding::failed(
            format!("{found}: none could be decoded"),
            "another cable or port; a camera on a long cable or a hub damages pictures",
        );
    }
    if luminance.is_some_and(|mean| mean < BLACK) {
        return Finding::warning(format!("{found}: it is black"), "take the cover off the lens");
    }
    // Advice about a face is for `camera test`: nobody need stand here now.
    let troubles = (report.lost + report.damaged) * 10 > report.examined + report.lost;
    if troubles {
        return Finding::warning(found, "a port of its own, a shorter cable or a smaller size");
    }
    Finding::ok(found)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::doctor::Status;
    use crate::web::wire::{EffortReport, MeasureReport};

    fn report(examined: u64, lost: u64, luminance: Option<f64>) -> CameraTestReport {
        let measure = MeasureReport { native: luminance, score: None, not_assessed: None };
        CameraTestReport {
            source: "auto".into(),
            size: (examined > 0).then_some([1280, 720]),
            rate: Some(29.9),
            examined,
            superseded: 0,
            lost,
            damaged: 0,
            stale: 0,
            face: None,
            pose: None,
            tilt: 0.0,
            distance_cm: None,
            measures: BTreeMap::from([("luminance".to_owned(), measure)]),
            gates: vec![],
            advice: vec![],
            picture: None,
        }
    }

    #[test]
    fn pictures_are_judged_by_number_losses_and_light() {
        for (report, status) in [
            (report(30, 0, Some(0.4)), Status::Ok),
            (report(30, 0, None), Status::Ok),
            (report(30, 1, None), Status::Ok),
            (report(30, 20, None), Status::Warning),
            (report(30, 0, Some(0.0)), Status::Warning),
            (report(0, 0, None), Status::Failed),
        ] {
            assert_eq!(judge(&Facts::Own(Box::new(report))).status, status);
        }
        let blind = CameraTestReport { size: None, ..report(30, 0, None) };
        assert_eq!(judge(&Facts::Own(Box::new(blind))).status, Status::Failed);
    }

    #[test]
    fn a_running_agent_is_believed() {
        for (state, frames, status) in [
            ("streaming", 100, Status::Ok),
            ("streaming", 0, Status::Warning),
            ("opening", 0, Status::Warning),
            ("ended", 40, Status::Ok),
            ("absent", 100, Status::Failed),
            ("stalled", 100, Status::Failed),
            ("busy", 0, Status::Failed),
        ] {
            let camera = CameraStatus {
                state: state.into(),
                source: "auto".into(),
                reason: None,
                frames,
                superseded: 0,
                capture: EffortReport::default(),
                analysis: EffortReport::default(),
            };
            assert_eq!(judge(&Facts::Agent(camera)).status, status, "{state}");
        }
    }
}
