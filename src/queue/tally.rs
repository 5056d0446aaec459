//! Sums over all updates, kept up to date with each change: a queue of ten thousand is counted as fast as
//! one of ten.

use std::collections::BTreeSet;
use std::time::Duration;

use super::lanes::{Item, Standing};
use crate::domain::{UpdateId, WallTime};

/// Whether an update waits for nothing but a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Untried {
    Yes,
    No,
}

impl Untried {
    const fn of(item: &Item) -> Self {
        if item.attempts == 0 && !item.imported { Self::Yes } else { Self::No }
    }
}

/// How many updates there are, of which kind and size.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) queued: usize,
    pub(super) in_flight: usize,
    pub(super) parked: usize,
    /// Bytes of all entries.
    pub(super) bytes: u64,
    /// Those that are not parked, by the time at which they were acknowledged.
    waiting: BTreeSet<(Untried, WallTime, UpdateId)>,
}

impl Tally {
    pub(super) fn add(&mut self, id: UpdateId, item: &Item) {
        *self.of(item.standing) += 1;
        self.bytes += item.bytes;
        if !matches!(item.standing, Standing::Parked { .. }) {
            self.waiting.insert((Untried::of(item), item.enqueued_at, id));
        }
    }

    pub(super) fn remove(&mut self, id: UpdateId, item: &Item) {
        *self.of(item.standing) -= 1;
        self.bytes -= item.bytes;
        self.waiting.remove(&(Untried::of(item), item.enqueued_at, id));
    }

    /// How many updates, parked ones included.
    pub(super) const fn items(&self) -> usize {
        self.queued + self.in_flight + self.parked
    }

    /// How long the oldest update that is not parked has waited.
    pub(super) fn oldest(&self, now: WallTime) -> Option<Duration> {
        [Untried::Yes, Untried::No].into_iter().filter_map(|kind| self.eldest(kind, now)).max()
    }

    /// How long the oldest of those has waited that say how long there was no line: the server has not answered for
    /// it yet, and it was acknowledged here.
    pub(super) fn oldest_untried(&self, now: WallTime) -> Option<Duration> {
        self.eldest(Untried::Yes, now)
    }

    fn eldest(&self, kind: Untried, now: WallTime) -> Option<Duration> {
        let first = (kind, WallTime::from_unix_millis(i64::MIN), UpdateId(0));
        let (found, enqueued_at, _) = self.waiting.range(first..).next()?;
        (*found == kind).then(|| now.since(*enqueued_at))
    }

    const fn of(&mut self, standing: Standing) -> &mut usize {
        match standing {
            Standing::Queued => &mut self.queued,
            Standing::InFlight | Standing::Leaving => &mut self.in_flight,
            Standing::Parked { .. } => &mut self.parked,
        }
    }
}
