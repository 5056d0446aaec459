//! Can the commands talk to the agent on any kiosk?
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;

use assert_cmd::Command;

/// Answers one request with an empty queue; the first connection only looks whether somebody listens.
fn answer(listener: &UnixListener) {
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let mut request = [0; 4_096];
        if stream.read(&mut request).unwrap() > 0 {
            let answer =
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]";
            stream.write_all(answer.as_bytes()).unwrap();
            return;
        }
    }
}

#[test]
fn a_kiosk_without_the_systems_certificates_still_has_its_commands() {
    let folder = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(folder.path().join("control.sock")).unwrap();
    let agent = std::thread::spawn(move || answer(&listener));
    let empty = folder.path().join("none.pem");
    std::fs::write(&empty, "").unwrap();
    Command::cargo_bin("kiosk-enroll")
        .unwrap()
        .env("SSL_CERT_FILE", &empty)
        .env("SSL_CERT_DIR", folder.path())
        .arg("--state-dir")
        .arg(folder.path())
        .args(["--json", "queue", "list"])
        .assert()
        .success()
        .stdout("[]\n");
    agent.join().unwrap();
}
