//! Publishes what the courier does: one state for those who look, events for those who listen, and one log
//! line for each change.
//!
//! What is absent: logs name updates by their ids and holds by their kinds; never a person, and never the
//! server's words about an update, which may quote a field.

use tokio::sync::{broadcast, watch};
use tracing::{debug, error, info, warn};

use crate::domain::{Confirmation, Hold, PersonId, QueuedUpdate, Receipt, Settlement, UpdateId};

use super::schedule::Held;

/// What the courier does now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DeliveryState {
    /// Nothing is due.
    #[default]
    Idle,
    /// An update is on its way.
    Delivering,
    /// Nothing is sent, because.
    Hold(Held),
}

/// The courier as status pages and commands show it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeliveryStatus {
    /// What it does now.
    pub state: DeliveryState,
    /// The newest receipt since the start.
    pub last_receipt: Option<Receipt>,
    /// Updates delivered since the start.
    pub delivered: u64,
    /// Of these, accepted without the answer showing the change.
    pub unconfirmed: u64,
    /// Failures charged to an update since the start.
    pub retried: u64,
    /// Updates parked since the start.
    pub parked: u64,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryEvent {
    /// An update was accepted.
    Delivered(Receipt),
    /// An update was refused for good and waits for a human.
    Parked {
        /// Which.
        id: UpdateId,
        /// Whose.
        person_id: PersonId,
        /// The server's words.
        reason: String,
    },
    /// A hold began, changed its kind, or ended.
    HoldChanged(Option<Held>),
}

/// Tells everyone who wants to know.
#[derive(Debug)]
pub(super) struct Notices {
    status: watch::Sender<DeliveryStatus>,
    events: broadcast::Sender<DeliveryEvent>,
    hold: Option<Hold>,
}

impl Notices {
    pub(super) const fn new(
        status: watch::Sender<DeliveryStatus>,
        events: broadcast::Sender<DeliveryEvent>,
    ) -> Self {
        Self { status, events, hold: None }
    }

    /// An update is on its way. A probe during a hold does not change what is shown.
    pub(super) fn delivering(&self, held: Option<&Held>) {
        if held.is_none() {
            self.show(DeliveryState::Delivering);
        }
    }

    /// Nothing is on its way.
    pub(super) fn resting(&mut self, held: Option<Held>) {
        let hold = held.as_ref().map(|held| held.hold);
        if self.hold != hold {
            log_hold(self.hold, held.as_ref());
            self.hold = hold;
            let _ = self.events.send(DeliveryEvent::HoldChanged(held.clone()));
        }
        self.show(held.map_or(DeliveryState::Idle, DeliveryState::Hold));
    }

    /// An update was settled, and the queue knows it.
    pub(super) fn settled(
        &self,
        head: &QueuedUpdate,
        settlement: &Settlement,
        receipt: Option<&Receipt>,
    ) {
        let update = head.id;
        match settlement {
            Settlement::Delivered(confirmation) => self.delivered(update, confirmation, receipt),
            Settlement::Retry { .. } => {
                debug!(%update, attempts = head.attempts + 1, "update failed and moved back");
                self.status.send_modify(|status| status.retried += 1);
            }
            Settlement::Park { reason } => {
                error!(%update, "update refused by the server and parked: a person must look");
                self.status.send_modify(|status| status.parked += 1);
                let _ = self.events.send(DeliveryEvent::Parked {
                    id: update,
                    person_id: head.person_id.clone(),
                    reason: reason.clone(),
                });
            }
            Settlement::Release => debug!(%update, "update released"),
        }
    }

    fn delivered(&self, update: UpdateId, confirmation: &Confirmation, receipt: Option<&Receipt>) {
        let doubt = match confirmation {
            Confirmation::Confirmed => None,
            Confirmation::Unconfirmed(why) => Some(why),
        };
        match doubt {
            None => info!(%update, "update delivered"),
            Some(why) => warn!(%update, why, "update accepted, but the change is not shown"),
        }
        self.status.send_modify(|status| {
            status.delivered += 1;
            status.unconfirmed += u64::from(doubt.is_some());
            status.last_receipt = receipt.cloned().or_else(|| status.last_receipt.take());
        });
        if let Some(receipt) = receipt {
            let _ = self.events.send(DeliveryEvent::Delivered(receipt.clone()));
        }
    }

    fn show(&self, state: DeliveryState) {
        self.status.send_if_modified(|status| {
            let changed = status.state != state;
            status.state = state;
            changed
        });
    }
}

fn log_hold(before: Option<Hold>, held: Option<&Held>) {
    match held {
        None => {
            let before = before.map_or("", Hold::name);
            info!(before, "delivery goes on");
        }
        Some(Held { hold: hold @ Hold::Paused, .. }) => info!(hold = hold.name(), "delivery holds"),
        // Both end by themselves.
        Some(Held { hold: hold @ (Hold::Offline | Hold::Clock), reason, .. }) => {
            warn!(hold = hold.name(), reason, "delivery holds");
        }
        Some(Held { hold, reason, .. }) => {
            error!(hold = hold.name(), reason, "delivery holds: a person must come");
        }
    }
}
