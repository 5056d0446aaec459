//! `status --watch` looks again and again, and ends when it is asked to or when nobody reads.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::kiosk::Kiosk;

fn watch(kiosk: &Kiosk, arguments: &[&str]) -> Child {
    let mut command = kiosk.command(&[&["status", "--watch"], arguments].concat());
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_program_gets_a_line_a_second_and_ctrl_c_ends_it_well() {
    let kiosk = Kiosk::new();
    let mut child = watch(&kiosk, &["--json"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["agent"], "not_running");
    // An agent that comes is seen, and finds the queue free.
    let agent = kiosk.start_agent();
    while next()["agent"] != "running" {}
    assert_eq!(agent.stop(), Some(0));
    while next()["agent"] != "not_running" {}
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn people_get_a_screen_each_time_and_a_reader_that_has_gone_ends_it() {
    let kiosk = Kiosk::new();
    let mut child = watch(&kiosk, &[]);
    let mut screen = String::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    while !screen.contains("delivery") {
        reader.read_line(&mut screen).unwrap();
    }
    assert!(screen.starts_with("kiosk") && !screen.contains('\x1b'), "{screen:?}");
    drop(reader);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
