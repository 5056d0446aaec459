//! Keeps the figures in a file as well, for node_exporter's textfile collector on sites without a scraper of ours.
//!
//! The file is replaced as a whole, never seen half written, and taken away when the agent ends: figures of an agent
//! that has gone are none.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::web::Kiosk;
use crate::web::metrics::exposition;

/// How often the file is written; scrapers seldom ask more often.
const EVERY: Duration = Duration::from_secs(15);

/// Writes the figures until it is dropped, if they are wanted in a file.
pub async fn keep(kiosk: impl Kiosk, path: Option<PathBuf>) {
    let Some(path) = path else { return };
    let file = MetricsFile(path);
    let mut round = tokio::time::interval(EVERY);
    let mut was_written = true;
    loop {
        round.tick().await;
        let text = exposition(&kiosk.status(), &kiosk.counts());
        let target = file.0.clone();
        let written = tokio::task::spawn_blocking(move || replace(&target, &text)).await;
        match written {
            Ok(Ok(())) => was_written = true,
            Ok(Err(error)) if was_written => {
                was_written = false;
                tracing::warn!(path = %file.0.display(), %error, "the figures cannot be written");
            }
            _ => {}
        }
    }
}

/// The file; gone with the value.
struct MetricsFile(PathBuf);

impl Drop for MetricsFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::debug!(%error, "the file with the figures stays behind");
        }
    }
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    // Another ending: the collector reads every *.prom.
    let draft = path.with_extension("prom.new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&draft)?;
    // The unit's umask keeps others out; the collector is another user, and there is nothing of a person in it.
    file.set_permissions(fs::Permissions::from_mode(0o644))?;
    file.write_all(text.as_bytes())?;
    fs::rename(&draft, path)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_replaced_as_a_whole_readable_by_the_collector_and_gone_at_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kiosk.prom");
        replace(&path, "a 1\n").unwrap();
        replace(&path, "a 2\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a 2\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no draft stays behind");
        drop(MetricsFile(path.clone()));
        assert!(!path.exists());
        assert!(replace(&dir.path().join("none/kiosk.prom"), "").is_err());
    }
}
