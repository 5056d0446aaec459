//! Does any damaged or unusual frame do harm?

use std::time::Duration;

use serde_json::Value;

use super::people::enrolls;
use super::{Figures, enroll, ensure, plugged, rate, streaming};
use crate::agent::{Agent, Outcome, StandIn};
use crate::camera::{Camera, Fault, Model};

/// Every second frame has the fault, and the person is enrolled all the same; then every frame has it for a
/// while, and no face is seen.
fn survives(server: &StandIn, name: &str, fault: Fault) -> Outcome<Figures> {
    let camera = plugged(Model::usual(), "red")?;
    let agent = streaming(name, &["capture.timeout=20s"])?;
    camera.fault_every(fault, 2);
    enrolls(&agent, server, &camera, name)?;
    camera.fault(fault);
    std::thread::sleep(Duration::from_millis(500));
    let seen = faces_seen(&agent, name)?;
    ensure(seen == 0, || format!("{seen} frames with {fault:?} were judged with a face"))?;
    camera.fault(Fault::None);
    agent.camera_becomes("streaming")?;
    agent.frames_come(10)?;
    let state = agent.camera()?.to_string();
    agent.stop()?;
    Ok(vec![("afterwards", state)])
}

/// Enrolls for a moment and counts the frames judged with a face.
fn faces_seen(agent: &Agent, name: &str) -> Outcome<usize> {
    agent.events();
    let person = format!("{name}-nobody");
    let (code, report) = agent.command(&["enroll", &person, "--timeout", "5s"])?;
    ensure(code != 0, || format!("somebody was enrolled: {report}"))?;
    let with_face = |event: &Value| event["event"] == "frame" && !event["box"].is_null();
    Ok(agent.events().iter().filter(|(_, event)| with_face(event)).count())
}

pub(super) fn cut(server: &StandIn) -> Outcome<Figures> {
    survives(server, "cut", Fault::Cut(20_000))
}

pub(super) fn corrupt(server: &StandIn) -> Outcome<Figures> {
    survives(server, "corrupt", Fault::Corrupt)
}

pub(super) fn lost(server: &StandIn) -> Outcome<Figures> {
    survives(server, "lost", Fault::Lost)
}

pub(super) fn marked(server: &StandIn) -> Outcome<Figures> {
    survives(server, "marked", Fault::ErrorBit)
}

pub(super) fn empty(server: &StandIn) -> Outcome<Figures> {
    survives(server, "empty", Fault::Empty)
}

pub(super) fn without_tables(server: &StandIn) -> Outcome<Figures> {
    let camera = plugged(Model::usual(), "red")?;
    camera.fault(Fault::NoTables);
    let agent = streaming("notables", &[])?;
    enrolls(&agent, server, &camera, "notables")?;
    agent.stop()?;
    Ok(Vec::new())
}

pub(super) fn left_slow(_: &StandIn) -> Outcome<Figures> {
    let _camera = plugged(Model::left_slow(), "red")?;
    let agent = streaming("slow", &[])?;
    let rate = rate(&agent, 4)?;
    let source = agent.camera()?["source"].to_string();
    ensure(source.contains("at 30 fps"), || source.clone())?;
    // Far from 7.5, whatever the machine is busy with.
    ensure(rate > 12.0, || format!("{rate:.1} frames a second"))?;
    agent.stop()?;
    Ok(vec![("frames a second", format!("{rate:.1}"))])
}

pub(super) fn yuyv_only(server: &StandIn) -> Outcome<Figures> {
    let _camera: Camera = plugged(Model::yuyv_only(), "yuyv")?;
    let agent = streaming("yuyv", &[])?;
    let source = agent.camera()?["source"].to_string();
    ensure(source.contains("YUYV"), || source.clone())?;
    let rate = rate(&agent, 4)?;
    enroll(&agent, "yuyv")?;
    ensure(!server.pictures("yuyv").is_empty(), || "no picture".to_owned())?;
    agent.stop()?;
    Ok(vec![("frames a second at 640x480", format!("{rate:.1}"))])
}
