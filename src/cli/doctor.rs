//! `doctor`: everything that is wrong on this site, each fault with its cause and remedy.
//!
//! It ends with 0 where no check has failed, warnings or not; else with the exit code of the first one that has,
//! in the order of the list: 78 configuration, 77 permission or token, 74 and 73 disk and queue, 75 clock and
//! network, 69 camera, power and agent, 65 damaged updates, 70 the system.

use std::sync::Arc;

use clap::Args;

use super::Globals;
use super::output::{Output, Tone};
use super::setting::{Setting, paths};
use crate::app;
use crate::doctor::{CHECKS, Checked, KernelLog, Report, Site, Status, examine};
use crate::failure::Failure;

/// Width of the column with the checks' names.
const NAME: usize = 20;
/// Columns that a list of names may take.
const WIDTH: usize = 100;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Print nothing but the commands to type
    #[arg(long, conflicts_with = "json")]
    fix_hints: bool,
}

pub(super) fn run(args: &DoctorArgs, globals: &Globals, output: &Output) -> Result<(), Failure> {
    let report = examine(&site(globals), CHECKS);
    if args.fix_hints {
        report.commands().into_iter().for_each(|command| output.line(command));
    } else {
        tell(&report, output);
    }
    output.json(&report.document())?;
    let Some(exit) = report.exit() else { return Ok(()) };
    let failed: Vec<&str> = report.with(Status::Failed).map(|checked| checked.id).collect();
    let count = failed.len();
    let checks = if count == 1 { "check has" } else { "checks have" };
    let failure = Failure::new(exit, format!("{count} {checks} failed: {}", failed.join(", ")));
    Err(failure.hint("each has its remedy; `kiosk-enroll doctor --fix-hints` prints what to type"))
}

/// The site of this invocation, seen as the agent's user sees it.
pub(super) fn site(globals: &Globals) -> Arc<Site> {
    let paths = paths(globals);
    // As root, where it is root: the agent's user may not read it.
    let kernel = KernelLog::read();
    if let Err(failure) = app::owner::act_as_owner(&paths.state) {
        tracing::warn!(%failure, "the site is seen as this user sees it");
    }
    let config = Setting::load(globals).map(|setting| setting.config);
    Arc::new(Site::new(config, paths, kernel))
}

fn tell(report: &Report, output: &Output) {
    for (status, tone) in [(Status::Failed, Tone::Bad), (Status::Warning, Tone::Warning)] {
        for checked in report.with(status) {
            tell_fault(checked, output, tone);
        }
    }
    let fine: Vec<&str> = report.with(Status::Ok).map(|checked| checked.id).collect();
    for (number, line) in wrapped(&fine).into_iter().enumerate() {
        let head = if number == 0 { output.paint(Tone::Good, "ok     ") } else { " ".repeat(7) };
        output.line(format!("{head}  {line}"));
    }
    for checked in report.with(Status::Skipped) {
        let line = format!("skipped  {:<NAME$}{}", checked.id, checked.finding.found);
        output.line(output.paint(Tone::Faint, &line));
    }
    let sum = report.summary();
    output.line(format!(
        "{} failed, {} warnings, {} fine, {} skipped, in {:.1} s",
        sum.failed, sum.warnings, sum.ok, sum.skipped, sum.seconds
    ));
}

fn tell_fault(checked: &Checked, output: &Output, tone: Tone) {
    let finding = &checked.finding;
    let head = output.paint(tone, &format!("{:<7}", finding.status.name()));
    output.line(format!("{head}  {:<NAME$}{}", checked.id, finding.found));
    let indent = " ".repeat(9 + NAME);
    output.line(output.paint(Tone::Faint, &format!("{indent}expected: {}", checked.expected)));
    if let Some(remedy) = &finding.remedy {
        output.line(format!("{indent}{}", output.paint(Tone::Strong, remedy)));
    }
    for command in &finding.commands {
        output.line(format!("{indent}$ {command}"));
    }
}

/// The names in lines that fit a terminal.
fn wrapped(names: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for name in names {
        match lines.last_mut() {
            Some(line) if line.len() + name.len() + 2 <= WIDTH - 9 => {
                line.push_str(", ");
                line.push_str(name);
            }
            _ => lines.push((*name).to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fill_lines_and_none_is_lost() {
        let names = vec!["network.connection"; 20];
        let lines = wrapped(&names);
        assert!(lines.iter().all(|line| line.len() <= WIDTH - 9));
        assert_eq!(lines.iter().map(|line| line.split(", ").count()).sum::<usize>(), 20);
    }
}
