//! Facts of the system that tell one site's trouble from another's.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::doctor::{ask, build_facts};

/// How long a program of the system is waited for.
const ASKING: Duration = Duration::from_secs(3);
/// What of `/proc/meminfo` helps.
const MEMORY: [&str; 5] = ["MemTotal:", "MemAvailable:", "SwapTotal:", "SwapFree:", "CmaFree:"];

/// Reads them; what this system does not tell is `null`.
pub(super) fn facts(state: &Path) -> Value {
    let build = build_facts();
    let asked = |program: &str, arguments: &[&str]| {
        ask(program, arguments, ASKING).map(|text| text.trim().to_owned())
    };
    json!({
        "version": build.version,
        "architecture": build.architecture,
        "c_library": build.library,
        "kernel": build.kernel,
        "board": build.board,
        "system": line("/etc/os-release", "PRETTY_NAME="),
        "systemd": asked("systemctl", &["--version"]).and_then(|text| first_line(&text)),
        "processors": std::thread::available_parallelism().ok().map(std::num::NonZero::get),
        "uptime_s": word("/proc/uptime", 0),
        "load": word("/proc/loadavg", 0),
        "memory": memory(&fs::read_to_string("/proc/meminfo").unwrap_or_default()),
        "temperature_milli_celsius": word("/sys/class/thermal/thermal_zone0/temp", 0),
        "state_directory": disk(state),
        "time_zone": fs::read_link("/etc/localtime").ok().map(|path| path.display().to_string()),
        "usb": asked("lsusb", &[]).map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()),
        "unit": asked("systemctl", &["show", "kiosk-enroll.service", "--property=LoadState,ActiveState,SubState,Result,NRestarts,ExecMainStatus,MemoryCurrent,ActiveEnterTimestamp,DropInPaths"])
            .map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()),
    })
}

fn disk(state: &Path) -> Value {
    let there = state.ancestors().find(|dir| dir.exists()).unwrap_or(Path::new("/"));
    match rustix::fs::statvfs(there) {
        Ok(found) => json!({
            "path": state.display().to_string(),
            "bytes": found.f_blocks.saturating_mul(found.f_frsize),
            "bytes_free": found.f_bavail.saturating_mul(found.f_frsize),
            "files_free": found.f_favail,
        }),
        Err(_) => Value::Null,
    }
}

fn memory(table: &str) -> Vec<String> {
    let wanted = |line: &&str| MEMORY.iter().any(|name| line.starts_with(name));
    table
        .lines()
        .filter(wanted)
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

fn line(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let found = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(found.trim_matches('"').to_owned())
}

fn word(path: &str, number: usize) -> Option<f64> {
    fs::read_to_string(path).ok()?.split_whitespace().nth(number)?.parse().ok()
}

fn first_line(text: &str) -> Option<String> {
    text.lines().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_told_wherever_this_runs_and_what_is_not_known_is_null() {
        let facts = facts(Path::new("/no/such/state"));
        assert_eq!(facts["version"], env!("CARGO_PKG_VERSION"));
        assert!(facts["kernel"].as_str().is_some_and(|kernel| !kernel.is_empty()));
        assert!(facts["state_directory"]["bytes"].as_u64().is_some_and(|bytes| bytes > 0));
        assert_eq!(word("/no/such/file", 0), None);
    }

    #[test]
    fn of_the_memory_only_what_helps_is_told() {
        let table = "MemTotal:        1000 kB\nBuffers:   1 kB\nSwapFree:  0 kB\n";
        assert_eq!(memory(table), ["MemTotal: 1000 kB", "SwapFree: 0 kB"]);
    }
}
