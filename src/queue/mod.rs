//! Keeps person updates on disk, sealed and in order, until they are delivered.
//!
//! # Invariants
//! 1. **Acknowledged means on disk.** [`Queue::enqueue`] returns after the entry and its name are synced: it
//!    survives the end of the process and a power cut at any instant.
//! 2. **Nothing older overwrites something newer.** Per person updates are handed out in the order of their
//!    ids, one at a time; pending ones coalesce, later fields win; one that was overtaken while it was parked
//!    is never sent again.
//! 3. **Delivered means gone.** The entry is removed, durably, before its receipt counts, and the data key of
//!    its day is destroyed with the last entry of the day. Several go with one sync (see `departure`).
//! 4. **Nothing is lost silently.** Only a delivery or a human removes an update. A full queue refuses.
//! 5. **One broken file stops only itself.** Damage is put aside at a start or when it is met; the index may
//!    fail or hang at any time; a full disk still opens and drains.
//!
//! Delivery is *at least once*: a power cut between the server's answer and the removal sends an update again.
//!
//! # States
//! ```text
//!               lease                    Delivered
//!  enqueue ──▶ queued ──────▶ in flight ───────────▶ (gone, with a receipt)
//!              ▲ ▲  ▲           │  │
//!      requeue │ │  └───────────┘  │ Park
//!              │ │ Retry, Release, │
//!              │ │ restart         ▼
//!              │ └── (merged)    parked ──discard──▶ (gone)
//!              └───────────────────┘
//! ```
//!
//! # On disk
//! ```text
//! <dir>/
//!   entries/<id>.entry     one sealed update            ── see `entry`
//!           <id>.parked    why it is parked             ── see `note`
//!   keys/<day>-<id>.key    the data key of a day, .twin ── see `keys`
//!   receipts/<id>.receipt  proofs of delivery           ── see `receipts`
//!   quarantine/            what cannot be used          ── see `quarantine`
//!   index/                 sled; index.bad is the last one that did not open
//!   sequence, .twin        a number above every id given
//!   device-id, imports     this device, and what was imported ── see `origins`
//!   reserve                ballast, given up on a full disk
//!   lock                   held while the queue is open
//! ```
//! `<id>` is the sequence number as 16 hex digits.
//!
//! # When a format changes
//! Every file says its kind and version in its first 8 bytes (a row of the index in its first byte).
//! 1. Raise the version where the format is pictured, write only the new one, and go on reading the one before:
//!    entries wait for months, and leave by delivery. Nothing is rewritten at a start.
//! 2. Add a queue that the old program wrote to `tests/fixtures/queue-v…`: a test opens each of them.
//! 3. A program that is older than a file puts it into the quarantine and keeps every data key. After the
//!    upgrade `quarantine/*.entry` can be moved back to `entries/` while no agent runs.
//!
//! What is absent: no thread but the index's and, for a moment, those that write receipts side by side; no clock
//! (the time is an argument), no network, no policy of when to try again.

mod ahead;
mod capture;
mod departure;
mod device_key;
mod enqueue;
mod entry;
mod error;
mod fs;
mod glance;
mod import;
mod index;
mod inventory;
mod keys;
mod lanes;
mod layout;
mod lock;
#[cfg(test)]
mod memory_fs;
#[cfg(test)]
mod model;
mod note;
mod origins;
mod quarantine;
mod receipts;
mod recovery;
mod retention;
mod row;
#[cfg(test)]
mod samples;
mod seal;
mod sequence;
mod settle;
mod sled_store;
mod state;
mod tally;
mod turns;
mod verification;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use departure::Departed;
pub use device_key::DeviceKey;
pub use error::{QueueError, QueueErrorKind};
pub use glance::Glance;
pub use import::{Aside, Imported};
pub use index::IndexHealth;
pub use origins::{DeviceId, Origin};
pub use recovery::Recovery;
pub use retention::{Limit, QueueOptions};
pub use verification::{Finding, Gravity, Verification};

