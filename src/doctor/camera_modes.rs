//! Does the camera offer the configured size and rate?

use super::camera_device::{Choice, choose};
use super::finding::{Check, Finding, LIMIT};
use super::site::Site;
use crate::failure::Exit;
use crate::web::camera::ModeReport;

pub(super) const CHECK: Check = Check {
    id: "camera.modes",
    expected: "a mode of the configured size and rate",
    exit: Exit::Unavailable,
    limit: LIMIT,
    look: |site| probe(site).map_or_else(|skipped| skipped, |facts| judge(&facts)),
};

/// What is wished and what is there.
struct Facts {
    width: u32,
    height: u32,
    fps: u32,
    modes: Vec<ModeReport>,
}

fn probe(site: &Site) -> Result<Facts, Finding> {
    let wished = &site.config()?.camera;
    match choose(site)? {
        Choice::Replay(_) => Err(Finding::skipped("pictures are replayed: there is no camera")),
        Choice::Camera(camera) if camera.problem.is_none() => Ok(Facts {
            width: wished.width,
            height: wished.height,
            fps: wished.fps,
            modes: camera.modes,
        }),
        _ => Err(Finding::skipped("there is no camera that works: see camera.device")),
    }
}

fn judge(facts: &Facts) -> Finding {
    let wished = format!("{}x{} at {} fps", facts.width, facts.height, facts.fps);
    let same = |mode: &&ModeReport| (mode.width, mode.height) == (facts.width, facts.height);
    let rates: Vec<f64> =
        facts.modes.iter().filter(same).flat_map(|mode| mode.rates.iter().copied()).collect();
    let best = rates.iter().copied().fold(0.0, f64::max);
    let finding = if !facts.modes.iter().any(|mode| same(&mode)) {
        let largest = facts.modes.iter().max_by_key(|mode| mode.width * mode.height);
        let largest = largest
            .map(|mode| format!("; its largest is {}x{}", mode.width, mode.height))
            .unwrap_or_default();
        Finding::warning(
            format!(
                "{} modes, none of {}x{}{largest}",
                facts.modes.len(),
                facts.width,
                facts.height
            ),
            "set camera.width and camera.height to a size that it offers",
        )
        .command("kiosk-enroll camera list")
    } else if !rates.is_empty() && best + 0.5 < f64::from(facts.fps) {
        Finding::warning(
            format!("{}x{} at {best} fps at most", facts.width, facts.height),
            "lower camera.fps or the size, or plug the camera into a faster port of its own",
        )
        .command("kiosk-enroll camera list")
    } else {
        Finding::ok(format!("{wished}, one of {} modes", facts.modes.len()))
    };
    finding.expecting(wished)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn a_size_or_rate_that_is_not_offered_is_a_warning() {
        let mode = |width, height, rates: &[f64]| ModeReport {
            format: "MJPEG".into(),
            width,
            height,
            rates: rates.to_vec(),
        };
        for (modes, status, words) in [
            (vec![mode(1280, 720, &[30.0, 15.0])], Status::Ok, "1280x720 at 30"),
            (vec![mode(1280, 720, &[29.97])], Status::Ok, "1280x720"),
            (vec![mode(1280, 720, &[])], Status::Ok, "1280x720"),
            (vec![mode(1280, 720, &[7.5, 10.0])], Status::Warning, "10 fps at most"),
            (vec![mode(640, 480, &[30.0])], Status::Warning, "640x480"),
        ] {
            let finding = judge(&Facts { width: 1280, height: 720, fps: 30, modes });
            assert_eq!(finding.status, status);
            assert!(finding.found.contains(words), "{}", finding.found);
        }
    }
}
