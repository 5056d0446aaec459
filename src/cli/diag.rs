//! `diag`: packs what the support needs into one file, without persons, pictures and tokens.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::Globals;
use super::output::{Output, Tone};
use super::setting::sources;
use crate::app::owner::as_caller;
use crate::clock::{rfc3339, wall_now};
use crate::config::Layers;
use crate::diag::{Entry, Logs, Mask, Pack, gather};
use crate::failure::{Exit, Failure};

/// Arguments of `diag`.
#[derive(Debug, Args)]
pub(super) struct DiagArgs {
    /// Where the file goes; it must not exist yet [default: kiosk-enroll-diag-TIME.tar.gz here]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Serialize)]
struct Packed {
    file: PathBuf,
    bytes: usize,
    parts: Vec<Entry>,
}

pub(super) fn run(args: &DiagArgs, globals: &Globals, output: &Output) -> Result<(), Failure> {
    let now = wall_now();
    // Colons do not survive every USB stick.
    let time: String = rfc3339(now).chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    let folder = format!("kiosk-enroll-diag-{}", time.get(..15).unwrap_or(&time));
    let file = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("{folder}.tar.gz")));
    refuse_existing(&file)?;
    output.progress("asking the doctor, the agent and the journal: up to half a minute");
    // As root, where it is root: the agent's user may read neither.
    let logs = Logs::read();
    let layers =
        sources(globals).and_then(|sources| Layers::gather(&sources).map_err(Failure::from));
    let site = super::doctor::site(globals);
    let (parts, known) = gather(&site, &layers, &logs);
    let mask = Mask::new(known).map_err(|error| Failure::caused(Exit::Internal, &error))?;
    let pack = Pack::of(&folder, parts, &mask, now)
        .map_err(|error| Failure::caused(Exit::Internal, &error))?;
    as_caller(&site.paths().state, || write(&file, &pack.bytes))?;
    tell(&Packed { file, bytes: pack.bytes.len(), parts: pack.entries }, output)
}

fn refuse_existing(file: &Path) -> Result<(), Failure> {
    if file.exists() {
        let error = format!("{} is there already", file.display());
        return Err(Failure::new(Exit::CannotCreate, error).hint("name another file with --out"));
    }
    Ok(())
}

/// For its owner alone; half a file does not stay.
fn write(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let told = |error: io::Error| {
        Failure::new(Exit::CannotCreate, format!("{} cannot be written: {error}", file.display()))
            .hint("name a place that you may write to with --out")
    };
    let mut made =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(told)?;
    let written = made.write_all(bytes).and_then(|()| made.sync_all());
    written.map_err(|error| {
        let _ = fs::remove_file(file);
        told(error)
    })
}

fn tell(packed: &Packed, output: &Output) -> Result<(), Failure> {
    for part in &packed.parts {
        let line = match &part.missing {
            None => {
                let cut = if part.cut { ", the newest lines" } else { "" };
                format!("{:<18} {} ({} bytes{cut})", part.file, part.about, part.bytes)
            }
            Some(why) => {
                let name = format!("{:<18}", part.file);
                format!("{} not in it: {why}", output.paint(Tone::Warning, &name))
            }
        };
        output.line(line);
    }
    let file = output.paint(Tone::Good, &packed.file.display().to_string());
    output.line(format!("{file}, {} bytes: look through it, then send it", packed.bytes));
    output.json(packed)
}
