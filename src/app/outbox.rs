//! Lets the courier take from the queue.

use std::fmt;
use std::sync::Arc;

use crate::delivery::{Departed, Outbox, OutboxError};
use crate::domain::{Confirmation, Lease, Receipt, Settlement, UpdateId, WallTime};
use crate::queue::{Queue, QueueError};

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

    fn lease_smallest(&self, now: WallTime) -> Result<Option<Lease>, OutboxError> {
        self.0.lease_smallest(now).map_err(cannot("hand out the smallest update"))
    }

    fn settle(
        &self,
        id: UpdateId,
        settlement: Settlement,
        now: WallTime,
    ) -> Result<Option<Receipt>, OutboxError> {
        self.0.settle(id, settlement, now).map_err(cannot("keep what became of an update"))
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
    move |source| OutboxError { what, source: Box::new(source) }
}