use self::fs::{Disk, Native};
use self::index::Opener;
use self::lanes::{Pick, Standing};
use self::layout::Layout;
use self::lock::Lock;
use self::settle::Back;
use self::state::State;
use crate::domain::{
    Confirmation, Lease, PersonId, PersonUpdate, QueuedUpdate, Receipt, Settlement, UpdateId,
    WallTime,
};

/// The durable queue of one directory. Shared between threads; every call may block on the disk.
pub struct Queue {
    state: Mutex<State>,
    /// Dropped after the state: nobody may come in before all is closed.
    _lock: Option<Lock>,
}

/// An update that is durable now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enqueued {
    /// Its id.
    pub id: UpdateId,
    /// The names of the fields it changes, those that it took in included.
    pub fields: Vec<&'static str>,
    /// How many images it carries.
    pub images: usize,
    /// The pending updates of the same person that it took in, the oldest first; they are gone.
    pub coalesced_with: Vec<UpdateId>,
}

/// How the queue stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Updates that wait.
    pub queued: usize,
    /// Updates that are being sent.
    pub in_flight: usize,
    /// Updates that need a human.
    pub parked: usize,
    /// Bytes of all entries.
    pub bytes: u64,
    /// How long the oldest update that is not parked has waited.
    pub oldest_age: Option<Duration>,
    /// Files that could not be used and lie in the quarantine.
    pub quarantined: usize,
    /// Updates whose key is not here (most often: another device key), which wait for it.
    pub foreign: usize,
    /// The limit that is nearly reached, if one is.
    pub pressure: Option<Limit>,
    /// How the index is.
    pub index: IndexHealth,
}

impl Queue {
    /// Opens the queue of a directory, which is made if it is not there, and puts it in order.
    ///
    /// # Errors
    /// [`QueueError::Locked`] when another process has it open, [`QueueError::Storage`] when the directory
    /// cannot be made or listed. Damage inside it is no error: see [`Recovery`].
    pub fn open(
        dir: &Path,
        key: DeviceKey,
        options: QueueOptions,
        now: WallTime,
    ) -> Result<(Self, Recovery), QueueError> {
        let disk = Disk::new(Arc::new(Native));
        disk.make_dir(dir)?;
        let lock = Lock::take(dir)?;
        let opener: Opener = Arc::new(sled_store::open);
        let (state, recovery) =
            recovery::recover(&disk, Layout::of(dir), key, options, Some(&opener), now)?;
        Ok((Self { state: Mutex::new(state), _lock: Some(lock) }, recovery))
    }

    /// Opens a queue on a file system of a test's making, without lock and index.
    #[cfg(test)]
    fn open_on(
        fs: Arc<dyn fs::FileSystem>,
        key: DeviceKey,
        options: QueueOptions,
        now: WallTime,
    ) -> Result<(Self, Recovery), QueueError> {
        let layout = Layout::of(Path::new("/queue"));
        let (state, recovery) = recovery::recover(&Disk::new(fs), layout, key, options, None, now)?;
        Ok((Self { state: Mutex::new(state), _lock: None }, recovery))
    }

    /// Keeps an update, and returns when it is durable.
    ///
    /// Pending updates of the same person that are not in flight are merged into it: later fields win.
    ///
    /// # Errors
    /// [`QueueError::Full`] or [`QueueError::Storage`]; nothing is kept of the update then, and what was
    /// there before is untouched.
    pub fn enqueue(&self, update: PersonUpdate, now: WallTime) -> Result<Enqueued, QueueError> {
        self.state().enqueue(update, now)
    }

    /// Says whether an update of `person` that takes `bytes` would be kept at `now`; changes nothing.
    ///
    /// # Errors
    /// [`QueueError::Full`] with the limit that it would break.
    pub fn room_for(&self, person: &PersonId, bytes: u64, now: WallTime) -> Result<(), QueueError> {
        self.state().room_for(person, bytes, now)
    }

    /// Every update, the oldest first.
    pub fn list(&self) -> Vec<QueuedUpdate> {
        self.state().lanes.iter().map(|(id, item)| item.head(id)).collect()
    }

    /// What is known of one update without its file.
    ///
    /// # Errors
    /// [`QueueError::NotFound`].
    pub fn head(&self, id: UpdateId) -> Result<QueuedUpdate, QueueError> {
        let state = self.state();
        let here = state.lanes.get(id).filter(|item| item.standing != Standing::Leaving);
        here.map(|item| item.head(id)).ok_or(QueueError::NotFound(id))
    }

