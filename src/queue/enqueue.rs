//! Taking an update in: coalesce, seal, write, and only then acknowledge.

use super::entry::{self, Header, Lineage};
use super::error::QueueError;
use super::index::{Change, Wait};
use super::lanes::{Item, Standing};
use super::retention::{self, Growth};
use super::state::State;
use super::{Enqueued, row};
use crate::domain::{PersonId, PersonUpdate, UpdateId, WallTime};

impl State {
    /// Keeps an update durably; see [`Queue::enqueue`](super::Queue::enqueue).
    pub(super) fn enqueue(
        &mut self,
        update: PersonUpdate,
        now: WallTime,
    ) -> Result<Enqueued, QueueError> {
        if let Err(error) = self.sweep() {
            tracing::warn!(%error, "what was replaced cannot be removed yet");
        }
        let (update, replaced) = self.coalesce(update)?;
        self.admit(entry::estimated_bytes(&update), &replaced, now)?;
        let id = self.sequence.take()?;
        let lineage = Lineage { supersedes: &replaced, origin: None };
        let item = self.write(id, &update, lineage, now, now)?;
        let (fields, images) = (item.fields.clone(), item.images);
        self.lanes.insert(id, item);
        self.replace(id, &replaced);
        Ok(Enqueued { id, fields, images, coalesced_with: replaced })
    }

    /// Lays the update over those of its person that still wait, and names them.
    fn coalesce(
        &mut self,
        update: PersonUpdate,
    ) -> Result<(PersonUpdate, Vec<UpdateId>), QueueError> {
        let lane = self.keys.device().tagging.tag(update.person_id().as_str().as_bytes());
        let mut merged = update;
        let mut replaced = Vec::new();
        for id in self.lanes.mergeable(lane).into_iter().rev() {
            match self.read_update(id) {
                Ok(older) => {
                    merged = older.overlaid_by(merged);
                    replaced.insert(0, id);
                }
                Err(QueueError::Damaged { .. }) => {}
                // What cannot be read now keeps its place in front.
                Err(_) => break,
            }
        }
        Ok((merged, replaced))
    }

    /// Says whether an update would fit; see [`Queue::room_for`](super::Queue::room_for).
    pub(super) fn room_for(
        &self,
        person: &PersonId,
        bytes: u64,
        now: WallTime,
    ) -> Result<(), QueueError> {
        let lane = self.keys.device().tagging.tag(person.as_str().as_bytes());
        self.admit(bytes, &self.lanes.mergeable(lane), now)
    }

    fn admit(&self, bytes: u64, replaced: &[UpdateId], now: WallTime) -> Result<(), QueueError> {
        let old = |id: &UpdateId| self.lanes.get(*id).map_or(0, |item| item.bytes);
        let growth = Growth {
            bytes,
            replaced_bytes: replaced.iter().map(old).sum(),
            replaced_items: replaced.len(),
        };
        retention::admit(&self.usage(now), &growth, &self.options)
    }

    /// Writes the entry of an update acknowledged at `at`. After an error nothing of it counts, not even after a restart.
    pub(super) fn write(
        &mut self,
        id: UpdateId,
        update: &PersonUpdate,
        lineage: Lineage<'_>,
        at: WallTime,
        now: WallTime,
    ) -> Result<Item, QueueError> {
        let (key_id, key) = self.keys.for_day(now)?;
        let header = Header {
            fingerprint: self.keys.device().fingerprint,
            key: key_id,
            id,
            enqueued_at: at,
            tag: self.keys.device().tagging.tag(update.person_id().as_str().as_bytes()),
        };
        let path = self.layout.entry(id);
        let file = entry::seal(&header, update, lineage, &key)?;
        if let Err(error) = self.disk.put(&path, &file) {
            self.doomed.insert(path);
            let _ = self.sweep();
            self.retire(key_id);
            return Err(error);
        }
        let older = || lineage.supersedes.iter().filter_map(|id| self.lanes.get(*id));
        let place = older().map(|item| (item.position, item.turn)).min();
        let (position, turn) = place.unwrap_or((id.0, 0));
        Ok(Item {
            lane: header.tag,
            key: key_id,
            person_id: update.person_id().clone(),
            fields: update.field_names(),
            images: update.images().map_or(0, <[_]>::len),
            capture: update.capture(),
            bytes: file.len() as u64,
            enqueued_at: at,
            imported: lineage.origin.is_some(),
            standing: Standing::Queued,
            attempts: older().map(|item| item.attempts).max().unwrap_or(0),
            not_before: older().filter_map(|item| item.not_before).max(),
            position,
            turn,
            reason: older().filter_map(|item| item.reason.clone()).next_back(),
        })
    }

    /// Removes what the new entry replaced. It names them itself, so a restart finishes what fails here.
    fn replace(&mut self, id: UpdateId, replaced: &[UpdateId]) {
        self.doomed.extend(replaced.iter().map(|old| self.layout.entry(*old)));
        if let Err(error) = self.sweep() {
            tracing::warn!(%id, %error, "what it replaced cannot be removed yet");
        }
        let mut changes: Vec<_> = replaced.iter().map(|old| Change::Remove(*old)).collect();
        if let Some(item) = self.lanes.get(id) {
            changes.push(Change::Put(id, row::encode(id, item, self.keys.get(item.key))));
        }
        self.index.change(changes, Wait::No);
        for old in replaced {
            self.ahead.forget(*old);
            if let Some(item) = self.lanes.remove(*old) {
                self.retire(item.key);
            }
        }
    }
}
