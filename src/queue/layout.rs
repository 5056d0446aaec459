//! Where everything lies in a queue's directory.

use std::path::{Path, PathBuf};

use crate::domain::UpdateId;

/// The paths of one queue.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) root: PathBuf,
    pub(super) entries: PathBuf,
    pub(super) keys: PathBuf,
    pub(super) receipts: PathBuf,
    pub(super) quarantine: PathBuf,
    pub(super) index: PathBuf,
    pub(super) sequence: PathBuf,
    pub(super) reserve: PathBuf,
}

/// What a file in `entries/` is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Entry(UpdateId),
    Note(UpdateId),
    Strange,
}

impl Layout {
    pub(super) fn of(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            entries: root.join("entries"),
            keys: root.join("keys"),
            receipts: root.join("receipts"),
            quarantine: root.join("quarantine"),
            index: root.join("index"),
            sequence: root.join("sequence"),
            reserve: root.join("reserve"),
        }
    }

    /// Every directory that must be there.
    pub(super) fn directories(&self) -> [&Path; 5] {
        [&self.root, &self.entries, &self.keys, &self.receipts, &self.quarantine]
    }

    pub(super) fn entry(&self, id: UpdateId) -> PathBuf {
        self.entries.join(format!("{:016x}.entry", id.0))
    }

    pub(super) fn note(&self, id: UpdateId) -> PathBuf {
        self.entries.join(format!("{:016x}.parked", id.0))
    }

    pub(super) fn name(&self, path: &Path) -> Name {
        let digits = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let Ok(id) = u64::from_str_radix(digits, 16).map(UpdateId) else { return Name::Strange };
        if path == self.entry(id) {
            Name::Entry(id)
        } else if path == self.note(id) {
            Name::Note(id)
        } else {
            Name::Strange
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exactly_our_names_are_ours() {
        let layout = Layout::of(Path::new("/q"));
        let id = UpdateId(0xabc);
        assert_eq!(layout.name(&layout.entry(id)), Name::Entry(id));
        assert_eq!(layout.name(&layout.note(id)), Name::Note(id));
        for strange in ["0000000000000ABC.entry", "abc.entry", "0000000000000abc.entry~", "x", ""] {
            assert_eq!(layout.name(&layout.entries.join(strange)), Name::Strange, "{strange}");
        }
    }
}
