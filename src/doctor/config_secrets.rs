//! Can others read the keys? The token has a check of its own.

use std::path::PathBuf;

use super::finding::{Check, Finding, LIMIT, quoted};
use super::site::Site;
use crate::config::SecretRights;
use crate::failure::Exit;

pub(super) const CHECK: Check = Check {
    id: "config.secrets",
    expected: "key files that only their owner can read (mode 600), or root's that its group can (640)",
    exit: Exit::Permission,
    limit: LIMIT,
    look: |site| probe(site).map_or_else(|skipped| skipped, |files| judge(&files)),
};

/// A file that holds a secret, and who may do what with it.
struct SecretFile {
    path: PathBuf,
    rights: SecretRights,
}

fn probe(site: &Site) -> Result<Vec<SecretFile>, Finding> {
    let config = site.config()?;
    let client = config.verifik.client_certificate.as_ref().map(|pair| pair.key_file.clone());
    let device = site.paths.key_file(config.queue.key_file.as_deref());
    let local = site.paths.state.join("local.token");
    let files = [Some(device), client, Some(local)].into_iter().flatten();
    let of = |path: PathBuf| Some(SecretFile { rights: SecretRights::of(&path)?, path });
    Ok(files.filter_map(of).collect())
}

fn judge(files: &[SecretFile]) -> Finding {
    let open: Vec<&SecretFile> = files.iter().filter(|file| file.rights.is_open()).collect();
    if open.is_empty() {
        return Finding::ok(match files.len() {
            0 => "there is no key file yet".to_owned(),
            count => format!("{count} key files, readable by nobody else"),
        });
    }
    let named: Vec<String> = open
        .iter()
        .map(|file| format!("{} (mode {:o})", file.path.display(), file.rights.mode))
        .collect();
    let remedy =
        "take the rights of others away; if others have used this device, replace the keys";
    let finding = Finding::failed(format!("others may use {}", named.join(", ")), remedy);
    open.iter().fold(finding, |it, file| {
        it.command(format!("chmod {:o} {}", file.rights.wanted(), quoted(&file.path)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn a_key_that_others_can_read_fails_by_its_name() {
        for (mode, status) in [
            (0o600, Status::Ok),
            (0o400, Status::Ok),
            (0o640, Status::Failed),
            (0o604, Status::Failed),
        ] {
            let rights = SecretRights { mode, uid: 7 };
            let finding = judge(&[SecretFile { path: "/s/device.key".into(), rights }]);
            assert_eq!(finding.status, status, "{mode:o}");
            let named = finding.commands == ["chmod 600 /s/device.key"];
            assert_eq!(named, status == Status::Failed);
        }
        assert_eq!(judge(&[]).status, Status::Ok);
    }
}
