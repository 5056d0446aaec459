//! `queue retry|drop|verify`: acts on what is queued.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use clap::Args;
use serde::Serialize;

use super::hands::{self, Hands};
use crate::cli::output::{Output, Tone};
use crate::cli::setting::Setting;
use crate::domain::UpdateId;
use crate::failure::{Exit, Failure};
use crate::web::wire::QueueItem;

/// Arguments of `queue retry`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RetryArgs {
    /// Their ids, as `queue list` shows them
    #[arg(required = true)]
    ids: Vec<String>,
}

/// Arguments of `queue drop`.
#[derive(Debug, Args)]
pub(in crate::cli) struct DropArgs {
    /// Their ids, as `queue list` shows them
    #[arg(required = true)]
    ids: Vec<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What became of one id.
#[derive(Serialize)]
struct Done {
    id: String,
    update: Option<QueueItem>,
    failure: Option<Failure>,
}

pub(super) fn retry(args: &RetryArgs, setting: &Setting, output: &Output) -> Result<(), Failure> {
    let ids = parse(&args.ids)?;
    let hands = Hands::find(setting)?;
    each(&ids, "queued again", output, |id| hands.retry(id))
}

pub(super) fn discard(args: &DropArgs, setting: &Setting, output: &Output) -> Result<(), Failure> {
    let ids = parse(&args.ids)?;
    let asks = io::stdin().is_terminal() && io::stderr().is_terminal();
    if !args.yes && !asks {
        return Err(Failure::new(Exit::Usage, "dropping updates needs a confirmation")
            .hint("there is no terminal to ask on: add --yes"));
    }
    let hands = Hands::find(setting)?;
    if !args.yes {
        let lost: Vec<_> = ids.iter().map(|id| hands.look(*id)).collect::<Result<_, _>>()?;
        if !confirmed(&lost)? {
            return Err(Failure::new(Exit::Usage, "nothing was dropped"));
        }
    }
    each(&ids, "dropped", output, |id| hands.discard(id))
}

pub(super) fn verify(setting: &Setting, output: &Output) -> Result<(), Failure> {
    let report = hands::verify(setting)?;
    for finding in &report.damaged {
        let line = format!("{}: {}", finding.object, finding.what);
        output.line(output.paint(Tone::Bad, &line));
    }
    for finding in &report.leftovers {
        output.line(format!(
            "{}: {} (the next start puts it in order)",
            finding.object, finding.what
        ));
    }
    if report.foreign > 0 {
        output.line(format!("{} updates wait for another device key", report.foreign));
    }
    output.line(format!("{} updates checked, {} damaged", report.checked, report.damaged.len()));
    output.json(&report)?;
    if report.damaged.is_empty() {
        return Ok(());
    }
    let error = format!("{} things in the queue are damaged", report.damaged.len());
    Err(Failure::new(Exit::BadData, error)
        .hint("restart the agent: it puts what is damaged aside, and the rest goes on"))
}

fn parse(ids: &[String]) -> Result<Vec<UpdateId>, Failure> {
    ids.iter().map(|id| Ok(id.parse()?)).collect()
}

/// Does it to each, and goes on where one is refused: the first refusal is the command's.
fn each(
    ids: &[UpdateId],
    done: &str,
    output: &Output,
    act: impl Fn(UpdateId) -> Result<QueueItem, Failure>,
) -> Result<(), Failure> {
    let mut all = Vec::new();
    for id in ids {
        let (update, failure) = match act(*id) {
            Ok(update) => (Some(update), None),
            Err(failure) => (None, Some(failure)),
        };
        match (&update, &failure) {
            (Some(update), _) => output.line(format!("{done} {}", words(update))),
            (None, Some(failure)) => {
                output.line(format!("{id}: {}", output.paint(Tone::Bad, &failure.error)));
            }
            (None, None) => {}
        }
        all.push(Done { id: id.to_string(), update, failure });
    }
    output.json(&all)?;
    all.into_iter().find_map(|done| done.failure).map_or(Ok(()), Err)
}

/// Asks on the terminal, and names what would be lost.
fn confirmed(lost: &[QueueItem]) -> Result<bool, Failure> {
    let told = |error: io::Error| Failure::caused(Exit::Io, &error);
    let mut err = io::stderr().lock();
    for update in lost {
        writeln!(err, "  {}", words(update)).map_err(told)?;
    }
    write!(err, "These were not delivered and are lost for good. Drop them? [y/N] ")
        .and_then(|()| err.flush())
        .map_err(told)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(told)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn words(update: &QueueItem) -> String {
    format!(
        "{}: {} of {} ({} images), {} since {}",
        update.id,
        update.fields.join(", "),
        update.person_id,
        update.images,
        update.state,
        update.enqueued_at
    )
}
