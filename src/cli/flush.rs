//! `flush`: deliver what is queued now.

use std::time::Duration;

use clap::Args;

use super::output::{Output, Tone};
use super::setting::Setting;
use crate::app;
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
    match (&report.hold, report.left) {
        (None, 0) => Ok(()),
        (hold, left) => {
            let because = match (hold, &report.reason) {
                (Some(hold), Some(reason)) => format!("{hold}: {reason}"),
                (Some(hold), None) => hold.clone(),
                (None, _) => "the time ran out or the server asked to wait".to_owned(),
            };
            let error = format!("{left} updates wait ({because})");
            Err(Failure::new(Exit::TryLater, error)
                .hint("nothing is lost: they are delivered when the cause is gone; `kiosk-enroll status` tells more"))
        }
    }
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
    output.line(format!(
        "{} delivered, {} waiting, {} parked",
        report.delivered.len(),
        report.left,
        report.parked
    ));
    output.json(report)
}
