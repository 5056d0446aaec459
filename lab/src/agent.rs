//! The program under test, as processes: the agent, its commands and the stand-in for the persons API.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::clock::{Instant, now};
use crate::http;

/// Where the program lies in the machine.
pub const PROGRAM: &str = "/usr/bin/kiosk-enroll";
/// Emulated machines are slow; this only ends what would hang.
const LIMIT: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(20);

/// What went wrong, in words.
pub type Outcome<T> = Result<T, String>;

/// Who runs the agent.
#[derive(Debug, Clone, Copy)]
pub enum User {
    Root,
    /// Nobody, without any group.
    Stranger,
}

/// A running agent. Dropped, it is killed.
#[derive(Debug)]
pub struct Agent {
    child: Child,
    pub state_dir: PathBuf,
    events: Receiver<(Instant, Value)>,
}

impl Agent {
    /// Starts the agent with these settings on top of the lab's own.
    pub fn start(name: &str, user: User, settings: &[&str]) -> Outcome<Self> {
        let state_dir = PathBuf::from(format!("/tmp/{name}"));
        fs::create_dir_all(&state_dir).map_err(told("state directory"))?;
        fs::write(state_dir.join("token"), "a-token-of-the-lab").map_err(told("token"))?;
        let log = File::create(state_dir.join("agent.log")).map_err(told("log"))?;
        let mut command = program(&state_dir, settings);
        command.arg("run").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        if let User::Stranger = user {
            let changed = [state_dir.clone(), state_dir.join("token")];
            for path in changed {
                std::os::unix::fs::chown(&path, Some(1_000), Some(1_000)).map_err(told("owner"))?;
            }
            command.uid(1_000).gid(1_000);
        }
        let child = command.spawn().map_err(told("agent"))?;
        let mut agent = Self { child, state_dir, events: channel().1 };
        let socket = agent.state_dir.join("control.sock");
        let stream = agent.until("its socket", || UnixStream::connect(&socket).ok())?;
        agent.events = events(stream).map_err(told("events"))?;
        Ok(agent)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A command against this agent; gives its exit code and the JSON that it printed.
    pub fn command(&self, arguments: &[&str]) -> Outcome<(i32, Value)> {
        run(&self.state_dir, &[], arguments)
    }

    /// A command that runs beside the scenario.
    pub fn spawn(&self, arguments: &[&str]) -> Outcome<Background> {
        let child = program(&self.state_dir, &[])
            .arg("--json")
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(told("command"))?;
        Ok(Background { child })
    }

    /// The camera's part of the status.
    pub fn camera(&self) -> Outcome<Value> {
        let status = http::get_unix(&self.state_dir.join("control.sock"), "/v1/status")?;
        Ok(status["camera"].clone())
    }

    /// Waits until the camera is in this state and tells how long that took.
    pub fn camera_becomes(&self, state: &str) -> Outcome<Duration> {
        let began = now();
        self.until(&format!("the camera {state}"), || {
            self.camera().ok().filter(|camera| camera["state"] == state)
        })?;
        Ok(now().saturating_since(began))
    }

    /// Waits until so many more frames have come.
    pub fn frames_come(&self, count: u64) -> Outcome<()> {
        let frames = || self.camera().ok().and_then(|camera| camera["frames"].as_u64());
        let before = frames().unwrap_or(0);
        let enough = || frames().filter(|frames| *frames >= before + count);
        self.until(&format!("{count} frames"), enough).map(drop)
    }

    /// The events that have come since the last call, with the times they came at.
    pub fn events(&self) -> Vec<(Instant, Value)> {
        self.events.try_iter().collect()
    }

    /// Waits for something.
    pub fn until<T>(&self, what: &str, mut found: impl FnMut() -> Option<T>) -> Outcome<T> {
        let began = now();
        while now().saturating_since(began) < LIMIT {
            if let Some(found) = found() {
                return Ok(found);
            }
            std::thread::sleep(POLL);
        }
        Err(format!("{what} did not come in {LIMIT:?}; the log ends: {}", self.last_words()))
    }

    /// Waits until the agent ends by itself and gives its exit code.
    pub fn ends(&mut self) -> Outcome<i32> {
        let began = now();
        while now().saturating_since(began) < LIMIT * 2 {
            if let Some(status) = self.child.try_wait().map_err(told("agent"))? {
                return Ok(status.code().unwrap_or(-1));
            }
            std::thread::sleep(POLL);
        }
        Err("the agent did not end".to_owned())
    }

    /// Asks it to stop; it must end with 0.
    pub fn stop(mut self) -> Outcome<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)
            .map_err(|error| error.to_string())?;
        let asked = now();
        let code = self.ends()?;
        let took = now().saturating_since(asked);
        if took > Duration::from_secs(5) {
            println!("LAB     the agent took {took:?} to stop: {}", self.last_words());
        }
        match code {
            0 => Ok(()),
            code => Err(format!("the agent ended with {code}: {}", self.last_words())),
        }
    }

    /// File descriptors, threads and resident kilobytes.
    pub fn footprint(&self) -> Outcome<[u64; 3]> {
        let folder = PathBuf::from(format!("/proc/{}", self.pid()));
        let files = fs::read_dir(folder.join("fd")).map_err(told("fd"))?.count() as u64;
        let status = fs::read_to_string(folder.join("status")).map_err(told("status"))?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
        };
        Ok([files, number("Threads:"), number("VmRSS:")])
    }

    /// Hundredths of a second of processor time that it has used.
    pub fn ticks(&self) -> Outcome<u64> {
        let stat =
            fs::read_to_string(format!("/proc/{}/stat", self.pid())).map_err(told("stat"))?;
        // Behind the name, which may hold anything, user and system time are the 12th and 13th.
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let times = rest.split_whitespace().skip(11).take(2);
        Ok(times.filter_map(|time| time.parse::<u64>().ok()).sum())
    }

    /// The last lines of its log.
    pub fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().rev().take(8).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
    }

    /// Its whole log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.state_dir.join("agent.log")).unwrap_or_default()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // The machine's disk is its memory.
        let _ = fs::remove_dir_all(&self.state_dir);
    }
}

