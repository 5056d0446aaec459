//! Removing what was delivered, several updates at once: one sync carries them all, and nobody waits for it.
//!
//! ```text
//!  begin   locked     in flight ──▶ leaving; older parked ones that were overtaken are noted, durably
//!  settle  unlocked   receipts staged and synced ──▶ entries unlinked ──▶ entries/ synced
//!  finish  locked     forgotten by memory and index, data key destroyed; receipts take their names
//! ```
//!
//! **Invariants**
//! - What is gone has its receipt: a staged one counts from the moment its entry is gone (see `receipts`). Only
//!   where it cannot be staged does the entry go without it, and a warning says so.
//! - Until `finish` the person's lane is busy, so nothing newer can overtake a removal that is not durable.
//! - Whatever fails leaves the updates in flight. To settle them as delivered again does no harm.

use std::path::PathBuf;

use super::error::{QueueError, QueueErrorKind};
use super::fs::Disk;
use super::lanes::Standing;
use super::receipts::Stager;
use super::state::State;
use crate::domain::{Confirmation, Receipt, UpdateId, WallTime};

/// What became of updates that were settled as delivered.
#[derive(Debug, Default)]
pub struct Departed {
    /// The receipts of those that are gone for good.
    pub receipts: Vec<Receipt>,
    /// Why the others, which are still in flight, could not be removed: the first reason.
    pub failed: Option<QueueError>,
}

/// Updates on their way out.
pub(super) struct Departure {
    disk: Disk,
    stager: Stager,
    leaving: Vec<(PathBuf, Receipt)>,
    failed: Option<QueueError>,
    staged: Result<(), QueueError>,
}

impl State {
    /// Marks updates as leaving, and notes what they overtook.
    pub(super) fn begin_departure(
        &mut self,
        delivered: Vec<(UpdateId, Confirmation)>,
        now: WallTime,
    ) -> Departure {
        let mut departure = Departure {
            disk: self.disk.clone(),
            stager: self.receipts.stager(),
            leaving: Vec::new(),
            failed: self.sweep().err(),
            staged: Ok(()),
        };
        if departure.failed.is_some() {
            return departure;
        }
        for (id, confirmation) in delivered {
            match self.see_off(id, confirmation, now) {
                Ok(receipt) => departure.leaving.push((self.layout.entry(id), receipt)),
                Err(error) => drop(departure.failed.get_or_insert(error)),
            }
        }
        departure
    }

    fn see_off(
        &mut self,
        id: UpdateId,
        confirmation: Confirmation,
        now: WallTime,
    ) -> Result<Receipt, QueueError> {
        let item = self.lanes.get(id).ok_or(QueueError::NotFound(id))?;
        if !matches!(item.standing, Standing::InFlight | Standing::Leaving) {
            return Err(QueueError::State { id, found: item.state(), wanted: "in flight" });
        }
        self.outdate(id)?;
        let leaving = self.lanes.change(id, |item| {
            item.standing = Standing::Leaving;
            Receipt {
                id,
                person_id: item.person_id.clone(),
                fields: item.fields.iter().map(|field| (*field).to_owned()).collect(),
                images: item.images,
                capture: item.capture,
                enqueued_at: item.enqueued_at,
                delivered_at: now,
                attempts: item.attempts.saturating_add(1),
                confirmation,
            }
        });
        leaving.ok_or(QueueError::NotFound(id))
    }

    /// Forgets what is durably gone, and lets its receipts count.
    pub(super) fn finish_departure(&mut self, departure: Departure) -> Departed {
        let Departure { leaving, failed, staged, .. } = departure;
        if let Err(error) = &staged {
            tracing::warn!(%error, "delivered, but not every receipt can be kept");
        }
        let mut receipts = Vec::new();
        for (_, receipt) in leaving {
            self.forget(receipt.id);
            if let Err(error) = self.receipts.publish(receipt.clone()) {
                tracing::warn!(id = %receipt.id, %error, "delivered, but its receipt cannot be kept");
            }
            receipts.push(receipt);
        }
        Departed { receipts, failed }
    }
}

impl Departure {
    /// Does what takes time. Nobody else touches these files meanwhile: the updates are leaving.
    pub(super) fn settle(mut self) -> Self {
        if let Err(error) = self.remove() {
            self.leaving.clear();
            self.failed.get_or_insert(error);
        }
        self
    }

    fn remove(&mut self) -> Result<(), QueueError> {
        let Some((first, _)) = self.leaving.first() else { return Ok(()) };
        let receipts = || self.leaving.iter().map(|(_, receipt)| receipt);
        self.staged = self.stager.stage(receipts());
        for (entry, _) in &self.leaving {
            self.disk.unlink(entry)?;
        }
        self.disk.sync_parent(first)?;
        // The entries have made room.
        let is_full = |error: &QueueError| error.kind() == QueueErrorKind::Full;
        if self.staged.as_ref().is_err_and(is_full) {
            self.staged = self.stager.stage(receipts());
        }
        Ok(())
    }
}
