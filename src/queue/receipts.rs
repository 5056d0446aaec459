//! The last receipts on disk, a bounded ring: `receipts/<id>.receipt`, sealed with a key of the device.
//!
//! They hold ids, names of fields and times; no face and no field's value.
//!
//! A receipt is staged, durably, before the removal of its update is. From the moment that one is durable the
//! staged receipt counts: its new name costs no sync of its own, a start gives it the name that a power cut took.
//!
//! ```text
//!  0   8  "KENRRCP" and the version, 1
//!  8   8  sequence number, little endian
//! 16   …  sealed JSON, bound to the 16 bytes before it
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::capture::StoredCapture;
use super::device_key::DeviceKey;
use super::error::QueueError;
use super::fs::{Disk, TMP};
use super::seal::Secret;
use crate::domain::{Confirmation, PersonId, Receipt, UpdateId, WallTime};

const MAGIC: [u8; 8] = *b"KENRRCP\x01";
const PREFIX: usize = 16;
/// How many receipts are kept.
pub(super) const KEPT: usize = 500;
/// How much of the server's words is kept.
const MAX_WORDS: usize = 300;

#[derive(Serialize, Deserialize)]
struct Stored {
    person_id: String,
    fields: Vec<String>,
    images: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    capture: Option<StoredCapture>,
    enqueued_at: i64,
    delivered_at: i64,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    unconfirmed: Option<String>,
}

/// Writes receipts to the disk, without the ring.
#[derive(Clone)]
pub(super) struct Stager {
    disk: Disk,
    dir: PathBuf,
    key: Secret,
}

/// The receipts that are kept.
pub(super) struct Receipts {
    stager: Stager,
    kept: BTreeMap<UpdateId, Receipt>,
    damaged: Vec<PathBuf>,
}

impl Receipts {
    /// Loads the receipts of a directory, and removes those older than `max_age`.
    pub(super) fn load(
        disk: &Disk,
        dir: &Path,
        device: &DeviceKey,
        max_age: Duration,
        now: WallTime,
    ) -> Result<Self, QueueError> {
        let mut receipts = Self {
            stager: Stager {
                disk: disk.clone(),
                dir: dir.to_owned(),
                key: device.receipts.clone(),
            },
            kept: BTreeMap::new(),
            damaged: Vec::new(),
        };
        for path in disk.list(dir)? {
            let bytes = disk.read(&path).unwrap_or_default();
            match open(&bytes, &receipts.stager.key) {
                Some(receipt) if path != receipts.path(receipt.id) => receipts.damaged.push(path),
                Some(receipt) if now.since(receipt.delivered_at) > max_age => {
                    let _ = disk.unlink(&path);
                }
                Some(receipt) => drop(receipts.kept.insert(receipt.id, receipt)),
                None => receipts.damaged.push(path),
            }
        }
        Ok(receipts)
    }

    /// The files that are no receipts.
    pub(super) fn damaged(&self) -> impl Iterator<Item = &PathBuf> {
        self.damaged.iter()
    }

