//! Is the configuration valid?

use super::finding::{Check, Finding, LIMIT};
use super::site::Site;
use crate::app::config_check;
use crate::failure::{Exit, Failure};

pub(super) const CHECK: Check = Check {
    id: "config.valid",
    expected: "every key known, every value allowed, every named file there",
    exit: Exit::Configuration,
    limit: LIMIT,
    look: |site| judge(probe(site)),
};

/// How many keys differ from the defaults is not asked: `config show --origin` tells.
fn probe(site: &Site) -> Result<(), Failure> {
    let config = site.config.as_ref().map_err(Clone::clone)?;
    if let Some(fault) = config_check::faults_of_values(config).into_iter().next() {
        let error = format!("{}: {}", fault.key, fault.what);
        return Err(Failure::new(Exit::Configuration, error).hint(fault.remedy));
    }
    site.api().map(|_| ())
}

fn judge(checked: Result<(), Failure>) -> Finding {
    match checked {
        Ok(()) => Finding::ok("it is valid"),
        Err(failure) => {
            let hint = failure.hint.unwrap_or_else(|| "put the configuration right".to_owned());
            Finding::failed(failure.error, hint).command("kiosk-enroll config check")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn a_broken_configuration_is_told_in_its_own_words() {
        assert_eq!(judge(Ok(())).status, Status::Ok);
        let failure = Failure::new(Exit::Configuration, "line 4: unknown key \"camera.sorce\"");
        let finding = judge(Err(failure.hint("did you mean \"camera.source\"?")));
        assert_eq!(finding.status, Status::Failed);
        assert!(finding.found.contains("line 4"));
        assert_eq!(finding.remedy.as_deref(), Some("did you mean \"camera.source\"?"));
    }
}
