//! Is there a token, in a file that only the agent's user can read?

use std::path::{Path, PathBuf};

use super::finding::{Check, Finding, LIMIT, quoted};
use super::site::Site;
use crate::config::SecretRights;
use crate::delivery::TokenError;
use crate::failure::{Exit, Failure};

pub(super) const CHECK: Check = Check {
    id: "token.file",
    expected: "a bearer token in a file that only the agent can read (mode 600; root's own may be 640)",
    exit: Exit::Permission,
    limit: LIMIT,
    look: |site| probe(site).map_or_else(|skipped| skipped, |facts| judge(&facts)),
};

/// The file as it is found.
struct Facts {
    path: PathBuf,
    read: Result<(), TokenError>,
    rights: Option<SecretRights>,
}

fn probe(site: &Site) -> Result<Facts, Finding> {
    let path = site.token_path()?;
    Ok(Facts { read: site.token()?.map(|_| ()), rights: SecretRights::of(&path), path })
}

fn judge(facts: &Facts) -> Finding {
    let typed = quoted(&facts.path);
    match &facts.read {
        Err(error) => {
            let found = Failure::caused(Exit::Permission, error).error;
            let finding = Finding::failed(found, error.hint());
            match error {
                TokenError::Unreadable { .. } => finding.command(format!("ls -l {typed}")),
                _ => finding.command("kiosk-enroll token set TOKEN-FILE"),
            }
        }
        Ok(()) => match facts.rights {
            Some(rights) if rights.is_open() => Finding::failed(
                format!("{} can be read by others (mode {:o})", facts.path.display(), rights.mode),
                "take the rights of others away; if others have used this device, ask for a new token",
            )
            .command(format!("chmod {:o} {typed}", rights.wanted())),
            rights => Finding::ok(told(&facts.path, rights.map(|rights| rights.mode))),
        },
    }
}

fn told(path: &Path, mode: Option<u32>) -> String {
    let mode = mode.map(|mode| format!(", mode {mode:o}")).unwrap_or_default();
    format!("{}{mode}", path.display())
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::delivery::MalformedToken;
    use crate::doctor::Status;

    #[test]
    fn each_fault_of_the_file_is_told_with_what_to_type() {
        let path = PathBuf::from("/s/token");
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        for (read, mode, command) in [
            (Err(TokenError::Missing { path: path.clone() }), None, "kiosk-enroll token set"),
            (
                Err(TokenError::Malformed { path: path.clone(), what: MalformedToken::Empty }),
                Some(0o600),
                "kiosk-enroll token set",
            ),
            (
                Err(TokenError::Unreadable { path: path.clone(), source: denied }),
                Some(0o600),
                "ls -l /s/token",
            ),
            (Ok(()), Some(0o644), "chmod 600 /s/token"),
            (Ok(()), Some(0o640), "chmod 600 /s/token"),
        ] {
            let rights = mode.map(|mode| SecretRights { mode, uid: 7 });
            let finding = judge(&Facts { path: path.clone(), read, rights });
            assert_eq!(finding.status, Status::Failed, "{}", finding.found);
            assert!(finding.commands[0].starts_with(command), "{:?}", finding.commands);
        }
        for (uid, mode) in [(7, 0o400), (0, 0o640)] {
            let rights = Some(SecretRights { mode, uid });
            let facts = Facts { path: path.clone(), read: Ok(()), rights };
            assert_eq!(judge(&facts).status, Status::Ok);
        }
    }
}
