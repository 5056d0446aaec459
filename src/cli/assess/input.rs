//! Which files are assessed, and what may be read of them.

use std::fs::{self, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::failure::{Exit, Failure};

/// No picture of a person is larger.
pub(super) const MAX_FILE: u64 = 64 << 20;

/// The bytes of a file, or why they are not read: at most [`MAX_FILE`], and never of anything but a file, for a
/// pipe or a device may have no end.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| error.to_string();
    // Opening a pipe would wait for its other end.
    let waiting = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(waiting).open(path).map_err(told)?;
    let meta = file.metadata().map_err(told)?;
    if !meta.is_file() {
        let found = if meta.is_dir() { "a folder" } else { "a pipe, socket or device" };
        return Err(format!("found {found}, allowed are files"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(told)?;
    if bytes.len() as u64 > MAX_FILE {
        let found = bytesize::ByteSize(meta.len().max(bytes.len() as u64));
        return Err(format!("found {found}, allowed are at most {}", bytesize::ByteSize(MAX_FILE)));
    }
    Ok(bytes)
}

/// The files themselves, and the pictures of folders in name order; folders within folders are left out.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        let told = |error: std::io::Error| {
            let exit = match error.kind() {
                std::io::ErrorKind::NotFound => Exit::NoInput,
                std::io::ErrorKind::PermissionDenied => Exit::Permission,
                _ => Exit::Io,
            };
            Failure::new(exit, format!("{}: {error}", printable(path)))
        };
        if !fs::metadata(path).map_err(told)?.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(path).map_err(told)? {
            let file = entry.map_err(told)?.path();
            if is_picture(&file) && !file.is_dir() {
                found.push(file);
            }
        }
        if found.is_empty() {
            return Err(Failure::new(
                Exit::NoInput,
                format!("folder {} holds no picture", printable(path)),
            )
            .hint("looked for are names ending in .jpg, .jpeg or .png"));
        }
        found.sort();
        files.append(&mut found);
    }
    Ok(files)
}

/// A file's name for a terminal: control characters would move its cursor or change its colours.
pub(super) fn printable(path: &Path) -> String {
    let shown = |c: char| if c.is_control() { '\u{FFFD}' } else { c };
    path.display().to_string().chars().map(shown).collect()
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("");
    ["jpg", "jpeg", "png"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_a_device_and_a_folder_are_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe.jpg");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
        for (path, found) in
            [(pipe.as_path(), "a pipe"), (Path::new("/dev/zero"), "device"), (dir.path(), "folder")]
        {
            let refused = bytes(path).unwrap_err();
            assert!(refused.contains(found), "{refused}");
        }
    }

    #[test]
    fn a_file_that_is_too_large_is_refused_unread() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("large.jpg");
        fs::File::create(&path).unwrap().set_len(MAX_FILE + 1).unwrap();
        assert!(bytes(&path).unwrap_err().contains("at most"));
    }

    #[test]
    fn a_name_cannot_move_the_cursor() {
        assert_eq!(printable(Path::new("a\u{1b}[2J\n.jpg")), "a\u{FFFD}[2J\u{FFFD}.jpg");
    }
}
