//! Lets the courier take from the queue.

use std::fmt;
use std::sync::Arc;

use crate::delivery::{Departed, Outbox, OutboxError};
use crate::domain::{Confirmation, Lease, Receipt, Settlement, UpdateId, WallTime};
use crate::queue::{Queue, QueueError, QueueErrorKind};

/// The queue as the courier sees it.
#[derive(Clone)]
pub struct QueueOutbox(pub Arc<Queue>);

impl fmt::Debug for QueueOutbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueueOutbox")
    }
}

impl Outbox for QueueOutbox {
    fn lease(&self, now: WallTime) -> Result<Option<Lease>, OutboxError> {
        self.0.lease(now).map_err(cannot("hand out the next update"))
    }

    fn lease_smallest(
        &self,
        besides: &[UpdateId],
        now: WallTime,
    ) -> Result<Option<Lease>, OutboxError> {
        self.0.lease_smallest(besides, now).map_err(cannot("hand out the smallest update"))
    }

    fn look_ahead(&self, now: WallTime) {
        self.0.look_ahead(now);
    }

    fn lease_at_hand(&self, now: WallTime) -> Option<Lease> {
        self.0.lease_at_hand(now)
    }

    fn settle(
        &self,
        id: UpdateId,
        settlement: Settlement,
        now: WallTime,
    ) -> Result<Option<Receipt>, OutboxError> {
        let parks = matches!(settlement, Settlement::Park { .. });
        self.0.settle(id, settlement, now).map_err(|error| {
            let is_gone = matches!(error.kind(), QueueErrorKind::State | QueueErrorKind::NotFound);
            OutboxError {
                // One that cannot be parked is queued again.
                lease_stands: !parks && !is_gone,
                ..cannot("keep what became of an update")(error)
            }
        })
    }

    fn settle_delivered(
        &self,
        delivered: Vec<(UpdateId, Confirmation)>,
        now: WallTime,
    ) -> Departed {
        let departed = self.0.settle_delivered(delivered, now);
        let failed = departed.failed.map(cannot("keep what became of delivered updates"));
        Departed { receipts: departed.receipts, failed }
    }

    fn next_due(&self, now: WallTime) -> Option<WallTime> {
        self.0.next_due(now)
    }

    fn waiting(&self) -> usize {
        let summary = self.0.summary(crate::clock::wall_now());
        summary.queued + summary.in_flight
    }
}

fn cannot(what: &'static str) -> impl FnOnce(QueueError) -> OutboxError {
    move |source| OutboxError { what, lease_stands: true, source: Box::new(source) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::clock::{utc_date, wall_now};
    use crate::domain::{PersonId, PersonUpdate, UpdateDraft};
    use crate::queue::{DeviceKey, QueueOptions};

    #[test]
    fn a_lease_stands_no_more_once_its_update_is_queued_again_or_gone() {
        let dir = tempfile::tempdir().unwrap();
        let key = DeviceKey::load_or_create(&dir.path().join("device.key")).unwrap();
        let folder = dir.path().join("queue");
        let (queue, _) = Queue::open(&folder, key, QueueOptions::default(), wall_now()).unwrap();
        let draft = UpdateDraft { notes: Some("n".into()), ..UpdateDraft::default() };
        let person = PersonId::parse("p1").unwrap();
        let update = PersonUpdate::parse(person, draft, utc_date(wall_now())).unwrap();
        queue.enqueue(update, wall_now()).unwrap();
        let outbox = QueueOutbox(Arc::new(queue));
        let id = outbox.lease(wall_now()).unwrap().unwrap().head.id;
        // Nothing can be written where the folder is gone.
        std::fs::remove_dir_all(folder.join("entries")).unwrap();
        let park = || Settlement::Park { reason: "no".into() };
        assert!(!outbox.settle(id, park(), wall_now()).unwrap_err().lease_stands);
        assert_eq!(outbox.waiting(), 1, "it is queued again");
        let release = Settlement::Release;
        assert!(!outbox.settle(id, release, wall_now()).unwrap_err().lease_stands);
    }
}
