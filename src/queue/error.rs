//! What can go wrong with the queue, about which object, and what a person can do.

use std::io;
use std::path::{Path, PathBuf};

use super::retention::Limit;
use crate::domain::{UpdateId, UpdateState};

/// What an error of the queue asks of its caller; the CLI maps it to exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueueErrorKind {
    /// A limit is reached or the disk is full: make room, then try again.
    Full,
    /// Another process has the queue open: talk to it, or try later.
    Locked,
    /// The disk refused to read or write.
    Storage,
    /// The device key is missing, malformed or badly protected.
    Key,
    /// There is no such update.
    NotFound,
    /// The update is not in a state that allows this.
    State,
    /// The update's file is damaged; it lies in the quarantine now.
    Damaged,
}

/// Why the queue could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// A limit is reached.
    #[error("queue is full: {limit} would be {found}, allowed is {allowed}")]
    Full {
        /// Which limit.
        limit: Limit,
        /// What it would be, in words.
        found: String,
        /// What is allowed, in words.
        allowed: String,
    },
    /// Another process has the queue open.
    #[error("queue {} is open in another process{}", dir.display(), pid.map(|pid| format!(" ({pid})")).unwrap_or_default())]
    Locked {
        /// The queue's directory.
        dir: PathBuf,
        /// The other process, if it left its number.
        pid: Option<u32>,
    },
    /// The disk refused.
    #[error("{what} {} failed", path.display())]
    Storage {
        /// What was tried.
        what: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The device key cannot be used.
    #[error("device key {}: {what}", path.display())]
    Key {
        /// The key's file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// There is no such update.
    #[error("update {0} is not in the queue")]
    NotFound(UpdateId),
    /// The update is not in a state that allows this.
    #[error("update {id} is {}, not {wanted}", found.name())]
    State {
        /// The update.
        id: UpdateId,
        /// Where it stands.
        found: UpdateState,
        /// Where it would have to stand.
        wanted: &'static str,
    },
    /// A newer update of the same person stands in the way.
    #[error("update {id} is older than {by}, which {what}")]
    Outdated {
        /// The update.
        id: UpdateId,
        /// The newer one.
        by: UpdateId,
        /// What the newer one did.
        what: String,
    },
    /// The update's file is damaged.
    #[error("update {id} is damaged and was moved to the quarantine")]
    Damaged {
        /// The update.
        id: UpdateId,
    },
}

impl QueueError {
    /// What the error asks of its caller.
    pub fn kind(&self) -> QueueErrorKind {
        match self {
            Self::Full { .. } => QueueErrorKind::Full,
            Self::Storage { source, .. } if is_full(source) => QueueErrorKind::Full,
            Self::Locked { .. } => QueueErrorKind::Locked,
            Self::Storage { .. } => QueueErrorKind::Storage,
            Self::Key { .. } => QueueErrorKind::Key,
            Self::NotFound(_) => QueueErrorKind::NotFound,
            Self::State { .. } | Self::Outdated { .. } => QueueErrorKind::State,
            Self::Damaged { .. } => QueueErrorKind::Damaged,
        }
    }

    /// What a person can do about it, where a person can.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Full { limit: Limit::Age, .. } => {
                "bring the kiosk online, and check that its clock is right"
            }
            Self::Full { limit: Limit::Disk, .. } => {
                "free space on the disk of the state directory"
            }
            Self::Full { .. } => {
                "bring the kiosk online, drop parked updates (`queue list`), or raise the limit in [queue]"
            }
            Self::Storage { source, .. } if is_full(source) => {
                "free space on the disk of the state directory"
            }
            Self::Locked { .. } => "ask the running agent instead, or stop it first",
            Self::Storage { source, path, .. }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                return Some(format!("run as the user that owns {}", path.display()));
            }
            Self::Storage { .. } => "check the disk (`dmesg`), its mount and its owner",
            Self::Key { path, .. } => {
                return Some(format!(
                    "restore {} from its backup (32 bytes, raw or as 64 hex digits) with `chmod 600`",
                    path.display()
                ));
            }
            Self::NotFound(_) => "see `queue list` for the ids",
            Self::State { .. } => "see `queue list` for where each update stands",
            Self::Outdated { .. } => "drop it, and enter what is still right as a new update",
            Self::Damaged { .. } => "enroll the person again",
        };
        Some(hint.to_owned())
    }

    /// Turns an I/O error into one that names what was tried and with which file.
    pub(super) fn storage(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Storage { what, path, source }
    }
}

/// Whether the system says that there is no room left.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart_from_a_broken_one() {
        let full =
            QueueError::storage("writing", Path::new("q/e"))(io::ErrorKind::StorageFull.into());
        let broken = QueueError::storage("writing", Path::new("q/e"))(io::Error::other("EIO"));
        assert_eq!(full.kind(), QueueErrorKind::Full);
        assert_eq!(broken.kind(), QueueErrorKind::Storage);
        assert_eq!(broken.to_string(), "writing q/e failed");
    }

    #[test]
    fn the_second_opener_is_told_who_has_the_queue() {
        let error = QueueError::Locked { dir: "q".into(), pid: Some(41) };
        assert_eq!(error.to_string(), "queue q is open in another process (41)");
        assert!(error.hint().is_some());
    }
}
