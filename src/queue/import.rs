//! Taking in what another device exported, and handing out what is to be exported.
//!
//! # The rule of the later change
//! Between devices there is no common order but the time at which a person was told "queued". An imported
//! field is left out when this queue holds, or remembers having delivered, a change of the same field of the
//! same person acknowledged at that time or later. What remains of the update touches nothing newer, so it
//! may stand at the end of its lane. It keeps its time, for the next import to compare with, and it does not
//! coalesce: a merged update would carry two times.
//!
//! The rule reaches as far as the receipts do (500), and it believes the devices' clocks. It does not see what
//! a third device delivers.

use super::entry;
use super::error::QueueError;
use super::index::Wait;
use super::lanes::{Item, Standing};
use super::origins::Origin;
use super::retention::{self, Growth};
use super::state::State;
use crate::domain::{Date, PersonUpdate, UpdateDraft, UpdateId, UpdateState, WallTime};

/// What became of an imported update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// It is durable now.
    Queued {
        /// Its id here.
        id: UpdateId,
        /// Fields that were left out, because something newer changes them.
        left_out: Vec<&'static str>,
    },
    /// It was imported before.
    Duplicate,
    /// It comes from this device.
    Own,
    /// Something newer changes all of its fields.
    Overtaken,
}

/// Since when an update that was to be set aside is parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aside {
    /// It was parked just now.
    Now,
    /// It was parked before, and keeps the words that say why.
    Before,
}

impl State {
    /// Takes an update of another device in; see [`Queue::import`](super::Queue::import).
    pub(super) fn import(
        &mut self,
        update: PersonUpdate,
        origin: Origin,
        acknowledged_at: WallTime,
        now: WallTime,
    ) -> Result<Imported, QueueError> {
        if origin.device == self.origins.own() {
            return Ok(Imported::Own);
        }
        if self.origins.contains(origin) {
            return Ok(Imported::Duplicate);
        }
        // A clock that runs ahead must not put its updates before everything to come.
        let at = acknowledged_at.min(now);
        let newer = self.changed_since(&update, at);
        let left_out: Vec<_> = update
            .field_names()
            .into_iter()
            .filter(|field| newer.iter().any(|it| it == field))
            .collect();
        let Some(update) = without(&update, &left_out) else {
            self.remember(origin);
            return Ok(Imported::Overtaken);
        };
        let growth = Growth { bytes: entry::estimated_bytes(&update), ..Growth::default() };
        retention::admit(&self.usage(now), &growth, &self.options)?;
        let id = self.sequence.take()?;
        let lineage = entry::Lineage { supersedes: &[], origin: Some(origin) };
        let item = self.write(id, &update, lineage, at, now)?;
        self.lanes.insert(id, item);
        self.record(id, Wait::No);
        self.remember(origin);
        Ok(Imported::Queued { id, left_out })
    }

    /// The updates that may be exported: neither in flight nor overtaken.
    pub(super) fn exportable(&self) -> Vec<UpdateId> {
        let may = |item: &Item| {
            matches!(item.standing, Standing::Queued | Standing::Parked { outdated_by: None })
        };
        self.lanes.iter().filter(|(_, item)| may(item)).map(|(id, _)| id).collect()
    }

    /// Parks an update by hand; see [`Queue::set_aside`](super::Queue::set_aside).
    pub(super) fn set_aside(&mut self, id: UpdateId, reason: &str) -> Result<Aside, QueueError> {
        let item = self.lanes.get(id).ok_or(QueueError::NotFound(id))?;
        match item.standing {
            Standing::InFlight | Standing::Leaving => {
                let wanted = "queued or parked";
                return Err(QueueError::State { id, found: UpdateState::InFlight, wanted });
            }
            Standing::Parked { .. } => return Ok(Aside::Before),
            Standing::Queued => {}
        }
        self.ahead.forget(id);
        self.reword(id, None, reason)?;
        self.lanes.change(id, |item| {
            item.standing = Standing::Parked { outdated_by: None };
            item.not_before = None;
        });
        Ok(Aside::Now)
    }

    /// Says in other words why an update is parked; see [`Queue::restate`](super::Queue::restate).
    pub(super) fn restate(&mut self, id: UpdateId, from: &str, to: &str) -> Result<(), QueueError> {
        let item = self.lanes.get(id).ok_or(QueueError::NotFound(id))?;
        match item.standing {
            Standing::Parked { outdated_by } if item.reason.as_deref() == Some(from) => {
                self.reword(id, outdated_by, to)
            }
            _ => Ok(()),
        }
    }

