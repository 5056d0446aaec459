//! Runs scripts/setup.sh on machines that lack something, made of a `PATH` with stand-ins for the tools it asks.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// What the script needs beyond the shell; every Debian has these.
const BASE_TOOLS: [&str; 8] = ["awk", "dirname", "env", "mktemp", "rm", "sed", "sh", "uname"];

/// A machine as the script sees it.
struct Machine {
    folder: TempDir,
}

impl Machine {
    /// One with a fitting Rust, a compiler and libclang, run by a user without root rights.
    fn complete() -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap() };
        for tool in BASE_TOOLS {
            let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
                .map(|it| it.join(tool))
                .find(|it| it.exists())
                .unwrap();
            symlink(found, machine.path().join(tool)).unwrap();
        }
        fs::write(machine.path().join("libclang.so.1"), "").unwrap();
        machine
            .with("cargo", "echo 'cargo 1.999.0 (abc 2026-01-01)'")
            .with("cc", "")
            .with("id", "echo 1000")
    }

    fn with(self, tool: &str, script: &str) -> Self {
        let file = self.path().join(tool);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn without(self, tool: &str) -> Self {
        fs::remove_file(self.path().join(tool)).unwrap();
        self
    }

    fn set_up(&self) -> Output {
        self.set_up_for(&[])
    }

    fn set_up_for(&self, arguments: &[&str]) -> Output {
        Command::new("/bin/sh")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/setup.sh"))
            .args(arguments)
            .env_clear()
            .env("PATH", self.path())
            .env("HOME", self.path())
            .env("LIBCLANG_PATH", self.path())
            .output()
            .unwrap()
    }

    /// What a refused set-up says; standard output must be empty.
    fn refusal(&self) -> String {
        let output = self.set_up();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

#[test]
fn a_complete_machine_is_left_alone_in_one_line() {
    let output = Machine::complete().with("apt-get", "echo touched; exit 1").set_up();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "setup: ready: Rust 1.999.0\n");
}

#[test]
fn without_rust_one_line_says_where_it_comes_from() {
    let said = Machine::complete().without("cargo").refusal();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("https://rustup.rs"), "{said}");
}

#[test]
fn a_rust_older_than_the_manifest_asks_for_is_refused() {
    let said = Machine::complete().with("cargo", "echo 'cargo 1.63.0 (x)'").refusal();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("1.63.0 is too old") && said.contains("rustup update"), "{said}");
}

#[test]
fn without_apt_the_packages_are_named() {
    let said = Machine::complete().without("cc").refusal();
    assert!(
        said.contains("no apt here") && said.contains("gcc libc6-dev - a C compiler"),
        "{said}"
    );
}

#[test]
fn without_root_and_sudo_the_command_for_root_is_given() {
    let said = Machine::complete().without("cc").with("apt-get", "exit 1").refusal();
    assert!(said.contains("apt-get install --no-install-recommends gcc libc6-dev"), "{said}");
    let asking_sudo =
        Machine::complete().without("cc").with("apt-get", "exit 1").with("sudo", "exit 1");
    assert!(asking_sudo.refusal().contains("sudo without a password"));
}

#[test]
fn what_is_missing_is_named_before_it_is_installed_by_sudo() {
    let machine =
        Machine::complete().without("cc").with("sudo", "shift; exec \"$@\"").with("true", "");
    let cc = machine.path().join("cc").display().to_string();
    // Stands in for an installation: the compiler is there afterwards.
    let install = format!(
        "case \"$*\" in *--simulate*) exit 0 ;; esac\n\
         echo \"apt-get $*, $DEBIAN_FRONTEND\"\nprintf '#!/bin/sh\\n' >{cc}\n{chmod} +x {cc}",
        chmod = "/bin/chmod"
    );
    let output = machine.with("apt-get", &install).set_up();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 4, "{said}");
    assert!(lines[1].contains("a C compiler"), "{said}");
    assert!(
        lines[2].starts_with("apt-get -qq --yes --no-install-recommends install gcc"),
        "{said}"
    );
    assert!(lines[2].ends_with("noninteractive"), "{said}");
    assert_eq!(lines[3], "setup: ready: Rust 1.999.0");
}

#[test]
fn a_libclang_path_that_leads_nowhere_is_named() {
    let said = Machine::complete().without("libclang.so.1").refusal();
    assert!(said.contains("LIBCLANG_PATH is") && said.contains("unset it"), "{said}");
}

#[test]
fn the_tools_of_a_use_are_asked_for_only_where_it_is_named() {
    let machine = Machine::complete().with("apt-get", "exit 1");
    assert!(machine.set_up().status.success());
    for (tools, package) in [
        ("lintian", "lintian"),
        ("boot", "systemd-container"),
        ("container", "podman"),
        ("lab-aarch64", "qemu-system-arm"),
    ] {
        let output = machine.set_up_for(&["--tools", tools]);
        assert!(!output.status.success(), "{tools}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(&format!("\n  {package} - ")), "{said}");
    }
    let said = String::from_utf8(machine.set_up_for(&["--tools", "anvil"]).stderr).unwrap();
    assert!(said.contains("no use anvil is known"), "{said}");
}
