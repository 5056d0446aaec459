//! Provokes one fault after the other: the doctor fails exactly the check that is about it, and says what to do.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kiosk_enroll::stand_in::{FaultKind, StandIn, StandInHandle, StandInOptions};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use serde_json::Value;

use crate::kiosk::{Kiosk, TOKEN, walkup};

/// A kiosk without a fault, and the server that it delivers to.
struct Site {
    kiosk: Kiosk,
    runtime: tokio::runtime::Runtime,
    server: Option<StandInHandle>,
}

impl Site {
    fn without_fault() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let options = StandInOptions { token: Some(TOKEN.into()), ..StandInOptions::default() };
        let server = runtime.block_on(StandIn::start(options)).unwrap();
        let mut kiosk = Kiosk::new();
        kiosk.set(format!("verifik.base_url={}", server.base_url()));
        kiosk.set(format!("camera.source=frames:{}?once", walkup().display()));
        let site = Self { kiosk, runtime, server: Some(server) };
        site.chmod("state", 0o700);
        site.chmod("state/token", 0o600);
        site
    }

    fn server(&self) -> &StandInHandle {
        self.server.as_ref().unwrap()
    }

    fn chmod(&self, name: &str, mode: u32) {
        fs::set_permissions(self.kiosk.path(name), Permissions::from_mode(mode)).unwrap();
    }

    fn doctor(&self) -> (i32, Value) {
        let done = self.kiosk.run(&["doctor", "--json"]);
        let report = serde_json::from_str(&done.out);
        (done.code, report.unwrap_or_else(|error| panic!("{error}: {}{}", done.out, done.err)))
    }

    /// Exactly this check fails with these words, and says what to do.
    fn fails(&self, id: &str, code: i32, words: &str) {
        self.fails_with(id, code, words, "");
    }

    /// The same, and this stands in its remedy or in what to type.
    fn fails_with(&self, id: &str, code: i32, words: &str, cure: &str) {
        let (found, report) = self.doctor();
        let checks = report["checks"].as_array().unwrap();
        let all = checks.iter().filter(|one| one["status"] == "failed");
        let (late, failed): (Vec<&Value>, Vec<&Value>) = all.partition(|one| is_late(one));
        let ids: Vec<&str> = failed.iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(ids, [id], "{report:#}");
        assert_eq!(report["summary"]["exit_code"].as_i64(), Some(found.into()));
        // On a machine that is too busy to load the nets in time an earlier check may decide the code.
        assert!(found == code || !late.is_empty(), "{found}: {report:#}");
        let text = failed[0]["found"].as_str().unwrap();
        assert!(text.contains(words), "\"{words}\" is not in: {text}");
        assert!(failed[0]["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{id}");
        let told = format!("{} {}", failed[0]["remedy"], failed[0]["commands"]);
        assert!(told.contains(cure), "\"{cure}\" is not in: {told}");
        for check in checks {
            let is_skipped = check["status"] == "skipped";
            assert_eq!(check["skip_reason"].is_string(), is_skipped, "{check}");
            assert!(check["expected"].as_str().is_some_and(|it| !it.is_empty()), "{check}");
        }
    }

    fn check(&self, id: &str) -> Value {
        let (_, report) = self.doctor();
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|one| one["id"] == id).unwrap().clone()
    }

    fn status_of(&self, id: &str) -> String {
        self.check(id)["status"].as_str().unwrap().to_owned()
    }
}

/// Whether a check was given up because this machine has too much else to do.
fn is_late(check: &Value) -> bool {
    check["found"].as_str().is_some_and(|found| found.starts_with("no answer within"))
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop());
        }
    }
}