    /// One update with its contents.
    ///
    /// # Errors
    /// [`QueueError::NotFound`]; [`QueueError::Damaged`] when it had to be put aside just now;
    /// [`QueueError::Storage`].
    pub fn read(&self, id: UpdateId) -> Result<(QueuedUpdate, PersonUpdate), QueueError> {
        let head = self.head(id)?;
        Ok((head, self.state().read_update(id)?))
    }

    /// Hands out the update whose turn it is, and marks it in flight; `None` when none is due.
    ///
    /// At most one update of a person is in flight. After a restart none is. What turns out to be damaged
    /// is put aside, and the next one is handed out.
    ///
    /// # Errors
    /// [`QueueError::Storage`] when the disk cannot read what is due and nothing else is: it waits five
    /// minutes, during which others go first.
    pub fn lease(&self, now: WallTime) -> Result<Option<Lease>, QueueError> {
        self.state().lease(Pick::Foremost, now)
    }

    /// Hands out the smallest of the updates that are first in their person's order and due: to try a link
    /// or a token with; one of `besides` only where there is no other. All else is as with [`lease`](Self::lease).
    ///
    /// # Errors
    /// As with [`lease`](Self::lease).
    pub fn lease_smallest(
        &self,
        besides: &[UpdateId],
        now: WallTime,
    ) -> Result<Option<Lease>, QueueError> {
        self.state().lease(Pick::Smallest { besides }, now)
    }

    /// Reads the update that [`lease`](Self::lease) would hand out at `now`, so that the lease need not wait for the
    /// disk. Nothing else changes; a damaged one is put aside now instead of then.
    pub fn look_ahead(&self, now: WallTime) {
        self.state().look_ahead(now);
    }

    /// Does the same as [`lease`](Self::lease) where the update was [looked ahead](Self::look_ahead) at and nobody else
    /// uses the queue just now; waits for nothing. `None` says nothing about what is due.
    pub fn lease_at_hand(&self, now: WallTime) -> Option<Lease> {
        self.state.try_lock().ok()?.lease_at_hand(now)
    }

    /// When the next update may be handed out: `now` or later, `None` when nothing waits for its time.
    pub fn next_due(&self, now: WallTime) -> Option<WallTime> {
        self.state().lanes.next_due(now)
    }

    /// Puts a leased update where its answer says; a delivered one leaves a receipt.
    ///
    /// # Errors
    /// [`QueueError::NotFound`] or [`QueueError::State`] when it is not in flight. [`QueueError::Storage`]:
    /// after `Delivered` it is still in flight and must be settled as delivered again; after `Park` it is queued again,
    /// not before five minutes have passed.
    pub fn settle(
        &self,
        id: UpdateId,
        settlement: Settlement,
        now: WallTime,
    ) -> Result<Option<Receipt>, QueueError> {
        let back = match settlement {
            Settlement::Delivered(confirmation) => {
                let Departed { mut receipts, failed } =
                    self.settle_delivered(vec![(id, confirmation)], now);
                return receipts.pop().map(Some).ok_or(failed.unwrap_or(QueueError::NotFound(id)));
            }
            Settlement::Retry { not_before, reason } => Back::Retry { not_before, reason },
            Settlement::Park { reason } => Back::Park { reason },
            Settlement::Release => Back::Release,
        };
        self.state().give_back(id, back, now).map(|()| None)
    }

    /// Settles leased updates of different persons as delivered, with few syncs for all of them. Others may use
    /// the queue meanwhile.
    ///
    /// Those without a receipt in the answer are still in flight and must be settled as delivered again.
    pub fn settle_delivered(
        &self,
        delivered: Vec<(UpdateId, Confirmation)>,
        now: WallTime,
    ) -> Departed {
        let departure = self.state().begin_departure(delivered, now);
        let departure = departure.settle();
        self.state().finish_departure(departure)
    }

