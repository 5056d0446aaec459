//! Writes an export: sealed as it goes, and under its final name only when it is whole and on disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use age::stream::StreamWriter;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::keys::SealFor;
use super::{FirstLine, LastLine, TransferError, VERSION, storage};

/// The extension of a file that is being written.
const PART: &str = "part";

/// An export that is being written. Dropped before [`finish`](Self::finish), it leaves nothing behind.
pub struct Export {
    path: PathBuf,
    part: Part,
    sink: StreamWriter<BufWriter<File>>,
    sum: Sha256,
    items: u64,
}

/// The unfinished file; goes with the value.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // Gone already once it was renamed.
        let _ = fs::remove_file(&self.0);
    }
}

impl Export {
    /// Begins the export that will be at `path`. What an interrupted one left beside it is replaced.
    ///
    /// # Errors
    /// When `path` exists already, or the disk refuses.
    pub fn create(path: &Path, seal: SealFor) -> Result<Self, TransferError> {
        if path.symlink_metadata().is_ok() {
            return Err(TransferError::Exists { path: path.to_owned() });
        }
        let part = path.with_added_extension(PART);
        let failed = storage("creating", &part);
        let _ = fs::remove_file(&part);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
        let file = file.map_err(failed)?;
        let part = Part(part);
        let recipient = seal.recipients();
        let recipients = std::iter::once(recipient.as_ref());
        let sealed = age::Encryptor::with_recipients(recipients)
            .map_err(|error| io::Error::other(error.to_string()))
            .and_then(|encryptor| encryptor.wrap_output(BufWriter::new(file)));
        let sink = sealed.map_err(storage("sealing", path))?;
        let mut export = Self { path: path.to_owned(), part, sink, sum: Sha256::new(), items: 0 };
        export.line(&FirstLine { kiosk_enroll_export: VERSION })?;
        Ok(export)
    }

    /// Adds one item.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn add(&mut self, item: &impl Serialize) -> Result<(), TransferError> {
        self.line(item)?;
        self.items += 1;
        Ok(())
    }

    /// Makes the file whole and durable, and gives it its name.
    ///
    /// # Errors
    /// When the disk refuses; then nothing is left of it.
    pub fn finish(mut self) -> Result<u64, TransferError> {
        let sha256 = self.sum.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        self.line(&LastLine { items: self.items, sha256 })?;
        let file = self.sink.finish().and_then(|inner| inner.into_inner().map_err(Into::into));
        file.and_then(|file| file.sync_all()).map_err(storage("writing", &self.path))?;
        fs::rename(&self.part.0, &self.path).map_err(storage("renaming", &self.part.0))?;
        let dir = match self.path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir,
            _ => Path::new("."),
        };
        if let Err(error) = File::open(dir).and_then(|dir| dir.sync_all()) {
            // Whoever is told of a failure goes on as if there were no file.
            let _ = fs::remove_file(&self.path);
            return Err(storage("syncing", dir)(error));
        }
        Ok(self.items)
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), TransferError> {
        let mut line = serde_json::to_vec(value)
            .map_err(|error| storage("writing", &self.path)(error.into()))?;
        line.push(b'\n');
        self.sum.update(&line);
        self.sink.write_all(&line).map_err(storage("writing", &self.path))
    }
}
