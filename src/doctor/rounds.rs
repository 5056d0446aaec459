//! Makes the rounds: every check in a thread of its own, none waited for beyond its limit.
//!
//! A thread that a disk or a driver holds is left behind; the process that asked is about to end anyway.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::finding::{Check, Finding};
use super::report::Report;
use super::site::Site;

/// Makes every check of the list, and reports in its order.
pub fn examine(site: &Arc<Site>, checks: &[Check]) -> Report {
    let began = Instant::now();
    let pending: Vec<_> = checks.iter().map(|check| begin(*check, Arc::clone(site))).collect();
    let findings = checks.iter().zip(pending).map(|(check, pending)| {
        let left = check.limit.saturating_sub(began.elapsed());
        let finding = match pending.map(|pending| pending.recv_timeout(left)) {
            Ok(Ok(finding)) => finding,
            Ok(Err(RecvTimeoutError::Timeout)) => stuck(check.limit),
            Ok(Err(RecvTimeoutError::Disconnected)) => broken(),
            Err(error) => Finding::skipped(format!("no thread for it: {error}")),
        };
        (check, finding)
    });
    let findings = findings.collect();
    Report::new(findings, began.elapsed())
}

fn begin(check: Check, site: Arc<Site>) -> std::io::Result<Receiver<Finding>> {
    let (tell, told) = channel();
    thread::Builder::new().name(check.id.to_owned()).spawn(move || {
        if let Ok(finding) = catch_unwind(AssertUnwindSafe(|| (check.look)(&site))) {
            let _ = tell.send(finding);
        }
    })?;
    Ok(told)
}

fn stuck(limit: Duration) -> Finding {
    Finding::failed(
        format!("no answer within {} s", limit.as_secs()),
        "look at what it asks: a disk, a driver or a device that does not answer; then restart the kiosk",
    )
    .command("dmesg --level=err,warn | tail -n 20")
}

fn broken() -> Finding {
    Finding::failed(
        "the check itself has failed: a fault of this program",
        "send this line and the agent's log to the support",
    )
    .command("journalctl --unit kiosk-enroll --lines 200")
}

/// Does something that may hang, and waits so long for it; `None` when that was not enough.
pub(crate) fn within<T: Send + 'static>(
    limit: Duration,
    act: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (tell, told) = channel();
    let spawned = thread::Builder::new().spawn(move || {
        let _ = tell.send(act());
    });
    spawned.ok()?;
    told.recv_timeout(limit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;
    use crate::failure::Exit;

    fn check(id: &'static str, limit: Duration, look: fn(&Site) -> Finding) -> Check {
        Check { id, expected: "", exit: Exit::Internal, limit, look }
    }

    #[test]
    fn a_check_that_hangs_or_panics_spoils_only_itself() {
        let hang = |_: &Site| loop {
            thread::park();
        };
        let checks = [
            check("a.hangs", Duration::from_millis(20), hang),
            check("a.panics", Duration::from_mins(1), |_| panic!("a fault of the test")),
            check("a.works", Duration::from_mins(1), |_| Finding::ok("well")),
        ];
        let report = examine(&Arc::new(Site::nowhere()), &checks);
        let seen: Vec<_> = report.checks().iter().map(|one| (one.id, one.finding.status)).collect();
        assert_eq!(
            seen,
            [("a.hangs", Status::Failed), ("a.panics", Status::Failed), ("a.works", Status::Ok)]
        );
    }

    #[test]
    fn what_hangs_is_left_behind() {
        assert_eq!(within(Duration::from_mins(1), || 3), Some(3));
        assert_eq!(
            within(Duration::from_millis(5), || loop {
                thread::park();
            }),
            None::<i32>
        );
    }
}
