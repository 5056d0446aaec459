//! Is the state directory there, the right user's, closed to others, and writable?

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::finding::{Check, Finding, LIMIT, quoted};
use crate::failure::Exit;

pub(super) const CHECK: Check = Check {
    id: "state.directory",
    expected: "a directory of the agent's user, mode 700, that can be written",
    exit: Exit::Permission,
    limit: LIMIT,
    look: |site| judge(&site.paths.state, &probe(&site.paths.state)),
};

/// What is to be known about the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Facts {
    Missing,
    NoDirectory,
    Denied,
    Found { mode: u32, uid: u32, me: u32, written: Result<(), ErrorKind> },
}

fn probe(dir: &Path) -> Facts {
    let metadata = match fs::metadata(dir) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Facts::Missing,
        Err(_) => return Facts::Denied,
    };
    if !metadata.is_dir() {
        return Facts::NoDirectory;
    }
    let me = rustix::process::geteuid().as_raw();
    let written = try_writing(dir).map_err(|error| error.kind());
    Facts::Found { mode: metadata.mode() & 0o777, uid: metadata.uid(), me, written }
}

/// Writes a file as the queue does, to the disk, and removes it.
fn try_writing(dir: &Path) -> io::Result<()> {
    let path = dir.join(format!(".doctor-{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    let written = file.write_all(b"can this be written?\n").and_then(|()| file.sync_data());
    let removed = fs::remove_file(&path);
    written.and(removed)
}

fn judge(dir: &Path, facts: &Facts) -> Finding {
    let (shown, typed) = (dir.display(), quoted(dir));
    match facts {
        Facts::Missing => Finding::warning(
            format!("{shown} is not there yet: the agent makes it at its first start"),
            "start the agent once, or name the right directory with --state-dir",
        ),
        Facts::NoDirectory => Finding::failed(
            format!("{shown} is no directory"),
            "move it away: the agent makes the directory",
        )
        .command(format!("mv {typed} {typed}.away")),
        Facts::Denied => Finding::failed(
            format!("{shown} may not be looked into"),
            "run this as root or as the agent's user",
        )
        .command("sudo kiosk-enroll doctor"),
        Facts::Found { written: Err(kind), uid, me, .. } => {
            let found = format!("{shown} cannot be written: {kind}");
            match kind {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                    Finding::failed(found, "make room on its disk: see state.space")
                        .command(format!("df -h {typed}"))
                }
                ErrorKind::ReadOnlyFilesystem => {
                    Finding::failed(found, "its disk is read-only: see state.medium")
                        .command(format!("findmnt --target {typed}"))
                }
                _ => Finding::failed(
                    format!("{found} (it is user {uid}'s, this is user {me})"),
                    "give it to the agent's user",
                )
                .command(format!("chown -R kiosk-enroll: {typed}"))
                .command(format!("chmod 700 {typed}")),
            }
        }
        Facts::Found { mode, written: Ok(()), .. } if mode & 0o077 != 0 => Finding::warning(
            format!("{shown} can be written, but others may look into it (mode {mode:o})"),
            "take the rights of others away",
        )
        .command(format!("chmod 700 {typed}")),
        Facts::Found { mode, uid, .. } => {
            Finding::ok(format!("{shown}, user {uid}, mode {mode:o}, can be written"))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn each_state_of_the_directory_has_its_own_remedy() {
        let found = |mode, written| Facts::Found { mode, uid: 990, me: 990, written };
        for (facts, status, words) in [
            (found(0o700, Ok(())), Status::Ok, "can be written"),
            (found(0o755, Ok(())), Status::Warning, "mode 755"),
            (found(0o700, Err(ErrorKind::PermissionDenied)), Status::Failed, "user 990"),
            (found(0o700, Err(ErrorKind::StorageFull)), Status::Failed, "cannot be written"),
            (found(0o700, Err(ErrorKind::ReadOnlyFilesystem)), Status::Failed, "read-only"),
            (Facts::Missing, Status::Warning, "not there"),
            (Facts::NoDirectory, Status::Failed, "no directory"),
            (Facts::Denied, Status::Failed, "may not"),
        ] {
            let finding = judge(Path::new("/var/lib/kiosk-enroll"), &facts);
            assert_eq!(finding.status, status, "{facts:?}");
            assert!(finding.found.contains(words), "{}", finding.found);
            assert_eq!(finding.remedy.is_some(), status != Status::Ok);
        }
    }

    #[test]
    fn trying_it_out_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(probe(dir.path()), Facts::Found { written: Ok(()), .. }));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        assert_eq!(probe(&dir.path().join("x")), Facts::Missing);
    }
}
