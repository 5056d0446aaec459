//! An update on its way: queued, answered, proven.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{CaptureRecord, PersonId, PersonUpdate, WallTime};

/// The id of a queued update: its sequence number, which never restarts on a device. Shown as `u17`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UpdateId(pub u64);

impl fmt::Display for UpdateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "u{}", self.0)
    }
}

impl FromStr for UpdateId {
    type Err = super::FieldError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix('u')
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .map(Self)
            .ok_or_else(|| {
                let short: String = text.chars().take(40).collect();
                super::FieldError::new(
                    "id",
                    format!("\"{}\"", short.escape_debug()),
                    "\"u\" and a number, as `queue list` shows",
                )
            })
    }
}

/// Where a queued update stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UpdateState {
    /// Waits for its turn.
    Queued,
    /// Is being sent now.
    InFlight,
    /// Waits because nothing is sent at the moment (see [`Hold`]).
    Held,
    /// Needs a human: the server refused it for good.
    Parked,
}

impl UpdateState {
    /// The name as it stands in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InFlight => "in_flight",
            Self::Held => "held",
            Self::Parked => "parked",
        }
    }
}

/// What the queue knows about one update, without its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedUpdate {
    /// Its id.
    pub id: UpdateId,
    /// Whose fields it changes.
    pub person_id: PersonId,
    /// Where it stands.
    pub state: UpdateState,
    /// The names of the fields it changes, in the API's order.
    pub fields: Vec<&'static str>,
    /// How many images it carries.
    pub images: usize,
    /// How its pictures were taken, if this kiosk's camera took them.
    pub capture: Option<CaptureRecord>,
    /// Bytes on disk.
    pub bytes: u64,
    /// How often it was sent and answered with a failure of its own (link faults are not charged).
    pub attempts: u32,
    /// When it was acknowledged.
    pub enqueued_at: WallTime,
    /// Not to be sent before.
    pub not_before: Option<WallTime>,
    /// Why it waits or is parked: the server's words, at most 300 characters.
    pub reason: Option<String>,
}

/// Why nothing is sent at the moment. A hold drops nothing and charges no attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hold {
    /// The server cannot be reached.
    Offline,
    /// The token is missing, empty, expired or refused.
    Credential,
    /// The device's clock is implausible, so certificates cannot be judged.
    Clock,
    /// Several persons in a row are unknown: probably the token of another account.
    Account,
    /// An operator paused the delivery.
    Paused,
}

impl Hold {
    /// The name as it stands in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Credential => "credential",
            Self::Clock => "clock",
            Self::Account => "account",
            Self::Paused => "paused",
        }
    }
}

/// Whether the answer shows that the person was really changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmation {
    /// The answer shows what was sent.
    Confirmed,
    /// The server accepted, but its answer does not show the change; an operator should look.
    Unconfirmed(String),
}

/// What an answer of the persons API means for the update that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A well-formed acceptance: the only verdict that deletes an update.
    Accepted(Confirmation),
    /// The server could not do it now; charged to the item.
    Retry {
        /// The least time to wait, if the server gave one.
        after: Option<Duration>,
        /// The server's words.
        reason: String,
    },
    /// The server refused this update for good.
    Park {
        /// The server's words.
        reason: String,
        /// Whether the person is unknown to the server: several of these in a row mean the wrong account.
        unknown_person: bool,
    },
    /// The update is too large for the server: make it smaller once, then park.
    TooLarge {
        /// The server's words.
        reason: String,
    },
    /// Nothing can be sent at the moment; not charged to the item.
    Hold {
        /// Which hold.
        hold: Hold,
        /// The least time to wait, if the server gave one.
        after: Option<Duration>,
        /// What happened.
        reason: String,
    },
}

/// The proof of a delivery; holds no field's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The update's id.
    pub id: UpdateId,
    /// Whose fields were changed.
    pub person_id: PersonId,
    /// The names of the fields that were sent.
    pub fields: Vec<String>,
    /// How many images were sent.
    pub images: usize,
    /// How they were taken, if this kiosk's camera took them.
    pub capture: Option<CaptureRecord>,
    /// When the update was acknowledged.
    pub enqueued_at: WallTime,
    /// When the acceptance arrived.
    pub delivered_at: WallTime,
    /// How often it was sent in all.
    pub attempts: u32,
    /// Whether the answer shows the change.
    pub confirmation: Confirmation,
}

/// One update handed out for sending. Until it is settled, its lane hands out nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What the queue knows about it.
    pub head: QueuedUpdate,
    /// What to send.
    pub update: PersonUpdate,
}

/// What becomes of a leased update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// It was accepted: remove it for good and keep a receipt.
    Delivered(Confirmation),
    /// It failed by itself: charge an attempt, keep it, and hand it out again from `not_before` on.
    Retry {
        /// Not to be sent before.
        not_before: WallTime,
        /// The server's words.
        reason: String,
    },
    /// The server refused it for good: keep it for a human, and let its lane go on.
    Park {
        /// The server's words.
        reason: String,
    },
    /// It was not its fault: charge nothing, keep its place.
    Release,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_is_shown() {
        assert_eq!("u17".parse::<UpdateId>().unwrap(), UpdateId(17));
        for bad in ["", "17", "u", "u-1", "u1x", "u99999999999999999999"] {
            assert!(bad.parse::<UpdateId>().is_err(), "{bad}");
        }
    }
}
