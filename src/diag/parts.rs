//! The list of parts: what the support asks for first, and where it comes from.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use super::holdings::{self, Holdings};
use super::mask::Known;
use super::pack::{Content, Part};
use super::system;
use crate::app::cameras;
use crate::config::{Config, Layers, Paths};
use crate::doctor::{CHECKS, KernelLog, Report, Site, ask, examine, within};
use crate::failure::Failure;
use crate::trigger::Roster;

/// Updates and receipts that are listed at most.
const LISTED: usize = 200;
/// Lines of the agent's log that are asked for.
const LOG_LINES: &str = "2000";
/// How long the journal is waited for.
const JOURNAL: Duration = Duration::from_secs(10);
/// How long cameras, agent and queue are waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// Lines of the kernel that are kept at most.
const KERNEL_LINES: usize = 500;
/// What the kernel says about cameras, cards, power and memory.
const KERNEL_WORDS: [&str; 12] = [
    "usb",
    "uvc",
    "video",
    "voltage",
    "mmc",
    "ext4",
    "i/o error",
    "out of memory",
    "killed process",
    "thermal",
    "throttl",
    "kiosk-enroll",
];

/// The logs of this system, read by a user who may.
#[derive(Debug, Clone)]
pub struct Logs {
    /// The agent's newest lines; `None` where the journal gives none.
    pub agent: Option<String>,
    /// What the kernel has said.
    pub kernel: KernelLog,
}

impl Logs {
    /// Asks the journal and the kernel.
    pub fn read() -> Self {
        let arguments =
            ["--unit", "kiosk-enroll", "--no-pager", "--output", "short-iso", "--lines", LOG_LINES];
        let agent = ask("journalctl", &arguments, JOURNAL);
        let says_something = |text: &String| !matches!(text.trim(), "" | "-- No entries --");
        Self { agent: agent.filter(says_something), kernel: KernelLog::read() }
    }
}

/// Gathers every part and learns whom to mask in them. `layers` are the configuration's values, or why there are
/// none.
pub fn gather(
    site: &Arc<Site>,
    layers: &Result<Layers, Failure>,
    logs: &Logs,
) -> (Vec<Part>, Known) {
    let config = site.configuration();
    let mut known = Known::default();
    learn_secrets(&mut known, config.as_ref().ok(), site.paths());
    let held = match config.clone() {
        Ok(config) => {
            let paths = site.paths().clone();
            within(PATIENCE, move || holdings::find(&config, &paths))
                .unwrap_or_else(|| Err(silent("the agent or the queue")))
        }
        Err(failure) => Err(failure),
    };
    if let Ok(held) = &held {
        learn_persons(&mut known, held);
    }
    let report = examine(site, CHECKS);
    let parts = vec![
        part("doctor.json", "every check of the doctor", of(&report.document())),
        part("doctor.txt", "its faults, the worst first", Content::Text(faults(&report))),
        part("status.json", "`kiosk-enroll status --json`", held_part(&held, status)),
        part("configuration.txt", "effective values with their origins", configuration(layers)),
        part("queue.json", "the oldest updates, without their contents", held_part(&held, queue)),
        part("receipts.json", "the newest receipts", held_part(&held, receipts)),
        part("metrics.txt", "figures for Prometheus", held_part(&held, metrics)),
        part("cameras.json", "`kiosk-enroll camera list --json`", camera_list(config.clone())),
        part(
            "system.json",
            "version, system, memory, disk",
            Content::Json(system::facts(&site.paths().state)),
        ),
        part("agent.log", "the agent's newest lines in the journal", agent_log(logs)),
        part("kernel.log", "the kernel on cameras, cards, power, memory", kernel_log(&logs.kernel)),
    ];
    (parts, known)
}

const fn part(name: &'static str, about: &'static str, content: Content) -> Part {
    Part { name, about, content }
}

fn learn_secrets(known: &mut Known, config: Option<&Config>, paths: &Paths) {
    let token = paths.token_file(config.and_then(|config| config.verifik.token_file.as_deref()));
    for file in [token, paths.state.join("local.token")] {
        // What cannot be read here cannot get into a part either.
        if let Ok(text) = fs::read_to_string(file) {
            known.secret(&text);
        }
    }
    let roster = config.and_then(|config| config.trigger.roster.as_deref());
    let Some(text) = roster.and_then(|path| fs::read_to_string(path).ok()) else { return };
    let (roster, _) = Roster::parse(&text);
    for (person, name) in roster.persons() {
        known.person(person.as_str());
        if let Some(name) = name {
            known.secret(name);
        }
    }
}

