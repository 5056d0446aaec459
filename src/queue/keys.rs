//! The data keys: one per UTC day, wrapped by the device key, destroyed with the last entry they sealed.
//!
//! Overwriting the entries on flash would leave their old blocks behind; destroying the key makes all of them
//! unreadable. The key's own files are overwritten before they go: what is left in the free blocks of the file
//! system opens nothing. (A card may still keep an old copy where no file system can reach it.)
//!
//! Each key lies there twice: one damaged file must not cost a whole day.
//!
//! ```text
//! keys/<day>-<id>.key and .twin   day = days since 1970-01-01, id = 8 random bytes in hex
//!   0   8  "KENRKEY" and the version, 1
//!   8   8  fingerprint of the device key
//!  16   4  day, little endian
//!  20   8  id
//!  28  72  the sealed data key, bound to the 28 bytes before it; all zeros once it is destroyed
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::device_key::DeviceKey;
use super::error::QueueError;
use super::fs::Disk;
use super::seal::{OVERHEAD, Secret, fill_random};
use crate::domain::WallTime;

const MAGIC: [u8; 8] = *b"KENRKEY\x01";
const PREFIX: usize = 28;
const LENGTH: usize = PREFIX + 32 + OVERHEAD;
const DAY_MILLIS: i64 = 86_400_000;

/// Names one data key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct KeyId {
    /// Days since 1970-01-01 in UTC.
    pub(super) day: i32,
    /// Drawn at random: a day may have had several keys, one after the other.
    pub(super) id: [u8; 8],
}

impl KeyId {
    fn files(self, dir: &Path) -> [PathBuf; 2] {
        let id: String = self.id.iter().map(|byte| format!("{byte:02x}")).collect();
        ["key", "twin"].map(|copy| dir.join(format!("{:06}-{id}.{copy}", self.day)))
    }
}

/// The data keys that this device key opens.
pub(super) struct KeyRing {
    disk: Disk,
    dir: PathBuf,
    device: DeviceKey,
    keys: BTreeMap<KeyId, Secret>,
    /// Keys of another device key: left alone, in case the right device key comes back.
    foreign: BTreeSet<KeyId>,
    damaged: Vec<PathBuf>,
    /// The files that held what they should when the ring was loaded.
    intact: BTreeSet<PathBuf>,
}

impl KeyRing {
    /// Loads every key of a directory.
    pub(super) fn load(disk: &Disk, dir: &Path, device: DeviceKey) -> Result<Self, QueueError> {
        let mut ring = Self {
            disk: disk.clone(),
            dir: dir.to_owned(),
            device,
            keys: BTreeMap::new(),
            foreign: BTreeSet::new(),
            damaged: Vec::new(),
            intact: BTreeSet::new(),
        };
        for path in disk.list(dir)? {
            let bytes = disk.read(&path).ok();
            if bytes.as_deref().is_some_and(is_destroyed) && disk.unlink(&path).is_ok() {
                continue;
            }
            let parsed = bytes.and_then(|bytes| parse(&bytes, &ring.device));
            match parsed {
                Some((key_id, key)) if key_id.files(dir).contains(&path) => match key {
                    Some(key) => {
                        ring.keys.insert(key_id, key);
                        ring.intact.insert(path);
                    }
                    None => drop(ring.foreign.insert(key_id)),
                },
                _ => ring.damaged.push(path),
            }
        }
        ring.foreign.retain(|key_id| !ring.keys.contains_key(key_id));
        Ok(ring)
    }

    /// The files that are no keys.
    pub(super) fn damaged(&self) -> impl Iterator<Item = &PathBuf> {
        self.damaged.iter()
    }

    /// Writes the twins again of which one is missing or damaged.
    pub(super) fn complete(&self) -> Result<(), QueueError> {
        for (key_id, key) in &self.keys {
            if !key_id.files(&self.dir).iter().all(|path| self.intact.contains(path)) {
                self.store(*key_id, key)?;
            }
        }
        Ok(())
    }

