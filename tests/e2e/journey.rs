//! The whole way of an update: asked for, captured, durable, offline, restarted, delivered, proven.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use kiosk_enroll::stand_in::{FaultKind, StandIn, StandInHandle, StandInOptions};
use serde_json::Value;

use crate::kiosk::{Kiosk, TOKEN, fixture, wait_for, walkup};

/// A stand-in on a runtime of its own thread, so that tests can wait without one.
struct Server {
    runtime: tokio::runtime::Runtime,
    stand_in: Option<StandInHandle>,
}

impl Server {
    fn start(fault: FaultKind) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let options =
            StandInOptions { token: Some(TOKEN.into()), fault, ..StandInOptions::default() };
        let stand_in = runtime.block_on(StandIn::start(options)).unwrap();
        Self { runtime, stand_in: Some(stand_in) }
    }

    fn handle(&self) -> &StandInHandle {
        self.stand_in.as_ref().unwrap()
    }

    fn accepted(&self) -> Vec<(String, Vec<String>)> {
        let seen = self.handle().requests().into_iter().filter(|seen| seen.status == 200);
        seen.map(|seen| (seen.person_id, seen.fields)).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stand_in) = self.stand_in.take() {
            self.runtime.block_on(stand_in.stop());
        }
    }
}

fn kiosk_at(server: &Server) -> Kiosk {
    let mut kiosk = Kiosk::new();
    kiosk.set(format!("verifik.base_url={}", server.handle().base_url()));
    kiosk.set(format!("camera.source=frames:{}?fps=10", walkup().display()));
    kiosk
}

fn state_of(kiosk: &Kiosk) -> Value {
    kiosk.json(&["status"])
}

