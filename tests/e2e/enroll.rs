//! Does an enrollment begin only where it can end well, and end when who ordered it says so?

use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::kiosk::{Kiosk, fixture, wait_for};

/// A kiosk in front of which nobody stands.
fn lonely() -> Kiosk {
    let mut kiosk = Kiosk::new();
    kiosk.set(format!("camera.source=frames:{}?fps=10", fixture("noface").display()));
    kiosk
}

fn order(kiosk: &Kiosk) -> Child {
    let mut command = kiosk.command(&["enroll", "person_1", "--timeout", "5m"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn who_ends_the_command_ends_the_enrollment_at_the_agent_too() {
    let kiosk = lonely();
    let agent = kiosk.start_agent();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let command = order(&kiosk);
        let id = wait_for("the enrollment", || {
            kiosk.json(&["status"])["enrollment"]["id"].as_str().map(str::to_owned)
        });
        let busy = kiosk.run(&["enroll", "person_2"]);
        assert!(busy.code == 75 && busy.err.contains("Ctrl-C"), "{}", busy.err);
        kill_process(Pid::from_child(&command), signal).unwrap();
        let done = command.wait_with_output().unwrap();
        let told = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(75), "{told}");
        assert!(told.contains(&format!("enrollment {id} of person_1 was cancelled")), "{told}");
        let status = kiosk.json(&["status"]);
        assert!(status["enrollment"].is_null(), "{status}");
    }
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_full_queue_is_told_before_anybody_stands_in_front_of_the_camera() {
    let mut kiosk = lonely();
    kiosk.set("queue.max_items=1");
    kiosk.json(&["update", "person_9", "--notes", "n"]);
    let alone = kiosk.run(&["enroll", "person_1", "--timeout", "5m"]);
    assert!(alone.code == 73 && alone.err.contains("hint:"), "{}", alone.err);
    let agent = kiosk.start_agent();
    let asked = kiosk.run(&["enroll", "person_1", "--timeout", "5m"]);
    assert!(asked.code == 73 && asked.err.contains("hint:"), "{}", asked.err);
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn what_became_of_the_person_is_told_although_the_sheet_cannot_be_written() {
    let mut kiosk = Kiosk::new();
    kiosk.set(format!("camera.source=frames:{}?once", crate::kiosk::walkup().display()));
    let sheet = kiosk.path("nowhere/sheet.png");
    let arguments = ["enroll", "p", "--json", "--sheet", sheet.to_str().unwrap()];
    let done = kiosk.run(&arguments);
    assert!(done.code == 73 && done.err.contains("contact sheet"), "{}", done.err);
    let report: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(report["person_id"], "p", "{}", done.out);
}
