//! What every start does: it brings a directory, in whatever state it was left, back to order.
//!
//! It is never fatal: what cannot be used is put aside, what was half done is finished or undone.

use std::collections::BTreeSet;
use std::path::Path;

use super::DeviceKey;
use super::entry::{self, Head, Header};
use super::error::QueueError;
use super::fs::{Disk, TMP};
use super::index::{Deadlines, Index, IndexHealth, Opener, Rows};
use super::keys::{KeyId, KeyRing};
use super::lanes::{Item, Lanes, Standing};
use super::layout::{Layout, Name};
use super::note::Note;
use super::quarantine::Quarantine;
use super::receipts::Receipts;
use super::retention::QueueOptions;
use super::row;
use super::sequence::Sequence;
use super::state::{Foreign, State};
use crate::domain::{UpdateId, WallTime};

/// One page: the header and head of almost every entry lie in it.
const FIRST_READ: usize = 4_096;

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
    /// Updates that were sealed with another device key; left alone.
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
    for dir in layout.directories() {
        disk.make_dir(dir)?;
    }
    release_reserve(disk, &layout, &options);
    let leftovers = remove_leftovers(disk, &layout);
    let quarantine = Quarantine::load(disk, &layout.quarantine, options.max_age, now)?;
    let receipt_key = device.receipts.clone();
    let (receipts, no_receipts) =
        Receipts::load(disk, &layout.receipts, receipt_key, options.max_age, now)?;
    let (keys, no_keys) = KeyRing::load(disk, &layout.keys, device)?;
    let mut start = Start {
        disk,
        layout: &layout,
        keys,
        quarantine,
        lanes: Lanes::default(),
        foreign: vec![],
        taken: 0,
    };
    for path in no_receipts.iter().chain(&no_keys) {
        start.put_aside(path, "damaged");
    }
    let superseded = start.read_entries()?;
    start.read_notes()?;
    let (index, rows) = match opener {
        Some(opener) => Index::open(&layout.index, opener, Deadlines::default()),
        None => (Index::absent(), Rows::new()),
    };
    let highest = [
        start.lanes.iter().next_back().map(|(id, _)| id),
        start.foreign.iter().map(|foreign| foreign.id).max(),
        start.quarantine.highest(),
        receipts.highest(),
        rows.keys().next_back().copied(),
    ];
    let sequence = Sequence::load(disk, &layout.sequence, highest.into_iter().flatten().max());
    let Start { keys, quarantine, lanes, foreign, taken, .. } = start;
    let mut state = State {
        disk: disk.clone(),
        layout,
        options,
        keys,
        lanes,
        index,
        receipts,
        sequence,
        quarantine,
        foreign,
        doomed: BTreeSet::new(),
    };
    state.apply_rows(&rows);
    state.put_keys_in_order();
    state.restore_reserve();
    let recovery = Recovery {
        updates: state.lanes.iter().count(),
        leftovers,
        superseded,
        quarantined: taken,
        foreign: state.foreign.len(),
        index: state.index.health(),
    };
    Ok((state, recovery))
}

/// Gives up the ballast when the disk is full: without some room nothing can be opened.
fn release_reserve(disk: &Disk, layout: &Layout, options: &QueueOptions) {
    if disk.free_bytes(&layout.root).is_some_and(|free| free < options.reserve_bytes)
        && let Err(error) = disk.remove(&layout.reserve)
    {
        tracing::warn!(%error, "the reserve cannot be released");
    }
}

fn remove_leftovers(disk: &Disk, layout: &Layout) -> usize {
    let dirs = [&layout.root, &layout.entries, &layout.keys, &layout.receipts];
    let leftovers = dirs.into_iter().flat_map(|dir| disk.list(dir).unwrap_or_default());
    leftovers
        .filter(|path| path.extension().is_some_and(|extension| extension == TMP))
        .filter(|path| disk.unlink(path).is_ok())
        .count()
}

/// The part of the state that is built from the files.
struct Start<'a> {
    disk: &'a Disk,
    layout: &'a Layout,
    keys: KeyRing,
    quarantine: Quarantine,
    lanes: Lanes,
    foreign: Vec<Foreign>,
    taken: usize,
}

enum Look {
    Ours(Header, Head, u64),
    Foreign(KeyId, u64),
    Useless(&'static str),
}

impl Start<'_> {
    fn put_aside(&mut self, path: &Path, why: &'static str) {
        self.quarantine.take(path, why);
        self.taken += 1;
    }

