//! A running agent takes up a changed configuration when it gets a SIGHUP.

use crate::kiosk::{Kiosk, wait_for};

fn delivery(kiosk: &Kiosk) -> String {
    kiosk.json(&["status"])["delivery"]["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_pause_is_taken_up_and_ended_without_a_restart() {
    let kiosk = Kiosk::new();
    let agent = kiosk.start_agent();
    kiosk.configure("[delivery]\npaused = true\n");
    agent.reload();
    wait_for("the pause", || (delivery(&kiosk) == "paused").then_some(()));
    kiosk.configure("");
    agent.reload();
    wait_for("the end of the pause", || (delivery(&kiosk) == "idle").then_some(()));
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn what_needs_a_restart_is_named() {
    let kiosk = Kiosk::new();
    let agent = kiosk.start_agent();
    kiosk.configure("[camera]\nwidth = 640\n");
    agent.reload();
    wait_for("the key's name", || {
        let log = kiosk.log();
        log.lines()
            .any(|it| it.contains("need a restart") && it.contains("camera.width"))
            .then_some(())
    });
    drop(agent);
}

#[test]
fn a_broken_configuration_changes_nothing_and_is_named() {
    let kiosk = Kiosk::new();
    let agent = kiosk.start_agent();
    kiosk.configure("[delivery]\npausd = true\n");
    agent.reload();
    wait_for("the refusal", || {
        kiosk
            .log()
            .lines()
            .any(|it| it.contains("not taken up") && it.contains("pausd"))
            .then_some(())
    });
    // The commands read the file too.
    kiosk.configure("");
    assert_eq!(delivery(&kiosk), "idle");
    assert_eq!(agent.stop(), Some(0));
}
