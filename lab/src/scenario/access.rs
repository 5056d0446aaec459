//! What if the camera is there, but not for the agent?

use std::path::Path;

use super::{Figures, ensure, plugged, streaming};
use crate::agent::{Agent, Outcome, StandIn, User, run};
use crate::camera::Model;

pub(super) fn busy(_: &StandIn) -> Outcome<Figures> {
    let _camera = plugged(Model::usual(), "red")?;
    let other = streaming("other", &[])?;
    let agent = Agent::start("waiting", User::Root, &[])?;
    agent.camera_becomes("busy")?;
    other.frames_come(10)?;
    let reason = agent.camera()?["reason"].to_string();
    let holder = format!("(process {})", other.pid());
    ensure(reason.contains(&holder), || format!("the holder is not named: {reason}"))?;
    let (_, list) = run(Path::new("/tmp/list"), &[], &["camera", "list"])?;
    let held_by = &list["cameras"][0]["held_by"][0]["pid"];
    ensure(*held_by == other.pid(), || format!("camera list does not name the holder: {list}"))?;
    other.stop()?;
    agent.camera_becomes("streaming")?;
    agent.stop()?;
    Ok(vec![("it said", reason)])
}

pub(super) fn denied(_: &StandIn) -> Outcome<Figures> {
    let _camera = plugged(Model::usual(), "red")?;
    let agent = Agent::start("stranger", User::Stranger, &[])?;
    agent.camera_becomes("denied")?;
    let (code, status) = agent.command(&["status"])?;
    ensure(code == 0 && status["agent"] == "running", || status.to_string())?;
    let reason = agent.camera()?["reason"].to_string();
    agent.stop()?;
    Ok(vec![("it said", reason)])
}
