//! Is there memory enough, and does the processor not throttle for heat?

use std::fs;

use bytesize::ByteSize;

use super::finding::{Check, Finding, LIMIT};
use super::kernel::KernelLog;
use super::site::Site;
use crate::failure::Exit;

pub(super) const CHECK: Check = Check {
    id: "system.memory",
    expected: "150 MiB available, and nothing ended for want of memory",
    exit: Exit::Internal,
    limit: LIMIT,
    look: |site| judge(&probe(site)),
};

/// What a session with all nets loaded takes at most, in bytes, with some to spare.
const NEEDED: u64 = 150 << 20;
/// A processor above it, in thousandths of a degree, is slowed down on most boards.
const HOT: i64 = 80_000;

/// Sizes in bytes, heat in thousandths of a degree.
#[derive(Debug, Clone, Copy, Default)]
struct Facts {
    total: Option<u64>,
    available: Option<u64>,
    heat: Option<i64>,
    killed: usize,
}

fn probe(site: &Site) -> Facts {
    let table = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let heat = fs::read_to_string("/sys/class/thermal/thermal_zone0/temp").ok();
    Facts {
        total: kilobytes(&table, "MemTotal:"),
        available: kilobytes(&table, "MemAvailable:"),
        heat: heat.and_then(|text| text.trim().parse().ok()),
        killed: killed(&site.kernel),
    }
}

fn kilobytes(table: &str, name: &str) -> Option<u64> {
    let rest = table.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

fn killed(kernel: &KernelLog) -> usize {
    let lines = kernel.lines().unwrap_or_default().iter();
    lines
        .filter(|line| line.text.contains("Killed process") && line.text.contains("kiosk-enroll"))
        .count()
}

fn judge(facts: &Facts) -> Finding {
    let (Some(total), Some(available)) = (facts.total, facts.available) else {
        return Finding::skipped("the kernel does not tell");
    };
    let heat = facts.heat.map(|heat| format!(", {} °C", heat / 1_000)).unwrap_or_default();
    let found = format!("{} of {} available{heat}", ByteSize(available), ByteSize(total));
    if facts.killed > 0 {
        let found = format!("{found}; the kernel ended kiosk-enroll {} times", facts.killed);
        return Finding::failed(found, "end other programs, or use a device with more memory")
            .command("ps -eo rss,comm --sort=-rss | head");
    }
    if available < NEEDED {
        return Finding::warning(found, "end other programs, or use a device with more memory")
            .command("ps -eo rss,comm --sort=-rss | head");
    }
    if facts.heat.is_some_and(|heat| heat >= HOT) {
        return Finding::warning(found, "give the device air or a cooler: it is slowed down");
    }
    Finding::ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn scarce_memory_and_heat_are_told() {
        for (available, heat, killed, status) in [
            (400 << 20, Some(55_000), 0, Status::Ok),
            (400 << 20, None, 0, Status::Ok),
            (100 << 20, None, 0, Status::Warning),
            (400 << 20, Some(85_000), 0, Status::Warning),
            (400 << 20, None, 2, Status::Failed),
        ] {
            let facts = Facts { total: Some(1 << 30), available: Some(available), heat, killed };
            assert_eq!(judge(&facts).status, status, "{facts:?}");
        }
        assert_eq!(judge(&Facts::default()).status, Status::Skipped);
    }

    #[test]
    fn the_kernels_words_are_read() {
        assert_eq!(kilobytes("MemTotal:  1000 kB\n", "MemTotal:"), Some(1_024_000));
        let log = KernelLog::saying(&[
            "Out of memory: Killed process 77 (kiosk-enroll) total-vm:1kB",
            "Out of memory: Killed process 78 (chromium) total-vm:1kB",
        ]);
        assert_eq!(killed(&log), 1);
    }
}
