//! The real program: commands, and an agent that can be killed.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::ext4::bound_to_us;

/// An agent that is not ready by then counts as one that does not start.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Stands in the log before each start.
const BEGINS: &str = "---- start\n";
const POLL: Duration = Duration::from_millis(5);

/// A kiosk's state directory and its configuration.
pub(crate) struct Site {
    dir: PathBuf,
    settings: Vec<String>,
}

impl Site {
    /// A kiosk that delivers to `base_url` as fast as it can, without camera and pages. Its log is `DIR.log`.
    pub(crate) fn new(dir: &Path, base_url: &str) -> Self {
        fs::create_dir_all(dir).unwrap();
        let settings = [
            "camera.source=/dev/video-of-no-proof",
            "trigger.qr=false",
            "web.listen=",
            "delivery.spread=0s",
            "delivery.backoff_min=20ms",
            "delivery.backoff_max=200ms",
            "delivery.rate=1000/100ms",
        ];
        let settings = settings.iter().map(ToString::to_string);
        let url = format!("verifik.base_url={base_url}");
        let site = Self { dir: dir.to_owned(), settings: settings.chain([url]).collect() };
        // An empty file keeps the machine's own configuration out.
        fs::write(dir.with_extension("toml"), "").unwrap();
        site.give_token("proof");
        site
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Gives it the token with which it delivers from its next start.
    pub(crate) fn give_token(&self, token: &str) {
        let path = self.dir.join("token");
        let _ = fs::remove_file(&path);
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(path);
        std::io::Write::write_all(&mut file.unwrap(), token.as_bytes()).unwrap();
    }

    /// The program with these arguments.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bound_to_us(Path::new(env!("CARGO_BIN_EXE_kiosk-enroll")));
        command
            .arg("--config")
            .arg(self.dir.with_extension("toml"))
            .arg("--state-dir")
            .arg(&self.dir)
            .args(self.settings.iter().flat_map(|setting| ["--set", setting]))
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command that must succeed says with `--json`.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {}: {words}", output.status);
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Starts the agent and does not wait for it.
    pub(crate) fn start(&self) -> Agent {
        let log = self.dir.with_extension("log");
        let mut told = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        std::io::Write::write_all(&mut told, BEGINS.as_bytes()).unwrap();
        let child = self.command(&["run"]).stdout(Stdio::null()).stderr(told).spawn().unwrap();
        Agent { child, log, socket: self.dir.join("control.sock"), started: Instant::now() }
    }

    /// Starts the agent and waits until it answers.
    pub(crate) fn start_ready(&self) -> Agent {
        let mut agent = self.start();
        agent.wait_until_ready();
        agent
    }

    /// How many updates the last agent has said to be delivered. It says so once the queue knows it.
    pub(crate) fn told_delivered(&self) -> usize {
        let log = fs::read_to_string(self.dir.with_extension("log")).unwrap_or_default();
        let last = log.rfind(BEGINS).map_or("", |at| &log[at..]);
        last.matches("update delivered").count()
    }

    /// Waits until nothing is left in the queue of a running agent.
    pub(crate) fn wait_until_empty(&self, limit: Duration) {
        let began = Instant::now();
        loop {
            let queue = self.ask(&["status"])["queue"].clone();
            if ["queued", "held", "in_flight"].iter().all(|state| queue[*state] == 0) {
                return;
            }
            assert!(began.elapsed() < limit, "not delivered in {limit:?}: {queue}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// A running agent. Dropped, it is killed.
pub(crate) struct Agent {
    child: Child,
    log: PathBuf,
    socket: PathBuf,
    started: Instant,
}

impl Agent {
    /// Waits until its socket answers, and gives the time since its start.
    pub(crate) fn wait_until_ready(&mut self) -> Duration {
        loop {
            if UnixStream::connect(&self.socket).is_ok() {
                return self.started.elapsed();
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                let words = fs::read_to_string(&self.log).unwrap_or_default();
                let last = words.trim_end().rsplit('\n').take(4).collect::<Vec<_>>().join("\n");
                panic!("failed start: the agent ended with {status}:\n{last}");
            }
            assert!(self.started.elapsed() < START_LIMIT, "failed start: the agent is not ready");
            std::thread::sleep(POLL);
        }
    }

    /// Kills it at once, and waits until it has gone.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Lets it stand still.
    pub(crate) fn stop(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Its resident memory in bytes, `VmRSS`.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1_024
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