fn learn_persons(known: &mut Known, held: &Holdings) {
    let enrolled = held.status.enrollment.as_ref().map(|enrollment| &enrollment.person_id);
    let queued = held.queue.iter().map(|item| &item.person_id);
    let received = held.receipts.iter().chain(&held.status.delivery.last_receipt);
    for person in queued.chain(received.map(|receipt| &receipt.person_id)).chain(enrolled) {
        known.person(person);
    }
}

fn silent(what: &str) -> Failure {
    let error = format!("{what} did not answer within {} s", PATIENCE.as_secs());
    Failure::new(crate::failure::Exit::Unavailable, error)
}

fn of(value: &impl Serialize) -> Content {
    match serde_json::to_value(value) {
        Ok(value) => Content::Json(value),
        Err(error) => Content::Missing(error.to_string()),
    }
}

fn held_part(
    held: &Result<Holdings, Failure>,
    choose: impl FnOnce(&Holdings) -> Content,
) -> Content {
    held.as_ref().map_or_else(|failure| Content::Missing(failure.error.clone()), choose)
}

fn status(held: &Holdings) -> Content {
    let mut status = held.status.clone();
    if let Some(enrollment) = &mut status.enrollment {
        // Of a session only its course: shots name files.
        enrollment.chosen.clear();
    }
    of(&status)
}

fn metrics(held: &Holdings) -> Content {
    Content::Text(held.metrics.clone())
}

fn queue(held: &Holdings) -> Content {
    let oldest = &held.queue[..held.queue.len().min(LISTED)];
    of(&json!({ "updates": held.queue.len(), "listed": oldest.len(), "oldest": oldest }))
}

fn receipts(held: &Holdings) -> Content {
    let newest = &held.receipts[held.receipts.len().saturating_sub(LISTED)..];
    of(&json!({ "receipts": held.receipts.len(), "listed": newest.len(), "newest": newest }))
}

fn configuration(layers: &Result<Layers, Failure>) -> Content {
    match layers {
        Ok(layers) => {
            let line = |(key, raw, origin): (&str, &_, &_)| format!("{key} = {raw}  # {origin}\n");
            Content::Text(layers.iter().map(line).collect())
        }
        Err(failure) => Content::Missing(failure.error.clone()),
    }
}

fn camera_list(config: Result<Config, Failure>) -> Content {
    match config {
        Ok(config) => within(PATIENCE, move || cameras::list(&config)).map_or_else(
            || Content::Missing(silent("a camera's driver").error),
            |report| of(&report),
        ),
        Err(failure) => Content::Missing(failure.error),
    }
}

/// The faults as people read them.
fn faults(report: &Report) -> String {
    use crate::doctor::Status;
    let faults = report.with(Status::Failed).chain(report.with(Status::Warning));
    let told: String = faults
        .map(|checked| {
            let finding = &checked.finding;
            let remedy = finding.remedy.as_deref().unwrap_or("-");
            let status = finding.status.name();
            format!("{status} {}: {}\n    {remedy}\n", checked.id, finding.found)
        })
        .collect();
    if told.is_empty() { "no check has failed, and none warns\n".to_owned() } else { told }
}

fn agent_log(logs: &Logs) -> Content {
    match &logs.agent {
        Some(text) => Content::Log(text.clone()),
        None => Content::Missing(
            "the journal gives no line of the unit kiosk-enroll; run this as root where it has some"
                .to_owned(),
        ),
    }
}

fn kernel_log(kernel: &KernelLog) -> Content {
    let Some(lines) = kernel.lines() else {
        return Content::Missing("the kernel's log may be read by root only".to_owned());
    };
    let chosen: Vec<String> = lines
        .iter()
        .filter(|line| {
            let text = line.text.to_lowercase();
            KERNEL_WORDS.iter().any(|word| text.contains(word))
        })
        .map(|line| format!("{} {}\n", line.seconds, line.text))
        .collect();
    Content::Log(chosen[chosen.len().saturating_sub(KERNEL_LINES)..].concat())
}