    /// Gives a parked update another try, in its old place in its person's order.
    ///
    /// # Errors
    /// [`QueueError::NotFound`], [`QueueError::State`] when it is not parked, [`QueueError::Outdated`] when
    /// a newer update changed the same fields meanwhile or is about to, [`QueueError::Storage`].
    pub fn requeue(&self, id: UpdateId) -> Result<(), QueueError> {
        self.state().requeue(id)
    }

    /// Removes an update for good without sending it.
    ///
    /// # Errors
    /// [`QueueError::NotFound`], [`QueueError::State`] when it is in flight, [`QueueError::Storage`].
    pub fn discard(&self, id: UpdateId) -> Result<(), QueueError> {
        self.state().discard(id)
    }

    /// This device, as exports name it.
    pub fn device_id(&self) -> DeviceId {
        self.state().origins.own()
    }

    /// The updates that may be exported: not those in flight, and not those that were overtaken.
    pub fn exportable(&self) -> Vec<UpdateId> {
        self.state().exportable()
    }

    /// Parks an update by hand, durably; `reason` is cut at 300 characters. One that is parked keeps its own.
    ///
    /// # Errors
    /// [`QueueError::NotFound`], [`QueueError::State`] when it is in flight, [`QueueError::Storage`].
    pub fn set_aside(&self, id: UpdateId, reason: &str) -> Result<Aside, QueueError> {
        self.state().set_aside(id, reason)
    }

    /// Says `to` of a parked update where `from` was said of it, durably; leaves any other as it is.
    ///
    /// # Errors
    /// [`QueueError::NotFound`], [`QueueError::Storage`].
    pub fn restate(&self, id: UpdateId, from: &str, to: &str) -> Result<(), QueueError> {
        self.state().restate(id, from, to)
    }

    /// Takes in an update that another device acknowledged at `acknowledged_at`, at most once.
    ///
    /// What it would overwrite of newer changes is left out of it: the rule of the later change.
    ///
    /// # Errors
    /// As [`enqueue`](Self::enqueue).
    pub fn import(
        &self,
        update: PersonUpdate,
        origin: Origin,
        acknowledged_at: WallTime,
        now: WallTime,
    ) -> Result<Imported, QueueError> {
        self.state().import(update, origin, acknowledged_at, now)
    }

    /// Checks every file and the index against each other; changes nothing.
    ///
    /// Between a few files others get their turn, so that a check of a full queue holds nobody up.
    ///
    /// # Errors
    /// [`QueueError::Storage`] when the directory cannot be listed.
    pub fn verify(&self) -> Result<Verification, QueueError> {
        verification::verify_open(self)
    }

    /// Checks the queue of a directory that nobody has open; changes nothing, and mends nothing.
    ///
    /// `scratch` is an empty directory for a copy of the index.
    ///
    /// # Errors
    /// [`QueueError::Locked`] when another process has it open; [`QueueError::Storage`] when it cannot be
    /// listed.
    pub fn verify_closed(
        dir: &Path,
        key: DeviceKey,
        scratch: &Path,
    ) -> Result<Verification, QueueError> {
        let _lock = Lock::take(dir)?;
        verification::verify_closed(&Disk::new(Arc::new(Native)), &Layout::of(dir), key, scratch)
    }

    /// The last receipts, the one delivered first at the front.
    pub fn receipts(&self) -> Vec<Receipt> {
        self.state().receipts.list()
    }

    /// How the queue stands.
    pub fn summary(&self, now: WallTime) -> Summary {
        let state = self.state();
        let usage = state.usage(now);
        let tally = state.lanes.tally();
        Summary {
            queued: tally.queued,
            in_flight: tally.in_flight,
            parked: tally.parked,
            bytes: usage.bytes,
            oldest_age: usage.oldest,
            quarantined: state.quarantine.count(),
            foreign: state.foreign.len(),
            pressure: retention::pressure(&usage, &state.options),
            index: state.index.health(),
        }
    }

    /// A thread that panicked inside left every file whole, so the queue goes on.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let mut state = self.state();
        if let Err(error) = state.sweep().and_then(|()| state.sequence.close()) {
            tracing::warn!(%error, "the queue was not closed in order; the next start does it");
        }
    }
}
