//! sled as the index's store, made honest.
//!
//! sled 0.34's `flush` is `sync_file_range`, which promises nothing after a power cut, and values over 128
//! KiB go to files that are never synced. Therefore: rows of a few hundred bytes, and an own `fsync` of the
//! `db` file after each flush. `flush_async` can deadlock and is never used.

use std::fs::File;
use std::path::Path;

use super::index::{Change, Rows, Store};
use crate::domain::UpdateId;

const CACHE_BYTES: u64 = 2 << 20;
/// sled gives no space back: a file beyond this is written anew.
const MAX_DISK_BYTES: u64 = 16 << 20;

struct Sled {
    db: sled::Db,
    file: File,
}

/// Opens the store in `dir`.
pub(super) fn open(dir: &Path) -> Result<Box<dyn Store>, String> {
    remove_torn_snapshots(dir)?;
    let mut store = connect(dir)?;
    if store.db.size_on_disk().map_err(said)? > MAX_DISK_BYTES {
        let rows = store.scan()?;
        drop(store);
        std::fs::remove_dir_all(dir).map_err(said)?;
        store = connect(dir)?;
        store.apply(rows.into_iter().map(|(id, row)| Change::Put(id, row)).collect())?;
        store.sync()?;
    }
    Ok(Box::new(store))
}

fn connect(dir: &Path) -> Result<Sled, String> {
    let db = sled::Config::new()
        .path(dir)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(None)
        .open()
        .map_err(said)?;
    let file = File::open(dir.join("db")).map_err(said)?;
    Ok(Sled { db, file })
}

/// sled reads a snapshot that it was still writing first, and refuses to open when that one is torn. It is
/// renamed only when it is complete, so one with this name is never needed.
fn remove_torn_snapshots(dir: &Path) -> Result<(), String> {
    let Ok(files) = std::fs::read_dir(dir) else { return Ok(()) };
    for file in files.flatten() {
        let name = file.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            std::fs::remove_file(file.path()).map_err(said)?;
        }
    }
    Ok(())
}

impl Store for Sled {
    fn scan(&mut self) -> Result<Rows, String> {
        let mut rows = Rows::new();
        for row in self.db.iter() {
            let (key, value) = row.map_err(said)?;
            let id = key.as_ref().try_into().map_err(|_| "a key is not a sequence number")?;
            rows.insert(UpdateId(u64::from_be_bytes(id)), value.to_vec());
        }
        Ok(rows)
    }

    fn apply(&mut self, changes: Vec<Change>) -> Result<(), String> {
        for change in changes {
            match change {
                Change::Put(id, row) => self.db.insert(id.0.to_be_bytes(), row).map_err(said)?,
                Change::Remove(id) => self.db.remove(id.0.to_be_bytes()).map_err(said)?,
            };
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), String> {
        self.db.flush().map_err(said)?;
        self.file.sync_data().map_err(said)
    }
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    fn put(id: u64) -> Change {
        Change::Put(UpdateId(id), vec![id as u8; 40])
    }

    #[test]
    fn rows_are_there_after_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index");
        let mut store = open(&path).unwrap();
        store.apply(vec![put(1), put(300), Change::Remove(UpdateId(1))]).unwrap();
        store.sync().unwrap();
        drop(store);
        let rows = open(&path).unwrap().scan().unwrap();
        assert_eq!(rows.keys().collect::<Vec<_>>(), [&UpdateId(300)]);
    }

    #[test]
    fn a_torn_snapshot_does_not_keep_the_store_from_opening() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index");
        open(&path).unwrap().apply(vec![put(7)]).unwrap();
        std::fs::write(path.join("snap.FFFFFFFFFFFFFFFF.generating"), b"").unwrap();
        assert_eq!(open(&path).unwrap().scan().unwrap().len(), 1);
    }
}