    fn reword(
        &mut self,
        id: UpdateId,
        outdated_by: Option<UpdateId>,
        reason: &str,
    ) -> Result<(), QueueError> {
        let wanted = reason.chars().take(300).collect();
        let before = self.lanes.change(id, |item| item.reason.replace(wanted)).flatten();
        let written = self.write_note(id, outdated_by);
        if written.is_err() {
            self.lanes.change(id, |item| item.reason = before);
        }
        written
    }

    /// The entry names its origin as well, so that a failure here is mended by the next start.
    fn remember(&mut self, origin: Origin) {
        if let Err(error) = self.origins.add(origin) {
            tracing::warn!(%error, "the ledger of imports cannot be written yet");
        }
    }

    /// The fields of this person that something acknowledged at `at` or later changes, or has changed.
    fn changed_since(&self, update: &PersonUpdate, at: WallTime) -> Vec<String> {
        let person = update.person_id();
        let lane = self.keys.device().tagging.tag(person.as_str().as_bytes());
        let held = self.lanes.of(lane).filter(|(_, item)| item.enqueued_at >= at);
        let held = held.flat_map(|(_, item)| item.fields.iter().map(|field| (*field).to_owned()));
        let delivered = self.receipts.list().into_iter();
        let delivered = delivered
            .filter(|receipt| receipt.person_id == *person && receipt.enqueued_at >= at)
            .flat_map(|receipt| receipt.fields);
        held.chain(delivered).collect()
    }
}

