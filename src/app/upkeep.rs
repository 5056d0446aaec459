//! Looks after the queue by hand: what the running agent and a command without one do in the same way.
//!
//! Every act that changes something leaves its line in the audit log first.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::Arc;

use super::{from_queue, open_queue, seen};
use crate::audit::AuditLog;
use crate::clock;
use crate::config::{Config, Paths};
use crate::domain::{Caller, UpdateId};
use crate::failure::{Exit, Failure};
use crate::queue::{DeviceKey, Finding, Gravity, Queue, Verification};
use crate::web::upkeep::{FindingReport, VerifyReport};
use crate::web::wire::QueueItem;

/// The queue in the hands of somebody.
pub struct Upkeep {
    pub(super) queue: Arc<Queue>,
    audit: AuditLog,
    caller: Caller,
}

impl Upkeep {
    /// The queue in the hands of `caller`.
    pub fn new(queue: Arc<Queue>, paths: &Paths, caller: Caller) -> Self {
        Self { queue, audit: AuditLog::in_dir(&paths.state), caller }
    }

    /// Opens the queue where no agent runs.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn alone(config: &Config, paths: &Paths, caller: Caller) -> Result<Self, Failure> {
        let (queue, _) = open_queue(config, paths)?;
        Ok(Self::new(Arc::new(queue), paths, caller))
    }

    /// Gives a parked update another try.
    ///
    /// # Errors
    /// When there is none with this id, it is not parked, or a newer one has overtaken it.
    pub fn retry(&self, id: UpdateId) -> Result<QueueItem, Failure> {
        self.look(id)?;
        self.note("queue retry", &[id]);
        self.queue.requeue(id).map_err(from_queue)?;
        self.look(id)
    }

    /// Removes an update for good, and tells what it was.
    ///
    /// # Errors
    /// When there is none with this id, or it is being sent.
    pub fn discard(&self, id: UpdateId) -> Result<QueueItem, Failure> {
        let lost = self.look(id)?;
        self.note("queue drop", &[id]);
        self.queue.discard(id).map_err(from_queue)?;
        Ok(lost)
    }

    /// Checks files and index against each other, and changes nothing.
    ///
    /// # Errors
    /// When the queue's directory cannot be listed.
    pub fn verify(&self) -> Result<VerifyReport, Failure> {
        self.queue.verify().map(|found| report(&found)).map_err(from_queue)
    }

    pub(super) fn note(&self, command: &str, ids: &[UpdateId]) {
        self.audit.record(self.caller, command, ids, clock::wall_now());
    }

    /// Shows an update without opening its contents.
    ///
    /// # Errors
    /// When there is none with this id.
    pub fn look(&self, id: UpdateId) -> Result<QueueItem, Failure> {
        let found = self.queue.list().into_iter().find(|head| head.id == id);
        let head = found.ok_or_else(|| from_queue(crate::queue::QueueError::NotFound(id)))?;
        Ok(QueueItem::from(&seen(head, false)))
    }
}

/// Checks the queue where no agent runs. Opening it would already put it in order, so it stays closed.
///
/// # Errors
/// When another process has it open, or it cannot be read.
pub fn verify_alone(config: &Config, paths: &Paths) -> Result<VerifyReport, Failure> {
    if !paths.queue().exists() {
        return Ok(VerifyReport::default());
    }
    let key =
        DeviceKey::load(&paths.key_file(config.queue.key_file.as_deref())).map_err(from_queue)?;
    let scratch = Scratch::make()?;
    let found = Queue::verify_closed(&paths.queue(), key, &scratch.0).map_err(from_queue)?;
    Ok(report(&found))
}

/// An empty directory for this process alone; gone with the value.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn make() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("kiosk-enroll-{:016x}", fastrand::u64(..)));
        fs::DirBuilder::new().mode(0o700).create(&path).map_err(|error| {
            Failure::new(Exit::CannotCreate, format!("directory {}: {error}", path.display()))
        })?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::debug!(%error, "a temporary directory stays behind");
        }
    }
}

fn report(found: &Verification) -> VerifyReport {
    let of = |gravity| {
        let chosen = found.findings.iter().filter(|finding| finding.gravity == gravity);
        chosen.map(finding_report).collect()
    };
    VerifyReport {
        checked: found.checked,
        foreign: found.foreign,
        damaged: of(Gravity::Damaged),
        leftovers: of(Gravity::Leftover),
    }
}

fn finding_report(finding: &Finding) -> FindingReport {
    FindingReport { object: finding.object.clone(), what: finding.what.to_owned() }
}
