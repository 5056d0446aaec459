//! The few file operations that the queue's promises rest on, and how they are put together.
//!
//! Every entry, key, note and receipt goes through [`FileSystem`], so that a test can put a file system in
//! its place that forgets at a power cut whatever was not synced.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::QueueError;

/// What the queue asks of a file system. Nothing is durable before [`sync_dir`](Self::sync_dir), except the
/// contents of a file after [`write_new`](Self::write_new).
pub(super) trait FileSystem: Send + Sync {
    /// Makes a directory for the owner alone, with its parents; fine if it is there.
    fn make_dir(&self, dir: &Path) -> io::Result<()>;
    /// Creates a file that must not exist, writes it and syncs its contents. It may be left torn on errors.
    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Renames, replacing what has the new name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Removes a file.
    fn unlink(&self, path: &Path) -> io::Result<()>;
    /// Writes over the start of a file, in its place on the disk, and syncs its contents.
    fn overwrite(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Reads a whole file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Reads at most `most` bytes from the start of a file, and its whole length.
    fn read_start(&self, path: &Path, most: usize) -> io::Result<(Vec<u8>, u64)>;
    /// The paths of everything in a directory, in the order of their names.
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>>;
    /// Bytes that may still be written.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64>;
    /// How many files are best written side by side: a journal carries all that wait for it in one go.
    fn side_by_side(&self) -> usize {
        1
    }
}

/// The file system of the machine.
pub(super) struct Native;

impl FileSystem for Native {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)
    }

    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_data()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn overwrite(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(path)?;
        file.write_all(bytes)?;
        file.sync_data()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn read_start(&self, path: &Path, most: usize) -> io::Result<(Vec<u8>, u64)> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut start = Vec::with_capacity(most.min(usize::try_from(length).unwrap_or(most)));
        file.take(most as u64).read_to_end(&mut start)?;
        Ok((start, length))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let mut paths = std::fs::read_dir(dir)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        Ok(paths)
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        let figures = rustix::fs::statvfs(dir)?;
        Ok(figures.f_bavail.saturating_mul(figures.f_frsize))
    }

    fn side_by_side(&self) -> usize {
        8
    }
}

/// The extension of files that are being written; whatever bears it at a start is a leftover.
pub(super) const TMP: &str = "tmp";

/// A file system with the steps that make a change durable; its errors name the file.
#[derive(Clone)]
pub(super) struct Disk(Arc<dyn FileSystem>);

impl Disk {
    pub(super) fn new(fs: Arc<dyn FileSystem>) -> Self {
        Self(fs)
    }

    pub(super) fn make_dir(&self, dir: &Path) -> Result<(), QueueError> {
        self.0.make_dir(dir).map_err(QueueError::storage("creating", dir))
    }

    /// Writes a file so that it is there as a whole, durably, or not at all; replaces an older one.
    pub(super) fn put(&self, path: &Path, bytes: &[u8]) -> Result<(), QueueError> {
        self.stage(path, bytes)?;
        self.publish(path)
    }

    /// Writes and syncs a file beside its place, where it counts for nothing until it is
    /// [published](Self::publish).
    pub(super) fn stage(&self, path: &Path, bytes: &[u8]) -> Result<(), QueueError> {
        let tmp = path.with_added_extension(TMP);
        self.write_fresh(&tmp, bytes).map_err(|source| self.give_up(&tmp, path, source))
    }

    /// Stages several files, side by side where the file system gains by it.
    pub(super) fn stage_all(&self, files: &[(PathBuf, Vec<u8>)]) -> Result<(), QueueError> {
        let stage = |part: &[(PathBuf, Vec<u8>)]| {
            part.iter().try_for_each(|(path, bytes)| self.stage(path, bytes))
        };
        let width = self.0.side_by_side();
        if width < 2 || files.len() < 2 {
            return stage(files);
        }
        std::thread::scope(|scope| {
            let begin = |part| {
                let thread = std::thread::Builder::new().name("queue-write".into());
                (part, thread.spawn_scoped(scope, move || stage(part)))
            };
            let parts: Vec<_> = files.chunks(files.len().div_ceil(width)).map(begin).collect();
            let ended: Vec<_> = parts
                .into_iter()
                .map(|(part, thread)| match thread.map(|thread| thread.join()) {
                    Ok(Ok(staged)) => staged,
                    // There was no thread to be had, or it failed.
                    Ok(Err(_)) | Err(_) => stage(part),
                })
                .collect();
            ended.into_iter().collect()
        })
    }

