//! The real agent renews a token that is nearly over, where the configuration asks for it.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use kiosk_enroll::clock::wall_now;
use kiosk_enroll::stand_in::{StandIn, StandInHandle, StandInOptions};
use tempfile::TempDir;

const DAY: i64 = 86_400;
const LIMIT: Duration = Duration::from_secs(60);

struct Site {
    dir: TempDir,
    stand_in: StandInHandle,
    token: String,
}

struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Site {
    /// A kiosk whose token has ended its thirty days but for a few hours: it is due at once.
    async fn new() -> Self {
        let now = wall_now().unix_millis() / 1_000;
        let claims = format!(r#"{{"iat":{},"exp":{}}}"#, now - 30 * DAY + 9_000, now + 9_000);
        let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let token = format!("{}.{}.{}", part(r#"{"alg":"none"}"#), part(&claims), part("s"));
        let options = StandInOptions { token: Some(token.clone()), ..StandInOptions::default() };
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("empty.toml"), "").unwrap();
        fs::create_dir(dir.path().join("state")).unwrap();
        fs::write(dir.path().join("state/token"), &token).unwrap();
        Self { dir, stand_in: StandIn::start(options).await.unwrap(), token }
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    fn command(&self, renew: &str, words: &[&str]) -> Command {
        let mut command = Command::new(cargo_bin("kiosk-enroll"));
        command.args(words).arg("--config").arg(self.dir.path().join("empty.toml"));
        command.arg("--state-dir").arg(self.state()).stdin(Stdio::null());
        command.env("KIOSK_ENROLL_LOG", "trace");
        for setting in [
            format!("verifik.base_url={}", self.stand_in.base_url()),
            format!("verifik.renew_token={renew}"),
            "camera.source=/dev/video-of-no-test".to_owned(),
            "trigger.qr=false".to_owned(),
            "web.listen=".to_owned(),
        ] {
            command.args(["--set", &setting]);
        }
        command
    }

    async fn run(&self, renew: &str, words: &[&str]) -> Output {
        let mut command = self.command(renew, words);
        tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
    }

    /// Starts an agent and waits until `seen` says that it is done.
    async fn agent(&self, renew: &str, seen: impl AsyncFn() -> bool) -> Agent {
        let log = fs::File::create(self.dir.path().join("log")).unwrap();
        let mut command = self.command(renew, &["run"]);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let agent = Agent(command.spawn().unwrap());
        let began = Instant::now();
        while !seen().await {
            assert!(began.elapsed() < LIMIT, "it never came");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        agent
    }

    fn present_token(&self) -> String {
        fs::read_to_string(self.state().join("token")).unwrap().trim().to_owned()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_nearly_over_is_replaced_and_nothing_shows_either() {
    let site = Site::new().await;
    let told = text(&site.run("2", &["token", "status"]).await);
    assert!(told.contains("renewal   by the running agent between"), "{told}");
    let agent = site.agent("2", async || site.present_token() != site.token).await;
    let renewed = site.present_token();
    let status = text(&site.run("2", &["status"]).await);
    assert!(status.contains("renewal"), "{status}");
    drop(agent);
    let told = text(&site.run("2", &["token", "status", "--json"]).await);
    assert!(told.contains(r#""days_left":59"#), "{told}");
    let audit = fs::read_to_string(site.state().join("audit.log")).unwrap();
    assert!(audit.contains(r#""command":"token renew","ids":[],"door":"agent""#), "{audit}");
    let log = site.log();
    assert!(log.contains("the token was renewed"), "{log}");
    for token in [&site.token, &renewed] {
        for shown in [&log, &audit, &told, &status] {
            assert!(!shown.contains(token.as_str()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_being_asked_for_it_an_agent_renews_nothing() {
    let site = Site::new().await;
    let told = text(&site.run("never", &["token", "status"]).await);
    assert!(told.contains("renewal   off"), "{told}");
    let ready = async || text(&site.run("never", &["status"]).await).contains("queue ");
    let agent = site.agent("never", ready).await;
    let status = text(&site.run("never", &["status"]).await);
    drop(agent);
    assert!(!status.contains("renewal"), "{status}");
    assert_eq!(site.present_token(), site.token);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_file_that_is_not_the_agents_own_is_left_alone_and_that_is_said() {
    let site = Site::new().await;
    let elsewhere = site.dir.path().join("elsewhere");
    fs::rename(site.state().join("token"), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, site.state().join("token")).unwrap();
    let told = async || site.log().contains("the token cannot be renewed");
    let agent = site.agent("1", told).await;
    let status = text(&site.run("1", &["status"]).await);
    assert!(status.contains("renewal impossible") && status.contains("symbolic link"), "{status}");
    drop(agent);
    assert_eq!(site.present_token(), site.token);
}
