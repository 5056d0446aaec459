//! Delivers queued updates to the persons API and decides what each answer means.
//!
//! ```text
//!            lease                     put                      Answer
//!  Outbox ─────────▶ courier ───────────────────▶ PersonsApi ───────────▶ policy::verdict
//!    ▲                  ▲                        (http, token, wire)            │ Verdict
//!    │ settle           └──── Next ──── schedule ◀──────────────────────────────┘
//!    └───────────────────────────────────── Settlement
//! ```
//!
//! **Invariants**
//! - Only a well-formed acceptance removes an update, and never one that shows another person.
//! - Every lease is settled: delivered, charged and moved back, parked, or released. What was delivered is
//!   settled in groups (see `unsettled`), while the next one is on its way.
//! - A fault of the link, the token or the clock stops everything and is charged to nobody; a fault of one
//!   update stops nothing but its own lane.
//! - One PUT is in flight at a time.
//!
//! What is absent: no storage (the queue keeps order, attempts and not-before), no configuration, no
//! picture code ([`Shrink`] comes from outside).

mod backoff;
mod clock_guard;
mod confirmation;
mod courier;
mod envelope;
mod fault;
mod flush;
mod handle;
mod http;
mod knock;
mod policy;
mod renewal;
mod schedule;
mod session;
mod settling;
mod squeeze;
mod status;
mod tls;
mod token;
mod unsettled;
mod wire;

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::domain::{Confirmation, Lease, PersonUpdate, Receipt, Settlement, UpdateId, WallTime};

pub use backoff::{Rate, RateError};
pub use clock_guard::{ClockGuard, DeviceClock};
pub use confirmation::AnsweredPerson;
pub use courier::{Courier, CourierSettings};
pub use flush::FlushReport;
pub use handle::{CourierHandle, FlushFailure};
pub use http::{ClientCertificate, HttpError, HttpPersonsApi, HttpSettings};
pub use knock::{Credential, Knock};
pub use policy::{Answer, Body, ClockTrust, LinkFault, Response, RetryAfter, Sent, verdict};
pub use renewal::{Life, Renewal, RenewalOutlook, RenewalStep};
pub use schedule::{Flow, Held, ScheduleSettings};
pub use session::RenewalError;
pub use status::{DeliveryEvent, DeliveryState, DeliveryStatus};
pub use token::{MalformedToken, Token, TokenError, TokenFile, Whose};
pub use unsettled::MOST_UNSETTLED;

/// What the courier needs from a queue. Every call but [`lease_at_hand`](Self::lease_at_hand) may block on a
/// disk: the courier makes them on tokio's blocking threads.
pub trait Outbox: Send + Sync + 'static {
    /// Hands out the next update that is due at `now`, `None` if there is none.
    ///
    /// # Errors
    /// When the queue cannot be read.
    fn lease(&self, now: WallTime) -> Result<Option<Lease>, OutboxError>;

    /// Hands out the smallest of the due updates, to try a link or a token with; one of `besides` only where there
    /// is no other.
    ///
    /// # Errors
    /// When the queue cannot be read.
    fn lease_smallest(
        &self,
        _besides: &[UpdateId],
        now: WallTime,
    ) -> Result<Option<Lease>, OutboxError> {
        self.lease(now)
    }

    /// Makes what [`lease`](Self::lease) would hand out at `now` quick to hand out, if that can be done.
    fn look_ahead(&self, _now: WallTime) {}

    /// Hands out the same as [`lease`](Self::lease) if that is at hand, and never waits: `None` says nothing else.
    fn lease_at_hand(&self, _now: WallTime) -> Option<Lease> {
        None
    }

    /// Settles a lease; gives the receipt of a delivery.
    ///
    /// # Errors
    /// When the settlement could not be made durable. Where the lease stands, the courier tries again.
    fn settle(
        &self,
        id: UpdateId,
        settlement: Settlement,
        now: WallTime,
    ) -> Result<Option<Receipt>, OutboxError>;

    /// Settles several leases of different persons as delivered; cheaper than one by one.
    fn settle_delivered(
        &self,
        delivered: Vec<(UpdateId, Confirmation)>,
        now: WallTime,
    ) -> Departed {
        let mut departed = Departed::default();
        for (id, confirmation) in delivered {
            match self.settle(id, Settlement::Delivered(confirmation), now) {
                Ok(receipt) => departed.receipts.extend(receipt),
                Err(failure) => drop(departed.failed.get_or_insert(failure)),
            }
        }
        departed
    }

    /// The earliest time at which [`lease`](Self::lease) will have something, as far as is known.
    fn next_due(&self, now: WallTime) -> Option<WallTime>;

    /// How many updates wait for delivery; parked ones are not counted.
    fn waiting(&self) -> usize;
}

/// What became of leases that were settled as delivered.
#[derive(Debug, Default)]
pub struct Departed {
    /// The receipts of those that are settled. The others stand, and the courier tries again.
    pub receipts: Vec<Receipt>,
    /// Why the others could not be settled.
    pub failed: Option<OutboxError>,
}

/// The queue failed.
#[derive(Debug, thiserror::Error)]
#[error("the queue cannot {what}")]
pub struct OutboxError {
    /// What was tried, such as "hand out the next update".
    pub what: &'static str,
    /// Whether a lease that was to be settled still stands; where it does not, to try again is of no use.
    pub lease_stands: bool,
    /// Why it failed.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// The persons API as the courier sees it.
pub trait PersonsApi: Send + Sync + 'static {
    /// Sends one update and waits for the answer. Every fault is an [`Answer`] too.
    fn put(&self, update: Arc<PersonUpdate>) -> BoxFuture<'_, Answer>;

    /// Identifies the present token without telling it: a new mark means that trying again is worth while.
    fn token_mark(&self) -> TokenMark;

    /// Whether certificates can be judged by this device's clock.
    fn clock_trust(&self) -> ClockTrust;
}

/// Identifies one state of the token's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TokenMark(pub u64);

/// Makes an update smaller that the server found too large; `None` if it cannot.
pub type Shrink = Arc<dyn Fn(&PersonUpdate) -> Option<PersonUpdate> + Send + Sync>;
