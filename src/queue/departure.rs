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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::sync::Arc;

    use super::super::Queue;
    use super::super::memory_fs::MemoryFs;
    use super::super::samples::{NOW, named, queue};
    use super::*;

    /// A queue of which two updates were accepted by the server.
    fn two_accepted(fs: &Arc<MemoryFs>) -> (Queue, Vec<(UpdateId, Confirmation)>) {
        let queue = queue(fs);
        let mut accepted = Vec::new();
        for person in ["p1", "p2"] {
            queue.enqueue(named(person, "Ada"), NOW).unwrap();
            let id = queue.lease(NOW).unwrap().unwrap().head.id;
            accepted.push((id, Confirmation::Confirmed));
        }
        (queue, accepted)
    }

    /// What is there of the queue and its receipts when nothing that was not synced outlasts a power cut.
    fn after_a_power_cut(fs: &Arc<MemoryFs>, old: Queue) -> (usize, usize) {
        fs.cut_power_after(0);
        drop(old);
        fs.restart(0);
        let queue = queue(fs);
        (queue.list().len(), queue.receipts().len())
    }

    #[test]
    fn what_was_settled_is_gone_for_good_and_has_its_receipt() {
        let fs = Arc::new(MemoryFs::default());
        let (queue, accepted) = two_accepted(&fs);
        let departed = queue.settle_delivered(accepted, NOW);
        assert!(departed.receipts.len() == 2 && departed.failed.is_none());
        assert_eq!(after_a_power_cut(&fs, queue), (0, 2));
    }

    #[test]
    fn what_is_gone_has_its_receipt_though_the_power_goes_before_the_end() {
        let fs = Arc::new(MemoryFs::default());
        let (queue, accepted) = two_accepted(&fs);
        drop(queue.state().begin_departure(accepted, NOW).settle());
        assert_eq!(after_a_power_cut(&fs, queue), (0, 2));
    }

    #[test]
    fn what_is_not_gone_yet_has_none() {
        let fs = Arc::new(MemoryFs::default());
        let (queue, accepted) = two_accepted(&fs);
        drop(queue.state().begin_departure(accepted, NOW));
        assert_eq!(after_a_power_cut(&fs, queue), (2, 0));
    }
}
