//! The real binary: its size, its start, its memory.

use std::fs;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::table::{Times, budget, heading};

const BINARY: &str = env!("CARGO_BIN_EXE_kiosk-enroll");
const STARTS: usize = 10;

/// Prints the table.
pub(crate) fn run() {
    let size = fs::metadata(BINARY).unwrap().len() as f64 / 1e6;
    let mut starts = Vec::new();
    let mut resident = 0.0_f64;
    for round in 0..STARTS {
        let dir = tempfile::tempdir().unwrap();
        let began = Instant::now();
        let mut agent = Agent(start(dir.path()));
        let socket = dir.path().join("state/control.sock");
        while UnixStream::connect(&socket).is_err() {
            assert!(agent.0.try_wait().unwrap().is_none(), "the agent ended");
            sleep(Duration::from_millis(1));
        }
        starts.push(began.elapsed());
        if round == 0 {
            enroll(dir.path());
            resident = resident_mb(agent.0.id());
        }
    }
    heading(&format!("the running agent ({STARTS} starts)"));
    budget("binary (stripped)", size, 26.0, "MB");
    budget("start to ready, p50", Times::sorted(starts).millis(0.5), 1000.0, "ms");
    budget("resident memory after an enrollment", resident, 64.0, "MB");
}

struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(dir: &std::path::Path) -> Child {
    let config = dir.join("empty.toml");
    fs::write(&config, "").unwrap();
    let frames = fs::canonicalize("assets/walkup").unwrap();
    Command::new(BINARY)
        .arg("run")
        .arg("--config")
        .arg(config)
        .arg("--state-dir")
        .arg(dir.join("state"))
        .arg("--quiet")
        .args(["--set", "web.listen=", "--set", "verifik.base_url=http://127.0.0.1:9"])
        .arg("--set")
        .arg(format!("camera.source=frames:{}?fps=10", frames.display()))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn enroll(dir: &std::path::Path) {
    let config = dir.join("empty.toml");
    let done = Command::new(BINARY)
        .args(["enroll", "person_bench", "--json", "--config"])
        .arg(config)
        .arg("--state-dir")
        .arg(dir.join("state"))
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// `VmRSS` of a process in MB.
fn resident_mb(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1000.0
}
