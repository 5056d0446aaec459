//! The roster: who may be enrolled by a badge, from a CSV file that is reloaded when it changes.
//!
//! One person a line, `person_id` and, after a comma, an optional name (in double quotes where it has a comma;
//! a doubled quote stands for one). A first line `person_id` or `person_id,name` is a heading; empty lines and lines
//! that begin with `#` are left out. A line that cannot be read, or repeats an id, is reported by its number
//! and does not count; the others do.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::domain::PersonId;

/// The largest roster that is read: more than a hundred thousand persons.
pub const MAX_ROSTER_BYTES: u64 = 8 * 1_024 * 1_024;

/// How many bad lines are reported at most.
const MAX_REPORTED: usize = 100;

/// The persons who may be enrolled. Its `Debug` shows no name.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Roster {
    entries: BTreeMap<PersonId, Option<String>>,
}

/// A line that does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Its number in the file, from 1.
    pub line: usize,
    /// What is wrong with it; shows no name.
    pub what: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl Roster {
    /// Reads the text of a roster; gives the lines that do not count (at most a hundred) beside it.
    pub fn parse(text: &str) -> (Self, Vec<BadLine>) {
        let (mut roster, mut bad) = (Self::default(), Vec::new());
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            let is_heading = number == 1 && is_heading(line);
            if line.is_empty() || line.starts_with('#') || is_heading {
                continue;
            }
            if let Err(what) = roster.add(line)
                && bad.len() < MAX_REPORTED
            {
                bad.push(BadLine { line: number, what });
            }
        }
        (roster, bad)
    }

    /// Whether the person may be enrolled.
    pub fn lists(&self, person_id: &PersonId) -> bool {
        self.entries.contains_key(person_id)
    }

    /// The name that stands beside the id, if there is one.
    pub fn name_of(&self, person_id: &PersonId) -> Option<&str> {
        self.entries.get(person_id)?.as_deref()
    }

    /// Everybody who is listed, with the name that stands beside the id.
    pub fn persons(&self) -> impl Iterator<Item = (&PersonId, Option<&str>)> {
        self.entries.iter().map(|(id, name)| (id, name.as_deref()))
    }

    /// How many persons are listed.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nobody is listed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn add(&mut self, line: &str) -> Result<(), String> {
        let (id, name) = match line.split_once(',') {
            Some((id, name)) => (id, unquoted(name.trim())?),
            None => (line, String::new()),
        };
        let id = unquoted(id.trim())?;
        // What stands where an id should may be a name: neither is repeated, these lines are logged.
        let person_id = PersonId::parse(&id).map_err(|_| {
            "what stands before the comma is no id: it is empty, too long, or has white space or \"/\""
                .to_owned()
        })?;
        if self.lists(&person_id) {
            return Err("its person stands on an earlier line already".to_owned());
        }
        self.entries.insert(person_id, (!name.is_empty()).then_some(name));
        Ok(())
    }
}

impl fmt::Debug for Roster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roster({} persons)", self.len())
    }
}

fn is_heading(line: &str) -> bool {
    let mut cells = line.split(',').map(|cell| cell.trim().trim_matches('"'));
    cells.next() == Some("person_id") && cells.all(|cell| cell == "name")
}

/// The text of the last cell of a line.
fn unquoted(cell: &str) -> Result<String, String> {
    let Some(rest) = cell.strip_prefix('"') else {
        return if cell.contains(['"', ',']) {
            Err("a comma or a quote outside of quotes after the id".to_owned())
        } else {
            Ok(cell.to_owned())
        };
    };
    let inner = rest.strip_suffix('"').map(|inner| inner.replace("\"\"", "\u{0}"));
    match inner {
        Some(inner) if !inner.contains('"') => Ok(inner.replace('\u{0}', "\"")),
        _ => Err("the quotes do not match".to_owned()),
    }
}

/// Why the roster's file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RosterError {
    /// The file cannot be opened or read.
    #[error("roster {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is too large.
    #[error("roster {} is larger than {MAX_ROSTER_BYTES} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
}

impl RosterError {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => {
                "check the path in [trigger] roster, and that the agent's user may read the file"
            }
            Self::TooLarge { .. } => "give one person_id a line and leave out what is not needed",
        }
    }
}

/// What a look at the file brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is as it was.
    Unchanged,
    /// It was read anew; these lines do not count.
    Reloaded(Vec<BadLine>),
}

/// A roster with its file.
#[derive(Debug)]
pub struct RosterFile {
    path: PathBuf,
    stamp: Option<Stamp>,
    roster: Option<Roster>,
}

