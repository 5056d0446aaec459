//! What every start does: it brings a directory, in whatever state it was left, back to order.
//!
//! It is never fatal: what cannot be used is put aside, what was half done is finished or undone.

use std::collections::BTreeSet;

use super::DeviceKey;
use super::ahead::Ahead;
use super::error::QueueError;
use super::fs::{Disk, TMP};
use super::index::{Change, Deadlines, Index, IndexHealth, Opener, Rows, Wait};
use super::inventory::{Inventory, park_overtaken};
use super::keys::{KeyId, KeyRing};
use super::lanes::{Lanes, Standing};
use super::layout::Layout;
use super::origins::Origins;
use super::quarantine::Quarantine;
use super::receipts::Receipts;
use super::retention::QueueOptions;
use super::row;
use super::sequence::Sequence;
use super::state::{Foreign, State};
use crate::domain::{UpdateId, WallTime};

/// What a start found and put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// Updates that wait or are parked.
    pub updates: usize,
    /// Files that were being written when the device stopped; removed.
    pub leftovers: usize,
    /// Updates that a newer one had replaced; their removal was finished.
    pub superseded: usize,
    /// Files that cannot be used; moved to the quarantine.
    pub quarantined: usize,
    /// Updates whose key is not here (most often: another device key); left alone until it comes back.
    pub foreign: usize,
    /// How the index is.
    pub index: IndexHealth,
}

/// Opens what lies in a directory.
pub(super) fn recover(
    disk: &Disk,
    layout: Layout,
    device: DeviceKey,
    options: QueueOptions,
    opener: Option<&Opener>,
    now: WallTime,
) -> Result<(State, Recovery), QueueError> {
    layout.directories().into_iter().try_for_each(|dir| disk.make_dir(dir))?;
    release_reserve(disk, &layout, &options);
    let staged = finish_receipts(disk, &layout, &device)?;
    let leftovers = staged + remove_leftovers(disk, &layout);
    let mut quarantine = Quarantine::load(disk, &layout.quarantine, options.max_age, now)?;
    let receipts = Receipts::load(disk, &layout.receipts, &device, options.max_age, now)?;
    let keys = KeyRing::load(disk, &layout.keys, device)?;
    for path in receipts.damaged().chain(keys.damaged()) {
        quarantine.take(path, "damaged");
    }
    let mut found = Inventory {
        disk,
        layout: &layout,
        keys: &keys,
        quarantine: &mut quarantine,
        max_age: options.max_age,
        now,
        lanes: Lanes::default(),
        foreign: Vec::new(),
        doomed: BTreeSet::new(),
        superseded: 0,
        origins: Vec::new(),
    };
    found.take()?;
    let Inventory { lanes, foreign, doomed, superseded, origins: imported, .. } = found;
    let origins = Origins::load(disk, &layout, &imported)?;
    let (index, rows) = open_index(&layout, opener);
    let highest = [
        highest_of(&lanes, &foreign),
        quarantine.highest(),
        receipts.highest(),
        rows.keys().next_back().copied(),
    ];
    let sequence = Sequence::load(disk, &layout.sequence, highest.into_iter().flatten().max());
    let mut state = State {
        disk: disk.clone(),
        layout,
        options,
        keys,
        lanes,
        ahead: Ahead::default(),
        index,
        receipts,
        sequence,
        quarantine,
        foreign,
        doomed,
        origins,
    };
    state.apply_rows(&rows);
    state.put_in_order();
    let recovery = Recovery {
        updates: state.lanes.tally().items(),
        leftovers,
        superseded,
        quarantined: state.quarantine.taken(),
        foreign: state.foreign.len(),
        index: state.index.health(),
    };
    Ok((state, recovery))
}

fn open_index(layout: &Layout, opener: Option<&Opener>) -> (Index, Rows) {
    match opener {
        Some(opener) => Index::open(&layout.index, opener, Deadlines::default()),
        None => (Index::absent(), Rows::new()),
    }
}

fn highest_of(lanes: &Lanes, foreign: &[Foreign]) -> Option<UpdateId> {
    let ours = lanes.iter().next_back().map(|(id, _)| id);
    ours.max(foreign.iter().map(|foreign| foreign.id).max())
}