#[test]
fn a_site_without_a_fault_fails_nothing_and_nothing_is_touched() {
    let site = Site::without_fault();
    let names = |site: &Site| {
        let mut names: Vec<_> = fs::read_dir(site.kiosk.path("state"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let before = names(&site);
    let (_, report) = site.doctor();
    let checks = report["checks"].as_array().unwrap();
    let faults = checks.iter().filter(|one| one["status"] == "failed" && !is_late(one));
    assert_eq!(faults.count(), 0, "{report:#}");
    assert_eq!(site.status_of("token.accepted"), "ok");
    let picture = site.check("camera.picture");
    assert!(picture["status"] == "ok" || is_late(&picture), "{picture}");
    assert_eq!(names(&site), before);
    assert!(site.server().requests().is_empty(), "a PUT was sent");
    let people = site.kiosk.run(&["doctor"]);
    assert!(people.out.contains(" failed, "), "{}", people.out);
    assert!(!format!("{report}{}{}", people.out, people.err).contains(TOKEN));
}

#[test]
fn a_running_agent_is_asked_for_its_camera_and_queue() {
    let site = Site::without_fault();
    let agent = site.kiosk.start_agent();
    assert_eq!(site.status_of("agent.running"), "ok");
    assert_eq!(site.status_of("queue.files"), "ok");
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn faults_of_the_configuration() {
    let mut site = Site::without_fault();
    fs::write(site.kiosk.path("empty.toml"), "[camera]\nsorce = \"auto\"\n").unwrap();
    site.fails_with("config.valid", 78, "camera.sorce", "camera.source");
    fs::write(site.kiosk.path("empty.toml"), "").unwrap();
    site.kiosk.set("verifik.ca_file=/no/such/ca.pem");
    site.fails("config.valid", 78, "/no/such/ca.pem");
}

#[test]
fn faults_of_the_token() {
    let site = Site::without_fault();
    let token = site.kiosk.path("state/token");
    site.chmod("state/token", 0o644);
    site.fails_with("token.file", 77, "644", "chmod 600");
    site.chmod("state/token", 0o600);
    fs::write(&token, "two words").unwrap();
    site.fails("token.file", 77, "white space");
    fs::remove_file(&token).unwrap();
    site.fails_with("token.file", 77, "not there", "kiosk-enroll token set");
    fs::write(&token, "another-token").unwrap();
    site.chmod("state/token", 0o600);
    site.fails_with("token.accepted", 77, "401", "kiosk-enroll token set");
    let claims = URL_SAFE_NO_PAD.encode(br#"{"exp":1700000000}"#);
    let expired = format!("e30.{claims}.x");
    fs::write(&token, &expired).unwrap();
    site.server().set_token(Some(expired));
    site.fails("token.expiry", 77, "expired at 2023-11-14");
}

#[test]
fn faults_of_the_server_and_of_the_network_before_it() {
    let mut site = Site::without_fault();
    site.server().set_fault(FaultKind::Portal);
    site.fails("network.portal", 75, "web page");
    site.server().set_fault(FaultKind::Error);
    site.fails("api.answers", 75, "500");
    site.server().set_fault(FaultKind::Expired);
    site.fails("token.accepted", 77, "403");
    site.server().set_fault(FaultKind::RateLimited);
    assert_eq!(site.status_of("api.answers"), "warning");
    site.server().set_fault(FaultKind::Down);
    site.fails("network.connection", 75, "");
    site.kiosk.set("verifik.base_url=http://127.0.0.1:9");
    site.fails("network.connection", 75, "no connection");
}

#[test]
fn faults_of_the_certificate() {
    for (name, last_year, trusted, words) in [
        ("localhost", 2190, false, "not trusted"),
        ("localhost", 2020, true, "expired"),
        ("another.example", 2190, true, "another name"),
    ] {
        let mut site = Site::without_fault();
        let (address, pem) = tls_server(name, last_year);
        site.kiosk.set(format!("verifik.base_url=https://localhost:{}", address.port()));
        if trusted {
            fs::write(site.kiosk.path("ca.pem"), pem).unwrap();
            site.kiosk.set(format!("verifik.ca_file={}", site.kiosk.path("ca.pem").display()));
        }
        site.fails("network.connection", 75, words);
    }
}

#[test]
fn faults_of_the_camera_and_of_the_queues_files() {
    let mut site = Site::without_fault();
    assert_eq!(site.kiosk.run(&["update", "person_1", "--name", "Ada"]).code, 0);
    let entries = site.kiosk.path("state/queue/entries");
    let entry = fs::read_dir(entries).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&entry).unwrap();
    fs::write(&entry, &whole[..whole.len() - 1]).unwrap();
    site.fails_with("queue.files", 65, "1 damaged", "kiosk-enroll queue verify");
    assert!(entry.exists(), "the doctor puts nothing in order");
    fs::write(&entry, &whole).unwrap();
    site.chmod("state/device.key", 0o644);
    site.fails_with("config.secrets", 77, "device.key", "chmod 600");
    site.chmod("state/device.key", 0o600);
    site.kiosk.set("camera.source=/dev/video250");
    site.fails_with("camera.device", 69, "/dev/video250", "camera");
}

#[test]
fn faults_of_the_state_directory() {
    let site = Site::without_fault();
    site.chmod("state", 0o755);
    let found = site.check("state.directory");
    assert_eq!(found["status"], "warning", "{found}");
    assert!(found["commands"].to_string().contains("chmod 700"), "{found}");
    fs::rename(site.kiosk.path("state"), site.kiosk.path("elsewhere")).unwrap();
    fs::write(site.kiosk.path("state"), "a file").unwrap();
    let found = site.check("state.directory");
    assert_eq!(found["status"], "failed", "{found}");
    assert!(found["commands"].to_string().contains("mv "), "{found}");
}

#[test]
fn faults_of_the_way_to_the_server() {
    let mut site = Site::without_fault();
    site.kiosk.set("verifik.base_url=https://no-such-host.invalid");
    let (_, report) = site.doctor();
    let checks = report["checks"].as_array().unwrap();
    let failed: Vec<&str> = checks
        .iter()
        .filter(|check| check["status"] == "failed")
        .map(|check| check["id"].as_str().unwrap())
        .collect();
    // Where there is no route either, that comes first; the connection is not told once more.
    assert!(failed.contains(&"network.name") || failed.contains(&"network.route"), "{report:#}");
    assert!(!failed.contains(&"network.connection"), "{report:#}");
}

#[test]
fn faults_of_what_the_queue_holds() {
    let site = Site::without_fault();
    assert_eq!(site.kiosk.run(&["update", "person_1", "--name", "Ada"]).code, 0);
    site.server().set_fault(FaultKind::NotFound);
    let _ = site.kiosk.run(&["flush"]);
    site.server().set_fault(FaultKind::None);
    let health = site.check("queue.health");
    assert_eq!(health["status"], "warning", "{health}");
    assert!(health["commands"].to_string().contains("kiosk-enroll queue show"), "{health}");
}

#[test]
fn what_to_type_is_printed_alone() {
    let site = Site::without_fault();
    site.chmod("state/token", 0o644);
    let done = site.kiosk.run(&["doctor", "--fix-hints"]);
    let chmod = format!("chmod 600 {}", site.kiosk.path("state/token").display());
    assert_eq!(done.out.lines().next(), Some(chmod.as_str()), "{}", done.out);
    assert!(!done.out.contains("expected"), "{}", done.out);
}

/// A server that shakes hands with this certificate, and the certificate.
fn tls_server(name: &str, last_year: i32) -> (std::net::SocketAddr, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(last_year, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            // The client breaks off; that is what the test is about.
            while tls.is_handshaking() && tls.complete_io(&mut stream).is_ok() {}
        }
    });
    (address, certificate.pem())
}