/// A command under way.
#[derive(Debug)]
pub struct Background {
    child: Child,
}

impl Background {
    /// Waits for its end; gives its exit code and the JSON that it printed.
    pub fn end(self) -> Outcome<(i32, Value)> {
        let output = self.child.wait_with_output().map_err(told("command"))?;
        Ok(answer(&output))
    }

    /// Whether it has not ended yet.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

/// Runs a command without an agent of the lab's own.
pub fn run(state_dir: &Path, settings: &[&str], arguments: &[&str]) -> Outcome<(i32, Value)> {
    let output = program(state_dir, settings)
        .arg("--json")
        .args(arguments)
        .output()
        .map_err(told("command"))?;
    Ok(answer(&output))
}

fn answer(output: &std::process::Output) -> (i32, Value) {
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Value::String(format!("{}{}", text(&output.stdout), text(&output.stderr)))
    });
    (output.status.code().unwrap_or(-1), json)
}

fn program(state_dir: &Path, settings: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.env("NO_COLOR", "1").arg("--state-dir").arg(state_dir);
    let own = [
        "verifik.base_url=http://127.0.0.1:8481",
        "delivery.spread=0s",
        "web.listen=",
        "trigger.qr=false",
        "camera.stall_timeout=2s",
        "capture.timeout=60s",
    ];
    for setting in own.iter().chain(settings) {
        command.arg("--set").arg(setting);
    }
    command
}

fn events(mut stream: UnixStream) -> io::Result<Receiver<(Instant, Value)>> {
    stream.write_all(b"GET /v1/events HTTP/1.1\r\nHost: agent\r\n\r\n")?;
    let (sender, events) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let json = line.strip_prefix("data:").and_then(|it| serde_json::from_str(it).ok());
            if let Some(event) = json
                && sender.send((now(), event)).is_err()
            {
                return;
            }
        }
    });
    Ok(events)
}

/// The stand-in for the persons API. Dropped, it is killed.
#[derive(Debug)]
pub struct StandIn {
    child: Child,
}

impl StandIn {
    /// Starts it and waits until it answers.
    pub fn start() -> Outcome<Self> {
        let child = Command::new(PROGRAM)
            .args(["--quiet", "stand-in"])
            .stdout(Stdio::null())
            .spawn()
            .map_err(told("stand-in"))?;
        let stand_in = Self { child };
        let began = now();
        while stand_in.page("/").is_err() {
            if now().saturating_since(began) > LIMIT {
                return Err("the stand-in does not answer".to_owned());
            }
            std::thread::sleep(POLL);
        }
        Ok(stand_in)
    }

    /// The pictures that it holds of a person.
    pub fn pictures(&self, person: &str) -> Vec<Vec<u8>> {
        let page = |number: usize| self.page(&format!("/persons/{person}/images/{number}"));
        (0..4).filter_map(|number| page(number).ok()).collect()
    }

    fn page(&self, path: &str) -> Outcome<Vec<u8>> {
        http::get_tcp("127.0.0.1:8481", path)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Puts the object's name before an error.
pub fn told(what: &str) -> impl Fn(io::Error) -> String {
    move |error| format!("{what}: {error}")
}

/// Reads everything; for pipes whose end is near.
pub fn read_all(mut from: impl Read) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).map_err(told("answer"))?;
    Ok(bytes)
}