    /// Takes every entry in, and finishes the removal of those that a newer one replaced.
    fn read_entries(&mut self) -> Result<usize, QueueError> {
        let mut superseded = BTreeSet::new();
        for path in self.disk.list(&self.layout.entries)? {
            match self.layout.name(&path) {
                Name::Note(_) => {}
                Name::Strange => self.put_aside(&path, "not a file of the queue"),
                Name::Entry(id) => match self.look(&path, id) {
                    Look::Ours(header, head, bytes) => {
                        superseded.extend(head.supersedes.iter().copied());
                        self.lanes.insert(id, item(&header, head, bytes));
                    }
                    Look::Foreign(key, bytes) => self.foreign.push(Foreign { id, key, bytes }),
                    Look::Useless(why) => self.put_aside(&path, why),
                },
            }
        }
        let mut finished = 0;
        for id in superseded {
            if self.lanes.remove(id).is_some() {
                self.disk.unlink(&self.layout.note(id))?;
                self.disk.remove(&self.layout.entry(id))?;
                finished += 1;
            }
        }
        Ok(finished)
    }

    fn look(&self, path: &Path, id: UpdateId) -> Look {
        let Ok((mut start, bytes)) = self.disk.read_start(path, FIRST_READ) else {
            return Look::Useless("unreadable");
        };
        let Some((header, head_end)) = entry::parse_header(&start, bytes) else {
            return Look::Useless("torn");
        };
        if header.id != id {
            return Look::Useless("a copy under another name");
        }
        let Some(key) = self.keys.get(header.key) else {
            let ours = header.fingerprint == self.keys.device().fingerprint;
            return if ours {
                Look::Useless("its key is lost")
            } else {
                Look::Foreign(header.key, bytes)
            };
        };
        if head_end > start.len() {
            match self.disk.read_start(path, head_end) {
                Ok((longer, _)) => start = longer,
                Err(_) => return Look::Useless("unreadable"),
            }
        }
        match entry::open_head(&start, head_end, key) {
            Some(head) => Look::Ours(header, head, bytes),
            None => Look::Useless("changed"),
        }
    }

    /// Parks what has a note. A damaged note still parks: it was written for a reason.
    fn read_notes(&mut self) -> Result<(), QueueError> {
        for path in self.disk.list(&self.layout.entries)? {
            let Name::Note(id) = self.layout.name(&path) else { continue };
            let Some(item) = self.lanes.get_mut(id) else {
                if !self.foreign.iter().any(|foreign| foreign.id == id) {
                    self.disk.unlink(&path)?;
                }
                continue;
            };
            let file = self.disk.read(&path).unwrap_or_default();
            let key = self.keys.get(item.key);
            match key.and_then(|key| Note::open(&file, id, key)) {
                Some(note) => {
                    item.attempts = note.attempts;
                    item.reason = Some(note.reason);
                    item.standing =
                        Standing::Parked { outdated_by: note.outdated_by.map(UpdateId) };
                }
                None => {
                    item.reason = Some("parked, but the note that says why is damaged".into());
                    item.standing = Standing::Parked { outdated_by: None };
                }
            }
        }
        Ok(())
    }
}

fn item(header: &Header, head: Head, bytes: u64) -> Item {
    Item {
        lane: header.tag,
        key: header.key,
        person_id: head.person_id,
        fields: head.fields,
        images: head.images,
        bytes,
        enqueued_at: header.enqueued_at,
        standing: Standing::Queued,
        attempts: 0,
        not_before: None,
        position: header.id.0,
        reason: None,
    }
}

impl State {
    /// Adds what the index knows to what the files say, then makes the index say no more than the files.
    fn apply_rows(&mut self, rows: &Rows) {
        let keys = &self.keys;
        let ids: Vec<_> = self.lanes.iter().map(|(id, _)| id).collect();
        let mut changes = Vec::new();
        for id in &ids {
            let Some(item) = self.lanes.get_mut(*id) else { continue };
            let key = keys.get(item.key);
            match (rows.get(id), key) {
                (Some(bytes), Some(key)) if item.standing == Standing::Queued => {
                    row::apply(bytes, *id, item, key);
                }
                (Some(_), _) => {}
                (None, key) => {
                    changes.push(super::index::Change::Put(*id, row::encode(*id, item, key)))
                }
            }
        }
        if rows.is_empty() && !ids.is_empty() {
            self.index.mark_rebuilt();
        }
        let gone = rows.keys().filter(|id| self.lanes.get(**id).is_none());
        changes.extend(gone.map(|id| super::index::Change::Remove(*id)));
        if !changes.is_empty() {
            self.index.change(changes, super::index::Wait::No);
        }
    }

    /// Completes the twins and destroys the keys that nothing needs any more.
    fn put_keys_in_order(&mut self) {
        let mut used: BTreeSet<KeyId> = self.lanes.iter().map(|(_, item)| item.key).collect();
        used.extend(self.foreign.iter().map(|foreign| foreign.key));
        let quarantine = &self.quarantine;
        let done = self
            .keys
            .destroy_unless(|key| used.contains(&key) || quarantine.needs(key))
            .and_then(|()| self.keys.complete());
        if let Err(error) = done {
            tracing::warn!(%error, "the data keys are not in order");
        }
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
