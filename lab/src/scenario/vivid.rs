//! Does the kernel's own test camera, which is no USB camera, serve as well?

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Figures, ensure, rate, streaming};
use crate::agent::{Outcome, StandIn, run, told};

/// Loaded only here: with it, `auto` would have another camera to choose.
const MODULES: [&str; 6] =
    ["rc-core", "v4l2-dv-timings", "v4l2-tpg", "cec", "videobuf2-dma-contig", "vivid"];
const ONE_WEBCAM: [&str; 4] = ["n_devs=1", "node_types=0x1", "num_inputs=1", "input_types=0"];

pub(super) fn yuyv(_: &StandIn) -> Outcome<Figures> {
    for module in MODULES {
        let mut command = Command::new("insmod");
        command.arg(format!("/modules/later/{module}.ko"));
        if module == "vivid" {
            command.args(ONE_WEBCAM);
        }
        let status = command.status().map_err(told(module))?;
        ensure(status.success(), || format!("{module} cannot be loaded"))?;
    }
    let outcome = captured();
    let _ = Command::new("rmmod").arg("vivid").status();
    outcome
}

fn captured() -> Outcome<Figures> {
    let node = node().ok_or("vivid has no node")?;
    let source = format!("camera.source={node}");
    let settings = [source.as_str(), "camera.width=640", "camera.height=480", "camera.gain=77"];
    let agent = streaming("vivid", &settings)?;
    let source = agent.camera()?["source"].to_string();
    ensure(source.contains("640x480 YUYV"), || source.clone())?;
    let rate = rate(&agent, 4)?;
    agent.stop()?;
    // Some of its controls are of kinds that no webcam has.
    let (code, list) = run(Path::new("/tmp/list"), &[], &["camera", "list"])?;
    let controls = list["cameras"][0]["controls"].as_array().cloned().unwrap_or_default();
    let gain = controls.iter().find(|it| it["name"] == "Gain");
    ensure(code == 0 && gain.is_some_and(|it| it["current"] == 77), || list.to_string())?;
    Ok(vec![
        ("it streams as", source),
        ("frames a second", format!("{rate:.1}")),
        ("controls listed", controls.len().to_string()),
    ])
}

fn node() -> Option<String> {
    let nodes = fs::read_dir("/sys/class/video4linux").ok()?.filter_map(Result::ok);
    let mine = |path: &Path| {
        fs::read_to_string(path.join("name")).is_ok_and(|name| name.contains("vid-cap"))
    };
    let node = nodes.map(|entry| entry.path()).find(|path| mine(path))?;
    Some(format!("/dev/{}", node.file_name()?.to_string_lossy()))
}
