//! Checks every file of the queue and the index against each other, and changes nothing.
//!
//! It says of each thing that is wrong whether something was [`Gravity::Damaged`], or whether it is a
//! [`Gravity::Leftover`] that the next start puts in order: a power cut leaves those behind.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::Queue;
use super::device_key::DeviceKey;
use super::entry;
use super::error::QueueError;
use super::fs::{Disk, TMP};
use super::index::{self, Opener, Rows};
use super::keys::KeyRing;
use super::lanes::{Item, Lanes, Standing};
use super::layout::{Layout, Name};
use super::note::Note;
use super::row;
use super::sled_store;
use super::state::State;
use crate::domain::UpdateId;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gravity {
    /// Something is not as it was written.
    Damaged,
    /// The next start puts it in order; nothing is lost.
    Leftover,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The update's id, or a file's name.
    pub object: String,
    /// How bad it is.
    pub gravity: Gravity,
    /// What is wrong with it.
    pub what: &'static str,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// Updates whose files were opened as a whole.
    pub checked: usize,
    /// Updates that were sealed with another device key and cannot be opened here.
    pub foreign: usize,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

impl Verification {
    /// Whether anything is damaged.
    pub fn is_damaged(&self) -> bool {
        self.findings.iter().any(|finding| finding.gravity == Gravity::Damaged)
    }

    pub(super) fn add(&mut self, object: impl ToString, gravity: Gravity, what: &'static str) {
        self.findings.push(Finding { object: object.to_string(), gravity, what });
    }
}

/// So many updates are looked at before others get their turn.
const AT_ONCE: usize = 32;

/// Checks an open queue.
pub(super) fn verify_open(queue: &Queue) -> Result<Verification, QueueError> {
    let state = queue.state();
    let paths = state.disk.list(&state.layout.entries)?;
    drop(state);
    let mut found = Verification::default();
    for path in paths {
        queue.state().inspector(None).look(&path, &mut found);
    }
    let state = queue.state();
    let ids: Vec<UpdateId> = state.lanes.iter().map(|(id, _)| id).collect();
    let rows = state.index.rows();
    drop(state);
    for some in ids.chunks(AT_ONCE) {
        queue.state().inspector(None).look_for_missing(some, &mut found);
    }
    let Some(rows) = rows else {
        found.add("index", Gravity::Damaged, "it cannot be used; the queue goes on without it");
        return Ok(found);
    };
    look_at_rows(queue, rows, &mut found);
    Ok(found)
}

/// Checks rows of an open queue's index. While others have their turn rows come and go: what looks wrong is looked
/// at again, by the rows of that moment.
fn look_at_rows(queue: &Queue, mut rows: Rows, found: &mut Verification) {
    let mut suspects = BTreeSet::new();
    while let Some(last) = rows.keys().nth(AT_ONCE - 1).or_else(|| rows.keys().last()).copied() {
        let later = rows.split_off(&UpdateId(last.0.saturating_add(1)));
        let some = std::mem::replace(&mut rows, later);
        let mut doubts = Verification::default();
        queue.state().inspector(None).look_at_each_row(&some, &mut doubts);
        if !doubts.findings.is_empty() {
            suspects.extend(some.into_keys());
        }
    }
    let state = queue.state();
    let Some(now) = state.index.rows() else { return };
    let inspector = state.inspector(Some(&now));
    inspector.look_for_rows(found);
    let again = now.iter().filter(|(id, _)| suspects.contains(id));
    let again = again.map(|(id, row)| (*id, row.clone())).collect();
    inspector.look_at_each_row(&again, found);
}

/// Checks a queue that is not open, without putting anything in order.
pub(super) fn verify_closed(
    disk: &Disk,
    layout: &Layout,
    key: DeviceKey,
    scratch: &Path,
) -> Result<Verification, QueueError> {
    let mut found = Verification::default();
    let keys = KeyRing::load(disk, &layout.keys, key)?;
    for path in keys.damaged() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        found.add(name, Gravity::Damaged, "not a data key as it was written");
    }
    let opener: Opener = Arc::new(sled_store::open);
    let rows = match index::rows_of_copy(&layout.index, scratch, &opener) {
        Ok(rows) => Some(rows),
        Err(why) => {
            tracing::debug!(why, "the index does not open");
            found.add("index", Gravity::Damaged, "it does not open; the next start builds it anew");
            None
        }
    };
    let inspector = Inspector { disk, layout, keys: &keys, lanes: None, rows: rows.as_ref() };
    for path in disk.list(&layout.entries)? {
        inspector.look(&path, &mut found);
    }
    inspector.look_at_rows(&mut found);
    Ok(found)
}

/// What the files are checked against.
pub(super) struct Inspector<'a> {
    pub(super) disk: &'a Disk,
    pub(super) layout: &'a Layout,
    pub(super) keys: &'a KeyRing,
    /// What an open queue holds in memory.
    pub(super) lanes: Option<&'a Lanes>,
    pub(super) rows: Option<&'a Rows>,
}

