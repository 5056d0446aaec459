//! How does systemd see the agent: started at boot, not failed, not restarted again and again?

use std::time::Duration;

use super::ask::ask;
use super::finding::{Check, Finding, LIMIT};
use crate::failure::Exit;

pub(super) const CHECK: Check = Check {
    id: "agent.unit",
    expected: "kiosk-enroll.service active, enabled, and without restarts",
    exit: Exit::Unavailable,
    limit: LIMIT,
    look: |site| judge(site.unit()),
};

/// How long systemd is waited for.
const ASKING: Duration = Duration::from_secs(2);

/// What systemd says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Facts {
    /// There is no systemd, or it does not answer.
    Unknown,
    /// It knows no such unit.
    NotInstalled,
    Unit(Box<Unit>),
}

/// The unit's properties, as `systemctl show` has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) active: String,
    pub(super) sub: String,
    pub(super) result: String,
    pub(super) enabled: String,
    pub(super) exit: String,
    pub(super) restarts: u32,
    pub(super) watchdog: String,
    /// Whether systemd hands the agent its token, which no other program can read then.
    pub(super) gives_token: bool,
}

impl Facts {
    /// Whether systemd takes the agent for running.
    pub(super) fn is_active(&self) -> bool {
        matches!(self, Self::Unit(unit) if unit.active == "active")
    }
}

/// Asks systemd.
pub(super) fn probe() -> Facts {
    let properties = "--property=LoadState,ActiveState,SubState,Result,UnitFileState,ExecMainStatus,\
                      NRestarts,WatchdogUSec,LoadCredential,LoadCredentialEncrypted";
    ask("systemctl", &["show", "kiosk-enroll.service", properties], ASKING)
        .map_or(Facts::Unknown, |text| parse(&text))
}

fn parse(text: &str) -> Facts {
    let value = |name: &str| {
        let of = |line: &str| Some(line.strip_prefix(name)?.strip_prefix('=')?.trim().to_owned());
        text.lines().find_map(of).unwrap_or_default()
    };
    match value("LoadState").as_str() {
        "loaded" => Facts::Unit(Box::new(Unit {
            active: value("ActiveState"),
            sub: value("SubState"),
            result: value("Result"),
            enabled: value("UnitFileState"),
            exit: value("ExecMainStatus"),
            restarts: value("NRestarts").parse().unwrap_or(0),
            watchdog: value("WatchdogUSec"),
            gives_token: text.lines().any(is_token),
        })),
        "" => Facts::Unknown,
        _ => Facts::NotInstalled,
    }
}

/// A line such as `LoadCredential=token:/etc/kiosk-enroll/credentials/token`, alone or with others.
fn is_token(line: &str) -> bool {
    let credentials = line.strip_prefix("LoadCredential").and_then(|rest| rest.split_once('='));
    credentials.is_some_and(|(_, all)| all.split_whitespace().any(|one| one.starts_with("token:")))
}

fn judge(facts: &Facts) -> Finding {
    let unit = match facts {
        Facts::Unknown => return Finding::skipped("systemd does not answer here"),
        Facts::NotInstalled => {
            return Finding::skipped("kiosk-enroll.service is not installed on this device");
        }
        Facts::Unit(unit) => unit,
    };
    let found = format!(
        "{} ({}), {} restarts, watchdog {}",
        unit.active, unit.sub, unit.restarts, unit.watchdog
    );
    let log = "journalctl --unit kiosk-enroll --lines 50";
    if unit.exit == "78" {
        return Finding::failed(
            format!("{found}: it ended with 78, because of its configuration"),
            "put the configuration right, then start it: systemd does not try again by itself",
        )
        .command("kiosk-enroll config check")
        .command("sudo systemctl start kiosk-enroll");
    }
    match unit.active.as_str() {
        "active" if unit.enabled == "disabled" => Finding::warning(
            format!("{found}: it is not started at boot"),
            "have it started at boot",
        )
        .command("sudo systemctl enable kiosk-enroll"),
        "active" if unit.restarts > 0 => Finding::warning(
            found,
            "see in its log why it ended; after a cure the count begins anew with a restart",
        )
        .command(log)
        .command("sudo systemctl restart kiosk-enroll"),
        "active" | "reloading" => Finding::ok(found),
        "activating" => Finding::warning(found, "look again in a minute").command(log),
        _ => Finding::failed(
            format!("{found}: {}", unit.result),
            "see in its log why it ended, then start it",
        )
        .command(log)
        .command("sudo systemctl enable --now kiosk-enroll"),
    }
}

#[cfg(test)]
pub(super) mod samples {
    use super::*;

    pub(crate) fn unit(active: &str, sub: &str) -> Facts {
        parse(&format!(
            "LoadState=loaded\nActiveState={active}\nSubState={sub}\nResult=success\n\
             UnitFileState=enabled\nExecMainStatus=0\nNRestarts=0\nWatchdogUSec=1min\n"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::samples::unit;
    use super::*;
    use crate::doctor::Status;

    fn with(change: impl FnOnce(&mut Unit)) -> Facts {
        let Facts::Unit(mut one) = unit("active", "running") else { return Facts::Unknown };
        change(&mut one);
        Facts::Unit(one)
    }

    #[test]
    fn a_token_that_is_a_credential_is_seen() {
        let gives = |lines: &str| match parse(&format!("LoadState=loaded\n{lines}\n")) {
            Facts::Unit(unit) => unit.gives_token,
            _ => false,
        };
        for lines in [
            "LoadCredential=token:/etc/t",
            "LoadCredentialEncrypted=token:/etc/t",
            "LoadCredential=device-key:/etc/k\nLoadCredential=token:/etc/t",
            "LoadCredential=device-key:/etc/k token:/etc/t",
        ] {
            assert!(gives(lines), "{lines}");
        }
        assert!(!gives("LoadCredential=device-key:/etc/token:k\nLoadCredentialEncrypted="));
    }

    #[test]
    fn each_state_of_the_unit_has_its_own_remedy() {
        for (facts, status) in [
            (unit("active", "running"), Status::Ok),
            (unit("failed", "failed"), Status::Failed),
            (unit("inactive", "dead"), Status::Failed),
            (unit("activating", "auto-restart"), Status::Warning),
            (with(|unit| unit.restarts = 4), Status::Warning),
            (with(|unit| unit.enabled = "disabled".into()), Status::Warning),
            (with(|unit| unit.exit = "78".into()), Status::Failed),
            (parse("LoadState=not-found\nActiveState=inactive\n"), Status::Skipped),
            (parse(""), Status::Skipped),
        ] {
            assert_eq!(judge(&facts).status, status, "{facts:?}");
        }
    }
}
