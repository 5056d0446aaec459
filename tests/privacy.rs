//! Nothing of a person leaves the sealed entries: not in outputs, logs, the local API or the state directory.
//!
//! The real program runs at its most talkative, captures a person, takes updates with everything in them, is
//! refused, delivers; then every text and every file is searched.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kiosk_enroll::stand_in::{StandIn, StandInHandle, StandInOptions};
use tempfile::TempDir;

const TOKEN: &str = "a-token-that-nobody-may-see";
const NAME: &str = "Zebulon Quixworth";
const NOTES: &str = "walks with a silver cane";
/// Bytes of a picture that must not stand anywhere in the clear.
const WINDOW: usize = 64;

struct Site {
    dir: TempDir,
    stand_in: StandInHandle,
    /// Every text that the program gave away.
    told: Vec<u8>,
}

struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Site {
    async fn new() -> Self {
        let options = StandInOptions { token: Some(TOKEN.into()), ..StandInOptions::default() };
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("empty.toml"), "").unwrap();
        fs::create_dir(dir.path().join("state")).unwrap();
        fs::write(dir.path().join("state/token"), TOKEN).unwrap();
        Self { dir, stand_in: StandIn::start(options).await.unwrap(), told: Vec::new() }
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    fn command(&self, words: &[&str]) -> Command {
        let frames = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/walkup");
        let mut command = Command::new(cargo_bin("kiosk-enroll"));
        command.args(words).arg("-vv").arg("--config").arg(self.dir.path().join("empty.toml"));
        command.arg("--state-dir").arg(self.state()).stdin(Stdio::null());
        command.env("KIOSK_ENROLL_LOG", "trace");
        // Every line is written and the nets run unoptimised: no reason to give up.
        command.env("KIOSK_ENROLL_CAPTURE__TIMEOUT", "5m");
        for setting in [
            format!("camera.source=frames:{}?fps=10", frames.display()),
            format!("verifik.base_url={}", self.stand_in.base_url()),
            "web.listen=".to_owned(),
            "delivery.spread=0s".to_owned(),
            "delivery.rate=100/1s".to_owned(),
        ] {
            command.args(["--set", &setting]);
        }
        command
    }

    /// Runs a command, keeps all it says, and gives its exit code.
    async fn run(&mut self, words: &[&str]) -> i32 {
        let mut command = self.command(words);
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        self.told.extend(&output.stdout);
        self.told.extend(&output.stderr);
        output.status.code().unwrap()
    }

    async fn agent(&self, log: &Path) -> Agent {
        let log = fs::File::create(log).unwrap();
        let mut command = self.command(&["run"]);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let agent = Agent(command.spawn().unwrap());
        let began = Instant::now();
        while !self.state().join("control.sock").exists() {
            assert!(began.elapsed() < Duration::from_secs(60), "the agent does not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        agent
    }
}

/// Every file below a directory, with its bytes.
fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for file in fs::read_dir(dir).unwrap() {
            let path = file.unwrap().path();
            let kind = path.symlink_metadata().unwrap().file_type();
            if kind.is_dir() {
                dirs.push(path);
            } else if kind.is_file() {
                let bytes = fs::read(&path).unwrap();
                found.push((path, bytes));
            }
        }
    }
    found
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// What must not be found: names, notes, and the entropy-coded bytes of a picture, raw and as base64.
fn secrets(pictures: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut all = vec![NAME.as_bytes().to_vec(), NOTES.as_bytes().to_vec()];
    for picture in pictures {
        // Windows far from each other: whoever copies a picture copies one of them. The tables in front are
        // the same in every JPEG.
        for at in (1_024..picture.len() - WINDOW).step_by(2_048) {
            all.push(picture[at..at + WINDOW].to_vec());
        }
        let text = BASE64_STANDARD.encode(picture);
        for at in (2_048..text.len() - WINDOW).step_by(8_192) {
            all.push(text.as_bytes()[at..at + WINDOW].to_vec());
        }
    }
    all
}

fn assert_clean(what: &str, bytes: &[u8], secrets: &[Vec<u8>]) {
    for (number, secret) in secrets.iter().enumerate() {
        assert!(!holds(bytes, secret), "{what} holds secret {number} of {}", secrets.len());
    }
}

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/derived/collins_frontal.jpg")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_and_no_file_shows_a_name_a_note_a_token_or_a_face() {
    let mut site = Site::new().await;
    let log = site.dir.path().join("agent.log");
    let agent = site.agent(&log).await;
    let client = kiosk_enroll::web::client::Client::connect(&site.state().join("control.sock"));
    let client = client.unwrap().unwrap();
    let mut events = client.events().await.unwrap();
    let listener = tokio::spawn(async move {
        let mut seen = Vec::new();
        while let Some(event) = events.next().await {
            seen.extend(serde_json::to_vec(&event).unwrap());
            seen.extend(format!("{event:?}").into_bytes());
        }
        seen
    });
    let picture = sample();
    let picture = picture.to_str().unwrap();
    assert_eq!(site.run(&["enroll", "person_1", "--notes", NOTES, "--json"]).await, 0);
    let full = ["update", "person_2", "--name", NAME, "--notes", NOTES, "--image", picture];
    assert_eq!(site.run(&full).await, 0);
    // Refusals must not repeat what they refuse.
    assert_ne!(site.run(&["update", "person_3", "--name", NAME, "--gender", "Q"]).await, 0);
    assert_ne!(site.run(&["update", "person_3", "--notes", NOTES, "--image", "none.jpg"]).await, 0);
    let _ = site.run(&["flush", "--timeout", "60s"]).await;
    for words in [&["status"][..], &["status", "--json"], &["queue", "list"], &["token", "status"]]
    {
        let _ = site.run(words).await;
    }
    site.told.extend(serde_json::to_vec(&client.status().await.unwrap()).unwrap());
    let sent: Vec<Vec<u8>> = [("person_1", 0), ("person_1", 1), ("person_2", 0)]
        .into_iter()
        .filter_map(|(person, number)| site.stand_in.image(person, number))
        .collect();
    drop(agent);
    site.told
        .extend(tokio::time::timeout(Duration::from_secs(30), listener).await.unwrap().unwrap());
    assert!(sent.len() >= 2, "faces were really delivered: {}", sent.len());
    let secrets = secrets(&sent);
    let agent_log = fs::read(&log).unwrap();
    assert!(holds(&agent_log, b"TRACE") || holds(&agent_log, b"DEBUG"), "the log was talkative");
    for (what, bytes) in [("a command", &site.told), ("the agent's log", &agent_log)] {
        assert_clean(what, bytes, &secrets);
        assert!(!holds(bytes, TOKEN.as_bytes()), "{what} shows the token");
        assert!(!holds(bytes, b"JFIF") && !holds(bytes, b"/9j/"), "{what} shows a JPEG");
        assert!(!holds(bytes, b"panicked"), "{what} tells of a panic");
    }
    for (path, bytes) in files(&site.state()) {
        assert_clean(&path.display().to_string(), &bytes, &secrets);
        assert!(!holds(&bytes, b"JFIF"), "{} holds a JPEG", path.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_was_dropped_or_was_exported_is_only_there_sealed() {
    let mut site = Site::new().await;
    let picture = sample();
    let picture = picture.to_str().unwrap();
    for person in ["person_1", "person_2"] {
        let words = ["update", person, "--name", NAME, "--notes", NOTES, "--image", picture];
        assert_eq!(site.run(&words).await, 0);
    }
    let passphrase = site.dir.path().join("passphrase");
    fs::write(&passphrase, "two good words").unwrap();
    let export = site.state().join("x.age");
    let (passphrase, file) = (passphrase.to_str().unwrap(), export.to_str().unwrap());
    assert_eq!(site.run(&["queue", "export", file, "--passphrase-file", passphrase]).await, 0);
    assert_eq!(site.run(&["queue", "drop", "u1", "--yes"]).await, 0);
    assert_eq!(site.run(&["queue", "verify"]).await, 0);
    let secrets = secrets(&[fs::read(sample()).unwrap()]);
    assert_clean("a command", &site.told, &secrets);
    // The search itself: a picture that lay there in the clear would be found.
    let clear = fs::read(sample()).unwrap();
    let found = secrets.iter().filter(|secret| holds(&clear, secret)).count();
    assert!(found >= 5, "only {found} windows of a readable picture are found");
    let entry = |id: u64| site.state().join(format!("queue/entries/{id:016x}.entry"));
    assert!(!entry(1).exists() && entry(2).exists() && export.exists());
    for (path, bytes) in files(&site.state()) {
        assert_clean(&path.display().to_string(), &bytes, &secrets);
    }
    assert!(files(&site.state()).iter().any(|(path, _)| path.ends_with("audit.log")));
}
