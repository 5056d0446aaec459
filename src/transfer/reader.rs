//! Reads an export twice: once to see that it is whole, then to hand out its items.
//!
//! Holding it in memory in between would not be bounded; a copy on disk would not be sealed with a key of the
//! device.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use age::DecryptError;
use age::stream::StreamReader;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::keys::OpenWith;
use super::{FirstLine, LastLine, MAX_LINE, TransferError, VERSION, storage};

/// A file that was seen to be whole.
#[derive(Debug)]
pub struct Import {
    path: PathBuf,
    items: u64,
}

impl Import {
    /// Reads the whole file and sees that every item is a `T`.
    ///
    /// # Errors
    /// When it is not there, no export, of a later version, damaged or sealed for somebody else.
    pub fn check<T: DeserializeOwned>(path: &Path, with: &OpenWith) -> Result<Self, TransferError> {
        let mut items = 0;
        read(path, with, |_: T| {
            items += 1;
            Ok::<_, TransferError>(())
        })?;
        Ok(Self { path: path.to_owned(), items })
    }

    /// How many items it holds.
    pub const fn items(&self) -> u64 {
        self.items
    }

    /// Hands out every item, in order, until `take` refuses one.
    ///
    /// # Errors
    /// What `take` refused with, or the file's own when it was changed since.
    pub fn each<T: DeserializeOwned, E: From<TransferError>>(
        &self,
        with: &OpenWith,
        take: impl FnMut(T) -> Result<(), E>,
    ) -> Result<(), E> {
        read(&self.path, with, take)
    }
}

fn read<T: DeserializeOwned, E: From<TransferError>>(
    path: &Path,
    with: &OpenWith,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let damaged = |what| TransferError::Damaged { path: path.to_owned(), what };
    let foreign = || TransferError::Foreign { path: path.to_owned() };
    let mut lines = Lines { source: open(path, with)?, path };
    let mut sum = Sha256::new();
    let first = lines.next()?.ok_or_else(foreign)?;
    let head: FirstLine = serde_json::from_slice(&first).map_err(|_| foreign())?;
    if head.kiosk_enroll_export != VERSION {
        let found = head.kiosk_enroll_export;
        return Err(TransferError::Version { path: path.to_owned(), found }.into());
    }
    sum.update(&first);
    let mut items = 0;
    let mut line = lines.next()?.ok_or_else(|| damaged("it ends too early"))?;
    while let Some(next) = lines.next()? {
        sum.update(&line);
        let item = serde_json::from_slice(&line).map_err(|_| damaged("an item cannot be read"))?;
        take(item)?;
        items += 1;
        line = next;
    }
    let last: LastLine =
        serde_json::from_slice(&line).map_err(|_| damaged("its last line is missing"))?;
    let found: String = sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if last.items != items || last.sha256 != found {
        return Err(damaged("its checksum is another").into());
    }
    Ok(())
}

type Source = BufReader<StreamReader<BufReader<File>>>;

struct Lines<'a> {
    source: Source,
    path: &'a Path,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, TransferError> {
        let mut line = Zeroizing::new(Vec::new());
        let read = self.source.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
        read.map_err(|error| self.unreadable(error))?;
        match line.last() {
            None => Ok(None),
            Some(b'\n') => Ok(Some(line)),
            Some(_) => Err(TransferError::Damaged {
                path: self.path.to_owned(),
                what: "a line has no end",
            }),
        }
    }

    /// age tells of damage with errors that no disk gives.
    fn unreadable(&self, error: io::Error) -> TransferError {
        let path = self.path.to_owned();
        match error.raw_os_error() {
            Some(_) => TransferError::Storage { what: "reading", path, source: error },
            None => {
                TransferError::Damaged { path, what: "a piece of it was changed or is missing" }
            }
        }
    }
}

fn open(path: &Path, with: &OpenWith) -> Result<Source, TransferError> {
    let file = File::open(path).map_err(storage("opening", path))?;
    let refused = |error| match error {
        DecryptError::KeyDecryptionFailed
        | DecryptError::DecryptionFailed
        | DecryptError::NoMatchingKeys => {
            TransferError::WrongKey { path: path.to_owned(), with: with.kind }
        }
        DecryptError::UnknownFormat => TransferError::Foreign { path: path.to_owned() },
        DecryptError::ExcessiveWork { .. } => TransferError::Damaged {
            path: path.to_owned(),
            what: "its passphrase asks for more work than any export of this program",
        },
        DecryptError::Io(source) if source.raw_os_error().is_some() => {
            TransferError::Storage { what: "reading", path: path.to_owned(), source }
        }
        _ => TransferError::Damaged { path: path.to_owned(), what: "its header was changed" },
    };
    let opened = age::Decryptor::new_buffered(BufReader::new(file))
        .and_then(|decryptor| decryptor.decrypt(with.identities()))
        .map_err(refused)?;
    Ok(BufReader::new(opened))
}
