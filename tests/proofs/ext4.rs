//! A small ext4 of its own whose power can be cut, and a namespace in which nothing of it can be left behind.
//!
//! ```text
//! mount namespace of this process          gone with the process, however it ends
//!   └─ tmpfs                               holds the image
//!        ├─ image   ext4, loop-mounted     the loop device detaches with its mount
//!        └─ site/   where it is mounted
//! ```
//!
//! The cut is ext4's own shutdown without flushing the log: what was not synced is lost, as in a power cut of
//! an honest disk. It models neither a disk that lies about its syncs nor torn sectors.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::plan::{Figures, INSIDE, Outcome, Plan, is_inside};

const TOOLS: [&str; 5] = ["unshare", "setpriv", "mount", "mkfs.ext4", "perl"];
/// `EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`, of the kernel's fs/ext4/ext4.h.
const SHUTDOWN: &str = r#"
    open(my $dir, "<", $ARGV[0]) or die "open: $!";
    my $how = pack("L", 2);
    ioctl($dir, 0x8004587d, $how) or die "ioctl: $!";
"#;

/// Runs a proof in a mount namespace of its own, or says why it cannot.
pub(crate) fn inside(
    name: &str,
    plan: &mut Plan,
    run: impl FnOnce(&mut Plan) -> Figures,
) -> Outcome {
    if is_inside() {
        return Outcome::Held(run(plan));
    }
    if let Some(why) = hindrance() {
        return Outcome::Skipped(why);
    }
    let status = bound_to_us(Path::new("unshare"))
        .arg("--mount")
        .arg(std::env::current_exe().unwrap())
        .args(["--proof", name])
        .args(["--rounds", &plan.rounds.to_string()])
        .args(["--seed", &plan.seed.to_string()])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "the process inside the namespace: {status}");
    Outcome::HeldInside
}

fn hindrance() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("it mounts an image, which only root may".into());
    }
    let found = |tool: &&str| {
        ["/usr/bin", "/bin", "/usr/sbin", "/sbin"]
            .iter()
            .any(|dir| Path::new(dir).join(tool).exists())
    };
    if let Some(missing) = TOOLS.iter().find(|tool| !found(tool)) {
        return Some(format!("{missing} is missing (util-linux, mount, e2fsprogs, perl)"));
    }
    let free = Command::new("losetup").arg("--find").output();
    let free = free.is_ok_and(|found| found.status.success());
    (!free).then(|| "this machine gives no loop device".into())
}

/// A command that is killed when this process ends, where the system can do that.
pub(crate) fn bound_to_us(program: &Path) -> Command {
    let setpriv = Path::new("/usr/bin/setpriv");
    if !setpriv.exists() {
        return Command::new(program);
    }
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// The file system; see the module.
pub(crate) struct Ext4 {
    home: TempDir,
}

impl Ext4 {
    /// Makes and mounts one of so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        let home = tempfile::tempdir().unwrap();
        let size = format!("size={}", bytes + (8 << 20));
        do_it("mount", &["-t", "tmpfs", "-o", &size, "tmpfs", path(home.path())]);
        let ext4 = Self { home };
        File::create(ext4.image()).unwrap().set_len(bytes).unwrap();
        do_it("mkfs.ext4", &["-q", "-F", "-m", "0", path(&ext4.image())]);
        std::fs::create_dir(ext4.site()).unwrap();
        ext4.mount();
        ext4
    }

    /// Where it is mounted.
    pub(crate) fn site(&self) -> PathBuf {
        self.home.path().join("site")
    }

    /// Cuts the power.
    pub(crate) fn cut(&self) {
        do_it("perl", &["-e", SHUTDOWN, path(&self.site())]);
    }

    /// Brings the power back: the journal is replayed.
    pub(crate) fn restore(&self) {
        self.unmount();
        self.mount();
    }

    /// Every byte of the disk, once all that was written has reached it.
    pub(crate) fn raw(&self) -> Vec<u8> {
        self.unmount();
        let bytes = std::fs::read(self.image()).unwrap();
        self.mount();
        bytes
    }

    fn mount(&self) {
        do_it("mount", &["-o", "loop", path(&self.image()), path(&self.site())]);
    }

    /// Who had files open may need a moment to go.
    fn unmount(&self) {
        for _ in 0..100 {
            let done = Command::new("umount").arg(self.site()).stderr(Stdio::null()).status();
            if done.is_ok_and(|status| status.success()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{} cannot be unmounted", self.site().display());
    }

    fn image(&self) -> PathBuf {
        self.home.path().join("image")
    }
}

impl Drop for Ext4 {
    fn drop(&mut self) {
        for place in [self.site(), self.home.path().to_owned()] {
            let _ = Command::new("umount").arg(place).stderr(Stdio::null()).status();
        }
    }
}

fn do_it(program: &str, arguments: &[&str]) {
    let done = Command::new(program).args(arguments).output().unwrap();
    let words = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{program} {}: {words}", arguments.last().unwrap());
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
