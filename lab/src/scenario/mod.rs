//! The list of scenarios, each with the sentence that it proves.

mod access;
mod commands;
mod controls;
mod damage;
pub mod endurance;
mod names;
mod people;
mod plug;
mod silence;
mod vivid;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::agent::{Agent, Outcome, StandIn, User};
use crate::camera::{Camera, Model};
use crate::clock::{Instant, now};

/// What a scenario measured: names and values, for people.
pub type Figures = Vec<(&'static str, String)>;

/// One scenario.
pub struct Scenario {
    /// What it proves.
    pub name: &'static str,
    /// When it runs.
    pub set: Set,
    /// Proves it.
    pub run: fn(&StandIn) -> Outcome<Figures>,
}

/// When a scenario runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// Always, in continuous integration too.
    Quick,
    /// When there is time for everything.
    Whole,
}

const fn quick(name: &'static str, run: fn(&StandIn) -> Outcome<Figures>) -> Scenario {
    Scenario { name, set: Set::Quick, run }
}

const fn whole(name: &'static str, run: fn(&StandIn) -> Outcome<Figures>) -> Scenario {
    Scenario { name, set: Set::Whole, run }
}

/// Every scenario, in the order in which they run.
pub const ALL: &[Scenario] = &[
    whole("a_walk_up_ends_with_a_receipt", people::walk_up),
    quick("one_person_is_never_mistaken_for_the_next", people::one_after_the_other),
    quick("persons_changing_among_cut_frames_are_never_mixed", people::changing),
    quick("an_unplugged_camera_ends_the_session_and_nothing_is_sent", plug::in_a_session),
    quick("what_the_commands_tell_is_true", commands::list_and_test),
    quick("a_camera_plugged_in_after_the_start_is_used", plug::after_start),
    quick("a_replugged_camera_streams_again", plug::replugged),
    quick("a_camera_that_comes_back_under_another_number_is_found", plug::renumbered),
    whole("ten_replugs_cost_nothing", plug::ten_times),
    quick("a_second_camera_takes_over", plug::second_camera),
    quick("cut_frames_are_never_judged", damage::cut),
    whole("corrupt_frames_are_never_judged_good", damage::corrupt),
    quick("frames_with_lost_packets_are_never_judged", damage::lost),
    whole("frames_marked_damaged_are_passed_over", damage::marked),
    whole("empty_frames_are_passed_over", damage::empty),
    quick("frames_without_huffman_tables_enroll_as_well", damage::without_tables),
    quick("a_camera_left_at_seven_and_a_half_frames_runs_at_thirty", damage::left_slow),
    quick("a_camera_without_mjpeg_enrolls_as_well", damage::yuyv_only),
    quick("controls_are_set_in_their_order_after_each_opening", controls::set),
    whole("controls_out_of_range_leave_the_camera_as_it_is", controls::out_of_range),
    quick("a_camera_is_found_by_its_name_whatever_its_number", names::by_id),
    quick("a_camera_is_found_by_its_serial_number", names::by_serial),
    whole("the_kernels_test_camera_streams_yuyv_and_takes_controls", vivid::yuyv),
    whole("watching_without_anybody_there_costs_little", endurance::idle),
    quick("a_camera_in_use_is_busy_until_it_is_free", access::busy),
    quick("a_camera_without_permission_is_denied", access::denied),
    quick("a_frozen_camera_streams_again_when_it_thaws", silence::thirty_seconds),
    whole("a_camera_silent_for_good_makes_the_agent_end_for_its_restart", silence::for_good),
];

/// Runs only when its length is wished for.
pub const SOAK: Scenario = whole("a_long_time_costs_no_memory_and_no_descriptor", endurance::soak);

fn pictures(name: &str) -> PathBuf {
    PathBuf::from("/pictures").join(name)
}

/// A camera that is plugged in and shows these pictures.
fn plugged(model: Model, folder: &str) -> Outcome<Camera> {
    let mut camera = Camera::new(model, &pictures(folder));
    camera.plug().map_err(|error| format!("plug: {error}"))?;
    Ok(camera)
}

/// An agent whose camera streams.
fn streaming(name: &str, settings: &[&str]) -> Outcome<Agent> {
    let agent = Agent::start(name, User::Root, settings)?;
    agent.camera_becomes("streaming")?;
    Ok(agent)
}

/// Fails with a sentence unless it holds.
fn ensure(holds: bool, sentence: impl FnOnce() -> String) -> Outcome<()> {
    if holds { Ok(()) } else { Err(sentence()) }
}

/// Enrolls a person through the running agent and waits for the receipt.
fn enroll(agent: &Agent, person: &str) -> Outcome<Value> {
    let (code, report) = agent.command(&["enroll", person])?;
    ensure(code == 0, || format!("enroll ended with {code}: {report}; {}", agent.last_words()))?;
    agent.until("the receipt", || {
        let (_, status) = agent.command(&["status"]).ok()?;
        (status["delivery"]["last_receipt"]["person_id"] == person).then_some(())
    })?;
    Ok(report)
}

/// Time from `since` to the first event of the camera with this state.
fn heard(agent: &Agent, state: &str, since: Instant) -> Outcome<Duration> {
    agent.until(&format!("the event \"camera {state}\""), || {
        agent.events().into_iter().find_map(|(at, event)| {
            let told = event["event"] == "camera" && event["state"] == state;
            (told && at >= since).then(|| at.saturating_since(since))
        })
    })
}

/// Frames a second over some seconds.
fn rate(agent: &Agent, seconds: u64) -> Outcome<f64> {
    let count = || agent.camera().map(|camera| camera["frames"].as_u64().unwrap_or(0));
    let (before, began) = (count()?, now());
    std::thread::sleep(Duration::from_secs(seconds));
    let frames = count()? - before;
    Ok(frames as f64 / now().saturating_since(began).as_secs_f64())
}

fn milliseconds(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}
