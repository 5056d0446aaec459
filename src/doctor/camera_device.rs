//! Is the camera there, may it be opened, has it a name that stays, and does nobody else hold it?

use super::agent_running;
use super::finding::{Check, Finding, LIMIT};
use super::site::Site;
use crate::camera::SourceSpec;
use crate::failure::Exit;
use crate::web::camera::{CameraListReport, CameraReport};

pub(super) const CHECK: Check = Check {
    id: "camera.device",
    expected: "the configured camera, open to this user and to nobody else",
    exit: Exit::Unavailable,
    limit: LIMIT,
    look: |site| match choose(site) {
        Ok(Choice::Replay(folder)) => {
            Finding::ok(format!("pictures of {folder} are replayed: there is no camera"))
        }
        Ok(Choice::Camera(camera)) => judge(&camera, source_kind(site), held_by_agent(site)),
        Ok(Choice::Absent { wanted, seen }) => absent(&wanted, &seen),
        Ok(Choice::Silent) => Finding::failed(
            "a camera's driver does not answer",
            "unplug the camera, wait ten seconds, and plug it in again",
        )
        .command("dmesg | grep -iE 'uvcvideo|usb' | tail -n 20"),
        Err(skipped) => skipped,
    },
};

/// Which camera the configuration means.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Choice {
    /// None: frames come from a folder.
    Replay(String),
    Camera(Box<CameraReport>),
    /// None that is there.
    Absent {
        wanted: String,
        seen: Vec<String>,
    },
    /// A driver hangs.
    Silent,
}

/// How the camera is named in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    /// By a name that stays after a replug, or not at all.
    ForGood,
    /// By a node that moves.
    ByNode,
}

/// Whether the running agent streams from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AgentHas {
    It,
    Nothing,
}

/// The camera that the configuration means.
pub(super) fn choose(site: &Site) -> Result<Choice, Finding> {
    let source = site.source()?;
    if let SourceSpec::Frames(frames) = &source {
        return Ok(Choice::Replay(frames.dir.display().to_string()));
    }
    Ok(site.cameras()?.map_or(Choice::Silent, |found| choose_from(&source, found)))
}

fn choose_from(source: &SourceSpec, found: &CameraListReport) -> Choice {
    let is_meant = |camera: &&CameraReport| match source {
        SourceSpec::Auto => true,
        SourceSpec::Index(index) => camera.node == format!("/dev/video{index}"),
        SourceSpec::Path(path) => {
            let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
            *path == *camera.name || real == *camera.node
        }
        SourceSpec::Name(name) => {
            let mut names = std::iter::once(&camera.name).chain(&camera.other_names);
            names.any(|known| known.rsplit('/').next() == Some(name.as_str()))
        }
        SourceSpec::Serial(_) => camera.other_names.contains(&source.to_string()),
        SourceSpec::Frames(_) => false,
    };
    // Of several, the first that works, as the agent would take it.
    let meant: Vec<&CameraReport> = found.cameras.iter().filter(is_meant).collect();
    let chosen = meant.iter().find(|camera| camera.problem.is_none()).or(meant.first());
    match chosen {
        Some(camera) => Choice::Camera(Box::new((*camera).clone())),
        None => Choice::Absent {
            wanted: source.to_string(),
            seen: found.cameras.iter().map(|camera| camera.name.clone()).collect(),
        },
    }
}

fn source_kind(site: &Site) -> Named {
    match site.source() {
        Ok(SourceSpec::Index(_)) => Named::ByNode,
        Ok(SourceSpec::Path(path)) if path.starts_with("/dev/v4l") => Named::ForGood,
        Ok(SourceSpec::Path(_)) => Named::ByNode,
        _ => Named::ForGood,
    }
}

fn held_by_agent(site: &Site) -> AgentHas {
    match site.agent() {
        agent_running::Facts::Running(status)
            if status.camera.as_ref().is_some_and(|camera| camera.state == "streaming") =>
        {
            AgentHas::It
        }
        _ => AgentHas::Nothing,
    }
}

fn absent(wanted: &str, seen: &[String]) -> Finding {
    let lsusb = "lsusb; dmesg | grep -iE 'uvcvideo|usb' | tail -n 20";
    if seen.is_empty() {
        return Finding::failed(
            format!("{wanted} is not there: the kernel shows no camera at all"),
            "plug a USB camera in, and look at its cable, the hub and the power supply",
        )
        .command(lsusb);
    }
    Finding::failed(
        format!("{wanted} is not there; there is {}", seen.join(", ")),
        "plug the configured camera in, or name the one that is there in camera.source",
    )
    .command("kiosk-enroll camera list")
}