    /// The device key.
    pub(super) const fn device(&self) -> &DeviceKey {
        &self.device
    }

    pub(super) fn get(&self, key_id: KeyId) -> Option<&Secret> {
        self.keys.get(&key_id)
    }

    /// The key of the day, made (durably) if there is none.
    pub(super) fn for_day(&mut self, now: WallTime) -> Result<(KeyId, Secret), QueueError> {
        let days = now.unix_millis().div_euclid(DAY_MILLIS);
        let day = i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX });
        let mut of_day = self.keys.range(KeyId { day, id: [0; 8] }..=KeyId { day, id: [255; 8] });
        if let Some((key_id, key)) = of_day.next() {
            return Ok((*key_id, key.clone()));
        }
        let mut key_id = KeyId { day, id: [0; 8] };
        fill_random(&mut key_id.id)?;
        let key = Secret::draw()?;
        self.store(key_id, &key)?;
        self.keys.insert(key_id, key.clone());
        Ok((key_id, key))
    }

    /// Destroys one key. One whose file cannot be removed now goes at the next start.
    pub(super) fn destroy(&mut self, key_id: KeyId) -> Result<(), QueueError> {
        self.keys.remove(&key_id);
        self.foreign.remove(&key_id);
        let files = key_id.files(&self.dir);
        let mut nothing = prefix(key_id, &self.device).to_vec();
        nothing.resize(LENGTH, 0);
        // A disk that cannot overwrite must still be rid of them.
        let wiped = files.iter().map(|path| self.disk.overwrite(path, &nothing));
        let wiped = wiped.collect::<Vec<_>>().into_iter().collect::<Result<(), _>>();
        files.iter().try_for_each(|path| self.disk.unlink(path))?;
        self.disk.sync_parent(&files[0])?;
        wiped
    }

    /// Destroys every key for which `used` says no.
    pub(super) fn destroy_unless(
        &mut self,
        used: impl Fn(KeyId) -> bool,
    ) -> Result<(), QueueError> {
        let known: Vec<_> = self.keys.keys().chain(&self.foreign).copied().collect();
        known
            .into_iter()
            .filter(|key_id| !used(*key_id))
            .try_for_each(|key_id| self.destroy(key_id))
    }

    fn store(&self, key_id: KeyId, key: &Secret) -> Result<(), QueueError> {
        let prefix = prefix(key_id, &self.device);
        let mut file = prefix.to_vec();
        file.extend(self.device.wrapping.seal(&prefix, key.bytes())?);
        key_id.files(&self.dir).iter().try_for_each(|path| self.disk.put(path, &file))
    }
}

fn prefix(key_id: KeyId, device: &DeviceKey) -> [u8; PREFIX] {
    let mut prefix = [0; PREFIX];
    prefix[..8].copy_from_slice(&MAGIC);
    prefix[8..16].copy_from_slice(&device.fingerprint);
    prefix[16..20].copy_from_slice(&key_id.day.to_le_bytes());
    prefix[20..].copy_from_slice(&key_id.id);
    prefix
}

/// Whether these are the bytes of a key that was destroyed, just before its file went.
fn is_destroyed(bytes: &[u8]) -> bool {
    bytes.len() == LENGTH && bytes[..8] == MAGIC && bytes[PREFIX..].iter().all(|byte| *byte == 0)
}

