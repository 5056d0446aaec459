//! Does the queue drain, and has it room?
//!
//! Counted from names and sizes alone, beside a running agent too; the agent's word is added where it runs.

use std::time::Duration;

use bytesize::ByteSize;

use super::agent_running;
use super::finding::{Check, Finding, LIMIT};
use super::site::Site;
use crate::clock::wall_now;
use crate::domain::WallTime;
use crate::failure::Exit;
use crate::queue::Glance;

pub(super) const CHECK: Check = Check {
    id: "queue.health",
    expected: "nothing parked or set aside, nothing old, and room below the limits",
    exit: Exit::CannotCreate,
    limit: LIMIT,
    look: |site| probe(site).map_or_else(|skipped| skipped, |facts| judge(&facts)),
};

/// A site that is offline for so long should be looked after.
const LONG: Duration = Duration::from_hours(7 * 24);

/// How the queue stands.
#[derive(Debug, Clone, Default)]
struct Facts {
    updates: usize,
    parked: usize,
    bytes: u64,
    oldest: Option<Duration>,
    quarantined: usize,
    unconfirmed: usize,
    max_items: usize,
    max_bytes: u64,
    max_age: Duration,
}

fn probe(site: &Site) -> Result<Facts, Finding> {
    let limits = &site.config()?.queue;
    let glance = Glance::at(&site.paths.queue())
        .map_err(|error| Finding::skipped(format!("its directory cannot be listed: {error}")))?;
    let unconfirmed = match site.agent() {
        agent_running::Facts::Running(status) => status.delivery.unconfirmed,
        _ => 0,
    };
    let age = |written: std::time::SystemTime| {
        let since = written.duration_since(std::time::UNIX_EPOCH).ok()?;
        let at = WallTime::from_unix_millis(i64::try_from(since.as_millis()).ok()?);
        Some(wall_now().since(at))
    };
    Ok(Facts {
        updates: glance.updates,
        parked: glance.parked,
        bytes: glance.bytes,
        oldest: glance.oldest.and_then(age),
        quarantined: glance.quarantined,
        unconfirmed,
        max_items: limits.max_items,
        max_bytes: limits.max_bytes,
        max_age: limits.max_age,
    })
}

fn judge(facts: &Facts) -> Finding {
    let oldest = facts.oldest.map(|age| {
        let rounded = Duration::from_secs(age.as_secs() / 60 * 60);
        format!(", the oldest {}", humantime::format_duration(rounded))
    });
    let found = format!(
        "{} updates, {} of them parked, {}{}",
        facts.updates,
        facts.parked,
        ByteSize(facts.bytes),
        oldest.unwrap_or_default()
    );
    let list = |finding: Finding| finding.command("kiosk-enroll queue list");
    let full = |share: u128| {
        facts.bytes as u128 * 100 >= u128::from(facts.max_bytes) * share
            || facts.updates as u128 * 100 >= facts.max_items as u128 * share
    };
    let aged = |share: u32| facts.oldest.is_some_and(|age| age * 100 >= facts.max_age * share);
    if full(100) {
        let remedy = "the queue takes no more updates: deliver them, carry them to a site with a line, \
                      or raise the limits of [queue]";
        return list(Finding::failed(format!("{found}: a limit is reached"), remedy))
            .command("kiosk-enroll flush")
            .command("kiosk-enroll queue export stick.kiosk");
    }
    if aged(100) {
        let remedy = "bring the kiosk online: once the oldest that the server was not asked about is older than \
                      queue.max_age, no more updates are taken";
        return list(Finding::failed(found, remedy))
            .command("kiosk-enroll queue export stick.kiosk");
    }
    if facts.quarantined > 0 {
        let remedy = "look at them, and enroll the persons again whose updates are among them";
        let found = format!("{found}; {} damaged files were set aside", facts.quarantined);
        return Finding::warning(found, remedy).command("kiosk-enroll queue verify");
    }
    if facts.parked > 0 {
        let remedy = "each parked one waits for a person: see why, then retry or drop it";
        return list(Finding::warning(found, remedy)).command("kiosk-enroll queue show ID");
    }
    if full(80) || aged(80) || facts.oldest.is_some_and(|age| age >= LONG) {
        let remedy = "find out why nothing is delivered: see the checks of network, token and api";
        return list(Finding::warning(found, remedy)).command("kiosk-enroll flush");
    }
    if facts.unconfirmed > 0 {
        let found = format!("{found}; {} receipts are unconfirmed", facts.unconfirmed);
        let remedy = "the server said yes, but its answer does not show the change: look at the persons there";
        return Finding::warning(found, remedy).command("kiosk-enroll status");
    }
    Finding::ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn what_needs_a_person_and_what_nears_a_limit_is_told() {
        let hours = |hours: u64| Some(Duration::from_hours(hours));
        let base = Facts {
            updates: 3,
            bytes: 300,
            max_items: 100,
            max_bytes: 10_000,
            max_age: Duration::from_hours(90 * 24),
            oldest: hours(1),
            ..Facts::default()
        };
        for (facts, status) in [
            (Facts { updates: 0, bytes: 0, oldest: None, ..base.clone() }, Status::Ok),
            (base.clone(), Status::Ok),
            (Facts { parked: 1, ..base.clone() }, Status::Warning),
            (Facts { quarantined: 1, ..base.clone() }, Status::Warning),
            (Facts { unconfirmed: 1, ..base.clone() }, Status::Warning),
            (Facts { oldest: hours(8 * 24), ..base.clone() }, Status::Warning),
            (Facts { oldest: hours(91 * 24), ..base.clone() }, Status::Failed),
            (Facts { oldest: hours(91 * 24), parked: 1, ..base.clone() }, Status::Failed),
            (Facts { bytes: 8_500, ..base.clone() }, Status::Warning),
            (Facts { bytes: 10_000, ..base.clone() }, Status::Failed),
            (Facts { updates: 100, ..base.clone() }, Status::Failed),
        ] {
            let finding = judge(&facts);
            assert_eq!(finding.status, status, "{}", finding.found);
            assert_eq!(finding.commands.is_empty(), status == Status::Ok);
        }
    }
}
