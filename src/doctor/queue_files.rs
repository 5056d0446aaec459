//! Are the files of the queue as they were written? Looks only: nothing is put in order.

use std::time::Duration;

use bytesize::ByteSize;

use super::agent_running;
use super::finding::{Check, Finding, LIMIT};
use super::rounds::within;
use super::site::Site;
use crate::app;
use crate::config::SecretRights;
use crate::failure::{Exit, Failure};
use crate::queue::Glance;
use crate::web::client::Client;
use crate::web::upkeep::VerifyReport;

pub(super) const CHECK: Check = Check {
    id: "queue.files",
    expected: "every file as it was written",
    exit: Exit::BadData,
    limit: LIMIT,
    look: |site| probe(site).map_or_else(|skipped| skipped, judge),
};

/// More than this, in bytes, is not read within the time of a check.
const MOST: u64 = 64 << 20;
/// How long is read.
const READING: Duration = Duration::from_millis(4_500);

fn probe(site: &Site) -> Result<Result<VerifyReport, Failure>, Finding> {
    let config = site.config()?.clone();
    let dir = site.paths.queue();
    let bytes = Glance::at(&dir).map_or(0, |glance| glance.bytes);
    if bytes > MOST {
        let held = ByteSize(bytes);
        let reason =
            format!("it holds {held}, too much for a quick look: kiosk-enroll queue verify");
        return Err(Finding::skipped(reason));
    }
    if !dir.exists() {
        return Err(Finding::skipped("there is no queue yet"));
    }
    if SecretRights::of(&site.paths.key_file(config.queue.key_file.as_deref()))
        .is_some_and(SecretRights::is_open)
    {
        return Err(Finding::skipped("its key can be read by others: see config.secrets"));
    }
    let paths = site.paths.clone();
    let verified = match site.agent() {
        agent_running::Facts::Running(_) => within(READING, move || {
            let client = Client::connect(&paths.socket)?;
            match client {
                Some(client) => app::block_on(async { client.verify().await })?,
                None => Err(Failure::new(Exit::Unavailable, "the agent has just ended")),
            }
        }),
        _ => within(READING, move || app::verify_alone(&config, &paths)),
    };
    verified.ok_or_else(|| {
        Finding::skipped("not done within the time of a check: kiosk-enroll queue verify")
    })
}

fn judge(verified: Result<VerifyReport, Failure>) -> Finding {
    let verify = "kiosk-enroll queue verify";
    let report = match verified {
        Ok(report) => report,
        Err(failure) if failure.exit == Exit::TryLater => return Finding::skipped(failure.error),
        Err(failure) => {
            let hint = failure.hint.unwrap_or_else(|| "see what the command says".to_owned());
            return Finding::failed(failure.error, hint).command(verify);
        }
    };
    if let Some(first) = report.damaged.first() {
        let count = report.damaged.len();
        return Finding::failed(
            format!("{count} damaged, the first: {}: {}", first.object, first.what),
            "the next start sets damaged updates aside and goes on with the others; enroll those persons \
             again, and think of replacing the card",
        )
        .command(verify)
        .command("systemctl restart kiosk-enroll");
    }
    if report.foreign > 0 {
        return Finding::failed(
            format!("{} updates were sealed with another device key", report.foreign),
            "bring back the key that queue.key_file, or the credential \"device-key\", held before",
        )
        .command("kiosk-enroll config show --origin | grep key_file");
    }
    let left = match report.leftovers.len() {
        0 => String::new(),
        count => format!("; {count} leftovers of a power cut, which the next start puts in order"),
    };
    Finding::ok(format!("{} updates, all whole{left}", report.checked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;
    use crate::web::upkeep::FindingReport;

    #[test]
    fn damage_and_a_lost_key_fail_and_leftovers_do_not() {
        let finding = || FindingReport { object: "u3".into(), what: "cut short".into() };
        let whole = VerifyReport { checked: 3, ..VerifyReport::default() };
        for (verified, status) in [
            (Ok(whole.clone()), Status::Ok),
            (Ok(VerifyReport { leftovers: vec![finding()], ..whole.clone() }), Status::Ok),
            (Ok(VerifyReport { damaged: vec![finding()], ..whole.clone() }), Status::Failed),
            (Ok(VerifyReport { foreign: 1, ..whole }), Status::Failed),
            (Err(Failure::new(Exit::TryLater, "locked")), Status::Skipped),
            (Err(Failure::new(Exit::Configuration, "no key")), Status::Failed),
        ] {
            assert_eq!(judge(verified).status, status);
        }
    }
}
