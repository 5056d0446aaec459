//! A file system in memory that forgets at a power cut whatever was not synced.
//!
//! It models a journalling file system on an honest disk: the contents of a file are safe once synced, else
//! torn; changes of names reach the disk in their order, all of them at a directory's sync, any first part
//! of them otherwise. It can fail any single operation, run out of power at it, or run out of space.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::fs::FileSystem;

#[derive(Default)]
struct State {
    /// What a running program sees.
    seen: BTreeMap<PathBuf, Vec<u8>>,
    /// What the disk holds.
    kept: BTreeMap<PathBuf, Vec<u8>>,
    /// Changes of names that have not reached the disk.
    pending: Vec<Change>,
    /// Operations that may still be done before the power goes.
    power: Option<u64>,
    /// Operations after which one fails.
    fault: Option<u64>,
    capacity: Option<u64>,
    /// Whether an operation was refused because the power is gone.
    dark: bool,
    operations: u64,
}

#[derive(Clone)]
enum Change {
    Create(PathBuf, Vec<u8>),
    Rename(PathBuf, PathBuf),
    Unlink(PathBuf),
}

/// The file system; see the module.
#[derive(Default)]
pub(super) struct MemoryFs(Mutex<State>);

impl MemoryFs {
    /// Lets the power go after `operations` more changes; the one after them is done in part.
    pub(super) fn cut_power_after(&self, operations: u64) {
        self.state().power = Some(operations);
    }

    /// Lets one change fail after `operations` more changes.
    pub(super) fn fail_after(&self, operations: u64) {
        self.state().fault = Some(operations);
    }

    /// How many bytes all files together may have.
    pub(super) fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// How many changes were asked for so far.
    pub(super) fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Comes back after a power cut: of the changes that were not synced only the first `part` of 256 are there.
    pub(super) fn restart(&self, part: u8) {
        let mut state = self.state();
        let reached = (state.pending.len() * usize::from(part)).div_ceil(256);
        let pending = std::mem::take(&mut state.pending);
        for change in pending.into_iter().take(reached) {
            change.apply(&mut state.kept);
        }
        state.seen = state.kept.clone();
        state.dark = false;
        state.power = None;
        state.fault = None;
    }

    /// Takes back what was to go wrong.
    pub(super) fn disarm(&self) {
        let mut state = self.state();
        state.power = None;
        state.fault = None;
    }

    /// Whether the power went, and something was tried since.
    pub(super) fn is_dark(&self) -> bool {
        self.state().dark
    }

    /// Every file that a thief of the disk would find.
    pub(super) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        self.state().seen.clone()
    }

    /// Changes a file behind everybody's back.
    pub(super) fn tamper(&self, path: &Path, bytes: Option<Vec<u8>>) {
        let mut state = self.state();
        match bytes {
            Some(bytes) => {
                state.seen.insert(path.to_owned(), bytes.clone());
                state.kept.insert(path.to_owned(), bytes);
            }
            None => {
                state.seen.remove(path);
                state.kept.remove(path);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Change {
    fn apply(self, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
        match self {
            Self::Create(path, bytes) => drop(files.insert(path, bytes)),
            Self::Rename(from, to) => {
                if let Some(bytes) = files.remove(&from) {
                    files.insert(to, bytes);
                }
            }
            Self::Unlink(path) => drop(files.remove(&path)),
        }
    }
}

impl State {
    /// Counts a change; an error when the power is gone or this one is to fail.
    fn step(&mut self) -> io::Result<()> {
        self.operations += 1;
        match self.power.as_mut() {
            Some(0) => {
                self.dark = true;
                return Err(io::Error::other("the power is gone"));
            }
            Some(left) => *left -= 1,
            None => {}
        }
        match self.fault.as_mut() {
            Some(0) => {
                self.fault = None;
                return Err(io::Error::other("injected fault"));
            }
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(())
    }

    fn change(&mut self, change: Change) {
        change.clone().apply(&mut self.seen);
        self.pending.push(change);
    }

    fn used(&self) -> u64 {
        self.seen.values().map(|bytes| bytes.len() as u64).sum()
    }
}

impl FileSystem for MemoryFs {
    fn make_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        if state.seen.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let torn = bytes[..bytes.len() / 2].to_vec();
        if let Err(error) = state.step() {
            state.change(Change::Create(path.to_owned(), torn));
            return Err(error);
        }
        let used = state.used();
        if state.capacity.is_some_and(|capacity| used + bytes.len() as u64 > capacity) {
            state.change(Change::Create(path.to_owned(), torn));
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.change(Change::Create(path.to_owned(), bytes.to_vec()));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        if !state.seen.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.step()?;
        state.change(Change::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let inside = |path: &Path| path.parent() == Some(dir);
        let last = state.pending.iter().rposition(|change| match change {
            Change::Create(path, _) | Change::Unlink(path) => inside(path),
            Change::Rename(from, to) => inside(from) || inside(to),
        });
        if let Some(last) = last {
            let done: Vec<_> = state.pending.drain(..=last).collect();
            done.into_iter().for_each(|change| change.apply(&mut state.kept));
        }
        Ok(())
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        if !state.seen.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.step()?;
        state.change(Change::Unlink(path.to_owned()));
        Ok(())
    }

    fn overwrite(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let mut whole = state.seen.get(path).cloned().ok_or(io::ErrorKind::NotFound)?;
        state.step()?;
        let end = bytes.len().min(whole.len());
        whole[..end].copy_from_slice(&bytes[..end]);
        state.change(Change::Create(path.to_owned(), whole));
        Ok(())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.state().seen.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn read_start(&self, path: &Path, most: usize) -> io::Result<(Vec<u8>, u64)> {
        let bytes = self.read(path)?;
        let length = bytes.len() as u64;
        Ok((bytes.into_iter().take(most).collect(), length))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let state = self.state();
        Ok(state.seen.keys().filter(|path| path.parent() == Some(dir)).cloned().collect())
    }

    fn free_bytes(&self, _dir: &Path) -> io::Result<u64> {
        // Free space is no promise: others write to the disk too. Here it never warns.
        Ok(u64::MAX)
    }
}

#[test]
fn what_was_not_synced_is_forgotten_and_what_was_stays() {
    let fs = MemoryFs::default();
    let (one, two) = (Path::new("/d/one"), Path::new("/d/two"));
    fs.write_new(one, b"1").unwrap();
    fs.sync_dir(Path::new("/d")).unwrap();
    fs.write_new(two, b"2").unwrap();
    fs.unlink(one).unwrap();
    fs.restart(0);
    assert_eq!(fs.list(Path::new("/d")).unwrap(), [one]);
    fs.cut_power_after(0);
    assert!(fs.write_new(two, b"22").is_err() && fs.unlink(one).is_err());
    fs.restart(255);
    assert_eq!(fs.read(two).unwrap(), b"2", "the write was torn");
}
