//! Lets the queue settle delivered updates on a blocking thread, while the next ones are on their way.
//!
//! What is absent: decisions. They are in `unsettled`.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tracing::error;

use crate::clock::{monotonic_now, wall_now};
use crate::domain::Receipt;

use super::unsettled::{Delivered, FirstFailure, Unsettled};
use super::{Departed, Outbox, OutboxError};

/// Lets the queue settle; see the module.
pub(super) struct Settling {
    outbox: Arc<dyn Outbox>,
    books: Unsettled,
    under_way: Option<JoinHandle<Departed>>,
    failure: Option<OutboxError>,
}

impl Settling {
    pub(super) fn new(outbox: Arc<dyn Outbox>) -> Self {
        Self { outbox, books: Unsettled::new(monotonic_now()), under_way: None, failure: None }
    }

    /// Whether another update may go before this one is asked to [`step`](Self::step).
    pub(super) const fn has_room(&self) -> bool {
        self.books.has_room()
    }

    /// Whether nothing waits and nothing is under way.
    pub(super) const fn is_idle(&self) -> bool {
        self.books.is_idle()
    }

    /// How often the queue failed running.
    pub(super) const fn failures(&self) -> u32 {
        self.books.failures()
    }

    /// Why the queue failed last.
    pub(super) fn take_failure(&mut self) -> OutboxError {
        let unknown = || OutboxError {
            what: "settle what was delivered",
            lease_stands: true,
            source: "unknown".into(),
        };
        self.failure.take().unwrap_or_else(unknown)
    }

    /// Takes an update that was delivered, and begins to settle it unless others are under way.
    pub(super) fn take(&mut self, delivered: Delivered) {
        self.books.add(delivered);
        self.begin();
    }

    /// Waits until a group has ended, and gives what is settled; the next group has begun then. Nothing is lost
    /// when the waiting is given up. Waits for ever when this is [idle](Self::is_idle).
    pub(super) async fn step(&mut self) -> Vec<(Delivered, Receipt)> {
        loop {
            self.begin();
            let Some(under_way) = &mut self.under_way else {
                if self.is_idle() {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(self.books.not_before().since(monotonic_now())).await;
                continue;
            };
            let ended = under_way.await.unwrap_or_else(|source| Departed {
                receipts: Vec::new(),
                failed: Some(OutboxError {
                    what: "answer",
                    lease_stands: true,
                    source: source.into(),
                }),
            });
            self.under_way = None;
            let (settled, first) = self.books.ended(ended.receipts, monotonic_now());
            if let (Some(failure), FirstFailure(true)) = (&ended.failed, first) {
                let error = failure as &dyn std::error::Error;
                error!(error, "delivered updates cannot be settled");
            }
            self.failure = ended.failed;
            self.begin();
            return settled;
        }
    }

    fn begin(&mut self) {
        if let Some(group) = self.books.begin(monotonic_now()) {
            let outbox = Arc::clone(&self.outbox);
            let settle = move || outbox.settle_delivered(group, wall_now());
            self.under_way = Some(tokio::task::spawn_blocking(settle));
        }
    }
}
