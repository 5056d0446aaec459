//! Does the agent run and answer, and is it the version that is installed?

use std::path::Path;
use std::time::Duration;

use super::agent_unit;
use super::finding::{Check, Finding, LIMIT};
use super::rounds::within;
use crate::app;
use crate::failure::{Exit, Failure};
use crate::web::client::Client;
use crate::web::wire::StatusReport;

pub(super) const CHECK: Check = Check {
    id: "agent.running",
    expected: "an agent of this version that answers",
    exit: Exit::Unavailable,
    limit: LIMIT,
    look: |site| judge(site.agent(), site.unit()),
};

/// How long the agent is waited for.
const ANSWER: Duration = Duration::from_secs(3);

/// What is known about the agent.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Facts {
    /// Nobody listens on its socket.
    NotRunning,
    /// Somebody does, but this user may not ask.
    Denied(String),
    /// Somebody does, but does not answer.
    Silent(String),
    Running(Box<StatusReport>),
}

/// Asks the agent behind this socket.
pub(super) fn probe(socket: &Path) -> Facts {
    let path = socket.to_owned();
    let asked = within(ANSWER, move || -> Result<Option<StatusReport>, Failure> {
        let Some(client) = Client::connect(&path)? else { return Ok(None) };
        app::block_on(async { client.status().await })?.map(Some)
    });
    match asked {
        Some(Ok(Some(status))) => Facts::Running(Box::new(status)),
        Some(Ok(None)) => Facts::NotRunning,
        Some(Err(failure)) if failure.exit == Exit::Permission => Facts::Denied(failure.error),
        Some(Err(failure)) => Facts::Silent(failure.error),
        None => Facts::Silent(format!("no answer within {} s", ANSWER.as_secs())),
    }
}

fn judge(agent: &Facts, unit: &agent_unit::Facts) -> Finding {
    let installed = env!("CARGO_PKG_VERSION");
    match agent {
        Facts::Running(status) if status.version == installed => {
            Finding::ok(format!("{} runs, delivery is {}", status.kiosk, status.delivery.state))
        }
        Facts::Running(status) => Finding::warning(
            format!("the agent that runs is {}, installed is {installed}", status.version),
            "restart it, so that it is the one that is installed",
        )
        .command("sudo systemctl restart kiosk-enroll"),
        Facts::Denied(why) => Finding::warning(why.clone(), "run this as root, or join the group")
            .command("sudo kiosk-enroll doctor"),
        Facts::Silent(why) => Finding::failed(
            format!("it listens but does not answer: {why}"),
            "its watchdog restarts it within a minute; if not, restart it and send its log",
        )
        .command("journalctl --unit kiosk-enroll --lines 50")
        .command("sudo systemctl restart kiosk-enroll"),
        Facts::NotRunning if unit.is_active() => Finding::failed(
            "its unit is active, but nobody listens on its socket here",
            "if the unit has another state directory, name it with --state-dir; else restart it",
        )
        .command("journalctl --unit kiosk-enroll --lines 50"),
        Facts::NotRunning => {
            Finding::warning("it does not run", "start it; until then nothing is captured or sent")
                .command("sudo systemctl enable --now kiosk-enroll")
        }
    }
}

#[cfg(test)]
pub(super) mod samples {
    use super::*;
    use crate::web::wire::{DeliveryStatus, QueueStatus};

    pub(crate) fn running(version: &str) -> Facts {
        Facts::Running(Box::new(StatusReport {
            kiosk: "lobby".into(),
            version: version.into(),
            agent: "running".into(),
            camera: None,
            enrollment: None,
            queue: QueueStatus::default(),
            delivery: DeliveryStatus::default(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::samples::running;
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn an_agent_is_told_from_one_that_hangs_or_is_old() {
        let none = agent_unit::Facts::Unknown;
        let active = agent_unit::samples::unit("active", "running");
        for (agent, unit, status) in [
            (running(env!("CARGO_PKG_VERSION")), &none, Status::Ok),
            (running("0.0.1"), &active, Status::Warning),
            (Facts::Denied("no".into()), &none, Status::Warning),
            (Facts::Silent("no".into()), &none, Status::Failed),
            (Facts::NotRunning, &active, Status::Failed),
            (Facts::NotRunning, &none, Status::Warning),
        ] {
            assert_eq!(judge(&agent, unit).status, status, "{agent:?}");
        }
    }

    #[test]
    fn where_no_socket_is_no_agent_runs() {
        assert_eq!(probe(Path::new("/no/such/control.sock")), Facts::NotRunning);
    }
}
