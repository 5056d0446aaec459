//! Counts what lies in a queue's directory by names and sizes alone.
//!
//! It opens no entry, needs no key, takes no lock and puts nothing in order: good beside a running agent and
//! in a directory that is damaged. What is absent: whose updates they are, and why one is parked.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use super::layout::{Layout, Name};

/// What lies in a queue's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Glance {
    /// Updates, parked ones included.
    pub updates: usize,
    /// Those of them that are parked.
    pub parked: usize,
    /// Bytes of all updates.
    pub bytes: u64,
    /// When the oldest update that is not parked was written.
    pub oldest: Option<SystemTime>,
    /// Files that could not be used and lie in the quarantine.
    pub quarantined: usize,
}

impl Glance {
    /// Looks into a queue's directory; one that is not there is empty.
    ///
    /// # Errors
    /// When a directory cannot be listed.
    pub fn at(dir: &Path) -> io::Result<Self> {
        let layout = Layout::of(dir);
        let mut glance = Self { quarantined: names(&layout.quarantine)?.len(), ..Self::default() };
        for path in names(&layout.entries)? {
            match layout.name(&path) {
                Name::Note(_) => glance.parked += 1,
                Name::Entry(id) => {
                    // Delivered in between: no longer there, no longer counted.
                    let Ok(metadata) = fs::metadata(&path) else { continue };
                    glance.updates += 1;
                    glance.bytes += metadata.len();
                    let written = metadata.modified().ok().filter(|_| !layout.note(id).exists());
                    glance.oldest = glance.oldest.into_iter().chain(written).min();
                }
                Name::Strange => {}
            }
        }
        Ok(glance)
    }
}

fn names(dir: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    match fs::read_dir(dir) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_counted_without_being_touched() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Glance::at(dir.path()).unwrap(), Glance::default());
        fs::create_dir(dir.path().join("entries")).unwrap();
        fs::create_dir(dir.path().join("quarantine")).unwrap();
        let write = |name: &str| fs::write(dir.path().join(name), [0; 10]).unwrap();
        write("entries/0000000000000001.entry");
        write("entries/0000000000000001.parked");
        write("entries/0000000000000002.entry");
        write("entries/a.tmp");
        write("quarantine/0000000000000003.entry");
        let glance = Glance::at(dir.path()).unwrap();
        assert_eq!((glance.updates, glance.parked, glance.bytes), (2, 1, 20));
        assert_eq!(glance.quarantined, 1);
        assert!(glance.oldest.is_some());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
