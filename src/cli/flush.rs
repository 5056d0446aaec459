//! `flush`: deliver what is queued now.

use std::time::Duration;

use clap::Args;

use super::output::{Output, Tone};
use super::setting::Setting;
use crate::app;
use crate::domain::Hold;
use crate::failure::{Exit, Failure};
use crate::web::wire::FlushReport;

/// Arguments of `flush`.
#[derive(Debug, Args)]
pub(super) struct FlushArgs {
    /// How long it may take
    #[arg(long, default_value = "5m", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

pub(super) fn run(args: &FlushArgs, setting: &Setting, output: &Output) -> Result<(), Failure> {
    let report = app::block_on(async {
        match setting.agent()? {
            Some(agent) => agent.flush(args.timeout).await,
            None => app::flush_alone(&setting.config, &setting.paths, args.timeout).await,
        }
    })??;
    tell(&report, output)?;
    verdict(&report)
}

/// With nothing left to deliver it does not matter that the line is down; that somebody paused the delivery does.
fn verdict(report: &FlushReport) -> Result<(), Failure> {
    let paused = report.hold.as_deref() == Some(Hold::Paused.name());
    if report.left == 0 && !paused {
        return Ok(());
    }
    let because = match (&report.hold, &report.reason) {
        (Some(hold), Some(reason)) => format!("{hold}: {reason}"),
        (Some(hold), None) => hold.clone(),
        (None, _) => "the time ran out or the server asked to wait".to_owned(),
    };
    let error = format!("{} updates wait ({because})", report.left);
    Err(Failure::new(Exit::TryLater, error)
        .hint("nothing is lost: they are delivered when the cause is gone; `kiosk-enroll status` tells more"))
}

fn tell(report: &FlushReport, output: &Output) -> Result<(), Failure> {
    for receipt in &report.delivered {
        let confirmation = match &receipt.unconfirmed_because {
            None => output.paint(Tone::Good, "confirmed"),
            Some(why) => output.paint(Tone::Warning, &format!("unconfirmed: {why}")),
        };
        output.line(format!(
            "{}  {}  {}  {confirmation}",
            receipt.id,
            receipt.person_id,
            receipt.fields.join(",")
        ));
    }
    let foreign = match report.foreign {
        0 => String::new(),
        count => format!(", {count} sealed with another device key"),
    };
    output.line(format!(
        "{} delivered, {} waiting, {} parked{foreign}",
        report.delivered.len(),
        report.left,
        report.parked
    ));
    output.json(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_counts_while_something_waits_and_a_pause_always() {
        for (left, hold, done) in [
            (0, None, true),
            (0, Some("offline"), true),
            (0, Some("paused"), false),
            (1, None, false),
            (1, Some("offline"), false),
        ] {
            let hold = hold.map(str::to_owned);
            let report =
                FlushReport { delivered: vec![], left, parked: 1, foreign: 0, hold, reason: None };
            let said = verdict(&report).err().map(|failure| failure.exit);
            assert_eq!(said, (!done).then_some(Exit::TryLater), "{report:?}");
        }
    }
}
