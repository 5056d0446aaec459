//! Whom a file with a secret is open to.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Owner and rights of a file with a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretRights {
    /// The nine bits for owner, group and others.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
}

impl SecretRights {
    /// Those of a file, if it is there.
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self { mode: metadata.mode() & 0o777, uid: metadata.uid() })
    }

    /// Whether more than its reader may use it: the owner alone, or of a file of root's the group, to read it.
    pub const fn is_open(self) -> bool {
        self.mode & !self.wanted() & 0o077 != 0
    }

    /// The rights that it should have at most.
    pub const fn wanted(self) -> u32 {
        if self.uid == 0 && self.mode & 0o047 == 0o040 { 0o640 } else { 0o600 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_group_of_a_file_of_roots_may_read_a_secret_besides_its_owner() {
        for (uid, mode, open) in [
            (0, 0o600, false),
            (0, 0o640, false),
            (0, 0o660, true),
            (0, 0o644, true),
            (7, 0o600, false),
            (7, 0o400, false),
            (7, 0o640, true),
            (7, 0o604, true),
        ] {
            assert_eq!(SecretRights { mode, uid }.is_open(), open, "{uid} {mode:o}");
        }
        assert_eq!(SecretRights { mode: 0o660, uid: 0 }.wanted(), 0o640);
        assert_eq!(SecretRights { mode: 0o644, uid: 0 }.wanted(), 0o600);
    }
}