/// What tells one version of the file from another without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    /// Differs when another file was moved into its place.
    inode: u64,
}

impl RosterFile {
    /// Names the file; nothing is read before the first [`refresh`](Self::refresh).
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), stamp: None, roster: None }
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The roster as it was last read, `None` as long as it never could be.
    pub const fn roster(&self) -> Option<&Roster> {
        self.roster.as_ref()
    }

    /// Reads the file if it changed.
    ///
    /// # Errors
    /// When it cannot be read; the roster stays as it was last read.
    pub fn refresh(&mut self) -> Result<Change, RosterError> {
        let unreadable = |source| RosterError::Unreadable { path: self.path.clone(), source };
        let file = std::fs::File::open(&self.path).map_err(unreadable)?;
        let about = file.metadata().map_err(unreadable)?;
        let stamp =
            Stamp { modified: about.modified().ok(), bytes: about.len(), inode: about.ino() };
        if self.roster.is_some() && self.stamp.as_ref() == Some(&stamp) {
            return Ok(Change::Unchanged);
        }
        let mut bytes = Vec::new();
        file.take(MAX_ROSTER_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MAX_ROSTER_BYTES {
            return Err(RosterError::TooLarge { path: self.path.clone() });
        }
        // A letter in another encoding damages its own line only.
        let (roster, bad) = Roster::parse(&String::from_utf8_lossy(&bytes));
        self.roster = Some(roster);
        self.stamp = Some(stamp);
        Ok(Change::Reloaded(bad))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    fn id(text: &str) -> PersonId {
        PersonId::parse(text).unwrap()
    }

    #[test]
    fn ids_are_listed_with_and_without_names() {
        let text = "\u{feff}person_id,name\r\n# night shift\r\np-1,Ada Lovelace\r\n\r\np-2\r\n\"p-3\",\"Hopper, \"\"Amazing\"\" Grace\"\r\np-4,\r\n";
        let (roster, bad) = Roster::parse(text);
        assert_eq!((roster.len(), bad.as_slice()), (4, [].as_slice()));
        assert_eq!(roster.name_of(&id("p-1")), Some("Ada Lovelace"));
        assert_eq!(roster.name_of(&id("p-2")), None);
        assert_eq!(roster.name_of(&id("p-3")), Some("Hopper, \"Amazing\" Grace"));
        assert_eq!(roster.name_of(&id("p-4")), None);
        assert!(!roster.lists(&id("person_id")));
        assert!(!format!("{roster:?}").contains("Ada"));
    }

    #[test]
    fn bad_lines_are_reported_by_number_and_the_others_count() {
        let (roster, bad) =
            Roster::parse("p-1\na b,Secret\n,Nobody\np-1,Again\np-2,\"open\np-3,x,y\np-4");
        assert_eq!(roster.len(), 2);
        let lines: Vec<_> = bad.iter().map(|bad| bad.line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6]);
        let shown: String = bad.iter().map(ToString::to_string).collect();
        assert!(shown.starts_with("line 2: what stands before the comma is no id"), "{shown}");
        assert!(!shown.contains("a b") && !shown.contains("p-1"), "{shown}");
        assert!(!shown.contains("Secret") && !shown.contains("Nobody"), "{shown}");
    }

    #[test]
    fn a_file_full_of_rubbish_is_reported_in_bounds() {
        let (roster, bad) = Roster::parse(&"a b\n".repeat(10_000));
        assert!(roster.is_empty());
        assert_eq!(bad.len(), MAX_REPORTED);
    }

    #[test]
    fn a_changed_file_is_read_again_and_a_vanished_one_keeps_the_last_roster() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("roster.csv");
        let mut file = RosterFile::new(&path);
        assert!(matches!(file.refresh(), Err(RosterError::Unreadable { .. })));
        assert_eq!(file.roster(), None);

        std::fs::write(&path, "p-1\n").unwrap();
        assert_eq!(file.refresh().unwrap(), Change::Reloaded(vec![]));
        assert_eq!(file.refresh().unwrap(), Change::Unchanged);

        std::fs::write(&path, "p-1\np-22\n").unwrap();
        assert_eq!(file.refresh().unwrap(), Change::Reloaded(vec![]));
        assert!(file.roster().unwrap().lists(&id("p-22")));

        std::fs::remove_file(&path).unwrap();
        let error = file.refresh().unwrap_err();
        assert!(error.to_string().contains("roster.csv"));
        assert_eq!(file.roster().unwrap().len(), 2);
    }
}