fn judge(camera: &CameraReport, named: Named, agent: AgentHas) -> Finding {
    let found = format!("{} ({}, {})", camera.product, camera.name, camera.node);
    if let Some(problem) = &camera.problem {
        let finding = if problem.contains("permission") {
            let remedy = "let the agent's user into the group video, and restart the agent";
            Finding::failed(problem.clone(), remedy)
                .command("sudo usermod --append --groups video kiosk-enroll")
                .command("sudo systemctl restart kiosk-enroll")
        } else {
            Finding::failed(problem.clone(), "use a USB camera that sends MJPEG or YUYV")
        };
        return finding.command("kiosk-enroll camera list");
    }
    let others: Vec<String> = camera
        .held_by
        .iter()
        .filter(|holder| holder.pid != std::process::id() && !is_ours(&holder.program))
        .map(|holder| format!("{} (process {})", holder.program, holder.pid))
        .collect();
    if !others.is_empty() && agent == AgentHas::Nothing {
        return Finding::failed(
            format!("{found} is held by {}", others.join(", ")),
            "stop that program: one at a time can have a camera",
        )
        .command(format!("fuser --verbose {}", camera.node));
    }
    if named == Named::ByNode {
        return Finding::warning(
            format!("{found} is named by a number that moves after a replug"),
            format!("set camera.source = \"{}\"", camera.name),
        );
    }
    Finding::ok(found)
}

/// The kernel keeps 15 characters of a program's name.
fn is_ours(program: &str) -> bool {
    program.starts_with("kiosk-enroll")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;
    use crate::web::camera::HolderReport;

    fn camera(name: &str, node: &str) -> CameraReport {
        CameraReport {
            name: name.into(),
            other_names: vec![format!("serial:{node}")],
            node: node.into(),
            product: "Acme Cam".into(),
            bus: Some("1-1".into()),
            driver: "uvcvideo".into(),
            modes: vec![],
            controls: vec![],
            held_by: vec![],
            problem: None,
        }
    }

    #[test]
    fn the_configured_camera_is_found_by_each_form_of_its_name() {
        let cameras = vec![
            CameraReport {
                problem: Some("broken".into()),
                ..camera("/dev/v4l/by-id/a", "/dev/video0")
            },
            camera("/dev/v4l/by-id/b", "/dev/video2"),
        ];
        let found = CameraListReport {
            cameras,
            others: vec![],
            looked_in: "/sys/class/video4linux".into(),
        };
        let node = |source| match choose_from(&source, &found) {
            Choice::Camera(camera) => camera.node,
            _ => "none".to_owned(),
        };
        assert_eq!(node(SourceSpec::Auto), "/dev/video2");
        assert_eq!(node(SourceSpec::Index(0)), "/dev/video0");
        assert_eq!(node(SourceSpec::Path("/dev/video2".into())), "/dev/video2");
        assert_eq!(node(SourceSpec::Path("/dev/v4l/by-id/b".into())), "/dev/video2");
        assert_eq!(node(SourceSpec::Name("b".into())), "/dev/video2");
        assert_eq!(node(SourceSpec::Name("c".into())), "none");
        assert_eq!(node(SourceSpec::Serial("/dev/video2".into())), "/dev/video2");
    }

    #[test]
    fn what_keeps_a_camera_from_working_is_told_apart() {
        let good = || camera("/dev/v4l/by-id/a", "/dev/video0");
        let held = |program: &str| CameraReport {
            held_by: vec![HolderReport { pid: 1, program: program.into() }],
            ..good()
        };
        let bad = |problem: &str| CameraReport { problem: Some(problem.into()), ..good() };
        for (camera, named, agent, status) in [
            (good(), Named::ForGood, AgentHas::Nothing, Status::Ok),
            (good(), Named::ByNode, AgentHas::Nothing, Status::Warning),
            (held("cheese"), Named::ForGood, AgentHas::Nothing, Status::Failed),
            (held("kiosk-enroll"), Named::ForGood, AgentHas::Nothing, Status::Ok),
            (held("cheese"), Named::ForGood, AgentHas::It, Status::Ok),
            (bad("permission denied"), Named::ForGood, AgentHas::Nothing, Status::Failed),
            (bad("it offers neither"), Named::ForGood, AgentHas::Nothing, Status::Failed),
        ] {
            let finding = judge(&camera, named, agent);
            assert_eq!(finding.status, status, "{}", finding.found);
        }
        assert_eq!(absent("auto", &[]).status, Status::Failed);
        assert_eq!(absent("/dev/video9", &["a".into()]).commands, ["kiosk-enroll camera list"]);
    }
}
