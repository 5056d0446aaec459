//! Is the right person enrolled, from fresh frames?

use std::time::Duration;

use serde_json::Value;

use super::{Figures, enroll, ensure, milliseconds, pictures, plugged, rate, streaming};
use crate::agent::{Agent, Outcome, StandIn};
use crate::camera::{Camera, Fault, Model, Sent};
use crate::clock::Instant;
use crate::pictures::{Whose, whose};

/// Shorter than any picture, as long as half of one, and only the end marker's last bytes missing.
const CUTS: [usize; 3] = [700, 30_000, 55_000];

pub(super) fn walk_up(server: &StandIn) -> Outcome<Figures> {
    let camera = plugged(Model::usual(), "walkup")?;
    let agent = streaming("walkup", &[])?;
    let rate = rate(&agent, 5)?;
    agent.events();
    let report = enroll(&agent, "walker")?;
    let shots = server.pictures("walker").len();
    ensure(shots > 0 && report["images"] == shots, || format!("{shots} pictures; {report}"))?;
    let ages = ages(&agent.events(), &camera.sent())?;
    let footprint = agent.footprint()?;
    agent.stop()?;
    Ok(vec![
        ("frames a second at 1280x720", format!("{rate:.1}")),
        ("frames judged", ages.len().to_string()),
        ("age at the verdict, p50", milliseconds(percentile(&ages, 50))),
        ("age at the verdict, p99", milliseconds(percentile(&ages, 99))),
        ("resident", format!("{} MB", footprint[2] / 1_024)),
    ])
}

pub(super) fn one_after_the_other(server: &StandIn) -> Outcome<Figures> {
    let camera = plugged(Model::usual(), "red")?;
    let agent = streaming("queueing", &[])?;
    let mut changes = 0;
    for cut in CUTS {
        for (folder, expected) in [("red", Whose::Red), ("blue", Whose::Blue)] {
            // The next person steps in front of the camera while its frames come short.
            camera.fault(Fault::Cut(cut));
            camera.show(&pictures(folder));
            std::thread::sleep(Duration::from_millis(700));
            camera.fault_every(Fault::Cut(cut), 3);
            let person = format!("{folder}{cut}");
            enroll(&agent, &person)?;
            let events = agent.events();
            let found = one_of(server, &person, &events, &camera.sent())?;
            ensure(found == expected, || format!("{person} was delivered as {found:?}"))?;
            never_judged(&events, &camera.sent())?;
            changes += 1;
        }
    }
    agent.stop()?;
    Ok(vec![("changes of person", changes.to_string())])
}

pub(super) fn changing(server: &StandIn) -> Outcome<Figures> {
    let camera = plugged(Model::usual(), "red")?;
    let agent = streaming("changing", &[])?;
    let (mut mixed_from, mut sessions) = (0, 0);
    for (round, cut) in CUTS.into_iter().enumerate() {
        let person = format!("changing{round}");
        let mut command = agent.spawn(&["enroll", &person])?;
        // They change faster than anybody can be chosen, then one stays.
        for turn in 0..8 {
            camera.fault_every(Fault::Cut(cut), 2 + turn % 2);
            camera.show(&pictures(if turn % 2 == 0 { "blue" } else { "red" }));
            std::thread::sleep(Duration::from_millis(350 + 100 * turn));
            mixed_from += 1;
            if !command.runs() {
                break;
            }
        }
        let (code, report) = command.end()?;
        ensure(code == 0, || format!("enroll ended with {code}: {report}"))?;
        agent.until("the pictures", || {
            let pictures = server.pictures(&person);
            (!pictures.is_empty()).then_some(())
        })?;
        let events = agent.events();
        one_of(server, &person, &events, &camera.sent())?;
        never_judged(&events, &camera.sent())?;
        sessions += 1;
    }
    agent.stop()?;
    Ok(vec![("sessions", sessions.to_string()), ("changes within them", mixed_from.to_string())])
}

