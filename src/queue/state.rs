//! Everything a queue holds while it is open, and the steps that its operations share.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::ahead::Ahead;
use super::entry;
use super::error::{QueueError, QueueErrorKind};
use super::fs::Disk;
use super::index::{Change, Index, Wait};
use super::keys::{KeyId, KeyRing};
use super::lanes::{Item, Lanes};
use super::layout::Layout;
use super::origins::Origins;
use super::quarantine::Quarantine;
use super::receipts::Receipts;
use super::retention::{QueueOptions, Usage};
use super::row;
use super::sequence::Sequence;
use crate::domain::{PersonUpdate, UpdateId, UpdateState, WallTime};

/// An entry that was sealed with another device key.
pub(super) struct Foreign {
    pub(super) id: UpdateId,
    pub(super) key: KeyId,
    pub(super) bytes: u64,
}

/// An open queue, under its mutex.
pub(super) struct State {
    pub(super) disk: Disk,
    pub(super) layout: Layout,
    pub(super) options: QueueOptions,
    pub(super) keys: KeyRing,
    pub(super) lanes: Lanes,
    pub(super) ahead: Ahead,
    pub(super) index: Index,
    pub(super) receipts: Receipts,
    pub(super) sequence: Sequence,
    pub(super) quarantine: Quarantine,
    pub(super) foreign: Vec<Foreign>,
    pub(super) origins: Origins,
    /// Files that no longer count but could not be removed. They must be gone before a newer update may be:
    /// after a restart they would count again.
    pub(super) doomed: BTreeSet<PathBuf>,
}

impl State {
    /// Removes, durably, what is doomed.
    pub(super) fn sweep(&mut self) -> Result<(), QueueError> {
        let Some(first) = self.doomed.first() else { return Ok(()) };
        self.doomed.iter().try_for_each(|path| self.disk.unlink(path))?;
        self.disk.sync_parent(first)?;
        self.doomed.clear();
        Ok(())
    }

    /// Writes what must not fail for want of room: the ballast is there for it.
    pub(super) fn put_essential(
        &self,
        path: &std::path::Path,
        bytes: &[u8],
    ) -> Result<(), QueueError> {
        match self.disk.put(path, bytes) {
            Err(error) if error.kind() == QueueErrorKind::Full => {
                self.disk.remove(&self.layout.reserve)?;
                self.disk.put(path, bytes)
            }
            done => done,
        }
    }

    /// Reads and opens an update. A damaged one goes to the quarantine, and its lane goes on without it; unless it
    /// is in flight: whoever leased it has its contents and settles it.
    pub(super) fn read_update(&mut self, id: UpdateId) -> Result<PersonUpdate, QueueError> {
        let item = self.lanes.get(id).ok_or(QueueError::NotFound(id))?;
        let (key_id, in_flight) = (item.key, item.state() == UpdateState::InFlight);
        let path = self.layout.entry(id);
        let file = match self.disk.read(&path) {
            Err(QueueError::Storage { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                if in_flight {
                    return Err(QueueError::Damaged { id });
                }
                tracing::error!(%id, "its file was removed by somebody else");
                self.forget(id);
                return Err(QueueError::Damaged { id });
            }
            read => zeroize::Zeroizing::new(read?),
        };
        match self.keys.get(key_id).and_then(|key| entry::open(&file, key)) {
            Some(update) => Ok(update),
            None if in_flight => Err(QueueError::Damaged { id }),
            None => {
                self.quarantine.take(&path, "changed");
                self.forget(id);
                Err(QueueError::Damaged { id })
            }
        }
    }

    /// Drops an update from memory and index after its file is gone, and its key with the last entry.
    pub(super) fn forget(&mut self, id: UpdateId) -> Option<Item> {
        let item = self.lanes.remove(id)?;
        self.ahead.forget(id);
        self.index.change(vec![Change::Remove(id)], Wait::No);
        self.retire(item.key);
        Some(item)
    }

    /// Destroys a data key if nothing needs it any more.
    pub(super) fn retire(&mut self, key: KeyId) {
        let needed = self.lanes.iter().any(|(_, item)| item.key == key)
            || self.foreign.iter().any(|foreign| foreign.key == key)
            || self.quarantine.needs(key);
        if !needed && let Err(error) = self.keys.destroy(key) {
            tracing::warn!(%error, "a data key outlives its entries until the next start");
        }
    }

    /// Tells the index how an update stands.
    pub(super) fn record(&mut self, id: UpdateId, wait: Wait) {
        let Some(item) = self.lanes.get(id) else { return };
        let row = row::encode(id, item, self.keys.get(item.key));
        self.index.change(vec![Change::Put(id, row)], wait);
    }

    pub(super) fn usage(&self, now: WallTime) -> Usage {
        let tally = self.lanes.tally();
        let foreign: u64 = self.foreign.iter().map(|foreign| foreign.bytes).sum();
        Usage {
            bytes: tally.bytes + foreign,
            items: tally.items() + self.foreign.len(),
            oldest: tally.oldest(now),
            oldest_untried: tally.oldest_untried(now),
            free: self.disk.free_bytes(&self.layout.root),
        }
    }
}
