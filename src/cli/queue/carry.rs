//! `queue export|import`: carry updates to another device in a sealed file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::hands::Hands;
use crate::app::owner::as_caller;
use crate::cli::output::{Output, Tone};
use crate::cli::secret;
use crate::cli::setting::Setting;
use crate::failure::{Exit, Failure};
use crate::transfer::{Export, Import, OpenWith, SealFor, TransferError, TransferErrorKind};
use crate::web::upkeep::{CarriedUpdate, ExportEnd, ExportRequest};

/// Said of what `--take` parks, until that is noted after the file is finished: true whatever ends the export.
const MOVING: &str = "set aside for an export: look whether its file is whole before a retry";

/// Arguments of `queue export`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExportArgs {
    /// The file to write; it must not exist
    file: PathBuf,
    /// The file with the passphrase; without it and --recipient a terminal is asked
    #[arg(long, value_name = "FILE", conflicts_with = "recipient")]
    passphrase_file: Option<PathBuf>,
    /// Seal for this key instead of a passphrase
    #[arg(long, value_name = "age1…")]
    recipient: Option<String>,
    /// Move the updates: they are parked here, so that they are sent from one device only
    #[arg(long)]
    take: bool,
}

/// Arguments of `queue import`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ImportArgs {
    /// The file to read
    file: PathBuf,
    /// The file with the passphrase; without it and --identity a terminal is asked
    #[arg(long, value_name = "FILE", conflicts_with = "identity")]
    passphrase_file: Option<PathBuf>,
    /// The file with the secret key (AGE-SECRET-KEY-1…) that the export was sealed for
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
}

#[derive(Serialize)]
struct Exported {
    file: PathBuf,
    exported: u64,
    parked: usize,
    /// Delivered, or merged into newer ones, while the file was written.
    gone: usize,
    staying: usize,
    /// Left out, because the disk does not give them.
    unreadable: Vec<Unreadable>,
}

#[derive(Serialize)]
struct Unreadable {
    id: String,
    error: String,
    #[serde(skip)]
    exit: Exit,
}

/// What became of the updates that an export was to hold.
#[derive(Default)]
struct Filled {
    written: Vec<String>,
    gone: usize,
    unreadable: Vec<Unreadable>,
}

#[derive(Debug, Default, Serialize)]
struct ImportedCounts {
    items: u64,
    queued: u64,
    duplicates: u64,
    own: u64,
    overtaken: u64,
    /// Of those queued: how many were cut down, because something newer changes part of their fields.
    shortened: u64,
}

pub(super) fn export(args: &ExportArgs, setting: &Setting, output: &Output) -> Result<(), Failure> {
    // Everything that may be wrong about the file comes first: nothing is parked for it.
    let seal = seal_for(args)?;
    let mut file = Export::create(&args.file, seal).map_err(told)?;
    let hands = Hands::find(setting)?;
    let name = args.file.file_name().unwrap_or_default().to_string_lossy();
    let park_because = args.take.then(|| MOVING.to_owned());
    let plan = hands.plan_export(&ExportRequest { park_because })?;
    let done = fill(&mut file, &hands, &plan.ids, output).and_then(|filled| {
        let exported = as_caller(&setting.paths.state, || file.finish().map_err(told))?;
        Ok((filled, exported))
    });
    let (filled, exported) = match done {
        Ok(done) => done,
        Err(failure) => return Err(with_stuck(failure, &give_back(&hands, &plan.parked))),
    };
    let (lost, moved): (Vec<_>, Vec<_>) = plan
        .parked
        .into_iter()
        .partition(|id| filled.unreadable.iter().any(|unreadable| unreadable.id == *id));
    let stuck = give_back(&hands, &lost);
    let marked = match args.take {
        true => mark(&hands, filled.written, &name),
        false => Ok(()),
    };
    let (parked, gone, staying) = (moved.len(), filled.gone, plan.staying);
    let unreadable = filled.unreadable;
    let report = Exported { file: args.file.clone(), exported, parked, gone, staying, unreadable };
    tell_export(&report, output)?;
    let whole = left_out(&report).map_or(Ok(()), |failure| Err(with_stuck(failure, &stuck)));
    match (whole, marked) {
        (Err(mut failure), Err(unmarked)) => {
            failure.error = format!("{}; {}", failure.error, unmarked.error);
            Err(Failure { hint: unmarked.hint, ..failure })
        }
        (whole, marked) => whole.and(marked),
    }
}

