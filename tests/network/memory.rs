//! How much memory sending takes. The kernel keeps the peak of a whole process, so a child does the sending.
#![allow(clippy::print_stdout, reason = "the child tells its figures on its standard output")]

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;

use kiosk_enroll::delivery::{
    Answer, Body, ClockGuard, HttpPersonsApi, HttpSettings, PersonsApi, TokenFile,
};
use kiosk_enroll::domain::{Portrait, PortraitFormat, Size, UpdateDraft};

use crate::authority::{ALL_YEARS, Authority, Clients};
use crate::delivery_outbox::{note, update};
use crate::server::{Reply, Server};

const PORT: &str = "KIOSK_ENROLL_TEST_PORT";
const FOLDER: &str = "KIOSK_ENROLL_TEST_FOLDER";
const PICTURE: usize = 2_000_000;

/// A line of `/proc/self/status` in bytes.
fn memory(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let kilobytes = line.trim_start_matches(':').trim().trim_end_matches(" kB");
    kilobytes.parse::<usize>().unwrap() * 1024
}

/// Sends three pictures and tells by how much the peak rose.
#[tokio::test]
#[ignore = "the child of the test below"]
async fn child() {
    let (Ok(port), Some(folder)) = (std::env::var(PORT), std::env::var_os(FOLDER)) else { return };
    let folder = std::path::Path::new(&folder);
    let settings = HttpSettings {
        base_url: format!("https://localhost:{port}"),
        ca_file: Some(folder.join("ca.pem")),
        ..HttpSettings::default()
    };
    let token = Arc::new(TokenFile::new(Some(folder.join("token"))));
    let api = HttpPersonsApi::new(&settings, token, Arc::new(ClockGuard::new(None))).unwrap();
    // The first request loads what every request needs.
    api.put(Arc::new(note("ada", "1"))).await;
    let picture = |seed: u8| {
        let size = Size::new(1_000, 1_000);
        Portrait::from_decoded(PortraitFormat::Jpeg, size, vec![seed; PICTURE]).unwrap()
    };
    let images = Some(vec![picture(1), picture(2), picture(3)]);
    let large = Arc::new(update("ada", UpdateDraft { images, ..UpdateDraft::default() }));
    // Sets the peak back to what is there now.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = memory("VmRSS");
    let answer = api.put(large).await;
    let peak = memory("VmHWM");
    assert!(
        matches!(&answer, Answer::Response(response) if matches!(response.body, Body::Person(_))),
        "{answer:?}"
    );
    println!("\nrose by {}", peak.saturating_sub(before));
}

#[tokio::test]
async fn sending_three_pictures_takes_far_less_memory_than_their_base64() {
    let authority = Authority::new();
    let tls = authority.certify("localhost", ALL_YEARS, Clients::Anyone, b"http/1.1");
    let server = Server::start(tls).await;
    // The whole faces come back, as the vendor sends them.
    server.answer(|request, _| Reply::accept(request));
    let folder = tempfile::tempdir().unwrap();
    authority.write_to(folder.path());
    fs::write(folder.path().join("token"), "t0ken").unwrap();
    let address: SocketAddr = server.address;
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", "memory::child", "--ignored", "--nocapture"])
        .env(PORT, address.port().to_string())
        .env(FOLDER, folder.path())
        .stderr(Stdio::inherit());
    let child = tokio::task::spawn_blocking(move || child.output()).await.unwrap().unwrap();
    let told = String::from_utf8(child.stdout).unwrap();
    let rose = told.lines().find_map(|line| line.strip_prefix("rose by ")).expect(&told);
    let rose: usize = rose.parse().unwrap();
    let base64 = 3 * PICTURE.div_ceil(3) * 4;
    let requests = server.requests();
    assert!(requests[1].length > base64, "all of it was sent");
    println!("base64 {base64} bytes, peak rose by {rose}");
    assert!(rose < base64 / 4, "{rose} of {base64}");
}
