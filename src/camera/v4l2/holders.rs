//! Tells which programs have a device open, as far as this user may know.

use std::fs;
use std::path::Path;

/// A program that has the device open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Its name, as the kernel knows it.
    pub program: String,
}

/// The other programs that have `device` open now.
pub(super) fn others(device: &Path) -> Vec<Holder> {
    let mut found = holders(device, Path::new("/proc"));
    found.retain(|holder| holder.pid != std::process::id());
    found
}

/// The programs that have `device` open; those of other users are only seen by root.
pub(super) fn holders(device: &Path, proc: &Path) -> Vec<Holder> {
    let processes = fs::read_dir(proc).into_iter().flatten().filter_map(Result::ok);
    let mut found: Vec<Holder> = processes
        .filter_map(|process| {
            let pid = process.file_name().to_str()?.parse().ok()?;
            let mut files = fs::read_dir(process.path().join("fd")).ok()?.filter_map(Result::ok);
            files.find(|file| fs::read_link(file.path()).is_ok_and(|target| target == device))?;
            let program = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            Some(Holder { pid, program: program.trim().to_owned() })
        })
        .collect();
    found.sort_by_key(|holder| holder.pid);
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn programs_with_the_device_open_are_named_and_others_are_not() {
        let proc = tempfile::tempdir().unwrap();
        for (pid, program, target) in [
            ("77", "cheese\n", "/dev/video0"),
            ("8", "sshd\n", "/dev/null"),
            ("self", "x", "/dev/video0"),
        ] {
            let folder = proc.path().join(pid);
            fs::create_dir_all(folder.join("fd")).unwrap();
            fs::write(folder.join("comm"), program).unwrap();
            symlink(target, folder.join("fd/3")).unwrap();
        }
        let found = holders(Path::new("/dev/video0"), proc.path());
        assert_eq!(found, [Holder { pid: 77, program: "cheese".to_owned() }]);
    }
}