    /// Moves a staged file to its place, durably.
    pub(super) fn publish(&self, path: &Path) -> Result<(), QueueError> {
        self.rename_staged(path)?;
        self.sync_parent(path)
    }

    /// Moves a staged file to its place. Durable only after [`sync_parent`](Self::sync_parent).
    pub(super) fn rename_staged(&self, path: &Path) -> Result<(), QueueError> {
        let tmp = path.with_added_extension(TMP);
        self.0.rename(&tmp, path).map_err(|source| self.give_up(&tmp, path, source))
    }

    /// Removes a file, durably; fine if it is gone already.
    pub(super) fn remove(&self, path: &Path) -> Result<(), QueueError> {
        self.unlink(path)?;
        self.sync_parent(path)
    }

    /// Removes a file; fine if it is gone already. Durable only after [`sync_parent`](Self::sync_parent).
    pub(super) fn unlink(&self, path: &Path) -> Result<(), QueueError> {
        match self.0.unlink(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(QueueError::storage("removing", path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Writes over a file in its place on the disk; fine if it is gone already.
    pub(super) fn overwrite(&self, path: &Path, bytes: &[u8]) -> Result<(), QueueError> {
        match self.0.overwrite(path, bytes) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(QueueError::storage("overwriting", path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Makes the name of a file, or its absence, durable.
    pub(super) fn sync_parent(&self, path: &Path) -> Result<(), QueueError> {
        let dir = path.parent().unwrap_or(path);
        self.0.sync_dir(dir).map_err(QueueError::storage("syncing", dir))
    }

    /// Moves a file to another directory, durably.
    pub(super) fn relocate(&self, from: &Path, to: &Path) -> Result<(), QueueError> {
        self.0.rename(from, to).map_err(QueueError::storage("moving", from))?;
        self.sync_parent(to)?;
        self.sync_parent(from)
    }

    pub(super) fn read(&self, path: &Path) -> Result<Vec<u8>, QueueError> {
        self.0.read(path).map_err(QueueError::storage("reading", path))
    }

    pub(super) fn read_start(
        &self,
        path: &Path,
        most: usize,
    ) -> Result<(Vec<u8>, u64), QueueError> {
        self.0.read_start(path, most).map_err(QueueError::storage("reading", path))
    }

    pub(super) fn list(&self, dir: &Path) -> Result<Vec<PathBuf>, QueueError> {
        self.0.list(dir).map_err(QueueError::storage("listing", dir))
    }

    /// Bytes that may still be written, `None` where the system does not tell.
    pub(super) fn free_bytes(&self, dir: &Path) -> Option<u64> {
        self.0.free_bytes(dir).ok()
    }

    fn give_up(&self, tmp: &Path, path: &Path, source: io::Error) -> QueueError {
        let _ = self.0.unlink(tmp);
        QueueError::storage("writing", path)(source)
    }

    fn write_fresh(&self, tmp: &Path, bytes: &[u8]) -> io::Result<()> {
        match self.0.write_new(tmp, bytes) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.0.unlink(tmp)?;
                self.0.write_new(tmp, bytes)
            }
            done => done,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_leaves_no_leftover() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::new(Arc::new(Native));
        let path = dir.path().join("mark");
        std::fs::write(path.with_added_extension(TMP), b"torn").unwrap();
        disk.put(&path, b"first").unwrap();
        disk.put(&path, b"second").unwrap();
        assert_eq!(disk.list(dir.path()).unwrap(), std::slice::from_ref(&path));
        assert_eq!(disk.read(&path).unwrap(), b"second");
        assert_eq!(disk.read_start(&path, 3).unwrap(), (b"sec".to_vec(), 6));
        disk.remove(&path).unwrap();
        disk.remove(&path).unwrap();
    }

    #[test]
    fn what_is_written_is_for_the_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::new(Arc::new(Native));
        disk.make_dir(&dir.path().join("entries")).unwrap();
        let path = dir.path().join("entries/one");
        disk.put(&path, b"x").unwrap();
        let mode = |p: &Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o077;
        assert_eq!((mode(&path), mode(&dir.path().join("entries"))), (0, 0));
    }
}
