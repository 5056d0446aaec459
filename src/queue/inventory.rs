//! Reads what lies in `entries/`: which updates there are, which were replaced, which are parked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::entry::{self, Head, Header};
use super::error::QueueError;
use super::fs::Disk;
use super::keys::KeyRing;
use super::lanes::{Item, Lanes, Standing};
use super::layout::{Layout, Name};
use super::note::Note;
use super::origins::Origin;
use super::quarantine::Quarantine;
use super::state::Foreign;
use crate::domain::{Receipt, UpdateId, WallTime};

/// One page: the header and head of almost every entry lie in it.
const FIRST_READ: usize = 4_096;

/// What was found, and what has to go.
pub(super) struct Inventory<'a> {
    pub(super) disk: &'a Disk,
    pub(super) layout: &'a Layout,
    pub(super) keys: &'a KeyRing,
    pub(super) quarantine: &'a mut Quarantine,
    pub(super) max_age: Duration,
    pub(super) now: WallTime,
    pub(super) lanes: Lanes,
    pub(super) foreign: Vec<Foreign>,
    /// Files that no longer count.
    pub(super) doomed: BTreeSet<PathBuf>,
    /// How many updates a newer one had replaced.
    pub(super) superseded: usize,
    /// Where the imported ones came from.
    pub(super) origins: Vec<Origin>,
}

enum Look {
    Ours(Header, Head, u64),
    /// Its key is not here.
    Foreign(Header, u64),
    Useless(&'static str),
}

impl Inventory<'_> {
    /// Takes every entry in, then its note, if it has one.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub(super) fn take(&mut self) -> Result<(), QueueError> {
        let mut replaced = BTreeSet::new();
        let mut notes = Vec::new();
        for path in self.disk.list(&self.layout.entries)? {
            match self.layout.name(&path) {
                Name::Note(id) => notes.push((id, path)),
                Name::Strange => self.quarantine.take(&path, "not a file of the queue"),
                Name::Entry(id) => self.take_entry(id, &path, &mut replaced),
            }
        }
        for id in replaced {
            if self.lanes.remove(id).is_some() {
                self.doomed.insert(self.layout.entry(id));
                self.superseded += 1;
            }
        }
        for (id, path) in notes {
            self.take_note(id, path);
        }
        Ok(())
    }

    fn take_entry(&mut self, id: UpdateId, path: &Path, replaced: &mut BTreeSet<UpdateId>) {
        match self.look(path, id) {
            Look::Ours(header, head, bytes) => {
                replaced.extend(head.supersedes.iter().copied());
                self.origins.extend(head.origin);
                self.lanes.insert(id, item(&header, head, bytes));
            }
            Look::Foreign(header, _) if self.now.since(header.enqueued_at) > self.max_age => {
                self.quarantine.take(path, "its key did not come back");
            }
            Look::Foreign(header, bytes) => {
                self.foreign.push(Foreign { id, key: header.key, bytes });
            }
            Look::Useless(why) => self.quarantine.take(path, why),
        }
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
        let Some(key) = self.keys.get(header.key) else { return Look::Foreign(header, bytes) };
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
    fn take_note(&mut self, id: UpdateId, path: PathBuf) {
        let Some(key) = self.lanes.get(id).map(|item| item.key) else {
            if !self.foreign.iter().any(|foreign| foreign.id == id) {
                self.doomed.insert(path);
            }
            return;
        };
        let file = self.disk.read(&path).unwrap_or_default();
        let note = self.keys.get(key).and_then(|key| Note::open(&file, id, key));
        self.lanes.change(id, |item| match note {
            Some(note) => {
                let outdated_by = note.outdated_by.map(UpdateId);
                item.attempts = note.attempts;
                item.reason = Some(note.reason);
                item.standing = Standing::Parked { outdated_by };
            }
            None => {
                item.reason = Some("parked, but the note that says why is damaged".to_owned());
                item.standing = Standing::Parked { outdated_by: None };
            }
        });
    }
}

/// Parks what was overtaken: a receipt tells that a newer update of the person changed the same fields.
///
/// In order this never happens. It does when a note was lost, or a key or a backup came back.
pub(super) fn park_overtaken(lanes: &mut Lanes, receipts: &[Receipt]) -> Vec<(UpdateId, UpdateId)> {
    let mut of_person: BTreeMap<&str, Vec<&Receipt>> = BTreeMap::new();
    for receipt in receipts {
        of_person.entry(receipt.person_id.as_str()).or_default().push(receipt);
    }
    let overtaken: Vec<_> = lanes
        .iter()
        .filter(|(_, item)| !matches!(item.standing, Standing::Parked { outdated_by: Some(_) }))
        .filter_map(|(id, item)| {
            let same = |receipt: &&&Receipt| {
                receipt.id > id
                    && item.fields.iter().any(|field| receipt.fields.iter().any(|f| f == field))
            };
            let by = of_person.get(item.person_id.as_str())?.iter().find(same)?.id;
            Some((id, by))
        })
        .collect();
    for (id, by) in &overtaken {
        lanes.change(*id, |item| {
            item.standing = Standing::Parked { outdated_by: Some(*by) };
            item.reason.get_or_insert_with(|| format!("{by} changed the same fields meanwhile"));
        });
    }
    overtaken
}

fn item(header: &Header, head: Head, bytes: u64) -> Item {
    Item {
        lane: header.tag,
        key: header.key,
        person_id: head.person_id,
        fields: head.fields,
        images: head.images,
        capture: head.capture,
        bytes,
        enqueued_at: header.enqueued_at,
        imported: head.origin.is_some(),
        standing: Standing::Queued,
        attempts: 0,
        not_before: None,
        position: header.id.0,
        turn: 0,
        reason: None,
    }
}
