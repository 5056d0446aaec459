//! What does it cost to watch, and does it cost the same after a long time?

use std::time::Duration;

use super::{Figures, enroll, ensure, plugged, streaming};
use crate::agent::{Agent, Outcome, StandIn};
use crate::camera::{Camera, Fault, Model};
use crate::clock::now;

/// Holds the length of the soak in seconds; not there when none is wished.
const WISH: &str = "/soak";

/// Kilobytes by which the resident memory may differ: allocators keep some for later.
const SLACK: u64 = 6_144;

/// How long the soak shall last, if one is wished.
pub fn wished() -> Option<Duration> {
    let seconds = std::fs::read_to_string(WISH).ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The share of a processor that the capture takes while nobody is enrolled.
pub(super) fn idle(_: &StandIn) -> Outcome<Figures> {
    let _camera = plugged(Model::usual(), "red")?;
    let agent = streaming("idle", &[])?;
    let frames = || agent.camera().map(|camera| camera["frames"].as_u64().unwrap_or(0));
    // Until the nets are loaded the agent has something else to do.
    agent.until("an idle analysis", || {
        let share = agent.camera().ok()?["analysis"]["cpu_share"].as_f64()?;
        (share < 0.05).then_some(())
    })?;
    let (frames_before, ticks, began) = (frames()?, agent.ticks()?, now());
    std::thread::sleep(Duration::from_secs(20));
    let used = (agent.ticks()? - ticks) as f64 / 100.0;
    let elapsed = now().saturating_since(began).as_secs_f64();
    let rate = (frames()? - frames_before) as f64 / elapsed;
    ensure(rate > 25.0, || format!("{rate:.1} frames a second"))?;
    let camera = agent.camera()?;
    let told = camera["capture"]["rate"].as_f64().unwrap_or(0.0);
    ensure((told - rate).abs() < 1.0, || format!("status tells {told} frames a second: {camera}"))?;
    let capture = camera["capture"]["cpu_share"].as_f64().unwrap_or(1.0);
    ensure(capture < used / elapsed + 0.02, || format!("status tells {capture}: {camera}"))?;
    agent.stop()?;
    Ok(vec![
        ("frames a second", format!("{rate:.1}")),
        ("the capture thread's share of one processor", format!("{:.2} %", capture * 100.0)),
        ("the whole agent's", format!("{:.2} %", used / elapsed * 100.0)),
    ])
}

/// Faults, replugs and enrollments, round after round, until the time is over. The later rounds may not need more
/// than the earlier ones did: by then the nets are loaded and every buffer has had its largest content.
///
/// At 7.5 frames a second: an emulated machine would need hours for half an hour of thirty.
pub(super) fn soak(_: &StandIn) -> Outcome<Figures> {
    let length = wished().unwrap_or(Duration::from_secs(120));
    let mut camera = plugged(Model::usual(), "red")?;
    let agent = streaming("soak", &["camera.fps=7"])?;
    let began = now();
    let mut seen = Vec::new();
    while now().saturating_since(began) < length || seen.len() < 4 {
        round(&agent, &mut camera, seen.len())?;
        seen.push(agent.footprint()?);
        println!(
            "LAB     soak, {:.0} s, {} rounds: descriptors, threads, kB {:?}",
            now().saturating_since(began).as_secs_f64(),
            seen.len(),
            seen.last().unwrap_or(&[0; 3])
        );
    }
    agent.stop()?;
    let (early, late) = seen.split_at(seen.len() / 2);
    let (early, late) = (highest(early), highest(late));
    let told = format!("{early:?}, {late:?}");
    ensure(late[0] <= early[0] && late[1] <= early[1] && late[2] < early[2] + SLACK, || {
        format!("descriptors, threads, kB grew from the first half to the second: {told}")
    })?;
    Ok(vec![
        ("lasted", format!("{:.0} s", now().saturating_since(began).as_secs_f64())),
        ("rounds", seen.len().to_string()),
        ("most descriptors, threads, kB in the first half and in the second", told),
    ])
}

fn highest(footprints: &[[u64; 3]]) -> [u64; 3] {
    let of = |which: usize| footprints.iter().map(|it| it[which]).max().unwrap_or(0);
    [of(0), of(1), of(2)]
}

fn round(agent: &Agent, camera: &mut Camera, number: usize) -> Outcome<()> {
    for fault in [Fault::Cut(20_000), Fault::Corrupt, Fault::Empty, Fault::NoTables] {
        camera.fault_every(fault, 2);
        std::thread::sleep(Duration::from_millis(700));
    }
    camera.fault(Fault::None);
    agent.camera_becomes("streaming")?;
    // An enrollment keeps the emulated processor busy for seconds, which costs the host most of all.
    if number.is_multiple_of(3) {
        enroll(agent, &format!("soak{}", number % 5))?;
    }
    camera.freeze();
    std::thread::sleep(Duration::from_secs(3));
    camera.thaw();
    agent.camera_becomes("streaming")?;
    camera.unplug();
    agent.camera_becomes("absent")?;
    camera.plug().map_err(|error| format!("plug: {error}"))?;
    agent.camera_becomes("streaming")?;
    std::thread::sleep(Duration::from_secs(20));
    // Nobody reads the events here, and the lab's own memory shall stay small too.
    agent.events();
    camera.forget();
    Ok(())
}