/// Gives up the ballast when the disk is full: without some room nothing can be opened.
fn release_reserve(disk: &Disk, layout: &Layout, options: &QueueOptions) {
    if disk.free_bytes(&layout.root).is_some_and(|free| free < options.reserve_bytes)
        && let Err(error) = disk.remove(&layout.reserve)
    {
        tracing::warn!(%error, "the reserve cannot be released");
    }
}

/// Before the receipts are read: what was delivered last may decide about parked updates.
fn finish_receipts(disk: &Disk, layout: &Layout, device: &DeviceKey) -> Result<usize, QueueError> {
    let entries: BTreeSet<_> = disk.list(&layout.entries)?.into_iter().collect();
    let is_queued = |id| entries.contains(&layout.entry(id));
    Receipts::finish_staged(disk, &layout.receipts, device, is_queued)
}

fn remove_leftovers(disk: &Disk, layout: &Layout) -> usize {
    let dirs = [&layout.root, &layout.entries, &layout.keys];
    let leftovers = dirs.into_iter().flat_map(|dir| disk.list(dir).unwrap_or_default());
    leftovers
        .filter(|path| path.extension().is_some_and(|extension| extension == TMP))
        .filter(|path| disk.unlink(path).is_ok())
        .count()
}

impl State {
    /// Adds what the index knows to what the files say, then makes the index say no more than the files.
    fn apply_rows(&mut self, rows: &Rows) {
        let keys = &self.keys;
        let ids: Vec<_> = self.lanes.iter().map(|(id, _)| id).collect();
        let mut changes = Vec::new();
        for id in &ids {
            let Some(item) = self.lanes.get(*id) else { continue };
            let key = keys.get(item.key);
            match (rows.get(id), key) {
                (Some(bytes), Some(key)) if item.standing == Standing::Queued => {
                    self.lanes.change(*id, |item| row::apply(bytes, *id, item, key));
                }
                (Some(_), _) => {}
                (None, key) => changes.push(Change::Put(*id, row::encode(*id, item, key))),
            }
        }
        if rows.is_empty() && !ids.is_empty() {
            self.index.mark_rebuilt();
        }
        let gone = rows.keys().filter(|id| self.lanes.get(**id).is_none());
        changes.extend(gone.map(|id| Change::Remove(*id)));
        if !changes.is_empty() {
            self.index.change(changes, Wait::No);
        }
    }

    /// Finishes what was begun. What the disk refuses now is left for the next start.
    fn put_in_order(&mut self) {
        for (id, by) in park_overtaken(&mut self.lanes, &self.receipts.list()) {
            tracing::error!(%id, %by, "older than what was delivered and parked: a person must look");
            if let Err(error) = self.write_note(id, Some(by)) {
                tracing::warn!(%id, %error, "cannot be noted");
            }
        }
        let swept = self.sweep().and_then(|()| self.put_keys_in_order());
        if let Err(error) = swept {
            tracing::warn!(%error, "what is no longer needed cannot be removed yet");
        }
        self.restore_reserve();
    }

    /// Completes the twins and destroys the keys that nothing needs any more.
    fn put_keys_in_order(&mut self) -> Result<(), QueueError> {
        let mut used: BTreeSet<KeyId> = self.lanes.iter().map(|(_, item)| item.key).collect();
        used.extend(self.foreign.iter().map(|foreign| foreign.key));
        let quarantine = &self.quarantine;
        self.keys.destroy_unless(|key| used.contains(&key) || quarantine.needs(key))?;
        self.keys.complete()
    }

    /// Writes the ballast again once there is plenty of room.
    fn restore_reserve(&self) {
        let bytes = self.options.reserve_bytes;
        let there = self.disk.read_start(&self.layout.reserve, 0).is_ok();
        let roomy = self
            .disk
            .free_bytes(&self.layout.root)
            .is_some_and(|free| free > bytes.saturating_mul(8));
        if bytes > 0 && !there && roomy {
            let ballast = vec![0; usize::try_from(bytes).unwrap_or(0)];
            if let Err(error) = self.disk.put(&self.layout.reserve, &ballast) {
                tracing::warn!(%error, "the reserve cannot be written");
            }
        }
    }
}