/// Says of the moved updates, now that their file is finished, where they are.
fn mark(hands: &Hands, ids: Vec<String>, name: &str) -> Result<(), Failure> {
    let because = format!("exported to {name}");
    let end = ExportEnd { ids, parked_because: MOVING.to_owned(), because };
    hands.end_export(&end).map(|_| ()).map_err(|mut failure| {
        failure.error = format!("{name} is finished, but not noted here: {}", failure.error);
        failure.hint(format!("import it; do not retry what says \"{MOVING}\": it is in the file"))
    })
}

/// Why an export that was finished is not whole, if it is not.
fn left_out(report: &Exported) -> Option<Failure> {
    let first = report.unreadable.iter().max_by_key(|unreadable| unreadable.exit.code())?;
    let ids: Vec<&str> = report.unreadable.iter().map(|it| it.id.as_str()).collect();
    let error = format!(
        "{} is finished, but without {}: {}",
        report.file.display(),
        ids.join(", "),
        first.error
    );
    Some(Failure::new(first.exit, error).hint(
        "`kiosk-enroll queue verify` tells what is left of them; enroll these persons again where it is nothing",
    ))
}

pub(super) fn import(args: &ImportArgs, setting: &Setting, output: &Output) -> Result<(), Failure> {
    let with = open_with(args)?;
    let import = Import::check::<CarriedUpdate>(&args.file, &with).map_err(told)?;
    let hands = Hands::find(setting)?;
    let mut counts = ImportedCounts { items: import.items(), ..ImportedCounts::default() };
    let done = import.each(&with, |carried: CarriedUpdate| {
        let outcome = hands.import(carried)?;
        match outcome.outcome.as_str() {
            "queued" => counts.queued += 1,
            "duplicate" => counts.duplicates += 1,
            "own" => counts.own += 1,
            _ => counts.overtaken += 1,
        }
        counts.shortened += u64::from(!outcome.left_out.is_empty());
        Ok(())
    });
    tell_import(&counts, output)?;
    done.map_err(|stopped: Stopped| {
        let done = counts.queued + counts.duplicates + counts.own + counts.overtaken;
        let mut failure = stopped.0;
        failure.error = format!("stopped after {done} of {}: {}", counts.items, failure.error);
        failure.hint("import the file again when the cause is gone: nothing is queued twice")
    })
}

fn fill(
    file: &mut Export,
    hands: &Hands,
    ids: &[String],
    output: &Output,
) -> Result<Filled, Failure> {
    let mut filled = Filled::default();
    let mut latest = Chronology::default();
    for (number, id) in ids.iter().enumerate() {
        match hands.carry(id) {
            Ok(mut carried) => {
                latest.straighten(&mut carried);
                file.add(&carried).map_err(told)?;
                filled.written.push(id.clone());
            }
            Err(failure) if failure.exit == Exit::NoInput => filled.gone += 1,
            // From a card that dies as much is saved as it gives.
            Err(Failure { error, exit: exit @ (Exit::BadData | Exit::Io), .. }) => {
                filled.unreadable.push(Unreadable { id: id.clone(), error, exit });
            }
            Err(failure) => return Err(failure),
        }
        if number % 20 == 19 {
            output.progress(format!("{} of {}", number + 1, ids.len()));
        }
    }
    Ok(filled)
}

/// Keeps the order of a person's updates where the clock was set back between them: who imports them has only
/// the times to go by.
#[derive(Default)]
struct Chronology(HashMap<String, i64>);

