//! A kiosk in a folder of its own: its state, its commands, its running agent.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Nothing here takes so long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// The token that the stand-in of the tests accepts.
pub(crate) const TOKEN: &str = "a-token-of-the-tests";

/// A state directory, a configuration file that begins empty and settings for every command.
pub(crate) struct Kiosk {
    dir: tempfile::TempDir,
    settings: Vec<String>,
}

/// What a command did.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Kiosk {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("empty.toml"), "").unwrap();
        fs::create_dir(dir.path().join("state")).unwrap();
        fs::write(dir.path().join("state/token"), TOKEN).unwrap();
        let mut kiosk = Self { dir, settings: Vec::new() };
        kiosk.set("web.listen=");
        kiosk.set("delivery.spread=0s");
        kiosk.set("delivery.backoff_min=50ms");
        kiosk.set("delivery.backoff_max=200ms");
        kiosk.set("delivery.rate=100/1s");
        kiosk.set("verifik.base_url=http://127.0.0.1:9");
        kiosk
    }

    pub(crate) fn set(&mut self, setting: impl Into<String>) {
        self.settings.push(setting.into());
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The command line with this kiosk's paths and settings; no configuration of this machine gets in.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kiosk-enroll"));
        command.args(arguments).arg("--config").arg(self.path("empty.toml"));
        command.arg("--state-dir").arg(self.path("state"));
        command.args(self.settings.iter().flat_map(|setting| ["--set", setting]));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("KIOSK_ENROLL_")) {
            command.env_remove(name);
        }
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        Done {
            code: status.code().expect("ended by a signal"),
            out: String::from_utf8(stdout).unwrap(),
            err: String::from_utf8(stderr).unwrap(),
        }
    }

    /// Runs a command that must succeed, and reads its JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let done = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(done.code, 0, "{arguments:?}: {}", done.err);
        serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{error}: {}", done.out))
    }

    /// Starts the agent and waits for its socket.
    pub(crate) fn start_agent(&self) -> Agent {
        let log =
            fs::File::options().create(true).append(true).open(self.path("agent.log")).unwrap();
        let child = self.command(&["run"]).stderr(log).stdout(Stdio::null()).spawn().unwrap();
        let mut agent = Agent { child };
        let socket = self.path("state/control.sock");
        wait_for("the agent's socket", || {
            assert!(agent.child.try_wait().unwrap().is_none(), "the agent ended: {}", self.log());
            std::os::unix::net::UnixStream::connect(&socket).is_ok().then_some(())
        });
        agent
    }

    /// Puts `text` into the configuration file, which begins empty.
    pub(crate) fn configure(&self, text: &str) {
        fs::write(self.path("empty.toml"), text).unwrap();
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("agent.log")).unwrap_or_default()
    }
}

/// A running agent; killed when it goes.
pub(crate) struct Agent {
    child: Child,
}

impl Agent {
    /// As a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// As systemd would; gives the exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal(rustix::process::Signal::TERM);
        self.child.wait().unwrap().code()
    }

    /// As `systemctl reload` would.
    pub(crate) fn reload(&self) {
        self.signal(rustix::process::Signal::HUP);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again until there is an answer.
pub(crate) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The clip of a person who walks up, stands still and leaves.
pub(crate) fn walkup() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/walkup")
}

/// A picture with a known face.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}
