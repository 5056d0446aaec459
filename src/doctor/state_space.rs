//! Does the disk have room for what the queue may hold?

use std::path::Path;

use bytesize::ByteSize;

use super::finding::{Check, Finding, LIMIT, quoted};
use super::site::Site;
use crate::failure::Exit;
use crate::queue::{Glance, QueueOptions};

pub(super) const CHECK: Check = Check {
    id: "state.space",
    expected: "room for what the queue may still take",
    exit: Exit::CannotCreate,
    limit: LIMIT,
    look: |site| match probe(site) {
        Ok(facts) => judge(&site.paths.state, facts),
        Err(skipped) => skipped,
    },
};

/// Room for some hundred updates: below it a busy day is not safe.
const SCARCE: u64 = 64 << 20;

/// Sizes in bytes.
#[derive(Debug, Clone, Copy)]
struct Facts {
    free: u64,
    free_inodes: Option<u64>,
    queued: u64,
    max: u64,
    reserve: u64,
}

fn probe(site: &Site) -> Result<Facts, Finding> {
    let config = site.config()?;
    // Where the directory is not made yet, the disk is that of the first parent that is there.
    let there = site.paths.state.ancestors().find(|dir| dir.exists()).unwrap_or(Path::new("/"));
    let disk = rustix::fs::statvfs(there).map_err(|errno| {
        Finding::skipped(format!("{} does not tell its space: {errno}", there.display()))
    })?;
    Ok(Facts {
        free: disk.f_bavail.saturating_mul(disk.f_frsize),
        // Some file systems count no inodes.
        free_inodes: (disk.f_files > 0).then_some(disk.f_favail),
        queued: Glance::at(&site.paths.queue()).map_or(0, |glance| glance.bytes),
        max: config.queue.max_bytes,
        reserve: QueueOptions::default().reserve_bytes,
    })
}

fn judge(state: &Path, facts: Facts) -> Finding {
    let wanted = facts.max.saturating_sub(facts.queued);
    let expected = format!("{} free, for what queue.max_bytes still allows", ByteSize(wanted));
    let found = format!(
        "{} free, the queue holds {} of {}",
        ByteSize(facts.free),
        ByteSize(facts.queued),
        ByteSize(facts.max)
    );
    let df = format!("df -h {}", quoted(state));
    let finding = if facts.free < facts.reserve * 2 {
        Finding::failed(found, "make room: the queue takes no more updates").command(df)
    } else if facts.free_inodes.is_some_and(|inodes| inodes < 100) {
        Finding::failed(format!("{found}, but no inodes are left"), "remove small files")
            .command(df.replace("-h", "-i"))
    } else if facts.free < SCARCE.min(wanted) {
        Finding::warning(found, "make room before the next long outage").command(df)
    } else if facts.free < wanted {
        Finding::warning(
            found,
            "the disk is full before the queue is: make room, or lower queue.max_bytes to what there is",
        )
        .command(df)
    } else {
        Finding::ok(found)
    };
    finding.expecting(expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    const MIB: u64 = 1 << 20;

    #[test]
    fn the_room_is_judged_by_what_the_queue_may_still_take() {
        for (free, queued, inodes, status) in [
            (8_000 * MIB, 0, Some(100_000), Status::Ok),
            (8_000 * MIB, 0, None, Status::Ok),
            (8_000 * MIB, 0, Some(3), Status::Failed),
            (1_500 * MIB, 0, None, Status::Warning),
            (1_500 * MIB, 1_000 * MIB, None, Status::Ok),
            (30 * MIB, 0, None, Status::Warning),
            (5 * MIB, 0, None, Status::Failed),
            (0, 2_048 * MIB, None, Status::Failed),
        ] {
            let facts =
                Facts { free, free_inodes: inodes, queued, max: 2_048 * MIB, reserve: 3 * MIB };
            let finding = judge(Path::new("/s"), facts);
            assert_eq!(finding.status, status, "{facts:?}");
            assert_eq!(finding.commands.is_empty(), status == Status::Ok);
        }
    }
}
