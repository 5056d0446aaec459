//! Decides in which groups delivered updates are settled. Pure: the time in, groups out.
//!
//! ```text
//!  delivered ──▶ waiting ──begin──▶ under way (one group) ──▶ settled
//!                   ▲                   │
//!                   └── failed: wait ───┘
//! ```
//!
//! **Invariants**
//! - One group is under way at a time; it takes all that wait.
//! - No more than [`MOST_UNSETTLED`] updates are delivered and not yet settled: so many at most are sent again
//!   after a power cut.
//! - While the queue fails to settle, nothing more is sent.
//!
//! That no newer update of the same person goes meanwhile is the queue's business: the lane is in flight until
//! its update is settled.

use crate::domain::{Confirmation, Moment, QueuedUpdate, Receipt, UpdateId};

use super::backoff::patience;

/// So many updates may be delivered and not yet settled.
pub const MOST_UNSETTLED: usize = 16;

/// An update that the server has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delivered {
    pub(super) head: QueuedUpdate,
    pub(super) confirmation: Confirmation,
}

/// What waits and what is under way; see the module.
#[derive(Debug)]
pub(super) struct Unsettled {
    waiting: Vec<Delivered>,
    group: Vec<Delivered>,
    failures: u32,
    not_before: Moment,
}

impl Unsettled {
    pub(super) const fn new(now: Moment) -> Self {
        Self { waiting: Vec::new(), group: Vec::new(), failures: 0, not_before: now }
    }

    /// Whether another update may go.
    pub(super) const fn has_room(&self) -> bool {
        self.failures == 0 && self.waiting.len() + self.group.len() < MOST_UNSETTLED
    }

    pub(super) const fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.group.is_empty()
    }

    /// How often the queue failed running.
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    /// When a group may begin.
    pub(super) const fn not_before(&self) -> Moment {
        self.not_before
    }

    /// Takes an update that was delivered.
    pub(super) fn add(&mut self, delivered: Delivered) {
        self.waiting.push(delivered);
    }

    /// The group that is to be settled now.
    pub(super) fn begin(&mut self, now: Moment) -> Option<Vec<(UpdateId, Confirmation)>> {
        if !self.group.is_empty() || self.waiting.is_empty() || now < self.not_before {
            return None;
        }
        self.group = std::mem::take(&mut self.waiting);
        Some(self.group.iter().map(|it| (it.head.id, it.confirmation.clone())).collect())
    }

    /// The group ended: those with a receipt are settled, the others go before all that wait. Gives the settled
    /// ones, and whether this is the first failure of several.
    pub(super) fn ended(
        &mut self,
        receipts: Vec<Receipt>,
        now: Moment,
    ) -> (Vec<(Delivered, Receipt)>, FirstFailure) {
        let mut settled = Vec::new();
        let mut left = Vec::new();
        for delivered in self.group.drain(..) {
            match receipts.iter().find(|receipt| receipt.id == delivered.head.id) {
                Some(receipt) => settled.push((delivered, receipt.clone())),
                None => left.push(delivered),
            }
        }
        let first = FirstFailure(self.failures == 0 && !left.is_empty());
        if left.is_empty() {
            self.failures = 0;
        } else {
            self.not_before = now + patience(self.failures);
            self.failures = self.failures.saturating_add(1);
        }
        left.append(&mut self.waiting);
        self.waiting = left;
        (settled, first)
    }
}

/// Whether a failure is the first of several; only that one is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FirstFailure(pub(super) bool);

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::{PersonId, UpdateState, WallTime};

    fn at(seconds: u64) -> Moment {
        Moment::from_origin(Duration::from_secs(seconds))
    }

    fn delivered(id: u64) -> Delivered {
        let head = QueuedUpdate {
            id: UpdateId(id),
            person_id: PersonId::parse("p1").unwrap(),
            state: UpdateState::InFlight,
            fields: vec!["name"],
            images: 0,
            capture: None,
            bytes: 1,
            attempts: 0,
            enqueued_at: WallTime::from_unix_millis(0),
            not_before: None,
            reason: None,
        };
        Delivered { head, confirmation: Confirmation::Confirmed }
    }

    fn receipt(id: u64) -> Receipt {
        Receipt {
            id: UpdateId(id),
            person_id: PersonId::parse("p1").unwrap(),
            fields: Vec::new(),
            images: 0,
            capture: None,
            enqueued_at: WallTime::from_unix_millis(0),
            delivered_at: WallTime::from_unix_millis(0),
            attempts: 1,
            confirmation: Confirmation::Confirmed,
        }
    }

    fn books(waiting: &[u64]) -> Unsettled {
        Unsettled {
            waiting: waiting.iter().map(|id| delivered(*id)).collect(),
            ..Unsettled::new(at(0))
        }
    }

    fn begun(books: &mut Unsettled, now: u64) -> Option<Vec<u64>> {
        books.begin(at(now)).map(|group| group.iter().map(|(id, _)| id.0).collect())
    }

    fn end(books: &mut Unsettled, receipts: &[u64], now: u64) -> (Vec<u64>, bool) {
        let receipts = receipts.iter().map(|id| receipt(*id)).collect();
        let (settled, FirstFailure(first)) = books.ended(receipts, at(now));
        (settled.iter().map(|(delivered, _)| delivered.head.id.0).collect(), first)
    }

    #[test]
    fn a_group_takes_all_that_wait_and_no_other_begins_meanwhile() {
        let mut books = books(&[1, 2]);
        assert_eq!(begun(&mut books, 0), Some(vec![1, 2]));
        books.waiting.push(delivered(3));
        assert_eq!(begun(&mut books, 0), None);
        assert_eq!(end(&mut books, &[1, 2], 0), (vec![1, 2], false));
        assert_eq!(begun(&mut books, 0), Some(vec![3]));
        assert!(!books.is_idle());
        end(&mut books, &[3], 0);
        assert!(books.is_idle() && begun(&mut books, 0).is_none());
    }

    #[test]
    fn those_that_wait_and_those_under_way_are_bounded_together() {
        let mut books = books(&[1]);
        begun(&mut books, 0);
        let most = MOST_UNSETTLED as u64;
        for id in 2..=most {
            assert!(books.has_room(), "before {id}");
            books.waiting.push(delivered(id));
        }
        assert!(!books.has_room());
        end(&mut books, &[1], 0);
        assert!(books.has_room());
    }

    #[test]
    fn what_fails_is_tried_again_later_and_later_and_nothing_is_sent_meanwhile() {
        let mut books = books(&[1, 2]);
        begun(&mut books, 0);
        books.waiting.push(delivered(3));
        assert_eq!(end(&mut books, &[2], 10), (vec![2], true));
        assert!(!books.has_room());
        assert_eq!((begun(&mut books, 10), begun(&mut books, 11)), (None, Some(vec![1, 3])));
        assert_eq!(end(&mut books, &[], 11), (vec![], false), "told once");
        assert_eq!((begun(&mut books, 12), begun(&mut books, 13)), (None, Some(vec![1, 3])));
        assert_eq!(end(&mut books, &[1, 3], 13), (vec![1, 3], false));
        assert!(books.has_room() && books.is_idle());
    }
}
