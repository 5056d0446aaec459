//! Whose turn it is among the heads of all lanes, found without looking at each of them.
//!
//! - *ready*: heads that wait for no time, by their place in line.
//! - *timed*: heads that wait for a time, by that time. Once it has come they are ready, and stay it when
//!   the clock is set back afterwards.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::{UpdateId, WallTime};

/// No not-before lies further ahead; what does was written under a clock that was set back since.
pub(super) const FURTHEST_NOT_BEFORE: Duration = Duration::from_hours(24);

/// A place in line: the position, and among those that failed and share one, the turn.
pub(super) type Place = (u64, u64);

/// Where the head of a lane stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) id: UpdateId,
    pub(super) place: Place,
    pub(super) not_before: Option<WallTime>,
}

/// The heads of all lanes.
#[derive(Debug, Default)]
pub(super) struct Turns {
    ready: BTreeSet<(Place, UpdateId)>,
    timed: BTreeSet<(WallTime, Place, UpdateId)>,
}

impl Turns {
    pub(super) fn add(&mut self, turn: Turn) {
        match turn.not_before {
            Some(at) => self.timed.insert((at, turn.place, turn.id)),
            None => self.ready.insert((turn.place, turn.id)),
        };
    }

    pub(super) fn remove(&mut self, turn: Turn) {
        self.ready.remove(&(turn.place, turn.id));
        if let Some(at) = turn.not_before {
            self.timed.remove(&(at, turn.place, turn.id));
        }
    }

    /// The head that may be handed out now: of those whose time has come the one that is first in line.
    pub(super) fn next(&mut self, now: WallTime) -> Option<UpdateId> {
        self.due(now).next()
    }

    /// Every head that may be handed out now, in their places.
    pub(super) fn due(&mut self, now: WallTime) -> impl Iterator<Item = UpdateId> {
        while let Some(due) = self.first_due(now) {
            self.timed.remove(&due);
            self.ready.insert((due.1, due.2));
        }
        self.ready.iter().map(|(_, id)| *id)
    }

    /// When the next head may be handed out, `now` if one may be already.
    pub(super) fn next_due(&self, now: WallTime) -> Option<WallTime> {
        if !self.ready.is_empty() || self.first_due(now).is_some() {
            return Some(now);
        }
        self.timed.first().map(|(at, ..)| *at)
    }

    fn first_due(&self, now: WallTime) -> Option<(WallTime, Place, UpdateId)> {
        let passed = self.timed.first().filter(|(at, ..)| *at <= now);
        let absurd = self.timed.last().filter(|(at, ..)| *at > now + FURTHEST_NOT_BEFORE);
        passed.or(absurd).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::NOW;
    use super::*;

    fn turns(heads: &[(u64, Option<u64>)]) -> Turns {
        let mut turns = Turns::default();
        for (position, seconds) in heads {
            let not_before = seconds.map(|seconds| NOW + Duration::from_secs(seconds));
            turns.add(Turn { id: UpdateId(*position), place: (*position, 0), not_before });
        }
        turns
    }

    #[test]
    fn one_whose_time_has_come_takes_its_place_in_line_again() {
        let mut turns = turns(&[(1, Some(60)), (2, None), (3, Some(30))]);
        assert_eq!((turns.next(NOW), turns.next_due(NOW)), (Some(UpdateId(2)), Some(NOW)));
        let later = NOW + Duration::from_secs(60);
        assert_eq!(turns.next(later), Some(UpdateId(1)));
        assert_eq!(turns.next(NOW), Some(UpdateId(1)), "also when the clock is set back");
    }

    #[test]
    fn where_all_wait_the_earliest_time_counts() {
        let mut turns = turns(&[(1, Some(60)), (3, Some(30))]);
        let (soon, end) = (NOW + Duration::from_secs(30), NOW + Duration::from_hours(1));
        assert_eq!((turns.next(NOW), turns.next_due(NOW)), (None, Some(soon)));
        let first = Turn { id: UpdateId(3), place: (3, 0), not_before: Some(soon) };
        turns.remove(first);
        assert_eq!(turns.next(end), Some(UpdateId(1)));
        turns.add(first);
        assert_eq!(turns.next(end), Some(UpdateId(1)));
        turns.remove(first);
        turns.remove(Turn {
            id: UpdateId(1),
            place: (1, 0),
            not_before: Some(NOW + Duration::from_secs(60)),
        });
        assert_eq!((turns.next(end), turns.next_due(end)), (None, None));
    }
}
