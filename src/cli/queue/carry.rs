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
use crate::web::upkeep::{CarriedUpdate, ExportRequest};

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
    let park_because = args.take.then(|| format!("exported to {name}"));
    let plan = hands.plan_export(&ExportRequest { park_because })?;
    let mut gone = 0;
    let written = fill(&mut file, &hands, &plan.ids, &mut gone, output)
        .and_then(|()| as_caller(&setting.paths.state, || file.finish().map_err(told)));
    match written {
        Ok(exported) => {
            let (parked, staying) = (plan.parked.len(), plan.staying);
            let report = Exported { file: args.file.clone(), exported, parked, gone, staying };
            tell_export(&report, output)
        }
        Err(failure) => {
            give_back(&hands, &plan.parked);
            Err(failure)
        }
    }
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
    gone: &mut usize,
    output: &Output,
) -> Result<(), Failure> {
    let mut latest = Chronology::default();
    for (number, id) in ids.iter().enumerate() {
        match hands.carry(id) {
            Ok(mut carried) => {
                latest.straighten(&mut carried);
                file.add(&carried).map_err(told)?;
            }
            Err(failure) if failure.exit == Exit::NoInput => *gone += 1,
            Err(failure) => return Err(failure),
        }
        if number % 20 == 19 {
            output.progress(format!("{} of {}", number + 1, ids.len()));
        }
    }
    Ok(())
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

fn give_back(hands: &Hands, parked: &[String]) {
    for id in parked {
        let given = id.parse().map_err(Failure::from).and_then(|id| hands.retry(id));
        if let Err(failure) = given {
            tracing::warn!(id, %failure, "stays parked; `queue retry` queues it again");
        }
    }
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
