//! Puts the rooms together: the only place that names every backend.
//!
//! [`agent`] is the running agent, [`alone`] does a command's work where no agent runs. Both use the same
//! [`Rig`] (how faces are examined), the same queue and the same courier.

mod advice;
pub mod agent;
pub mod alone;
mod attention;
pub mod badge_watch;
pub mod booth;
mod calibration;
pub mod camera_calibrate;
pub mod camera_test;
pub mod cameras;
mod carriage;
pub mod config_check;
pub mod contact_sheet;
mod effort;
mod enrollments;
pub mod examiner;
pub mod eye;
pub mod feed;
pub mod intake;
pub mod keeper;
mod local_token;
mod loopback;
pub mod metrics_file;
pub mod outbox;
mod overview;
pub mod owner;
pub mod post;
pub mod pulse;
pub mod reload;
pub mod renewal;
pub mod report;
pub mod rig;
mod steps;
mod turn;
pub mod upkeep;
pub mod visit;

use std::fs;
use std::future::Future;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use crate::clock;
use crate::config::{Config, Paths};
use crate::domain::{PersonUpdate, QueuedUpdate, UpdateState};
use crate::failure::{Exit, Failure};
use crate::measure;
use crate::queue::{DeviceKey, Queue, QueueError, QueueOptions, Recovery};
use crate::web::wire::{QueueStatus, UpdateReport};

pub use alone::{enroll_alone, flush_alone, list_alone, show_alone, status_alone, update_alone};
pub use overview::overview;
pub use rig::Rig;
pub use upkeep::{Upkeep, verify_alone};

/// The names of the limits that `[capture.gates]` may hold.
pub fn gate_keys() -> Vec<String> {
    measure::limit_names()
}

/// Runs a future to its end, on a runtime of its own.
///
/// # Errors
/// When the runtime cannot be made.
pub fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::caused(Exit::Internal, &error))?;
    Ok(runtime.block_on(future))
}

/// Opens the queue for a command, see [`open_own_queue`].
///
/// A command never makes a key for a queue that has had one: what systemd hands to the agent alone is no
/// credential of this process, and with another key everything in the queue looks like somebody else's.
///
/// # Errors
/// As [`open_own_queue`]; and when the queue's key is not to be had here.
pub fn open_queue(config: &Config, paths: &Paths) -> Result<(Queue, Recovery), Failure> {
    let key = paths.key_file(config.queue.key_file.as_deref());
    if paths.queue().exists() && !key.exists() {
        let error = format!("the key of the queue is not here: {} does not exist", key.display());
        return Err(Failure::new(Exit::Configuration, error).hint(
            "a credential is given to the service alone: start it with `systemctl start kiosk-enroll`, then commands ask it",
        ));
    }
    open_own_queue(config, paths)
}

/// Opens the queue, and no other process can until it is dropped. A missing key is made.
///
/// # Errors
/// When it is open elsewhere, or the key or the directory cannot be used.
pub fn open_own_queue(config: &Config, paths: &Paths) -> Result<(Queue, Recovery), Failure> {
    make_state_dir(&paths.state)?;
    let key_file = paths.key_file(config.queue.key_file.as_deref());
    let key = DeviceKey::load_or_create(&key_file).map_err(from_queue)?;
    let options = QueueOptions {
        max_bytes: config.queue.max_bytes,
        max_items: config.queue.max_items,
        max_age: config.queue.max_age,
        ..QueueOptions::default()
    };
    let (queue, recovery) =
        Queue::open(&paths.queue(), key, options, clock::wall_now()).map_err(from_queue)?;
    if recovery.foreign > 0 {
        tracing::error!(
            updates = recovery.foreign,
            key = %key_file.display(),
            "updates are sealed with another device key: put that key back and restart"
        );
    }
    Ok((queue, recovery))
}

/// Makes the state directory, for its owner alone.
///
/// # Errors
/// When it cannot be made.
pub fn make_state_dir(path: &Path) -> Result<(), Failure> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| {
        let exit = match error.kind() {
            std::io::ErrorKind::PermissionDenied => Exit::Permission,
            _ => Exit::CannotCreate,
        };
        Failure::new(exit, format!("state directory {} cannot be made: {error}", path.display()))
            .hint("name another with --state-dir, or run as the service's user")
    })
}

/// Makes an update durable and tells what was queued.
///
/// # Errors
/// When the queue is full or cannot be written; then nothing is queued.
pub fn keep(queue: &Queue, update: PersonUpdate) -> Result<UpdateReport, Failure> {
    let mut warnings = update.warnings();
    let person_id = update.person_id().to_string();
    let enqueued = queue.enqueue(update, clock::wall_now()).map_err(from_queue)?;
    if let Some(limit) = queue.summary(clock::wall_now()).pressure {
        warnings.push(format!("the queue nears a limit and will refuse beyond it: {limit}"));
    }
    Ok(UpdateReport {
        id: enqueued.id.to_string(),
        person_id,
        fields: enqueued.fields.iter().map(|field| (*field).to_owned()).collect(),
        images: enqueued.images,
        coalesced_with: enqueued.coalesced_with.iter().map(ToString::to_string).collect(),
        warnings,
    })
}

/// The queue's counts; while a hold is on, what waits is held.
pub fn queue_status(queue: &Queue, held: bool) -> QueueStatus {
    let summary = queue.summary(clock::wall_now());
    let (queued, held) = if held { (0, summary.queued) } else { (summary.queued, 0) };
    QueueStatus {
        queued,
        held,
        in_flight: summary.in_flight,
        parked: summary.parked,
        bytes: summary.bytes,
        oldest_age_s: summary.oldest_age.map(|age| age.as_secs()),
        quarantined: summary.quarantined,
        foreign: summary.foreign,
        index: summary.index.name().to_owned(),
        nearly_full: summary.pressure.map(|limit| limit.name().to_owned()),
    }
}

/// The state that the operator sees: while a hold is on, what waits is held.
pub fn seen(mut update: QueuedUpdate, held: bool) -> QueuedUpdate {
    if held && update.state == UpdateState::Queued {
        update.state = UpdateState::Held;
    }
    update
}

/// Translates an error of the queue into a failure with its exit code.
pub fn from_queue(error: QueueError) -> Failure {
    use crate::queue::QueueErrorKind as Kind;
    let exit = match error.kind() {
        Kind::Full => Exit::CannotCreate,
        Kind::Locked => Exit::TryLater,
        Kind::NotFound => Exit::NoInput,
        Kind::State => Exit::Usage,
        Kind::Storage => Exit::Io,
        Kind::Key => Exit::Configuration,
        Kind::Damaged => Exit::BadData,
    };
    let hint = error.hint();
    let failure = Failure::caused(exit, &error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
