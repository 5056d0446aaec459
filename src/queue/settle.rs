//! Handing an update out, and what becomes of it afterwards.

use std::time::Duration;

use super::error::QueueError;
use super::index::Wait;
use super::lanes::{Item, Pick, Standing};
use super::note::Note;
use super::state::State;
use super::turns::FURTHEST_NOT_BEFORE;
use crate::domain::{Lease, QueuedUpdate, UpdateId, UpdateState, WallTime};

/// How long an update waits after the disk refused to read it or to write about it.
const DISK_PAUSE: Duration = Duration::from_secs(300);
/// How much of the server's words is kept.
const MAX_WORDS: usize = 300;

/// What else than a delivery becomes of a leased update.
pub(super) enum Back {
    Retry { not_before: WallTime, reason: String },
    Park { reason: String },
    Release,
}

impl State {
    /// Hands out the next update; see [`Queue::lease`](super::Queue::lease).
    pub(super) fn lease(
        &mut self,
        pick: Pick<'_>,
        now: WallTime,
    ) -> Result<Option<Lease>, QueueError> {
        let mut failed = None;
        while let Some(id) = self.lanes.next(pick, now) {
            match self.ahead.take(id).map_or_else(|| self.read_update(id), Ok) {
                Ok(update) => {
                    let head = self.begin_flight(id)?;
                    return Ok(Some(Lease { head, update }));
                }
                // It is out of the queue now.
                Err(QueueError::Damaged { .. } | QueueError::NotFound(_)) => {}
                Err(error) => {
                    tracing::error!(%id, %error, "an update cannot be read");
                    self.postpone(id, now, "the disk cannot read it");
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(None), Err)
    }

    /// Hands out what was read ahead, if it is its turn; see [`Queue::lease_at_hand`](super::Queue::lease_at_hand).
    pub(super) fn lease_at_hand(&mut self, now: WallTime) -> Option<Lease> {
        let id = self.lanes.next(Pick::Foremost, now).filter(|id| self.ahead.holds(*id))?;
        let update = self.ahead.take(id)?;
        let head = self.begin_flight(id).ok()?;
        Some(Lease { head, update })
    }

    /// Marks an update as being sent.
    fn begin_flight(&mut self, id: UpdateId) -> Result<QueuedUpdate, QueueError> {
        let leased = self.lanes.change(id, |item| {
            item.standing = Standing::InFlight;
            item.head(id)
        });
        leased.ok_or(QueueError::NotFound(id))
    }

    /// Reads the foremost update before it is asked for; see [`Queue::look_ahead`](super::Queue::look_ahead).
    pub(super) fn look_ahead(&mut self, now: WallTime) {
        match self.lanes.next(Pick::Foremost, now) {
            Some(id) if self.ahead.holds(id) => {}
            // A lease says what is wrong with it.
            Some(id) => match self.read_update(id) {
                Ok(update) => self.ahead.put(id, update),
                Err(_) => self.ahead.clear(),
            },
            None => self.ahead.clear(),
        }
    }

    /// Puts a leased update back, or aside; see [`Queue::settle`](super::Queue::settle).
    pub(super) fn give_back(
        &mut self,
        id: UpdateId,
        back: Back,
        now: WallTime,
    ) -> Result<(), QueueError> {
        let item = self.lanes.get(id).ok_or(QueueError::NotFound(id))?;
        if item.standing != Standing::InFlight {
            return Err(QueueError::State { id, found: item.state(), wanted: "in flight" });
        }
        // It may be long until another one goes.
        self.ahead.clear();
        match back {
            Back::Retry { not_before, reason } => {
                self.lanes.change(id, |item| {
                    item.standing = Standing::Queued;
                    item.attempts = item.attempts.saturating_add(1);
                    item.not_before = Some(not_before.min(now + FURTHEST_NOT_BEFORE));
                    item.reason = Some(shortened(&reason));
                });
                self.lanes.move_back(id, self.sequence.peek());
                self.record(id, Wait::ForDisk);
            }
            Back::Park { reason } => self.park(id, &reason, now)?,
            Back::Release => {
                self.lanes.change(id, |item| {
                    item.standing = Standing::Queued;
                });
            }
        }
        Ok(())
    }

    /// Gives a parked update another try; see [`Queue::requeue`](super::Queue::requeue).
    pub(super) fn requeue(&mut self, id: UpdateId) -> Result<(), QueueError> {
        let item = self.lanes.get(id).ok_or(QueueError::NotFound(id))?;
        let Standing::Parked { outdated_by } = item.standing else {
            return Err(QueueError::State { id, found: item.state(), wanted: "parked" });
        };
        if let Some(by) = outdated_by {
            let what = "was delivered with the same fields".to_owned();
            return Err(QueueError::Outdated { id, by, what });
        }
        let changes_the_same = |other: &Item| other.fields.iter().any(|f| item.fields.contains(f));
        // Also a parked one: it may have reached the server before, and only the answer got lost.
        let newer = self
            .lanes
            .of(item.lane)
            .find(|(other_id, other)| *other_id > id && changes_the_same(other));
        if let Some((by, _)) = newer {
            let what = "changes the same fields".to_owned();
            return Err(QueueError::Outdated { id, by, what });
        }
        let note = self.layout.note(id);
        self.disk.unlink(&note)?;
        if let Err(error) = self.disk.sync_parent(&note) {
            // At worst it is parked again after a power cut. Parked here but queued there would be worse.
            tracing::warn!(%id, %error, "queued again, but not durably");
        }
        self.lanes.change(id, |item| {
            item.standing = Standing::Queued;
            item.not_before = None;
            item.reason = None;
        });
        self.record(id, Wait::ForDisk);
        Ok(())
    }

    /// Removes an update for good; see [`Queue::discard`](super::Queue::discard).
    pub(super) fn discard(&mut self, id: UpdateId) -> Result<(), QueueError> {
        let item = self.lanes.get(id).ok_or(QueueError::NotFound(id))?;
        if item.state() == UpdateState::InFlight {
            let wanted = "queued or parked";
            return Err(QueueError::State { id, found: UpdateState::InFlight, wanted });
        }
        self.sweep()?;
        self.disk.unlink(&self.layout.entry(id))?;
        self.disk.remove(&self.layout.note(id))?;
        self.forget(id);
        Ok(())
    }

    /// Notes on older parked updates of the person that a newer one changed the same fields.
    pub(super) fn outdate(&mut self, by: UpdateId) -> Result<(), QueueError> {
        let Some(newer) = self.lanes.get(by) else { return Ok(()) };
        let fields = newer.fields.clone();
        let older: Vec<_> = self
            .lanes
            .of(newer.lane)
            .filter(|(id, item)| *id < by && is_parked(item))
            .filter(|(_, item)| item.fields.iter().any(|field| fields.contains(field)))
            .map(|(id, _)| id)
            .collect();
        for id in older {
            self.write_note(id, Some(by))?;
            self.lanes.change(id, |item| {
                item.standing = Standing::Parked { outdated_by: Some(by) };
            });
        }
        Ok(())
    }

    fn park(&mut self, id: UpdateId, reason: &str, now: WallTime) -> Result<(), QueueError> {
        self.lanes.change(id, |item| {
            item.attempts = item.attempts.saturating_add(1);
            item.reason = Some(shortened(reason));
        });
        if let Err(error) = self.write_note(id, None) {
            // Parked in memory alone it would be queued again after a restart, behind newer ones.
            self.postpone(id, now, reason);
            return Err(error);
        }
        self.lanes.change(id, |item| {
            item.standing = Standing::Parked { outdated_by: None };
            item.not_before = None;
        });
        Ok(())
    }

    pub(super) fn write_note(
        &self,
        id: UpdateId,
        outdated_by: Option<UpdateId>,
    ) -> Result<(), QueueError> {
        let item = self.lanes.get(id).ok_or(QueueError::NotFound(id))?;
        let key = self.keys.get(item.key).ok_or(QueueError::Damaged { id })?;
        let note = Note {
            attempts: item.attempts,
            reason: item.reason.clone().unwrap_or_default(),
            outdated_by: outdated_by.map(|by| by.0),
        };
        self.put_essential(&self.layout.note(id), &note.seal(id, key)?)
    }

    fn postpone(&mut self, id: UpdateId, now: WallTime, reason: &str) {
        self.lanes.change(id, |item| {
            item.standing = Standing::Queued;
            item.not_before = Some(now + DISK_PAUSE);
            item.reason = Some(shortened(reason));
        });
        self.lanes.move_back(id, self.sequence.peek());
    }
}

const fn is_parked(item: &Item) -> bool {
    matches!(item.standing, Standing::Parked { .. })
}

fn shortened(words: &str) -> String {
    words.chars().take(MAX_WORDS).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::super::memory_fs::MemoryFs;
    use super::super::samples::{NOW, named, pictured, queue};
    use super::super::{Queue, QueueErrorKind};
    use super::*;
    use crate::domain::{Confirmation, Settlement};

    fn full(fs: &MemoryFs) {
        let used: usize = fs.files().values().map(Vec::len).sum();
        fs.set_capacity(Some(used as u64));
    }

    fn park(queue: &Queue) -> UpdateId {
        let id = queue.lease(NOW).unwrap().unwrap().head.id;
        queue.settle(id, Settlement::Park { reason: "no face".into() }, NOW).unwrap();
        id
    }

    fn deliver(queue: &Queue) -> UpdateId {
        let id = queue.lease(NOW).unwrap().unwrap().head.id;
        queue.settle(id, Settlement::Delivered(Confirmation::Confirmed), NOW).unwrap();
        id
    }

    #[test]
    fn a_poisoned_update_blocks_neither_its_person_nor_the_next_one() {
        let queue = queue(&Arc::new(MemoryFs::default()));
        queue.enqueue(named("p1", "Ada"), NOW).unwrap();
        queue.enqueue(named("p2", "Bob"), NOW).unwrap();
        let poisoned = park(&queue);
        queue.enqueue(pictured("p1", 2_000), NOW).unwrap();
        deliver(&queue);
        deliver(&queue);
        assert_eq!(queue.list().iter().map(|head| head.id).collect::<Vec<_>>(), [poisoned]);
        queue.requeue(poisoned).unwrap();
        assert_eq!(deliver(&queue), poisoned, "its fields were not changed meanwhile");
    }

    #[test]
    fn a_parked_update_that_was_overtaken_is_never_sent_again() {
        let fs = Arc::new(MemoryFs::default());
        let first = queue(&fs);
        first.enqueue(named("p1", "Ada"), NOW).unwrap();
        let old = park(&first);
        let new = first.enqueue(named("p1", "Ada King"), NOW).unwrap().id;
        let refused = |queue: &Queue| match queue.requeue(old) {
            Err(QueueError::Outdated { by, .. }) => by == new,
            _ => false,
        };
        assert!(refused(&first), "while the newer one waits");
        deliver(&first);
        assert!(refused(&first), "once the newer one is delivered");
        drop(first);
        let again = queue(&fs);
        assert!(refused(&again), "after a restart");
        again.discard(old).unwrap();
    }

    #[test]
    fn on_a_full_disk_nothing_new_is_taken_but_what_is_there_can_be_parked_and_delivered() {
        let fs = Arc::new(MemoryFs::default());
        let queue = queue(&fs);
        queue.enqueue(named("p1", "Ada"), NOW).unwrap();
        queue.enqueue(named("p2", "Bob"), NOW).unwrap();
        full(&fs);
        let before = fs.files();
        let error = queue.enqueue(pictured("p3", 9_000), NOW).unwrap_err();
        assert_eq!(error.kind(), QueueErrorKind::Full);
        assert_eq!(fs.files(), before, "nothing half-written is left");
        let parked = park(&queue);
        assert!(!fs.files().contains_key(Path::new("/queue/reserve")), "the ballast made room");
        deliver(&queue);
        assert_eq!(queue.list()[0].id, parked);
    }

    #[test]
    fn what_was_read_ahead_is_leased_without_its_file_and_goes_with_its_update() {
        let fs = Arc::new(MemoryFs::default());
        let queue = queue(&fs);
        let ahead = |queue: &Queue, id| queue.state().ahead.holds(id);
        let first = queue.enqueue(named("p1", "Ada"), NOW).unwrap().id;
        queue.look_ahead(NOW);
        assert!(ahead(&queue, first));
        let merged = queue.enqueue(named("p1", "Ada King"), NOW).unwrap().id;
        assert!(!ahead(&queue, first), "a newer one took it in");
        queue.look_ahead(NOW);
        assert!(ahead(&queue, merged));
        let entry = queue.state().layout.entry(merged);
        let file = fs.files()[&entry].clone();
        fs.tamper(&entry, None);
        let lease = queue.lease_at_hand(NOW).unwrap();
        assert_eq!((lease.head.id, lease.update.name()), (merged, Some("Ada King")));
        fs.tamper(&entry, Some(file));
        let second = queue.enqueue(named("p2", "Bob"), NOW).unwrap().id;
        assert!(queue.lease_at_hand(NOW).is_none(), "it would have to be read");
        queue.look_ahead(NOW);
        assert!(ahead(&queue, second));
        queue.settle(merged, Settlement::Release, NOW).unwrap();
        assert!(!ahead(&queue, second), "it may be long until another one goes");
        queue.look_ahead(NOW);
        assert!(ahead(&queue, merged));
        queue.set_aside(merged, "by hand").unwrap();
        assert!(!ahead(&queue, merged), "parked");
    }

    #[test]
    fn an_update_in_flight_whose_file_is_damaged_is_delivered_all_the_same() {
        for damage in [None, Some(vec![0; 90])] {
            let fs = Arc::new(MemoryFs::default());
            let queue = queue(&fs);
            let id = queue.enqueue(named("p1", "Ada"), NOW).unwrap().id;
            queue.lease(NOW).unwrap().unwrap();
            let entry = queue.state().layout.entry(id);
            fs.tamper(&entry, damage);
            assert!(matches!(queue.read(id), Err(QueueError::Damaged { .. })));
            assert_eq!(queue.head(id).unwrap().state, UpdateState::InFlight);
            let delivered = Settlement::Delivered(Confirmation::Confirmed);
            assert!(queue.settle(id, delivered, NOW).unwrap().is_some());
            assert!(queue.list().is_empty() && !fs.files().contains_key(&entry));
        }
    }

    #[test]
    fn only_what_is_in_flight_can_be_settled() {
        let queue = queue(&Arc::new(MemoryFs::default()));
        let id = queue.enqueue(named("p1", "Ada"), NOW).unwrap().id;
        assert!(matches!(
            queue.settle(id, Settlement::Release, NOW),
            Err(QueueError::State { .. })
        ));
        let nobody = queue.settle(UpdateId(99), Settlement::Release, NOW);
        assert!(matches!(nobody, Err(QueueError::NotFound(_))));
        queue.lease(NOW).unwrap().unwrap();
        assert!(matches!(queue.discard(id), Err(QueueError::State { .. })));
        assert_eq!(queue.settle(id, Settlement::Release, NOW).unwrap(), None);
        assert_eq!(queue.list()[0].attempts, 0, "a release charges nothing");
    }
}
