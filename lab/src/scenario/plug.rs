//! Does the agent live through cameras that come and go?

use std::fs::File;
use std::time::Duration;

use super::{Figures, ensure, heard, milliseconds, plugged, streaming};
use crate::agent::{Agent, Outcome, StandIn, User, told};
use crate::camera::{Camera, Model};
use crate::clock::now;

pub(super) fn after_start(_: &StandIn) -> Outcome<Figures> {
    let agent = Agent::start("late", User::Root, &[])?;
    agent.camera_becomes("absent")?;
    let (code, status) = agent.command(&["status"])?;
    ensure(code == 0 && status["camera"]["state"] == "absent", || status.to_string())?;
    let began = now();
    let _camera = plugged(Model::usual(), "red")?;
    let took = heard(&agent, "streaming", began)?;
    agent.stop()?;
    Ok(vec![("plug to streaming", milliseconds(took))])
}

pub(super) fn replugged(_: &StandIn) -> Outcome<Figures> {
    let mut camera = plugged(Model::usual(), "red")?;
    let agent = streaming("replug", &[])?;
    let (gone, back) = replug(&agent, &mut camera)?;
    agent.frames_come(10)?;
    agent.stop()?;
    Ok(vec![
        ("unplug to the change of state", milliseconds(gone)),
        ("replug to streaming", milliseconds(back)),
    ])
}

fn replug(agent: &Agent, camera: &mut Camera) -> Outcome<(Duration, Duration)> {
    agent.events();
    let began = now();
    camera.unplug();
    let gone = heard(agent, "absent", began)?;
    let began = now();
    camera.plug().map_err(told("plug"))?;
    let back = heard(agent, "streaming", began)?;
    Ok((gone, back))
}

pub(super) fn renumbered(_: &StandIn) -> Outcome<Figures> {
    let mut camera = plugged(Model::usual(), "red")?;
    let agent = streaming("renumbered", &[])?;
    // Whoever still has the old node open keeps its number from being used again.
    let holder = File::open("/dev/video0").map_err(told("/dev/video0"))?;
    replug(&agent, &mut camera)?;
    let source = agent.camera()?["source"].to_string();
    ensure(!source.contains("/dev/video0"), || format!("the node did not move: {source}"))?;
    agent.frames_come(10)?;
    drop(holder);
    agent.stop()?;
    Ok(vec![("the new node", source)])
}

pub(super) fn ten_times(_: &StandIn) -> Outcome<Figures> {
    let mut camera = plugged(Model::usual(), "red")?;
    let agent = streaming("tentimes", &[])?;
    let mut gone = Vec::new();
    let mut back = Vec::new();
    let mut early = [0; 3];
    for round in 0..10 {
        let (down, up) = replug(&agent, &mut camera)?;
        agent.frames_come(5)?;
        gone.push(down);
        back.push(up);
        // By now the nets have been loaded, which has nothing to do with the camera.
        if round == 4 {
            early = agent.footprint()?;
        }
    }
    let late = agent.footprint()?;
    ensure(late[0] <= early[0] && late[1] <= early[1] && late[2] < early[2] + 4_096, || {
        format!("descriptors, threads, kilobytes grew from {early:?} to {late:?}")
    })?;
    agent.stop()?;
    gone.sort();
    back.sort();
    Ok(vec![
        ("unplug to the change of state, median", milliseconds(gone[5])),
        ("unplug to the change of state, longest", milliseconds(gone[9])),
        ("replug to streaming, median", milliseconds(back[5])),
        ("replug to streaming, longest", milliseconds(back[9])),
        ("descriptors, threads, kB after 5 and after 10", format!("{early:?} {late:?}")),
    ])
}

pub(super) fn in_a_session(server: &StandIn) -> Outcome<Figures> {
    // Somebody too far away to be chosen: the session is still under way when the plug is pulled.
    let mut camera = plugged(Model::usual(), "walkup")?;
    let agent = streaming("session", &["capture.gates.inter_eye_distance_min=400"])?;
    agent.events();
    let command = agent.spawn(&["enroll", "unplugged", "--timeout", "10s"])?;
    agent.until("judged frames", || {
        agent.events().iter().any(|(_, event)| event["event"] == "frame").then_some(())
    })?;
    camera.unplug();
    let began = now();
    let (code, report) = command.end()?;
    let took = now().saturating_since(began);
    ensure(code == 69, || format!("enroll ended with {code}: {report}"))?;
    let (_, status) = agent.command(&["status"])?;
    let queued = status["queue"]["queued"].as_u64().unwrap_or(1);
    ensure(queued == 0 && server.pictures("unplugged").is_empty(), || status.to_string())?;
    agent.stop()?;
    Ok(vec![("unplug to the session's end", milliseconds(took)), ("it said", report.to_string())])
}

pub(super) fn second_camera(_: &StandIn) -> Outcome<Figures> {
    let mut first = plugged(Model::usual(), "red")?;
    let agent = streaming("second", &[])?;
    let second = plugged(Model::second(), "blue")?;
    std::thread::sleep(Duration::from_secs(1));
    ensure(second.sent().is_empty(), || "both cameras were opened".to_owned())?;
    agent.events();
    let began = now();
    first.unplug();
    heard(&agent, "absent", began)?;
    let took = heard(&agent, "streaming", began)?;
    ensure(!second.sent().is_empty(), || "the second camera was not asked".to_owned())?;
    agent.stop()?;
    Ok(vec![("unplug to streaming from the other", milliseconds(took))])
}