    /// Gives staged receipts their names whose updates are gone, and removes the others; says how many those were.
    pub(super) fn finish_staged(
        disk: &Disk,
        dir: &Path,
        device: &DeviceKey,
        is_queued: impl Fn(UpdateId) -> bool,
    ) -> Result<usize, QueueError> {
        let mut removed = 0;
        for tmp in disk.list(dir)? {
            if tmp.extension().is_none_or(|extension| extension != TMP) {
                continue;
            }
            let path = tmp.with_extension("");
            let receipt = open(&disk.read(&tmp).unwrap_or_default(), &device.receipts);
            let counts = receipt
                .is_some_and(|receipt| path == path_of(dir, receipt.id) && !is_queued(receipt.id));
            let kept = counts && disk.rename_staged(&path).is_ok();
            if !kept && disk.unlink(&tmp).is_ok() {
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// What writes receipts before they count.
    pub(super) fn stager(&self) -> Stager {
        self.stager.clone()
    }

    /// Keeps the staged receipt; the one delivered first gives way when there are too many.
    pub(super) fn publish(&mut self, receipt: Receipt) -> Result<(), QueueError> {
        let path = self.path(receipt.id);
        self.kept.insert(receipt.id, receipt);
        while self.kept.len() > KEPT {
            let first = self.kept.values().min_by_key(|kept| (kept.delivered_at, kept.id));
            let Some(first) = first.map(|kept| kept.id) else { break };
            self.kept.remove(&first);
            self.stager.disk.unlink(&self.path(first))?;
        }
        self.stager.disk.rename_staged(&path)
    }

    /// The receipts that are kept, the one delivered first at the front.
    pub(super) fn list(&self) -> Vec<Receipt> {
        let mut receipts: Vec<_> = self.kept.values().cloned().collect();
        receipts.sort_by_key(|receipt| (receipt.delivered_at, receipt.id));
        receipts
    }

    /// The highest id among them.
    pub(super) fn highest(&self) -> Option<UpdateId> {
        self.kept.keys().next_back().copied()
    }

    fn path(&self, id: UpdateId) -> PathBuf {
        path_of(&self.stager.dir, id)
    }
}

impl Stager {
    /// Writes receipts durably, side by side; each counts from the moment its update is gone for good.
    pub(super) fn stage<'a>(
        &self,
        receipts: impl Iterator<Item = &'a Receipt>,
    ) -> Result<(), QueueError> {
        let sealed =
            |receipt: &Receipt| Ok((path_of(&self.dir, receipt.id), seal(receipt, &self.key)?));
        let files = receipts.map(sealed).collect::<Result<Vec<_>, QueueError>>()?;
        self.disk.stage_all(&files)?;
        files.first().map_or(Ok(()), |(path, _)| self.disk.sync_parent(path))
    }
}

fn path_of(dir: &Path, id: UpdateId) -> PathBuf {
    dir.join(format!("{:016x}.receipt", id.0))
}

fn prefix(id: UpdateId) -> [u8; PREFIX] {
    let mut prefix = [0; PREFIX];
    prefix[..8].copy_from_slice(&MAGIC);
    prefix[8..].copy_from_slice(&id.0.to_le_bytes());
    prefix
}

fn seal(receipt: &Receipt, key: &Secret) -> Result<Vec<u8>, QueueError> {
    let stored = Stored {
        person_id: receipt.person_id.as_str().to_owned(),
        fields: receipt.fields.clone(),
        images: receipt.images,
        capture: receipt.capture.map(StoredCapture::of),
        enqueued_at: receipt.enqueued_at.unix_millis(),
        delivered_at: receipt.delivered_at.unix_millis(),
        attempts: receipt.attempts,
        unconfirmed: match &receipt.confirmation {
            Confirmation::Confirmed => None,
            Confirmation::Unconfirmed(words) => Some(words.chars().take(MAX_WORDS).collect()),
        },
    };
    let mut file = prefix(receipt.id).to_vec();
    let plain = serde_json::to_vec(&stored).unwrap_or_default();
    file.extend(key.seal(&prefix(receipt.id), &plain)?);
    Ok(file)
}

fn open(file: &[u8], key: &Secret) -> Option<Receipt> {
    let (prefix, sealed) = file.split_at_checked(PREFIX)?;
    if prefix[..8] != MAGIC {
        return None;
    }
    let stored: Stored = serde_json::from_slice(&key.open(prefix, sealed)?).ok()?;
    Some(Receipt {
        id: UpdateId(u64::from_le_bytes(prefix[8..].try_into().ok()?)),
        person_id: PersonId::parse(&stored.person_id).ok()?,
        fields: stored.fields,
        images: stored.images,
        capture: stored.capture.as_ref().and_then(StoredCapture::read),
        enqueued_at: WallTime::from_unix_millis(stored.enqueued_at),
        delivered_at: WallTime::from_unix_millis(stored.delivered_at),
        attempts: stored.attempts,
        confirmation: stored.unconfirmed.map_or(Confirmation::Confirmed, Confirmation::Unconfirmed),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::sync::Arc;

    use super::super::memory_fs::MemoryFs;
    use super::super::samples::NOW;
    use super::*;

    const AGE: Duration = Duration::from_hours(90 * 24);

    fn load(disk: &Disk, now: WallTime) -> Receipts {
        disk.make_dir(Path::new("/r")).unwrap();
        Receipts::load(disk, Path::new("/r"), &DeviceKey::for_test(1), AGE, now).unwrap()
    }

    fn add(receipts: &mut Receipts, receipt: Receipt) {
        receipts.stager().stage([&receipt].into_iter()).unwrap();
        receipts.publish(receipt).unwrap();
    }

    fn receipt(id: u64) -> Receipt {
        Receipt {
            id: UpdateId(id),
            person_id: PersonId::parse("p1").unwrap(),
            fields: vec!["name".into()],
            images: 0,
            capture: None,
            enqueued_at: NOW,
            delivered_at: NOW + Duration::from_secs(id),
            attempts: 1,
            confirmation: Confirmation::Unconfirmed("name differs".into()),
        }
    }

    #[test]
    fn receipts_survive_a_restart_until_they_are_too_old() {
        let disk = Disk::new(Arc::new(MemoryFs::default()));
        add(&mut load(&disk, NOW), receipt(1));
        assert_eq!(load(&disk, NOW).list(), [receipt(1)]);
        assert!(load(&disk, NOW + AGE + AGE).list().is_empty());
        assert!(disk.list(Path::new("/r")).unwrap().is_empty());
    }

    #[test]
    fn the_ring_is_bounded_in_memory_and_on_disk() {
        let disk = Disk::new(Arc::new(MemoryFs::default()));
        let mut receipts = load(&disk, NOW);
        for id in 1..=KEPT as u64 + 3 {
            add(&mut receipts, receipt(id));
        }
        assert_eq!(receipts.list().first().unwrap().id, UpdateId(4));
        assert_eq!(disk.list(Path::new("/r")).unwrap().len(), KEPT);
    }

    #[test]
    fn a_staged_receipt_counts_once_its_update_is_gone() {
        let disk = Disk::new(Arc::new(MemoryFs::default()));
        let dir = Path::new("/r");
        let finish = |queued: u64| {
            let is_queued = |id: UpdateId| id.0 == queued;
            Receipts::finish_staged(&disk, dir, &DeviceKey::for_test(1), is_queued).unwrap()
        };
        load(&disk, NOW).stager().stage([receipt(1), receipt(2)].iter()).unwrap();
        disk.stage(&path_of(dir, UpdateId(3)), b"torn").unwrap();
        assert_eq!(finish(1), 2, "one whose update still waits, and one that is none");
        assert_eq!(load(&disk, NOW).list(), [receipt(2)]);
        assert_eq!(disk.list(dir).unwrap().len(), 1);
    }

    #[test]
    fn a_damaged_receipt_costs_only_itself() {
        let disk = Disk::new(Arc::new(MemoryFs::default()));
        let mut receipts = load(&disk, NOW);
        add(&mut receipts, receipt(1));
        add(&mut receipts, receipt(2));
        let path = disk.list(Path::new("/r")).unwrap().remove(0);
        let mut bytes = disk.read(&path).unwrap();
        bytes[30] ^= 1;
        disk.put(&path, &bytes).unwrap();
        let receipts = load(&disk, NOW);
        assert_eq!(receipts.list(), [receipt(2)]);
        assert!(receipts.damaged().eq([&path]));
    }
}