impl Chronology {
    fn straighten(&mut self, carried: &mut CarriedUpdate) {
        let latest = self.0.entry(carried.update.person_id.clone()).or_insert(i64::MIN);
        carried.acknowledged_at_ms = carried.acknowledged_at_ms.max(latest.saturating_add(1));
        *latest = carried.acknowledged_at_ms;
    }
}

/// Queues again what was parked for the export, and tells what stays parked all the same, and why.
fn give_back(hands: &Hands, parked: &[String]) -> Vec<String> {
    let given = |id: &String| id.parse().map_err(Failure::from).and_then(|id| hands.retry(id));
    let stuck = parked.iter().filter_map(|id| match given(id) {
        Ok(_) => None,
        // Damaged: it lies in the quarantine.
        Err(failure) if failure.exit == Exit::NoInput => None,
        Err(failure) => Some(format!("{id} stays parked: {}", failure.error)),
    });
    stuck.collect()
}

fn with_stuck(mut failure: Failure, stuck: &[String]) -> Failure {
    for words in stuck {
        failure.error = format!("{}; {words}", failure.error);
    }
    failure
}

fn seal_for(args: &ExportArgs) -> Result<SealFor, Failure> {
    if let Some(recipient) = &args.recipient {
        return SealFor::recipient(recipient).map_err(told);
    }
    let (text, object) = match &args.passphrase_file {
        Some(path) => (secret::read_file(path)?, path.display().to_string()),
        None => (secret::ask("Passphrase for the export", secret::Ask::Twice)?, "terminal".into()),
    };
    SealFor::passphrase(&text, &object).map_err(told)
}

fn open_with(args: &ImportArgs) -> Result<OpenWith, Failure> {
    let object = |path: &Path| path.display().to_string();
    if let Some(path) = &args.identity {
        return OpenWith::identity(&secret::read_file(path)?, &object(path)).map_err(told);
    }
    let (text, object) = match &args.passphrase_file {
        Some(path) => (secret::read_file(path)?, object(path)),
        None => (secret::ask("Passphrase of the export", secret::Ask::Once)?, "terminal".into()),
    };
    OpenWith::passphrase(&text, &object).map_err(told)
}

fn tell_export(report: &Exported, output: &Output) -> Result<(), Failure> {
    let here = match report.parked {
        0 => "they wait here, too (--take parks them)".to_owned(),
        parked => format!("{parked} are parked here"),
    };
    output.line(format!(
        "{} {} updates to {}; {here}; left out: {} in flight or overtaken, {} gone meanwhile",
        output.paint(Tone::Good, "exported"),
        report.exported,
        report.file.display(),
        report.staying,
        report.gone
    ));
    for Unreadable { id, error, .. } in &report.unreadable {
        output.line(format!("{} {id}: {error}", output.paint(Tone::Bad, "left out")));
    }
    output.json(report)
}

fn tell_import(counts: &ImportedCounts, output: &Output) -> Result<(), Failure> {
    output.line(format!(
        "{} {} of {} updates ({} shortened); left alone: {} imported before, {} overtaken, {} of this device",
        output.paint(Tone::Good, "queued"),
        counts.queued,
        counts.items,
        counts.shortened,
        counts.duplicates,
        counts.overtaken,
        counts.own
    ));
    output.json(counts)
}

/// Why an import stopped halfway.
struct Stopped(Failure);

impl From<TransferError> for Stopped {
    fn from(error: TransferError) -> Self {
        Self(told(error))
    }
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

fn told(error: TransferError) -> Failure {
    let exit = match error.kind() {
        TransferErrorKind::NoInput => Exit::NoInput,
        TransferErrorKind::BadData => Exit::BadData,
        TransferErrorKind::WrongKey => Exit::Permission,
        TransferErrorKind::CannotCreate => Exit::CannotCreate,
        TransferErrorKind::Io => Exit::Io,
    };
    let failure = Failure::caused(exit, &error);
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