/// Asks the agent's socket as any HTTP client would.
fn asked(socket: &Path, path: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: kiosk\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn an_enrollment_over_the_local_api_survives_outage_and_kill_and_is_delivered_once_in_order() {
    let server = Server::start(FaultKind::Down);
    let kiosk = kiosk_at(&server);
    let agent = kiosk.start_agent();
    // An earlier update of the same person must not arrive later, nor undo the enrollment.
    let first = kiosk.json(&["update", "person_1", "--notes", "before"]);
    let queued = kiosk.json(&["enroll", "person_1", "--notes", "after"]);
    assert!(queued["images"].as_u64().unwrap() >= 1, "{queued}");
    wait_for("the hold", || (state_of(&kiosk)["delivery"]["state"] == "offline").then_some(()));
    let status = state_of(&kiosk);
    assert_eq!(status["queue"]["queued"], 0, "while a hold is on, what waits is held: {status}");
    assert!(status["queue"]["held"].as_u64().unwrap() >= 1);
    agent.kill();
    let down = kiosk.run(&["status", "--json"]);
    assert_eq!(down.code, 69, "{}", down.err);
    let waiting = kiosk.json(&["queue", "list"]);
    assert!(!waiting.as_array().unwrap().is_empty(), "{first} {queued}");

    let agent = kiosk.start_agent();
    server.handle().set_fault(FaultKind::None);
    wait_for("the delivery", || {
        kiosk.json(&["queue", "list"]).as_array().unwrap().is_empty().then_some(())
    });
    let person = server.handle().person("person_1").unwrap();
    assert_eq!(person["notes"], "after");
    assert_eq!(person["images"].as_array().unwrap().len() as u64, queued["images"]);
    let with_images: Vec<_> = server
        .accepted()
        .into_iter()
        .filter(|(_, fields)| fields.contains(&"images".into()))
        .collect();
    assert_eq!(with_images.len(), 1, "delivered once: {with_images:?}");
    let receipt = &state_of(&kiosk)["delivery"]["last_receipt"];
    assert_eq!(receipt["confirmation"], "confirmed", "{receipt}");
    let figures = asked(&kiosk.path("state/control.sock"), "/metrics");
    for line in [
        "kiosk_enroll_queue_updates{state=\"queued\"} 0",
        "kiosk_enroll_deliveries_total{confirmation=\"confirmed\"}",
    ] {
        assert!(figures.contains(line), "{line} is not in\n{figures}");
    }
    assert!(!figures.contains("person_1"), "{figures}");
    assert_eq!(agent.stop(), Some(0), "{}", kiosk.log());
    assert_eq!(pictures_below(&kiosk.path("state")), 0);
}

#[test]
fn commands_work_the_same_with_and_without_an_agent() {
    let server = Server::start(FaultKind::None);
    let kiosk = kiosk_at(&server);
    let picture = fixture("derived/hopper_frontal.jpg").display().to_string();
    let update =
        ["update", "person_7", "--name", "Grace Hopper", "--gender", "F", "--image", &picture];
    let alone = kiosk.json(&update);
    assert_eq!(alone["id"], "u1");
    let agent = kiosk.start_agent();
    let with_agent = kiosk.json(&update);
    assert_eq!(alone["fields"], with_agent["fields"]);
    let flush = kiosk.json(&["flush"]);
    assert_eq!((&flush["left"], &flush["hold"]), (&0.into(), &Value::Null), "{flush}");
    assert_eq!(agent.stop(), Some(0));
    kiosk.json(&["update", "person_7", "--notes", "and alone again"]);
    let flush = kiosk.json(&["flush"]);
    assert_eq!(flush["delivered"][0]["confirmation"], "confirmed", "{flush}");
    let sent = fs::read(fixture("derived/hopper_frontal.jpg")).unwrap();
    let got = server.handle().image("person_7", 0).unwrap();
    assert!(got.len() <= sent.len() && got.starts_with(b"\xFF\xD8"), "only metadata may go");
}

#[test]
fn a_second_agent_waits_for_the_first_and_leaves_the_queue_alone() {
    let server = Server::start(FaultKind::Down);
    let kiosk = kiosk_at(&server);
    let agent = kiosk.start_agent();
    let second = kiosk.run(&["run"]);
    assert_eq!(second.code, 75, "{}", second.err);
    kiosk.json(&["update", "person_1", "--notes", "still served"]);
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_person_unknown_to_the_server_is_parked_and_the_next_one_goes_on() {
    let server = Server::start(FaultKind::NotFound);
    let kiosk = kiosk_at(&server);
    kiosk.json(&["update", "person_unknown", "--notes", "x"]);
    let flush = kiosk.json(&["flush"]);
    assert_eq!((&flush["left"], &flush["parked"]), (&0.into(), &1.into()), "{flush}");
    server.handle().set_fault(FaultKind::None);
    kiosk.json(&["update", "person_known", "--notes", "y"]);
    assert_eq!(kiosk.json(&["flush"])["delivered"][0]["person_id"], "person_known");
    let parked = kiosk.json(&["queue", "list"]);
    assert_eq!(parked[0]["state"], "parked", "{parked}");
    assert!(parked[0]["reason"].as_str().unwrap().contains("PERSON_NOT_FOUND"), "{parked}");
}

#[test]
fn without_any_camera_the_agent_starts_tells_and_delivers() {
    let server = Server::start(FaultKind::None);
    let mut kiosk = kiosk_at(&server);
    kiosk.set("camera.source=/dev/video250");
    let agent = kiosk.start_agent();
    kiosk.json(&["update", "person_1", "--notes", "x"]);
    wait_for("the delivery", || (!server.accepted().is_empty()).then_some(()));
    wait_for("the camera's state", || {
        (state_of(&kiosk)["camera"]["state"] == "absent").then_some(())
    });
    let enroll = kiosk.run(&["enroll", "person_1", "--timeout", "3s"]);
    assert!(enroll.code == 69 || enroll.code == 75, "{}", enroll.err);
    assert!(
        enroll.err.contains("/dev/video250") || enroll.err.contains("no frames"),
        "{}",
        enroll.err
    );
    assert_eq!(agent.stop(), Some(0));
}

/// How many files below `folder` hold the beginning of a picture.
fn pictures_below(folder: &Path) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            count += pictures_below(&path);
        } else if kind.is_file() {
            let bytes = fs::read(&path).unwrap();
            let magic = |magic: &[u8]| bytes.windows(magic.len()).any(|window| window == magic);
            count += usize::from(magic(b"\xFF\xD8\xFF") || magic(b"JFIF"));
        }
    }
    count
}
