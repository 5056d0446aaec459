//! What if the camera stays plugged in, but sends nothing?

use std::time::Duration;

use super::{Figures, ensure, heard, milliseconds, plugged, streaming};
use crate::agent::{Outcome, StandIn};
use crate::camera::Model;
use crate::clock::now;

pub(super) fn thirty_seconds(_: &StandIn) -> Outcome<Figures> {
    let camera = plugged(Model::usual(), "red")?;
    let agent = streaming("frozen", &[])?;
    agent.events();
    let began = now();
    camera.freeze();
    let stalled = heard(&agent, "stalled", began)?;
    std::thread::sleep(Duration::from_secs(30).saturating_sub(stalled));
    let (code, _) = agent.command(&["status"])?;
    ensure(code == 0, || format!("status ended with {code}"))?;
    agent.events();
    let began = now();
    camera.thaw();
    let back = heard(&agent, "streaming", began)?;
    agent.frames_come(10)?;
    let resets = agent.log().matches("was reset").count();
    agent.stop()?;
    Ok(vec![
        ("freeze to stalled (2 s allowed)", milliseconds(stalled)),
        ("thaw to streaming", milliseconds(back)),
        ("USB resets meanwhile", resets.to_string()),
    ])
}

pub(super) fn for_good(_: &StandIn) -> Outcome<Figures> {
    let camera = plugged(Model::usual(), "red")?;
    let mut agent = streaming("forgood", &["camera.stall_timeout=1s"])?;
    camera.freeze();
    let began = now();
    let code = agent.ends()?;
    ensure(code == 69, || format!("the agent ended with {code}: {}", agent.last_words()))?;
    let resets = agent.log().matches("was reset").count();
    ensure(resets > 0, || "the camera was never reset".to_owned())?;
    let took = now().saturating_since(began).as_secs();
    Ok(vec![("freeze to the end", format!("{took} s")), ("USB resets", resets.to_string())])
}
