//! Is the clock right, and does something keep it so?

use std::path::Path;
use std::time::Duration;

use super::ask::ask;
use super::exchange::Exchange;
use super::finding::{Check, Finding, LIMIT};
use super::site::Site;
use crate::clock::{rfc3339, wall_now};
use crate::domain::WallTime;
use crate::failure::Exit;

pub(super) const CHECK: Check = Check {
    id: "clock.time",
    expected: "a clock that is right to the minute and set by a time server",
    exit: Exit::TryLater,
    limit: LIMIT,
    look: |site| judge(&probe(site)),
};

/// Certificates and tokens do not mind less.
const TOLERANCE: Duration = Duration::from_secs(300);
/// The floor may lie ahead of a right clock by as much.
const FLOOR_TOLERANCE: Duration = Duration::from_secs(86_400);
/// How long timedatectl is waited for.
const ASKING: Duration = Duration::from_secs(2);

/// What is known about the time.
#[derive(Debug, Clone, Copy)]
struct Facts {
    now: WallTime,
    /// The earliest time that it can be.
    floor: WallTime,
    /// What the server's clock showed at `now`.
    server: Option<WallTime>,
    /// Whether a time server has set the clock; `None` where nothing tells.
    synchronized: Option<bool>,
}

fn probe(site: &Site) -> Facts {
    // The answer comes first: the two clocks must be read at the same moment.
    let server = match site.exchange() {
        Ok(Exchange::Answered { date, .. }) => *date,
        _ => None,
    };
    let now = wall_now();
    Facts { now, floor: site.clock.floor(), server, synchronized: synchronized() }
}

fn synchronized() -> Option<bool> {
    // What timesyncd leaves behind; what timedatectl says covers chrony and ntpd as well.
    if Path::new("/run/systemd/timesync/synchronized").exists() {
        return Some(true);
    }
    let told = ask("timedatectl", &["show", "--property=NTPSynchronized", "--value"], ASKING)?;
    match told.trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

fn judge(facts: &Facts) -> Finding {
    let now = rfc3339(facts.now);
    let set = |finding: Finding| {
        finding
            .command("timedatectl")
            .command("sudo timedatectl set-ntp true")
            .command(r#"sudo timedatectl set-time "YYYY-MM-DD hh:mm:ss""#)
    };
    if facts.floor.since(facts.now) > FLOOR_TOLERANCE {
        let found = format!("{now}, which is before {}: it is wrong", rfc3339(facts.floor));
        let remedy = "let a time server set it, or set it by hand; a device without a battery-backed \
                      clock starts in the past. If it is right, a server once told a wrong time: \
                      remove clock-floor from the state directory while the agent is stopped";
        return set(Finding::failed(found, remedy));
    }
    if let Some(server) = facts.server {
        let apart = server.since(facts.now).max(facts.now.since(server));
        if apart > TOLERANCE {
            let apart = humantime::format_duration(Duration::from_secs(apart.as_secs()));
            let side = if server > facts.now { "behind" } else { "ahead of" };
            let found = format!("{now}, {apart} {side} the server's clock");
            return set(Finding::failed(found, "let a time server set it, or set it by hand"));
        }
    }
    match (facts.synchronized, facts.server) {
        (Some(true), _) => Finding::ok(format!("{now}, set by a time server")),
        (Some(false), _) => Finding::warning(
            format!("{now}, not set by a time server"),
            "allow NTP (UDP port 123) on the site's network, or name a time server of its own in \
             /etc/systemd/timesyncd.conf",
        )
        .command("timedatectl timesync-status"),
        (None, Some(_)) => Finding::ok(format!("{now}, as the server's clock")),
        (None, None) => Finding::warning(
            format!("{now}; nothing here tells whether it is right"),
            "compare it with a watch, and let systemd-timesyncd keep it",
        )
        .command("sudo apt-get install systemd-timesyncd"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn a_clock_is_judged_by_floor_server_and_synchronisation() {
        let day = Duration::from_secs(86_400);
        let floor = WallTime::from_unix_millis(1_795_000_000_000);
        let now = floor + day;
        for (now, server, synchronized, status) in [
            (now, None, Some(true), Status::Ok),
            (now, Some(now), None, Status::Ok),
            (now, None, Some(false), Status::Warning),
            (now, None, None, Status::Warning),
            (WallTime::from_unix_millis(60_000), None, Some(false), Status::Failed),
            (floor - day - day, None, Some(true), Status::Failed),
            (floor - Duration::from_secs(60), None, Some(true), Status::Ok),
            (now, Some(now + Duration::from_secs(3_600)), Some(true), Status::Failed),
            (now, Some(now - Duration::from_secs(3_600)), Some(true), Status::Failed),
            (now, Some(now - Duration::from_secs(60)), Some(true), Status::Ok),
        ] {
            let facts = Facts { now, floor, server, synchronized };
            let finding = judge(&facts);
            assert_eq!(finding.status, status, "{facts:?}: {}", finding.found);
        }
    }
}