/// Whose pictures a person was delivered with: by the colour of every block, and by the frames that were
/// chosen. They must all be one's, and none may have been sent with a fault.
fn one_of(
    server: &StandIn,
    person: &str,
    events: &[(Instant, Value)],
    sent: &[Sent],
) -> Outcome<Whose> {
    let pictures = server.pictures(person);
    let told: Result<Vec<Whose>, _> = pictures.iter().map(|jpeg| whose(jpeg)).collect();
    let told = told.map_err(|error| error.to_string())?;
    let first = *told.first().ok_or_else(|| format!("{person} was delivered without pictures"))?;
    ensure(first != Whose::Mixed && told.iter().all(|it| *it == first), || {
        format!("{person} was delivered with pictures of {told:?}")
    })?;
    let folder = if first == Whose::Red { "red" } else { "blue" };
    for number in chosen(events, person)? {
        let frame = of_last_stream(sent, number)
            .ok_or_else(|| format!("frame {number} was chosen but never sent"))?;
        ensure(frame.person == folder && frame.fault == Fault::None, || {
            format!("{person} was delivered as {folder}, but from {frame:?}")
        })?;
    }
    Ok(first)
}

/// The frames that were chosen for a person, as the agent numbers them.
fn chosen(events: &[(Instant, Value)], person: &str) -> Outcome<Vec<u64>> {
    let report = events.iter().rev().map(|(_, event)| event).find(|event| {
        event["event"] == "enrollment" && event["person_id"] == person && event["state"] == "queued"
    });
    let report = report.ok_or_else(|| format!("no event tells the end of {person}"))?;
    let frames = report["chosen"].as_array().into_iter().flatten();
    let numbers: Vec<u64> = frames.filter_map(|shot| shot["frame"].as_u64()).collect();
    ensure(!numbers.is_empty(), || format!("no frame was chosen: {report}"))?;
    Ok(numbers)
}

/// The judged frames of the events with the times of their verdicts.
fn judged(events: &[(Instant, Value)]) -> Vec<(Instant, u64, &Value)> {
    let frames = events.iter().filter(|(_, event)| event["event"] == "frame");
    frames.filter_map(|(at, event)| Some((*at, event["frame"].as_u64()?, event))).collect()
}

/// No frame that was sent with a fault may have been judged with a face.
fn never_judged(events: &[(Instant, Value)], sent: &[Sent]) -> Outcome<()> {
    for (_, number, event) in judged(events) {
        let Some(frame) = of_last_stream(sent, number) else { continue };
        ensure(frame.fault == Fault::None || event["box"].is_null(), || {
            format!("frame {number}, sent with {:?}, was judged: {event}", frame.fault)
        })?;
    }
    Ok(())
}

/// How old each judged frame was at its verdict; numbers must rise.
fn ages(events: &[(Instant, Value)], sent: &[Sent]) -> Outcome<Vec<Duration>> {
    let judged = judged(events);
    let rising = judged.windows(2).all(|pair| pair[0].1 < pair[1].1);
    ensure(rising && !judged.is_empty(), || "a frame was judged twice, or none was".to_owned())?;
    let mut ages = Vec::new();
    for (at, number, _) in judged {
        let frame = of_last_stream(sent, number)
            .ok_or_else(|| format!("frame {number} was judged but never sent"))?;
        ensure(frame.at <= at, || format!("frame {number} was judged before it was sent"))?;
        ages.push(at.saturating_since(frame.at));
    }
    ages.sort();
    Ok(ages)
}

fn of_last_stream(sent: &[Sent], number: u64) -> Option<&Sent> {
    let stream = sent.last()?.stream;
    sent.iter().rev().find(|frame| frame.stream == stream && frame.number == number)
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().unwrap_or_default()
}

/// For scenarios that only want to see somebody enrolled.
pub(super) fn enrolls(agent: &Agent, server: &StandIn, _: &Camera, person: &str) -> Outcome<()> {
    enroll(agent, person)?;
    ensure(!server.pictures(person).is_empty(), || format!("{person} has no pictures"))
}
