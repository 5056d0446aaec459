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
/// Below it a picture is on average as good as black: a covered lens gives noise.
const BLACK: f64 = 0.06;
/// Above it, as good as white.
const WHITE: f64 = 0.97;

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
        state => {
            let reason = camera.reason.as_deref().unwrap_or("no reason given");
            Finding::failed(format!("{found}: {reason}"), remedy(state))
        }
    }
}

/// What a person does about a camera that the agent cannot use.
fn remedy(state: &str) -> &'static str {
    match state {
        "busy" => "stop the other program; one at a time can have a camera",
        "denied" => "give the agent's user the group video, then `systemctl restart kiosk-enroll`",
        "failing" => {
            "do what the reason says; else look at the cable and the power supply, see camera.usb"
        }
        _ => "look at the cable, the hub and the power supply; see camera.device and camera.usb",
    }
}

fn judge_own(report: &CameraTestReport) -> Finding {
    let size =
        report.size.map(|[width, height]| format!(" of {width}x{height}")).unwrap_or_default();
    let rate = report.rate.map(|rate| format!(", {rate} fps")).unwrap_or_default();
    let lost = report.lost + report.damaged;
    let lost = if lost > 0 { format!(", {lost} lost or damaged") } else { String::new() };
    let light = report.brightness.map(|mean| format!(", brightness {mean:.2}")).unwrap_or_default();
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
    if report.brightness.is_some_and(|mean| mean < BLACK) {
        let remedy = "take the cover off the lens, and switch the light on";
        return Finding::warning(format!("{found}: it is black"), remedy);
    }
    if report.brightness.is_some_and(|mean| mean > WHITE) {
        let remedy = "turn the camera away from the light; leave camera.exposure and camera.gain to it: \"auto\"";
        return Finding::warning(format!("{found}: it is white"), remedy);
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
    use super::*;
    use crate::app::camera_test::of_grey;
    use crate::doctor::Status;
    use crate::web::wire::EffortReport;

    fn report(examined: u64, lost: u64, grey: u8) -> CameraTestReport {
        let found = of_grey(grey);
        let size = found.size.filter(|_| examined > 0);
        CameraTestReport { size, examined, lost, ..found }
    }

    #[test]
    fn pictures_are_judged_by_number_losses_and_light() {
        for (report, status) in [
            (report(30, 0, 128), Status::Ok),
            (report(30, 1, 40), Status::Ok),
            (report(30, 20, 128), Status::Warning),
            (report(30, 0, 3), Status::Warning),
            (report(30, 0, 254), Status::Warning),
            (report(0, 0, 128), Status::Failed),
        ] {
            assert_eq!(judge(&Facts::Own(Box::new(report))).status, status);
        }
        let blind = CameraTestReport { size: None, ..report(30, 0, 128) };
        assert_eq!(judge(&Facts::Own(Box::new(blind))).status, Status::Failed);
    }

    #[test]
    fn who_has_another_program_on_the_camera_is_not_sent_to_the_cable() {
        for (state, said) in
            [("busy", "other program"), ("denied", "group video"), ("stalled", "cable")]
        {
            assert!(remedy(state).contains(said), "{state}");
        }
        assert!(!remedy("busy").contains("cable") && !remedy("denied").contains("cable"));
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
