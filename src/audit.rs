//! Keeps a line for every act done by hand, and for each token that the agent renews: `audit.log` in the state
//! directory.
//!
//! # Invariants
//! - A line is on disk **before** the act: what was done has a line, and a line may stand for an act that was
//!   then refused.
//! - It holds the command, the ids of updates, the time, the user and the door. No face, no person's name, no
//!   field's value, no path of a file.
//! - It is bounded: beyond 1 MiB it becomes `audit.log.1`, and the one before that goes.
//!
//! ```text
//! {"at":"2026-11-23T20:00:00.000Z","command":"queue drop","ids":["u17"],"door":"socket","uid":0,"user":"root"}
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::clock::rfc3339;
use crate::domain::{Caller, UpdateId, WallTime};

const NAME: &str = "audit.log";
const MAX_BYTES: u64 = 1 << 20;
/// Ids that one line names; of more it tells only how many.
const MAX_IDS: usize = 100;

/// The audit log of one state directory.
#[derive(Debug, Clone)]
pub struct AuditLog {
    path: PathBuf,
}

#[derive(Serialize)]
struct Line<'a> {
    at: String,
    command: &'a str,
    ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<usize>,
    door: &'static str,
    uid: Option<u32>,
    user: Option<String>,
}

impl AuditLog {
    /// The log in a state directory; nothing is opened before the first line.
    pub fn in_dir(state: &Path) -> Self {
        Self { path: state.join(NAME) }
    }

    /// Writes a line and returns when it is on disk.
    ///
    /// A disk that refuses costs the line, not the act: dropping an update must be possible on a full disk.
    pub fn record(&self, caller: Caller, command: &str, ids: &[UpdateId], at: WallTime) {
        if let Err(error) = self.append(&line(caller, command, ids, at)) {
            tracing::warn!(%error, command, path = %self.path.display(), "an act has no line in the audit log");
        }
    }

    fn append(&self, line: &[u8]) -> io::Result<()> {
        let length = fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        if length > 0 && length + line.len() as u64 > MAX_BYTES {
            fs::rename(&self.path, self.path.with_added_extension("1"))?;
        }
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
        // One write: a power cut leaves a torn last line, never two that are mixed.
        file.write_all(line)?;
        file.sync_data()?;
        if length == 0 || length + line.len() as u64 > MAX_BYTES {
            File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(())
    }
}

fn line(caller: Caller, command: &str, ids: &[UpdateId], at: WallTime) -> Vec<u8> {
    let line = Line {
        at: rfc3339(at),
        command,
        ids: ids.iter().take(MAX_IDS).map(ToString::to_string).collect(),
        more: ids.len().checked_sub(MAX_IDS).filter(|more| *more > 0),
        door: caller.door.name(),
        uid: caller.uid,
        user: caller.uid.and_then(account),
    };
    let mut text = serde_json::to_vec(&line).unwrap_or_default();
    text.push(b'\n');
    text
}

/// The name of a user's account on this device.
fn account(uid: u32) -> Option<String> {
    nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)).ok()?.map(|user| user.name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::domain::Door;

    const AT: WallTime = WallTime::from_unix_millis(1_795_466_530_250);
    const ROOT: Caller = Caller { door: Door::Socket, uid: Some(0) };

    #[test]
    fn a_line_says_who_did_what_to_which_updates_and_when() {
        let dir = tempfile::tempdir().unwrap();
        let log = AuditLog::in_dir(dir.path());
        log.record(ROOT, "queue drop", &[UpdateId(17)], AT);
        let someone = Caller { door: Door::Loopback, uid: None };
        log.record(someone, "queue retry", &[UpdateId(3), UpdateId(4)], AT);
        let text = fs::read_to_string(&log.path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            format!(
                r#"{{"at":"{}","command":"queue drop","ids":["u17"],"door":"socket","uid":0,"user":"root"}}"#,
                rfc3339(AT)
            )
        );
        assert!(lines[1].contains(r#""ids":["u3","u4"],"door":"loopback","uid":null,"user":null"#));
        assert_eq!(fs::metadata(&log.path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_log_is_bounded_and_keeps_the_newest_lines() {
        let dir = tempfile::tempdir().unwrap();
        let log = AuditLog::in_dir(dir.path());
        fs::write(dir.path().join("audit.log.1"), "the oldest").unwrap();
        fs::write(&log.path, vec![b'x'; MAX_BYTES as usize - 10]).unwrap();
        log.record(ROOT, "queue drop", &[UpdateId(1)], AT);
        assert!(fs::metadata(&log.path).unwrap().len() < 200);
        let before = fs::metadata(dir.path().join("audit.log.1")).unwrap().len();
        assert_eq!(before, MAX_BYTES - 10);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_line_stays_short_however_many_updates_it_is_about() {
        let ids: Vec<_> = (0..50_000).map(UpdateId).collect();
        let text = String::from_utf8(line(ROOT, "queue export", &ids, AT)).unwrap();
        assert!(text.len() < 2_000 && text.contains(r#""more":49900"#));
    }
}
