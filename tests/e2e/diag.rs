//! Plants a person, a face and secrets wherever they can lie, and searches the support file for them.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kiosk_enroll::stand_in::{StandIn, StandInHandle, StandInOptions};

use crate::kiosk::{Kiosk, TOKEN, fixture};

const NAME: &str = "Zebulon Quixworth";
const NOTES: &str = "walks with a silver cane";
/// Persons whose updates wait, were delivered, stand in the roster, or only in the log.
const PERSONS: [&str; 4] = ["waiting_wanda", "delivered-dora", "rostered.rosa", "logged_lola_17"];
const ROSTERED: &str = "Rosalind Featherstone";
const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJl";

/// The parts that must be there whether an agent runs or not; the kernel's log is root's.
const PARTS: [&str; 10] = [
    "doctor.json",
    "doctor.txt",
    "status.json",
    "configuration.txt",
    "queue.json",
    "receipts.json",
    "metrics.txt",
    "cameras.json",
    "system.json",
    "agent.log",
];

struct Site {
    kiosk: Kiosk,
    runtime: tokio::runtime::Runtime,
    server: Option<StandInHandle>,
}

impl Site {
    /// One update delivered, one waiting, a roster, and a journal that is indiscreet.
    fn planted() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let options = StandInOptions { token: Some(TOKEN.into()), ..StandInOptions::default() };
        let server = runtime.block_on(StandIn::start(options)).unwrap();
        let mut kiosk = Kiosk::new();
        kiosk.set(format!("verifik.base_url={}", server.base_url()));
        kiosk.set("trigger.qr=true");
        kiosk.set(format!("trigger.roster={}", kiosk.path("roster.csv").display()));
        kiosk.set(format!("camera.source=frames:{}", crate::kiosk::walkup().display()));
        let roster = format!("person_id,name\n{},\"{ROSTERED}\"\n", PERSONS[2]);
        fs::write(kiosk.path("roster.csv"), roster).unwrap();
        let site = Self { kiosk, runtime, server: Some(server) };
        let picture = fixture("derived/collins_frontal.jpg");
        let picture = picture.to_str().unwrap();
        for (at, person) in [PERSONS[1], PERSONS[0]].into_iter().enumerate() {
            let words = ["update", person, "--name", NAME, "--notes", NOTES, "--image", picture];
            assert_eq!(site.kiosk.run(&words).code, 0);
            if at == 0 {
                assert_eq!(site.kiosk.run(&["flush"]).code, 0);
            }
        }
        site.plant_journal();
        site
    }

    /// A `journalctl` whose lines show everything that a log must not.
    fn plant_journal(&self) {
        let picture =
            STANDARD.encode(&fs::read(fixture("derived/collins_frontal.jpg")).unwrap()[..600]);
        let mut lines: Vec<String> =
            PERSONS.iter().map(|person| format!("update of {person} queued")).collect();
        lines[3] = format!("person {} stands on an earlier line", PERSONS[3]);
        lines.push(format!("roster: {ROSTERED}"));
        lines.push(format!("token={TOKEN} Authorization: Bearer {JWT}"));
        lines.push(format!("body {picture}"));
        let text = lines.join("\n");
        let bin = self.kiosk.path("bin");
        fs::create_dir(&bin).unwrap();
        fs::write(bin.join("journalctl"), format!("#!/bin/sh\ncat <<'END'\n{text}\nEND\n"))
            .unwrap();
        fs::set_permissions(bin.join("journalctl"), Permissions::from_mode(0o755)).unwrap();
    }

    fn diag(&self, name: &str) -> BTreeMap<String, String> {
        let file = self.kiosk.path(name);
        let path = format!(
            "{}:{}",
            self.kiosk.path("bin").display(),
            std::env::var("PATH").unwrap_or_default()
        );
        let mut command = self.kiosk.command(&["diag", "--out", file.to_str().unwrap()]);
        let done = command.env("PATH", path).output().unwrap();
        let said = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
        assert!(done.status.success(), "{said}");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        unpacked(&file)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop());
        }
    }
}

fn unpacked(file: &Path) -> BTreeMap<String, String> {
    let reader = flate2::read::GzDecoder::new(fs::File::open(file).unwrap());
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(reader).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().into_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        files.insert(path.file_name().unwrap().to_str().unwrap().to_owned(), text);
    }
    files
}

fn assert_nobody_in(files: &BTreeMap<String, String>) {
    let picture = fs::read(fixture("derived/collins_frontal.jpg")).unwrap();
    let planted = PERSONS
        .into_iter()
        .chain([NAME, NOTES, ROSTERED, TOKEN, JWT, "eyJzdWIiOiJwbGFudGVkIn0", "/9j/", "JFIF"])
        .map(str::to_owned)
        .chain([STANDARD.encode(&picture[300..330])]);
    for secret in planted {
        for (name, text) in files {
            assert!(!text.contains(&secret), "{name} shows {secret}:\n{text}");
        }
    }
}

#[test]
fn the_support_file_shows_nobody_and_no_secret_with_and_without_an_agent() {
    let site = Site::planted();
    let alone = site.diag("alone.tar.gz");
    let agent = site.kiosk.start_agent();
    let beside = site.diag("beside.tar.gz");
    assert_eq!(agent.stop(), Some(0));
    for files in [&alone, &beside] {
        assert_nobody_in(files);
        for part in PARTS {
            assert!(files.contains_key(part), "{part} is missing: {}", files["manifest.json"]);
        }
        assert!(files.values().map(String::len).sum::<usize>() < 1 << 20);
        assert!(files["agent.log"].contains("update of person-"), "{}", files["agent.log"]);
        assert!(files["receipts.json"].contains("\"person_id\": \"person-"));
        assert!(files["configuration.txt"].contains("trigger.qr = true  # command line"));
    }
    assert!(alone["queue.json"].contains("\"person_id\": \"person-"), "{}", alone["queue.json"]);
    assert!(alone["status.json"].contains("not_running"));
    assert!(beside["status.json"].contains("\"agent\": \"running\""));
    assert!(beside["metrics.txt"].contains("kiosk_enroll_build_info"));
}

#[test]
fn a_support_file_is_made_even_where_nothing_works_and_none_is_overwritten() {
    let kiosk = Kiosk::new();
    fs::write(kiosk.path("empty.toml"), "this is no TOML").unwrap();
    let file = kiosk.path("diag.tar.gz");
    let words = ["diag", "--out", file.to_str().unwrap()];
    let done = kiosk.run(&words);
    assert_eq!(done.code, 0, "{}", done.err);
    let files = unpacked(&file);
    assert!(files["manifest.json"].contains("line 1"), "{}", files["manifest.json"]);
    assert!(files.contains_key("doctor.json") && files.contains_key("system.json"));
    assert_eq!(kiosk.run(&words).code, 73, "it would have been overwritten");
}