/// The key's name, and the key itself if it is wrapped by this device key.
fn parse(bytes: &[u8], device: &DeviceKey) -> Option<(KeyId, Option<Secret>)> {
    if bytes.len() != LENGTH || bytes[..8] != MAGIC {
        return None;
    }
    let (prefix, sealed) = bytes.split_at(PREFIX);
    let key_id = KeyId {
        day: i32::from_le_bytes(prefix[16..20].try_into().ok()?),
        id: prefix[20..].try_into().ok()?,
    };
    if prefix[8..16] != device.fingerprint {
        return Some((key_id, None));
    }
    let key = device.wrapping.open(prefix, sealed)?;
    Some((key_id, Some(Secret::from_bytes(&key)?)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::sync::Arc;

    use super::super::memory_fs::MemoryFs;
    use super::*;

    const NOON: WallTime = WallTime::from_unix_millis(20_000 * DAY_MILLIS + DAY_MILLIS / 2);

    fn ring(disk: &Disk, device: u8) -> KeyRing {
        disk.make_dir(Path::new("/keys")).unwrap();
        KeyRing::load(disk, Path::new("/keys"), DeviceKey::for_test(device)).unwrap()
    }

    #[test]
    fn a_day_has_one_key_and_the_next_day_another() {
        let disk = Disk::new(Arc::new(MemoryFs::default()));
        let mut keys = ring(&disk, 1);
        let (first, secret) = keys.for_day(NOON).unwrap();
        assert_eq!(keys.for_day(NOON).unwrap().0, first);
        let (second, _) = keys.for_day(NOON + std::time::Duration::from_hours(24)).unwrap();
        assert_eq!((first.day, second.day), (20_000, 20_001));
        let again = ring(&disk, 1);
        assert_eq!(again.get(first).unwrap().bytes(), secret.bytes());
        assert!(again.damaged().next().is_none());
    }

    #[test]
    fn a_destroyed_key_is_gone_from_the_disk() {
        let disk = Disk::new(Arc::new(MemoryFs::default()));
        let mut keys = ring(&disk, 1);
        let (key_id, _) = keys.for_day(NOON).unwrap();
        keys.destroy_unless(|_| false).unwrap();
        assert!(keys.get(key_id).is_none());
        assert!(disk.list(Path::new("/keys")).unwrap().is_empty());
        assert_ne!(keys.for_day(NOON).unwrap().0, key_id, "a new key has a new name");
    }

    #[test]
    fn a_key_is_overwritten_before_its_files_go_and_what_a_power_cut_leaves_is_no_damage() {
        let fs = Arc::new(MemoryFs::default());
        let disk = Disk::new(fs.clone());
        let mut keys = ring(&disk, 1);
        let (key_id, secret) = keys.for_day(NOON).unwrap();
        // The two files are overwritten, then the power goes; that much has reached the disk.
        fs.cut_power_after(2);
        keys.destroy(key_id).unwrap_err();
        fs.restart(255);
        let left = fs.files();
        assert_eq!(left.len(), 2);
        let holds = |bytes: &[u8]| bytes[PREFIX..].iter().any(|byte| *byte != 0);
        assert!(left.values().all(|bytes| !holds(bytes)), "neither opens anything: {secret:?}");
        let again = ring(&disk, 1);
        assert!(again.get(key_id).is_none() && again.damaged().next().is_none());
        assert!(disk.list(Path::new("/keys")).unwrap().is_empty());
    }

    #[test]
    fn keys_of_another_device_key_are_left_alone_and_damaged_ones_are_told() {
        let disk = Disk::new(Arc::new(MemoryFs::default()));
        let mut keys = ring(&disk, 1);
        let (key_id, _) = keys.for_day(NOON).unwrap();
        let other = ring(&disk, 2);
        assert!(other.get(key_id).is_none() && other.damaged().next().is_none());
        let path = disk.list(Path::new("/keys")).unwrap().remove(0);
        let mut bytes = disk.read(&path).unwrap();
        bytes[40] ^= 1;
        disk.put(&path, &bytes).unwrap();
        let keys = ring(&disk, 1);
        assert!(keys.damaged().eq([&path]));
        assert!(keys.get(key_id).is_some(), "its twin is intact");
        disk.remove(&path).unwrap();
        keys.complete().unwrap();
        assert_eq!(disk.list(Path::new("/keys")).unwrap().len(), 2);
    }
}
