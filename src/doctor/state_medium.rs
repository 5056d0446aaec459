//! Does the state lie on a disk that keeps it: local, writable, journalled, and not worn?

use std::fs;
use std::path::{Path, PathBuf};

use super::finding::{Check, Finding, LIMIT, quoted};
use super::kernel::KernelLog;
use super::site::Site;
use crate::failure::Exit;

pub(super) const CHECK: Check = Check {
    id: "state.medium",
    expected: "a local disk with a journal, mounted read-write",
    exit: Exit::Io,
    limit: LIMIT,
    look: |site| judge(&probe(site), &site.paths.state),
};

/// File systems that lose everything at a restart.
const MEMORY: [&str; 2] = ["tmpfs", "ramfs"];
/// File systems of other machines: their locks and syncs keep no promise.
const NETWORK: [&str; 8] = ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs"];
/// File systems without a journal.
const NO_JOURNAL: [&str; 4] = ["vfat", "exfat", "ext2", "msdos"];

/// What is to be known about the medium.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Facts {
    mount: Option<Mount>,
    /// The life that an eMMC has used up, in tenths, by its own estimate.
    worn_tenths: Option<u32>,
    /// What the kernel has said about errors of disks.
    errors: Vec<String>,
}

/// A line of `/proc/self/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mount {
    at: PathBuf,
    kind: String,
    source: String,
    options: Vec<String>,
}

fn probe(site: &Site) -> Facts {
    let state = &site.paths.state;
    let there = state.ancestors().find(|dir| dir.exists()).unwrap_or(Path::new("/"));
    let real = fs::canonicalize(there).unwrap_or_else(|_| there.to_owned());
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mount = mount_of(&real, &table);
    let worn_tenths = mount.as_ref().and_then(|mount| life_used(&mount.source));
    Facts { mount, worn_tenths, errors: disk_errors(&site.kernel) }
}

/// The mount that a path lies in: the last of the longest.
fn mount_of(path: &Path, table: &str) -> Option<Mount> {
    let mounts = table.lines().filter_map(parse).filter(|mount| path.starts_with(&mount.at));
    mounts.max_by_key(|mount| mount.at.components().count())
}

/// `36 35 98:0 /root /at rw,noatime master:1 - ext4 /dev/sda1 rw,errors=continue`
fn parse(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ').skip(4);
    let (at, own) = (before.next()?, before.next()?);
    let mut after = after.split(' ');
    let (kind, source, shared) = (after.next()?, after.next()?, after.next().unwrap_or_default());
    Some(Mount {
        at: PathBuf::from(at.replace("\\040", " ")),
        kind: kind.to_owned(),
        source: source.to_owned(),
        options: own.split(',').chain(shared.split(',')).map(str::to_owned).collect(),
    })
}

/// The `life_time` of an eMMC: two estimates as hex numbers, 0x01 for up to 10 %.
fn life_used(source: &str) -> Option<u32> {
    let name = source.strip_prefix("/dev/")?;
    let disk = name.rsplit_once('p').map_or(name, |(disk, _)| disk);
    let text = fs::read_to_string(format!("/sys/block/{disk}/device/life_time")).ok()?;
    worst_estimate(&text)
}

fn worst_estimate(text: &str) -> Option<u32> {
    let estimates = text.split_whitespace();
    let read = |word: &str| u32::from_str_radix(word.trim_start_matches("0x"), 16).ok();
    estimates.filter_map(read).filter(|tenths| *tenths > 0).max()
}

fn disk_errors(kernel: &KernelLog) -> Vec<String> {
    let lines = kernel.lines().unwrap_or_default().iter().map(|line| line.text.as_str());
    lines.filter(|text| is_disk_error(text)).map(str::to_owned).collect()
}

fn is_disk_error(text: &str) -> bool {
    let text = text.to_lowercase();
    ["i/o error", "ext4-fs error", "remounting filesystem read-only", "mmc0: card never left busy"]
        .iter()
        .any(|words| text.contains(words))
}