/// The update without some of its fields, `None` when nothing is left.
fn without(update: &PersonUpdate, left_out: &[&str]) -> Option<PersonUpdate> {
    let kept = |field: &str| !left_out.contains(&field);
    let draft = UpdateDraft {
        name: update.name().filter(|_| kept("name")).map(str::to_owned),
        gender: update.gender().filter(|_| kept("gender")).map(|gender| gender.code().to_owned()),
        date_of_birth: update
            .date_of_birth()
            .filter(|_| kept("date_of_birth"))
            .map(|date| date.to_string()),
        nationality: update.nationality().filter(|_| kept("nationality")).map(str::to_owned),
        collections: update.collections().filter(|_| kept("collections")).map(<[_]>::to_vec),
        notes: update.notes().filter(|_| kept("notes")).map(str::to_owned),
        images: update.images().filter(|_| kept("images")).map(<[_]>::to_vec),
    };
    // Valid as a whole, so valid in part; only an empty one is refused.
    let part =
        PersonUpdate::parse(update.person_id().clone(), draft, Date::new(9999, 12, 31)?).ok()?;
    Some(part.captured(update.capture()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::memory_fs::MemoryFs;
    use super::super::samples::{NOW, full, named, update};
    use super::super::{DeviceId, DeviceKey, Queue, QueueOptions};
    use super::*;
    use crate::domain::{Confirmation, Settlement};

    const OTHER: &str = "0123456789abcdef0123456789abcdef";
    const HOUR: Duration = Duration::from_hours(1);

    fn queue(fs: &Arc<MemoryFs>) -> Queue {
        let options = QueueOptions { reserve_bytes: 0, ..QueueOptions::default() };
        Queue::open_on(fs.clone(), DeviceKey::for_test(1), options, NOW).unwrap().0
    }

    fn from(id: u64) -> Origin {
        Origin { device: OTHER.parse::<DeviceId>().unwrap(), id: UpdateId(id) }
    }

    fn deliver_all(queue: &Queue) {
        while let Some(lease) = queue.lease(NOW).unwrap() {
            let settled = Settlement::Delivered(Confirmation::Confirmed);
            queue.settle(lease.head.id, settled, NOW).unwrap();
        }
    }

    #[test]
    fn an_update_is_imported_once_also_after_its_delivery_and_a_restart() {
        let fs = Arc::new(MemoryFs::default());
        let first = queue(&fs);
        let imported = first.import(named("p1", "Ada"), from(7), NOW, NOW).unwrap();
        assert!(matches!(imported, Imported::Queued { .. }));
        assert_eq!(
            first.import(named("p1", "Ada"), from(7), NOW, NOW).unwrap(),
            Imported::Duplicate
        );
        deliver_all(&first);
        drop(first);
        let again = queue(&fs).import(named("p1", "Ada"), from(7), NOW, NOW).unwrap();
        assert_eq!(again, Imported::Duplicate);
        let own = Origin { device: queue(&fs).device_id(), id: UpdateId(1) };
        assert_eq!(queue(&fs).import(named("p1", "A"), own, NOW, NOW).unwrap(), Imported::Own);
    }

    #[test]
    fn a_power_cut_at_any_step_of_an_import_queues_it_once_or_not_at_all() {
        let whole = Arc::new(MemoryFs::default());
        let opened = queue(&whole);
        let before = whole.operations();
        opened.import(named("p1", "Ada"), from(7), NOW, NOW).unwrap();
        for step in 0..=whole.operations() - before {
            let fs = Arc::new(MemoryFs::default());
            let first = queue(&fs);
            fs.cut_power_after(step);
            let acknowledged = first.import(named("p1", "Ada"), from(7), NOW, NOW).is_ok();
            drop(first);
            fs.restart(128);
            let second = queue(&fs);
            assert!(!acknowledged || second.list().len() == 1, "lost at step {step}");
            second.import(named("p1", "Ada"), from(7), NOW, NOW).unwrap();
            assert_eq!(second.list().len(), 1, "twice at step {step}");
        }
    }

    #[test]
    fn an_older_import_changes_nothing_newer_whether_it_waits_or_was_delivered() {
        for delivered_before in [false, true] {
            let queue = queue(&Arc::new(MemoryFs::default()));
            queue.enqueue(named("person_1", "Ada King"), NOW).unwrap();
            if delivered_before {
                deliver_all(&queue);
            }
            let older = WallTime::from_unix_millis(NOW.unix_millis() - 1_000);
            let only_name = queue.import(named("person_1", "Ada"), from(1), older, NOW).unwrap();
            assert_eq!(only_name, Imported::Overtaken);
            let all = queue.import(full("person_1"), from(2), older, NOW).unwrap();
            let Imported::Queued { id, left_out } = all else { panic!("{all:?}") };
            assert_eq!(left_out, ["name"]);
            let (head, rest) = queue.read(id).unwrap();
            assert_eq!((rest.name(), rest.notes().is_some()), (None, true));
            assert_eq!(head.enqueued_at, older, "it keeps its time");
            let others = queue.import(named("person_2", "Bob"), from(3), older, NOW).unwrap();
            assert!(matches!(others, Imported::Queued { .. }), "another person is another lane");
        }
    }

    #[test]
    fn of_two_imports_the_later_change_wins_in_either_order() {
        let later = NOW;
        let earlier = WallTime::from_unix_millis(NOW.unix_millis() - 60_000);
        let (now, name) = (NOW + HOUR, |text: &str| named("p1", text));
        for order in [
            [(1, "Ada", earlier), (2, "Ada King", later)],
            [(2, "Ada King", later), (1, "Ada", earlier)],
        ] {
            let queue = queue(&Arc::new(MemoryFs::default()));
            for (id, text, at) in order {
                queue.import(name(text), from(id), at, now).unwrap();
            }
            let last = queue.list().last().unwrap().id;
            assert_eq!(queue.read(last).unwrap().1.name(), Some("Ada King"));
        }
    }

    #[test]
    fn what_is_set_aside_stays_parked_over_a_restart_and_can_be_retried() {
        let fs = Arc::new(MemoryFs::default());
        let first = queue(&fs);
        let draft = UpdateDraft { notes: Some("n".into()), ..Default::default() };
        let id = first.enqueue(update("p1", draft), NOW).unwrap().id;
        first.set_aside(id, "exported to x").unwrap();
        assert_eq!(first.lease(NOW).unwrap(), None);
        drop(first);
        let again = queue(&fs);
        let head = again.list().remove(0);
        assert_eq!((head.state, head.attempts), (UpdateState::Parked, 0));
        assert_eq!(head.reason.as_deref(), Some("exported to x"));
        assert_eq!(again.exportable(), [id]);
        assert_eq!(again.set_aside(id, "exported to y").unwrap(), Aside::Before);
        again.restate(id, "exported to y", "never said").unwrap();
        assert_eq!(again.head(id).unwrap().reason.as_deref(), Some("exported to x"));
        again.restate(id, "exported to x", "on its way").unwrap();
        drop(again);
        let again = queue(&fs);
        assert_eq!(again.head(id).unwrap().reason.as_deref(), Some("on its way"));
        again.requeue(id).unwrap();
        assert_eq!(again.head(id).unwrap().reason, None, "it waits for its turn only");
        assert!(again.lease(NOW).unwrap().is_some());
        assert!(again.set_aside(id, "too late").is_err());
    }
}
