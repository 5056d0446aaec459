//! Lets the courier take from the queue.

use std::sync::Arc;

use crate::delivery::{Outbox, OutboxError};
use crate::domain::{Lease, Receipt, Settlement, UpdateId, WallTime};
use crate::queue::Queue;

/// The queue as the courier sees it.
#[derive(Debug, Clone)]
pub struct QueueOutbox(pub Arc<Queue>);

impl Outbox for QueueOutbox {
    fn lease(&self, now: WallTime) -> Result<Option<Lease>, OutboxError> {
        self.0.lease(now).map_err(OutboxError::new)
    }

    fn settle(
        &self,
        id: UpdateId,
        settlement: Settlement,
        now: WallTime,
    ) -> Result<Option<Receipt>, OutboxError> {
        self.0.settle(id, settlement, now).map_err(OutboxError::new)
    }

    fn next_due(&self, now: WallTime) -> Option<WallTime> {
        self.0.next_due(now)
    }
}
