//! How long does the token last, as it says itself?

use super::finding::{Check, Finding, LIMIT};
use super::site::Site;
use crate::app::renewal::{self, Permission};
use crate::clock::{rfc3339, wall_now};
use crate::domain::WallTime;
use crate::failure::Exit;

pub(super) const CHECK: Check = Check {
    id: "token.expiry",
    expected: "a token that lasts 5 days more at least",
    exit: Exit::Permission,
    limit: LIMIT,
    look: |site| {
        let renewal = site.config().ok().map(|config| renewal::permission(config, &site.paths));
        let judged = |until| judge(until, renewal.unwrap_or(Permission::Off), wall_now());
        probe(site).map_or_else(|skipped| skipped, judged)
    },
};

/// Fewer days than this are worth a warning, as in `token status`.
const FEW_DAYS: u64 = 5;

fn probe(site: &Site) -> Result<Option<WallTime>, Finding> {
    let token = site.token()?;
    let token = token.map_err(|_| Finding::skipped("there is no token: see token.file"))?;
    Ok(token.expires_at())
}

fn judge(until: Option<WallTime>, renewal: Permission, now: WallTime) -> Finding {
    let Some(until) = until else {
        return Finding::ok("it does not say until when");
    };
    let days = until.since(now).as_secs() / 86_400;
    let renew = |finding: Finding| finding.command("kiosk-enroll token set TOKEN-FILE");
    if until <= now {
        let found = format!("it expired at {}: updates wait", rfc3339(until));
        renew(Finding::failed(found, "ask for a new token and set it; nothing is lost meanwhile"))
    } else if days < FEW_DAYS {
        let found = format!("it expires at {}, in {days} days", rfc3339(until));
        renew(Finding::warning(
            found,
            "ask for a new token and set it before that; verifik.renew_token lets the agent do it",
        ))
    } else if let Permission::Hindered(why) = renewal {
        let found = format!("{days} days left, and it cannot be renewed: {why}");
        Finding::warning(
            found,
            "put the token into a file of the agent's own (verifik.token_file), or set \
             verifik.renew_token to \"never\"",
        )
    } else {
        Finding::ok(format!("{days} days left, until {}", rfc3339(until)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::doctor::Status;

    #[test]
    fn a_token_is_renewed_before_it_ends() {
        let now = WallTime::from_unix_millis(1_795_000_000_000);
        let in_days = |days: u64| Some(now + Duration::from_secs(days * 86_400));
        for (until, status) in [
            (in_days(30), Status::Ok),
            (in_days(5), Status::Ok),
            (in_days(4), Status::Warning),
            (in_days(0), Status::Failed),
            (Some(now - Duration::from_secs(1)), Status::Failed),
            (None, Status::Ok),
        ] {
            assert_eq!(judge(until, Permission::Months(1), now).status, status, "{until:?}");
        }
        let hindered = judge(in_days(30), Permission::Hindered("why".into()), now);
        assert_eq!(hindered.status, Status::Warning, "asked for, and impossible");
    }
}
