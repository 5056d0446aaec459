//! Is a camera found by the name that stays, whatever its number and whoever else is there?

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{Figures, ensure, plugged};
use crate::agent::{Agent, Outcome, StandIn, User, run, told};
use crate::camera::Model;

/// The name that udev makes of the first camera's strings.
const NAME: &str = "usb-Lab_Imaging_Lab_Cam_LAB0001-video-index0";
const LINKS: &str = "/dev/v4l/by-id";

/// The machine has no udev: the links are made here, as its rule 60-persistent-v4l.rules makes them.
pub(super) fn by_id(_: &StandIn) -> Outcome<Figures> {
    let other = plugged(Model::second(), "blue")?;
    let mut named = plugged(Model::usual(), "red")?;
    let first = link()?;
    let agent = Agent::start("names", User::Root, &[&format!("camera.source={NAME}")])?;
    agent.camera_becomes("streaming")?;
    let source = agent.camera()?["source"].to_string();
    ensure(source.contains(NAME), || format!("it calls itself {source}"))?;

    // Whoever still has the old node open keeps its number from being used again.
    let holder = fs::File::open(&first).map_err(told("the node"))?;
    named.unplug();
    fs::remove_file(Path::new(LINKS).join(NAME)).map_err(told("link"))?;
    agent.camera_becomes("absent")?;
    named.plug().map_err(told("plug"))?;
    let second = link()?;
    agent.camera_becomes("streaming")?;
    agent.frames_come(10)?;
    drop(holder);
    ensure(first != second, || format!("the node stayed {}", first.display()))?;
    ensure(other.sent().is_empty(), || "the other camera was opened".to_owned())?;
    agent.stop()?;
    Ok(vec![("nodes of the name", format!("{}, {}", first.display(), second.display()))])
}

/// Neither camera has a link here: only the number in its own memory tells it.
pub(super) fn by_serial(_: &StandIn) -> Outcome<Figures> {
    let first = plugged(Model::usual(), "red")?;
    let mut second = plugged(Model::second(), "blue")?;
    let agent = Agent::start("serial", User::Root, &["camera.source=serial:LAB0002"])?;
    agent.camera_becomes("streaming")?;
    let (_, list) = run(Path::new("/tmp/list"), &[], &["camera", "list"])?;
    ensure(list.to_string().contains("serial:LAB0001"), || list.to_string())?;
    second.unplug();
    agent.camera_becomes("absent")?;
    second.plug().map_err(told("plug"))?;
    agent.camera_becomes("streaming")?;
    ensure(first.sent().is_empty(), || "the other camera was opened".to_owned())?;
    agent.stop()?;
    Ok(Vec::new())
}

/// Makes the link to the node of the first camera, and tells the node.
fn link() -> Outcome<PathBuf> {
    let node = node_of("LAB0001").ok_or("the camera has no node")?;
    fs::create_dir_all(LINKS).map_err(told(LINKS))?;
    symlink(&node, Path::new(LINKS).join(NAME)).map_err(told("link"))?;
    Ok(node)
}

/// The node of the USB device with this serial number that gives its pictures.
fn node_of(serial: &str) -> Option<PathBuf> {
    let began = crate::clock::now();
    while crate::clock::now().saturating_since(began).as_secs() < 10 {
        let nodes = fs::read_dir("/sys/class/video4linux").ok()?.filter_map(Result::ok);
        for node in nodes.map(|entry| entry.path()) {
            let text = |name: &str| fs::read_to_string(node.join(name)).unwrap_or_default();
            if text("device/../serial").trim() == serial && text("index").trim() == "0" {
                return Some(Path::new("/dev").join(node.file_name()?));
            }
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    None
}
