//! What runs here: version, architecture, C library, kernel.

use std::fs;
use std::time::Duration;

use super::ask::ask;
use super::finding::{Check, Finding, LIMIT};
use crate::failure::Exit;

pub(super) const CHECK: Check = Check {
    id: "system.build",
    expected: "a 64-bit build on a 64-bit system",
    exit: Exit::Internal,
    limit: LIMIT,
    look: |_| judge(&probe()),
};

/// How long the C library's version is waited for.
const ASKING: Duration = Duration::from_secs(2);

/// What runs here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Build {
    /// The program's version.
    pub(crate) version: &'static str,
    /// The architecture that it was built for.
    pub(crate) architecture: &'static str,
    /// The C library as `getconf` names it; empty where it does not.
    pub(crate) library: String,
    /// The kernel's release.
    pub(crate) kernel: String,
    /// The board, as the firmware names it; empty on a PC.
    pub(crate) board: String,
}

/// Asks the system.
pub(crate) fn probe() -> Build {
    let read = |path: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.trim_end_matches(['\0', '\n']).to_owned()
    };
    Build {
        version: env!("CARGO_PKG_VERSION"),
        architecture: std::env::consts::ARCH,
        library: ask("getconf", &["GNU_LIBC_VERSION"], ASKING)
            .unwrap_or_default()
            .trim()
            .to_owned(),
        kernel: read("/proc/sys/kernel/osrelease"),
        board: read("/proc/device-tree/model"),
    }
}

fn judge(build: &Build) -> Finding {
    let Build { version, architecture, library, kernel, board } = build;
    let parts = [library.as_str(), board.as_str()].into_iter().filter(|part| !part.is_empty());
    let rest: String = parts.map(|part| format!(", {part}")).collect();
    let found = format!("kiosk-enroll {version} for {architecture}, Linux {kernel}{rest}");
    // The kernel's release tells: Raspberry Pi OS names its 64-bit kernels so.
    let is_64_bit_kernel = ["v8", "2712", "arm64"].iter().any(|part| kernel.contains(part));
    if *architecture == "arm" && is_64_bit_kernel {
        let remedy = "install the 64-bit system and build: the nets run several times faster there";
        return Finding::warning(format!("{found}: a 32-bit build"), remedy);
    }
    Finding::ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn a_32_bit_build_on_a_64_bit_device_is_told() {
        for (architecture, kernel, status) in [
            ("aarch64", "6.6.51+rpt-rpi-v8", Status::Ok),
            ("arm", "6.6.51+rpt-rpi-v7", Status::Ok),
            ("arm", "6.6.51+rpt-rpi-v8", Status::Warning),
            ("x86_64", "6.1.0-18-amd64", Status::Ok),
        ] {
            let build = Build {
                version: "1.2.3",
                architecture,
                library: "glibc 2.36".into(),
                kernel: kernel.into(),
                board: "Raspberry Pi 4".into(),
            };
            let finding = judge(&build);
            assert_eq!(finding.status, status, "{architecture} {kernel}");
            assert!(finding.found.contains("glibc 2.36, Raspberry Pi 4"), "{}", finding.found);
        }
    }
}
