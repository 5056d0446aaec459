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
    let (frames_before, ticks, began) = (frames()?, agent.ticks()?, now());
    std::thread::sleep(Duration::from_secs(20));
    let used = (agent.ticks()? - ticks) as f64 / 100.0;
    let elapsed = now().saturating_since(began).as_secs_f64();
    let rate = (frames()? - frames_before) as f64 / elapsed;
    ensure(rate > 25.0, || format!("{rate:.1} frames a second"))?;
    agent.stop()?;
    Ok(vec![
        ("frames a second", format!("{rate:.1}")),
        ("share of one processor", format!("{:.2} %", used / elapsed * 100.0)),
    ])
}

/// Faults, replugs and enrollments, round after round, until the time is over.
pub(super) fn soak(_: &StandIn) -> Outcome<Figures> {
    let length = wished().unwrap_or(Duration::from_secs(60));
    let mut camera = plugged(Model::usual(), "red")?;
    let agent = streaming("soak", &[])?;
    let began = now();
    // The first two rounds load the nets and fill the buffers.
    for number in 0..2 {
        round(&agent, &mut camera, number)?;
    }
    let early = agent.footprint()?;
    let (mut rounds, mut most, mut last) = (2, early, early);
    while now().saturating_since(began) < length {
        round(&agent, &mut camera, rounds)?;
        rounds += 1;
        last = agent.footprint()?;
        for (most, now) in most.iter_mut().zip(last) {
            *most = now.max(*most);
        }
        println!("LAB     soak, {rounds} rounds: descriptors, threads, kB {last:?}");
        ensure(last[0] <= early[0] && last[1] <= early[1] && last[2] < early[2] + SLACK, || {
            format!(
                "after {rounds} rounds descriptors, threads, kB grew from {early:?} to {last:?}"
            )
        })?;
    }
    agent.stop()?;
    let told = [early, most, last].map(|it| format!("{it:?}")).join(" ");
    Ok(vec![
        ("lasted", format!("{:.0} s", now().saturating_since(began).as_secs_f64())),
        ("rounds", rounds.to_string()),
        ("descriptors, threads, kB: early, most, last", told),
    ])
}

fn round(agent: &Agent, camera: &mut Camera, number: u64) -> Outcome<()> {
    for fault in [Fault::Cut(20_000), Fault::Corrupt, Fault::Empty, Fault::NoTables] {
        camera.fault_every(fault, 2);
        std::thread::sleep(Duration::from_millis(700));
    }
    camera.fault(Fault::None);
    agent.camera_becomes("streaming")?;
    enroll(agent, &format!("soak{}", number % 5))?;
    camera.freeze();
    std::thread::sleep(Duration::from_secs(3));
    camera.thaw();
    agent.camera_becomes("streaming")?;
    camera.unplug();
    agent.camera_becomes("absent")?;
    camera.plug().map_err(|error| format!("plug: {error}"))?;
    agent.camera_becomes("streaming")?;
    agent.frames_come(60)?;
    // Nobody reads the events here, and the lab's own memory shall stay small too.
    agent.events();
    camera.forget();
    Ok(())
}
