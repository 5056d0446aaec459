//! Where files go that cannot be used: kept for an expert to look at, in bounded number, size and age.
//!
//! A damaged entry keeps its data key alive, so that what is left of it could still be opened by hand.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::entry;
use super::error::QueueError;
use super::fs::Disk;
use super::keys::KeyId;
use crate::domain::{UpdateId, WallTime};

const MAX_FILES: usize = 64;
const MAX_BYTES: u64 = 64 << 20;

/// The directory of unusable files.
pub(super) struct Quarantine {
    disk: Disk,
    dir: PathBuf,
    held: Vec<Held>,
    taken: usize,
}

struct Held {
    path: PathBuf,
    bytes: u64,
    header: Option<entry::Header>,
    /// Whether it is known which key it needs, if any. It is not where the disk would not even read it, and where
    /// another version of the program wrote it.
    known: bool,
}

impl Quarantine {
    /// Looks at what lies there, and removes what is older than `max_age` or too much.
    pub(super) fn load(
        disk: &Disk,
        dir: &Path,
        max_age: Duration,
        now: WallTime,
    ) -> Result<Self, QueueError> {
        let mut quarantine =
            Self { disk: disk.clone(), dir: dir.to_owned(), held: Vec::new(), taken: 0 };
        for path in disk.list(dir)? {
            let held = quarantine.look(path);
            let age = held.header.map(|header| now.since(header.enqueued_at));
            let expired = age.is_some_and(|age| age > max_age);
            if !expired || disk.unlink(&held.path).is_err() {
                quarantine.held.push(held);
                continue;
            }
            let file = held.path.display();
            tracing::error!(%file, "older than queue.max_age: removed from the quarantine");
        }
        quarantine.bound();
        Ok(quarantine)
    }

    /// Takes a file in. Where even that fails the file stays where it is, and is met again at the next start.
    pub(super) fn take(&mut self, path: &Path, why: &'static str) {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let mut target = self.dir.join(name);
        let mut copy = 1;
        while self.held.iter().any(|held| held.path == target) {
            target = self.dir.join(name).with_added_extension(copy.to_string());
            copy += 1;
        }
        match self.disk.relocate(path, &target) {
            Ok(()) => {
                // What was in it may be lost.
                tracing::error!(file = %path.display(), why, "moved to the quarantine");
                let held = self.look(target);
                self.held.push(held);
                self.taken += 1;
                self.bound();
            }
            Err(error) => {
                tracing::error!(file = %path.display(), why, %error, "cannot be quarantined");
            }
        }
    }

    /// How many files lie there.
    pub(super) fn count(&self) -> usize {
        self.held.len()
    }

    /// How many it took in since it was loaded.
    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    /// Whether a file there may still need this data key.
    pub(super) fn needs(&self, key: KeyId) -> bool {
        self.held.iter().any(|held| match held.header {
            Some(header) => header.key == key,
            None => !held.known,
        })
    }

    /// The highest sequence number among the damaged entries.
    pub(super) fn highest(&self) -> Option<UpdateId> {
        let named = |held: &Held| {
            let name = held.path.file_name()?.to_str()?;
            u64::from_str_radix(name.get(..16)?, 16).ok().map(UpdateId)
        };
        self.held.iter().filter_map(named).max()
    }

    fn look(&self, path: PathBuf) -> Held {
        match self.disk.read_start(&path, entry::HEADER) {
            Ok((start, bytes)) => {
                let known = !entry::is_of_another_version(&start);
                Held { path, bytes, header: entry::parse_unchecked(&start), known }
            }
            Err(_) => Held { path, bytes: 0, header: None, known: false },
        }
    }

    fn bound(&mut self) {
        self.held.sort_by(|a, b| a.path.cmp(&b.path));
        while self.held.len() > MAX_FILES
            || self.held.iter().map(|held| held.bytes).sum::<u64>() > MAX_BYTES
        {
            let oldest = self.held.remove(0);
            let file = oldest.path.display();
            if let Err(error) = self.disk.unlink(&oldest.path) {
                tracing::warn!(%file, %error, "cannot be removed");
                continue;
            }
            tracing::error!(%file, "removed from the quarantine to make room");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::sync::Arc;

    use super::super::memory_fs::MemoryFs;
    use super::super::samples::NOW;
    use super::*;

    #[test]
    fn the_quarantine_is_bounded_and_keeps_files_of_the_same_name_apart() {
        let disk = Disk::new(Arc::new(MemoryFs::default()));
        let (from, dir) = (Path::new("/e"), Path::new("/q"));
        disk.make_dir(from).unwrap();
        disk.make_dir(dir).unwrap();
        let mut quarantine = Quarantine::load(&disk, dir, Duration::MAX, NOW).unwrap();
        for _ in 0..3 {
            disk.put(&from.join("same"), b"torn").unwrap();
            quarantine.take(&from.join("same"), "torn");
        }
        assert_eq!(quarantine.count(), 3);
        for number in 0..MAX_FILES + 10 {
            let path = from.join(format!("{number:016x}.entry"));
            disk.put(&path, b"torn").unwrap();
            quarantine.take(&path, "torn");
        }
        assert_eq!(disk.list(dir).unwrap().len(), MAX_FILES);
        assert_eq!(quarantine.highest(), Some(UpdateId(MAX_FILES as u64 + 9)));
        assert!(disk.list(from).unwrap().is_empty());
    }
}
