//! What if the camera is there, but not for the agent?

use super::{Figures, ensure, plugged, streaming};
use crate::agent::{Agent, Outcome, StandIn, User};
use crate::camera::Model;

pub(super) fn busy(_: &StandIn) -> Outcome<Figures> {
    let _camera = plugged(Model::usual(), "red")?;
    let other = streaming("other", &[])?;
    let agent = Agent::start("waiting", User::Root, &[])?;
    agent.camera_becomes("busy")?;
    other.frames_come(10)?;
    let reason = agent.camera()?["reason"].to_string();
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