fn judge(facts: &Facts, state: &Path) -> Finding {
    let Some(mount) = &facts.mount else {
        return Finding::skipped("the table of mounts does not name its disk");
    };
    let has = |option: &str| mount.options.iter().any(|found| found == option);
    let found = format!("{} on {}, {}", mount.kind, mount.at.display(), mount.source);
    let findmnt = format!("findmnt --target {}", quoted(state));
    if has("ro") {
        return Finding::failed(
            format!("{found}: it is mounted read-only"),
            "the kernel does that after errors of the disk: replace the card, or mount it read-write",
        )
        .command(findmnt)
        .command("dmesg | grep -iE 'mmc|ext4|I/O error'");
    }
    if let Some(error) = facts.errors.last() {
        let count = facts.errors.len();
        return Finding::failed(
            format!("{found}: {count} errors of disks since the start, the last: {error}"),
            "save the queue and replace the card",
        )
        .command("kiosk-enroll queue export stick.kiosk")
        .command("dmesg | grep -iE 'mmc|ext4|I/O error'");
    }
    if facts.worn_tenths.is_some_and(|tenths| tenths >= 9) {
        let remedy = "save the queue and replace the card before it fails";
        return Finding::warning(format!("{found}: its life is used up by 80 % or more"), remedy)
            .command("kiosk-enroll queue export stick.kiosk");
    }
    let kind = mount.kind.as_str();
    let warning = if MEMORY.contains(&kind) {
        "it is memory: the queue is lost at a power cut; put the state on a disk"
    } else if NETWORK.contains(&kind) {
        "it is another machine's disk: the queue's promises need a local one"
    } else if NO_JOURNAL.contains(&kind) {
        "it has no journal: a power cut may break it; use ext4 or f2fs"
    } else if has("nobarrier") || has("barrier=0") || has("data=writeback") {
        "its options give speed for safety at power cuts; take them out of /etc/fstab"
    } else {
        return Finding::ok(found);
    };
    Finding::warning(found, warning).command(findmnt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    const TABLE: &str = "\
22 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw\n\
30 22 0:25 / /run rw,nosuid - tmpfs tmpfs rw,size=10k\n\
31 22 8:1 / /mnt/my\\040disk rw - ext4 /dev/sda1 rw,data=writeback\n";

    #[test]
    fn the_mount_of_a_path_is_the_longest_that_holds_it() {
        let kind = |path: &str| mount_of(Path::new(path), TABLE).map(|mount| mount.source);
        assert_eq!(kind("/var/lib/kiosk-enroll").as_deref(), Some("/dev/mmcblk0p2"));
        assert_eq!(kind("/run/x").as_deref(), Some("tmpfs"));
        assert_eq!(kind("/mnt/my disk/x").as_deref(), Some("/dev/sda1"));
    }

    #[test]
    fn a_medium_that_loses_things_is_named() {
        for (kind, options, errors, worn_tenths, status) in [
            ("ext4", "rw,noatime", None, Some(3), Status::Ok),
            ("f2fs", "rw", None, None, Status::Ok),
            ("overlay", "rw", None, None, Status::Ok),
            ("ext4", "ro", None, None, Status::Failed),
            (
                "ext4",
                "rw",
                Some("blk_update_request: I/O error, dev mmcblk0"),
                None,
                Status::Failed,
            ),
            ("ext4", "rw", None, Some(9), Status::Warning),
            ("tmpfs", "rw", None, None, Status::Warning),
            ("nfs4", "rw", None, None, Status::Warning),
            ("vfat", "rw", None, None, Status::Warning),
            ("ext4", "rw,data=writeback", None, None, Status::Warning),
        ] {
            let mount = Mount {
                at: "/".into(),
                kind: kind.into(),
                source: "/dev/mmcblk0p2".into(),
                options: options.split(',').map(str::to_owned).collect(),
            };
            let errors: Vec<String> = errors.into_iter().map(str::to_owned).collect();
            let finding = judge(&Facts { mount: Some(mount), worn_tenths, errors }, Path::new("/"));
            assert_eq!(finding.status, status, "{kind} {options}");
        }
        assert_eq!(judge(&Facts::default(), Path::new("/")).status, Status::Skipped);
    }

    #[test]
    fn wear_and_errors_are_read_as_the_kernel_writes_them() {
        assert_eq!(worst_estimate("0x02 0x0a\n"), Some(10));
        assert_eq!(worst_estimate("0x00 0x00\n"), None);
        let log = KernelLog::saying(&[
            "EXT4-fs (mmcblk0p2): mounted filesystem",
            "EXT4-fs error (device mmcblk0p2): ext4_find_entry:1463",
        ]);
        assert_eq!(disk_errors(&log).len(), 1);
        assert!(disk_errors(&KernelLog::default()).is_empty());
    }
}
