//! The real agent as a process of its own, so that it can really be killed.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::clock::monotonic_now;
use crate::failure::{Exit, Failure};
use crate::web::client::Client;

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(20);

/// What the agent is started with.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    /// The state directory.
    pub(super) state_dir: PathBuf,
    /// The configuration, as `KEY=VALUE`.
    pub(super) settings: Vec<String>,
    /// Where its log goes.
    pub(super) log: PathBuf,
}

/// A running agent. Dropped, it is killed.
pub(super) struct AgentProcess {
    child: Child,
    /// How to talk to it.
    pub(super) client: Client,
}

impl AgentProcess {
    /// Starts the agent and waits until its socket answers.
    pub(super) async fn start(stage: &Stage) -> Result<Self, Failure> {
        let told = |error: std::io::Error| Failure::caused(Exit::Internal, &error);
        let log = OpenOptions::new().create(true).append(true).open(&stage.log).map_err(told)?;
        let program = std::env::current_exe().map_err(told)?;
        // An empty file keeps the machine's own configuration out of the story.
        let config = stage.state_dir.with_file_name("demo.toml");
        std::fs::write(&config, "").map_err(told)?;
        let mut child = Command::new(program)
            .arg("run")
            .arg("--config")
            .arg(&config)
            .arg("--state-dir")
            .arg(&stage.state_dir)
            .args(stage.settings.iter().flat_map(|setting| ["--set", setting]))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(told)?;
        let socket = stage.state_dir.join("control.sock");
        let started = monotonic_now();
        while monotonic_now().since(started) < START_LIMIT {
            if let Some(client) = Client::connect(&socket)? {
                return Ok(Self { child, client });
            }
            if let Some(status) = child.try_wait().map_err(told)? {
                return Err(ended(&format!("ended with {status}"), &stage.log));
            }
            tokio::time::sleep(POLL).await;
        }
        let _ = child.kill();
        let _ = child.wait();
        Err(ended("did not open its socket", &stage.log))
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it as a power cut would: no warning, no clean-up.
    pub(super) fn kill(mut self) -> Result<(), Failure> {
        let killed = self.child.kill().and_then(|()| self.child.wait());
        killed.map(|_| ()).map_err(|error| Failure::caused(Exit::Internal, &error))
    }

    /// Asks it to stop and waits for its end.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        let told = |error: std::io::Error| Failure::caused(Exit::Internal, &error);
        kill_process(Pid::from_child(&self.child), Signal::TERM)
            .map_err(|error| told(error.into()))?;
        let asked = monotonic_now();
        while monotonic_now().since(asked) < STOP_LIMIT {
            if self.child.try_wait().map_err(told)?.is_some() {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
        Err(Failure::new(Exit::Internal, "the agent did not stop when asked"))
    }
}

impl Drop for AgentProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ended(what: &str, log: &Path) -> Failure {
    let words = std::fs::read_to_string(log).unwrap_or_default();
    let last: Vec<_> = words.lines().rev().take(3).collect();
    let told: Vec<_> = last.into_iter().rev().collect();
    Failure::new(Exit::Internal, format!("the agent {what}: {}", told.join(" / ")))
}
