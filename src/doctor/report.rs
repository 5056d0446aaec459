//! What all checks found together: the summary, the exit code and the JSON.

use std::time::Duration;

use serde::Serialize;

use super::finding::{Check, Finding, Status};
use crate::failure::Exit;

/// What a round of checks found.
#[derive(Debug, Clone)]
pub struct Report {
    checks: Vec<Checked>,
    took: Duration,
}

/// A check with what it found.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The check's name.
    pub id: &'static str,
    /// What is well.
    pub expected: String,
    /// The exit code if it failed.
    pub exit: Exit,
    /// What it found.
    pub finding: Finding,
}

/// `doctor --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReportDocument {
    /// The counts.
    pub summary: Summary,
    /// Every check, in the order of the list.
    pub checks: Vec<CheckReport>,
}

/// How many checks ended how.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Broken.
    pub failed: usize,
    /// Somebody should look.
    pub warnings: usize,
    /// All is well.
    pub ok: usize,
    /// Could not be looked at.
    pub skipped: usize,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The exit code of the command.
    pub exit_code: u8,
}

/// One check in `doctor --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Its stable name.
    pub id: String,
    /// `ok`, `warning`, `failed` or `skipped`.
    pub status: String,
    /// What was found, or why it was skipped.
    pub found: String,
    /// Why it was skipped; `null` where it was not.
    pub skip_reason: Option<String>,
    /// What is well.
    pub expected: String,
    /// What to do; `null` where nothing is to be done.
    pub remedy: Option<String>,
    /// What to type.
    pub commands: Vec<String>,
}

impl Report {
    pub(super) fn new(findings: Vec<(&Check, Finding)>, took: Duration) -> Self {
        let checks = findings
            .into_iter()
            .map(|(check, mut finding)| Checked {
                id: check.id,
                expected: finding.expected.take().unwrap_or_else(|| check.expected.to_owned()),
                exit: check.exit,
                finding,
            })
            .collect();
        Self { checks, took }
    }

    /// Every check, in the order of the list.
    pub fn checks(&self) -> &[Checked] {
        &self.checks
    }

    /// The checks that ended like this.
    pub fn with(&self, status: Status) -> impl Iterator<Item = &Checked> {
        self.checks.iter().filter(move |checked| checked.finding.status == status)
    }

    /// The exit code of the first check that failed; `None` if none has.
    pub fn exit(&self) -> Option<Exit> {
        self.with(Status::Failed).next().map(|checked| checked.exit)
    }

    /// What to type, failures first, each command once.
    pub fn commands(&self) -> Vec<&str> {
        let mut commands: Vec<&str> = Vec::new();
        for checked in self.with(Status::Failed).chain(self.with(Status::Warning)) {
            for command in &checked.finding.commands {
                if !commands.contains(&command.as_str()) {
                    commands.push(command);
                }
            }
        }
        commands
    }

    /// The counts.
    pub fn summary(&self) -> Summary {
        let count = |status| self.with(status).count();
        Summary {
            failed: count(Status::Failed),
            warnings: count(Status::Warning),
            ok: count(Status::Ok),
            skipped: count(Status::Skipped),
            seconds: (self.took.as_secs_f64() * 100.0).round() / 100.0,
            exit_code: self.exit().map_or(0, Exit::code),
        }
    }

    /// The whole as `doctor --json` writes it.
    pub fn document(&self) -> ReportDocument {
        let checks = self.checks.iter().map(|checked| CheckReport {
            id: checked.id.to_owned(),
            status: checked.finding.status.name().to_owned(),
            found: checked.finding.found.clone(),
            skip_reason: (checked.finding.status == Status::Skipped)
                .then(|| checked.finding.found.clone()),
            expected: checked.expected.clone(),
            remedy: checked.finding.remedy.clone(),
            commands: checked.finding.commands.clone(),
        });
        ReportDocument { summary: self.summary(), checks: checks.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Site;

    const fn check(id: &'static str, exit: Exit) -> Check {
        let look: fn(&Site) -> Finding = |_| Finding::ok("");
        Check { id, expected: "good weather", exit, limit: Duration::from_secs(1), look }
    }

    fn report() -> Report {
        let checks = [
            check("a.one", Exit::Io),
            check("b.two", Exit::TryLater),
            check("c.three", Exit::Permission),
            check("d.four", Exit::Internal),
        ];
        let findings = [
            Finding::warning("rain", "take a coat").command("coat"),
            Finding::failed("snow", "stay").expecting("no snow").command("stay"),
            Finding::failed("hail", "stay").command("stay"),
            Finding::skipped("no window"),
        ];
        Report::new(checks.iter().zip(findings).collect(), Duration::from_millis(1_234))
    }

    #[test]
    fn the_first_failure_decides_the_exit_code_and_warnings_do_not() {
        assert_eq!(report().exit(), Some(Exit::TryLater));
        assert_eq!(report().summary().exit_code, 75);
        let check = check("a.one", Exit::Io);
        let fine = Report::new(vec![(&check, Finding::warning("rain", "coat"))], Duration::ZERO);
        assert_eq!(fine.summary().exit_code, 0);
    }

    #[test]
    fn commands_stand_once_and_those_of_failures_first() {
        assert_eq!(report().commands(), ["stay", "coat"]);
    }

    #[test]
    fn the_document_has_every_check_with_its_words() {
        let text = serde_json::to_string(&report().document()).unwrap_or_default();
        assert!(text.starts_with(r#"{"summary":{"failed":2,"warnings":1,"ok":0,"skipped":1,"seconds":1.23,"exit_code":75},"checks":["#), "{text}");
        assert!(text.contains(r#"{"id":"b.two","status":"failed","found":"snow","skip_reason":null,"expected":"no snow","remedy":"stay","commands":["stay"]}"#), "{text}");
        assert!(text.contains(r#""found":"no window","skip_reason":"no window","expected":"good weather","remedy":null"#));
    }
}
