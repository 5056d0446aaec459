//! The sequence numbers: each is given once in the life of a device.
//!
//! The file `sequence` holds a number above every one ever given, and `sequence.twin` the same. They are
//! raised, durably, a block at a time *before* numbers of the block are given: a power cut skips some
//! numbers, but repeats none.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::QueueError;
use super::fs::Disk;
use crate::domain::UpdateId;

const MAGIC: [u8; 8] = *b"KENRSEQ\x01";
const BLOCK: u64 = 16;
/// No device gives that many numbers: a file whose name says so is not ours.
const IMPLAUSIBLE: u64 = 1 << 48;

/// Gives sequence numbers.
pub(super) struct Sequence {
    disk: Disk,
    files: [PathBuf; 2],
    next: u64,
    /// The number in the file: none from here on may be given before the file is raised.
    mark: u64,
}

impl Sequence {
    /// Continues after the mark on disk and after `highest`, the highest number seen anywhere else.
    ///
    /// Where the mark is lost, a whole block may have been given and left no trace: it is skipped.
    pub(super) fn load(disk: &Disk, path: &Path, highest: Option<UpdateId>) -> Self {
        let files = [path.to_owned(), path.with_added_extension("twin")];
        let marks = files.each_ref().map(|file| decode(&disk.read(file).ok()?));
        let stored = marks.into_iter().flatten().max();
        let highest = highest.filter(|id| id.0 < IMPLAUSIBLE);
        let after_highest = highest.map_or(1, |id| id.0 + 1);
        let next = match (stored, highest) {
            (Some(mark), _) => mark.max(after_highest),
            (None, Some(_)) => after_highest + BLOCK,
            (None, None) => after_highest,
        };
        let mut sequence = Self { disk: disk.clone(), files, next, mark: next };
        let damaged = marks.contains(&None) && next > 1;
        if damaged && let Err(error) = sequence.raise(next) {
            tracing::warn!(%error, "the mark of the sequence numbers cannot be mended");
        }
        sequence
    }

    /// A number that was never given before.
    ///
    /// # Errors
    /// When the mark cannot be raised; then no number is given.
    pub(super) fn take(&mut self) -> Result<UpdateId, QueueError> {
        if self.next >= self.mark {
            self.raise(self.next + BLOCK)?;
        }
        let id = UpdateId(self.next);
        self.next += 1;
        Ok(id)
    }

    /// The number that comes next: above every one that was given.
    pub(super) const fn peek(&self) -> u64 {
        self.next
    }

    /// Gives back what was not used of the block, so that an orderly restart skips nothing.
    pub(super) fn close(&mut self) -> Result<(), QueueError> {
        if self.next < self.mark { self.raise(self.next) } else { Ok(()) }
    }

    fn raise(&mut self, mark: u64) -> Result<(), QueueError> {
        self.files.iter().try_for_each(|file| self.disk.put(file, &encode(mark)))?;
        self.mark = mark;
        Ok(())
    }
}

fn encode(mark: u64) -> Vec<u8> {
    let plain = [MAGIC, mark.to_le_bytes()].concat();
    let sum = Sha256::digest(&plain);
    [plain.as_slice(), &sum[..8]].concat()
}

fn decode(bytes: &[u8]) -> Option<u64> {
    let mark = u64::from_le_bytes(bytes.get(8..16)?.try_into().ok()?);
    (bytes == encode(mark)).then_some(mark)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::sync::Arc;

    use super::super::memory_fs::MemoryFs;
    use super::*;

    fn load(disk: &Disk, highest: Option<u64>) -> Sequence {
        disk.make_dir(Path::new("/q")).unwrap();
        Sequence::load(disk, Path::new("/q/sequence"), highest.map(UpdateId))
    }

    #[test]
    fn an_orderly_restart_continues_and_a_power_cut_only_skips() {
        let disk = Disk::new(Arc::new(MemoryFs::default()));
        let mut first = load(&disk, None);
        assert_eq!([first.take().unwrap(), first.take().unwrap()], [UpdateId(1), UpdateId(2)]);
        let mut after_cut = load(&disk, Some(2));
        assert_eq!(after_cut.take().unwrap(), UpdateId(17));
        after_cut.close().unwrap();
        assert_eq!(load(&disk, None).take().unwrap(), UpdateId(18));
    }

    #[test]
    fn a_lost_or_damaged_mark_repeats_no_number() {
        let disk = Disk::new(Arc::new(MemoryFs::default()));
        let mut first = load(&disk, None);
        for _ in 0..20 {
            first.take().unwrap();
        }
        let (one, twin) = (Path::new("/q/sequence"), Path::new("/q/sequence.twin"));
        disk.put(one, &encode(5)[..20]).unwrap();
        disk.remove(twin).unwrap();
        assert!(load(&disk, Some(12)).take().unwrap().0 > 20, "from what else was seen");
        disk.put(one, b"torn").unwrap();
        assert_eq!(load(&disk, None).take().unwrap().0, 45, "from the twin");
        assert!(load(&disk, Some(400)).take().unwrap().0 > 400);
    }
}