impl State {
    /// What the files of this open queue are checked against.
    pub(super) fn inspector<'a>(&'a self, rows: Option<&'a Rows>) -> Inspector<'a> {
        let (disk, layout, keys) = (&self.disk, &self.layout, &self.keys);
        Inspector { disk, layout, keys, lanes: Some(&self.lanes), rows }
    }
}

impl Inspector<'_> {
    /// Checks one file of `entries/`.
    pub(super) fn look(&self, path: &Path, found: &mut Verification) {
        match self.layout.name(path) {
            Name::Entry(id) => self.look_at_entry(id, path, found),
            Name::Note(id) => self.look_at_note(id, path, found),
            Name::Strange => {
                let leftover = path.extension().is_some_and(|extension| extension == TMP);
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                match leftover {
                    true => found.add(name, Gravity::Leftover, "was being written at a power cut"),
                    false => found.add(name, Gravity::Damaged, "not a file of the queue"),
                }
            }
        }
    }

    /// Checks these of what must have a file.
    pub(super) fn look_for_missing(&self, ids: &[UpdateId], found: &mut Verification) {
        for id in ids.iter().copied() {
            let Some(item) = self.lanes.and_then(|lanes| lanes.get(id)) else { continue };
            if item.standing != Standing::Leaving
                && self.disk.read_start(&self.layout.entry(id), 0).is_err()
            {
                found.add(id, Gravity::Damaged, "its file is gone or cannot be read");
            }
        }
    }

    /// Checks the rows of the index. They are kept lazily: one that is missing costs a counter.
    pub(super) fn look_at_rows(&self, found: &mut Verification) {
        let Some(rows) = self.rows else { return };
        self.look_at_each_row(rows, found);
        self.look_for_rows(found);
    }

    /// Checks that every update has a row.
    fn look_for_rows(&self, found: &mut Verification) {
        let Some(rows) = self.rows else { return };
        for path in self.disk.list(&self.layout.entries).unwrap_or_default() {
            if let Name::Entry(id) = self.layout.name(&path)
                && !rows.contains_key(&id)
            {
                found.add(id, Gravity::Leftover, "the index has no row for it");
            }
        }
    }

    /// Checks these rows of the index.
    pub(super) fn look_at_each_row(&self, rows: &Rows, found: &mut Verification) {
        let stays = |id: &UpdateId| {
            let item = self.lanes.and_then(|lanes| lanes.get(*id));
            item.is_none_or(|item| item.standing != Standing::Leaving)
        };
        for (id, bytes) in rows.iter().filter(|(id, _)| stays(id)) {
            let start = self.disk.read_start(&self.layout.entry(*id), entry::HEADER);
            match start.ok().map(|(start, _)| entry::parse_unchecked(&start)) {
                None => found.add(id, Gravity::Leftover, "the index has a row, but it is gone"),
                Some(Some(header)) if !row::belongs(bytes, &header.tag) => {
                    found.add(id, Gravity::Damaged, "its row in the index is not its own");
                }
                Some(_) => {}
            }
        }
    }

    fn look_at_entry(&self, id: UpdateId, path: &Path, found: &mut Verification) {
        let file = match self.disk.read(path) {
            Ok(file) => zeroize::Zeroizing::new(file),
            // Delivered since the directory was listed; what is held in memory is looked for by itself.
            Err(_) if self.disk.read_start(path, 0).is_err() && self.lanes.is_some() => return,
            Err(_) => return found.add(id, Gravity::Damaged, "the disk cannot read its file"),
        };
        let Some((header, head_end)) = entry::parse_header(&file, file.len() as u64) else {
            return found.add(id, Gravity::Damaged, "its file is torn");
        };
        if header.id != id {
            return found.add(id, Gravity::Damaged, "its file is a copy of another update's");
        }
        let Some(key) = self.keys.get(header.key) else {
            if header.fingerprint != self.keys.device().fingerprint {
                found.foreign += 1;
                return;
            }
            return found.add(id, Gravity::Damaged, "its data key is gone");
        };
        found.checked += 1;
        let Some(head) = entry::open_head(&file, head_end, key) else {
            return found.add(id, Gravity::Damaged, "its header or sealed head was changed");
        };
        let Some(update) = entry::open(&file, key) else {
            return found.add(id, Gravity::Damaged, "its sealed body was changed");
        };
        if update.field_names() != head.fields {
            found.add(id, Gravity::Damaged, "its head and its body name different fields");
        }
        if let Some(lanes) = self.lanes {
            match lanes.get(id) {
                Some(item) => self.compare(id, item, &head, &file, found),
                None => found.add(id, Gravity::Leftover, "its file still lies there, replaced"),
            }
        }
    }

    fn compare(
        &self,
        id: UpdateId,
        item: &Item,
        head: &entry::Head,
        file: &[u8],
        found: &mut Verification,
    ) {
        let same = item.person_id == head.person_id
            && item.fields == head.fields
            && item.images == head.images
            && item.bytes == file.len() as u64;
        if !same {
            found.add(id, Gravity::Damaged, "its file is not what the queue took in");
        }
        let parked = matches!(item.standing, Standing::Parked { .. });
        if parked && self.disk.read_start(&self.layout.note(id), 0).is_err() {
            found.add(id, Gravity::Damaged, "it is parked, but the note that says so is gone");
        }
    }

    fn look_at_note(&self, id: UpdateId, path: &Path, found: &mut Verification) {
        let entry = self.disk.read_start(&self.layout.entry(id), entry::HEADER);
        let Ok((start, _)) = entry else {
            return found.add(id, Gravity::Leftover, "it is gone, but its note still lies there");
        };
        let key = entry::parse_unchecked(&start).and_then(|header| self.keys.get(header.key));
        let Some(key) = key else { return };
        let file = self.disk.read(path).unwrap_or_default();
        if Note::open(&file, id, key).is_none() {
            found.add(id, Gravity::Damaged, "the note that says why it is parked was changed");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::super::QueueOptions;
    use super::super::memory_fs::MemoryFs;
    use super::super::samples::{NOW, named};
    use super::*;

    const ENTRY: &str = "/queue/entries/0000000000000001.entry";
    const NOTE: &str = "/queue/entries/0000000000000001.parked";

    /// A queue with one parked and one queued update.
    fn queue(fs: &Arc<MemoryFs>) -> Queue {
        let options = QueueOptions { reserve_bytes: 0, ..QueueOptions::default() };
        let queue = Queue::open_on(fs.clone(), DeviceKey::for_test(1), options, NOW).unwrap().0;
        let id = queue.enqueue(named("p1", "Ada"), NOW).unwrap().id;
        queue.set_aside(id, "exported to x").unwrap();
        queue.enqueue(named("p2", "Bob"), NOW).unwrap();
        queue
    }

    fn found(queue: &Queue) -> Vec<(String, Gravity, &'static str)> {
        let found = queue.verify().unwrap().findings.into_iter();
        // A queue of a test's making has no index.
        let found = found.filter(|finding| finding.object != "index");
        found.map(|finding| (finding.object, finding.gravity, finding.what)).collect()
    }

    fn one(path: &str, bytes: Option<&[u8]>) -> (String, Gravity, &'static str) {
        let fs = Arc::new(MemoryFs::default());
        let queue = queue(&fs);
        assert_eq!(found(&queue), []);
        fs.tamper(Path::new(path), bytes.map(<[u8]>::to_vec));
        let before = fs.files();
        let mut found = found(&queue);
        assert_eq!((found.len(), fs.files() == before), (1, true), "{found:?}");
        found.remove(0)
    }

    #[test]
    fn each_kind_of_damage_is_named_with_its_update_and_nothing_is_touched() {
        let damaged = |object: &str, what| (object.to_owned(), Gravity::Damaged, what);
        assert_eq!(one(ENTRY, Some(b"torn")), damaged("u1", "its file is torn"));
        assert_eq!(
            one(NOTE, Some(b"torn")),
            damaged("u1", "the note that says why it is parked was changed")
        );
        assert_eq!(
            one(NOTE, None),
            damaged("u1", "it is parked, but the note that says so is gone")
        );
        let strange = "/queue/entries/holiday.jpg";
        assert_eq!(one(strange, Some(b"x")), damaged("holiday.jpg", "not a file of the queue"));
        let second = "/queue/entries/0000000000000002.entry";
        assert_eq!(one(second, None), damaged("u2", "its file is gone or cannot be read"));
    }

    #[test]
    fn what_a_power_cut_leaves_behind_is_no_damage() {
        let leftover = "/queue/entries/0000000000000003.entry.tmp";
        assert_eq!(one(leftover, Some(b"half")).1, Gravity::Leftover);
    }

    #[test]
    fn a_row_of_another_lane_is_damage_and_a_missing_one_is_not() {
        let fs = Arc::new(MemoryFs::default());
        let queue = queue(&fs);
        let state = queue.state();
        let row = |id: u64| {
            let item = state.lanes.get(UpdateId(id)).unwrap();
            row::encode(UpdateId(id), item, state.keys.get(item.key))
        };
        let gravities = |rows: &Rows| {
            let mut found = Verification::default();
            state.inspector(Some(rows)).look_at_rows(&mut found);
            found.findings.into_iter().map(|it| (it.object, it.gravity)).collect::<Vec<_>>()
        };
        let right = Rows::from([(UpdateId(1), row(1)), (UpdateId(2), row(2))]);
        assert_eq!(gravities(&right), []);
        let swapped = Rows::from([(UpdateId(1), row(2)), (UpdateId(2), row(2))]);
        assert_eq!(gravities(&swapped), [("u1".to_owned(), Gravity::Damaged)]);
        let lazy = Rows::from([(UpdateId(2), row(2)), (UpdateId(9), row(2))]);
        assert_eq!(
            gravities(&lazy),
            [("u9".to_owned(), Gravity::Leftover), ("u1".to_owned(), Gravity::Leftover)]
        );
    }
}
