//! The file that carries updates from one device to another on a USB stick, version 1.
//!
//! # Invariants
//! - It is one [age](https://age-encryption.org/v1) file: sealed with a passphrase or for a recipient's key,
//!   authenticated in pieces of 64 KiB, and a cut at any byte is noticed.
//! - Under its final name there is a whole file or none: it is written beside it, synced and renamed.
//! - It is **all or nothing**: a reader has seen the last byte of a file, and that it fits the checksum, before
//!   it hands out the first item.
//!
//! ```text
//! age ( {"kiosk_enroll_export":1}            the first line
//!       {…}                                  a line for each item, in the order they were acknowledged
//!       {"items":N,"sha256":"…"}             the last line: of every byte before it
//!     )
//! ```
//!
//! What is absent: what an item means. It is any value with a JSON form.

mod keys;
mod reader;
mod writer;

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use keys::{OpenWith, SealFor};
pub use reader::Import;
pub use writer::Export;

const VERSION: u32 = 1;
/// No line is longer: three pictures as base64, and their fields.
const MAX_LINE: u64 = 128 << 20;

#[derive(Serialize, Deserialize)]
struct FirstLine {
    kiosk_enroll_export: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LastLine {
    items: u64,
    sha256: String,
}

/// What an error of this room asks of its caller; the CLI maps it to exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransferErrorKind {
    /// The file, a passphrase or a key is not there.
    NoInput,
    /// It is damaged, or no export of this program.
    BadData,
    /// The passphrase or the key is another.
    WrongKey,
    /// The file cannot be made.
    CannotCreate,
    /// The disk refused.
    Io,
}

/// Why a file could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The file exists already.
    #[error("{} exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The disk refused.
    #[error("{what} {} failed", path.display())]
    Storage {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is no such file.
    #[error("{} is no export of kiosk-enroll", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It was written by a later version.
    #[error("{} has version {found}, this program reads {VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// It is cut short or changed.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How that shows.
        what: &'static str,
    },
    /// It was sealed for somebody else.
    #[error("{} does not open with this {with}", path.display())]
    WrongKey {
        /// The file.
        path: PathBuf,
        /// `passphrase` or `identity`.
        with: &'static str,
    },
    /// A passphrase or key cannot be used.
    #[error("{object}: {what}")]
    Key {
        /// Which one.
        object: String,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl TransferError {
    /// What the error asks of its caller.
    pub fn kind(&self) -> TransferErrorKind {
        match self {
            Self::Exists { .. } => TransferErrorKind::CannotCreate,
            Self::Storage { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                TransferErrorKind::NoInput
            }
            Self::Storage { .. } => TransferErrorKind::Io,
            Self::WrongKey { .. } => TransferErrorKind::WrongKey,
            Self::Foreign { .. }
            | Self::Version { .. }
            | Self::Damaged { .. }
            | Self::Key { .. } => TransferErrorKind::BadData,
        }
    }

    /// What a person can do about it.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Exists { .. } => Some("choose another name: an export replaces nothing"),
            Self::Damaged { .. } => {
                Some("nothing of it was imported; export again, and unmount the stick")
            }
            Self::WrongKey { .. } => Some("nothing of it was imported"),
            Self::Version { .. } => Some("update this device first"),
            _ => None,
        }
    }
}

fn storage(what: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> TransferError {
    let path = path.to_owned();
    move |source| TransferError::Storage { what, path, source }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn passphrase(text: &str) -> (SealFor, OpenWith) {
        (SealFor::cheap_passphrase(text), OpenWith::passphrase(text.as_bytes(), "p").unwrap())
    }

    fn write(path: &Path, items: &[String], seal: SealFor) {
        let mut export = Export::create(path, seal).unwrap();
        items.iter().for_each(|item| export.add(item).unwrap());
        export.finish().unwrap();
    }

    fn read(path: &Path, with: &OpenWith) -> Result<Vec<String>, TransferError> {
        let import = Import::check::<String>(path, with)?;
        let mut items = Vec::new();
        import.each(with, |item: String| {
            items.push(item);
            Ok::<_, TransferError>(())
        })?;
        Ok(items)
    }

    fn items() -> Vec<String> {
        (0..5).map(|n| format!("{n}").repeat(30_000)).collect()
    }

    #[test]
    fn what_was_exported_comes_back_in_order_by_passphrase_or_key() {
        let dir = tempfile::tempdir().unwrap();
        let (seal, open) = passphrase("correct horse battery");
        let path = dir.path().join("a.age");
        write(&path, &items(), seal);
        assert_eq!(read(&path, &open).unwrap(), items());
        let identity = age::x25519::Identity::generate();
        let path = dir.path().join("b.age");
        write(&path, &items(), SealFor::recipient(&identity.to_public().to_string()).unwrap());
        let key = age::secrecy::ExposeSecret::expose_secret(&identity.to_string()).to_owned();
        let open = OpenWith::identity(format!("# mine\n{key}\n").as_bytes(), "k").unwrap();
        assert_eq!(read(&path, &open).unwrap(), items());
    }

    #[test]
    fn a_file_that_is_cut_or_changed_anywhere_gives_no_item() {
        let dir = tempfile::tempdir().unwrap();
        let (seal, open) = passphrase("correct horse battery");
        let path = dir.path().join("a.age");
        write(&path, &items(), seal);
        let whole = fs::read(&path).unwrap();
        let places = (0..whole.len()).step_by(4_999).chain(whole.len() - 40..whole.len());
        for at in places {
            fs::write(&path, &whole[..at]).unwrap();
            let cut = read(&path, &open).unwrap_err();
            assert_eq!(cut.kind(), TransferErrorKind::BadData, "cut at {at}: {cut}");
            let mut changed = whole.clone();
            changed[at] ^= 4;
            fs::write(&path, &changed).unwrap();
            assert!(read(&path, &open).is_err(), "changed at {at}");
        }
    }

    #[test]
    fn the_wrong_passphrase_and_a_foreign_file_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let (seal, _) = passphrase("correct horse battery");
        let path = dir.path().join("a.age");
        write(&path, &items(), seal);
        let (_, other) = passphrase("another one");
        assert_eq!(read(&path, &other).unwrap_err().kind(), TransferErrorKind::WrongKey);
        let none = read(&dir.path().join("none"), &other).unwrap_err();
        assert_eq!(none.kind(), TransferErrorKind::NoInput);
        for text in ["", "a shopping list", "age-encryption.org/v1\nnonsense"] {
            fs::write(&path, text).unwrap();
            assert_eq!(read(&path, &other).unwrap_err().kind(), TransferErrorKind::BadData);
        }
    }

    #[test]
    fn an_interrupted_export_leaves_nothing_under_its_name_and_can_be_run_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.age");
        let (seal, open) = passphrase("correct horse battery");
        let mut export = Export::create(&path, seal).unwrap();
        export.add(&items()).unwrap();
        assert!(!path.exists());
        // As a power cut would leave it.
        std::mem::forget(export);
        write(&path, &items(), SealFor::cheap_passphrase("correct horse battery"));
        assert_eq!(read(&path, &open).unwrap(), items());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        let again = Export::create(&path, SealFor::cheap_passphrase("x"));
        assert!(matches!(again, Err(TransferError::Exists { .. })));
    }
}
