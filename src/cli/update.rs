//! `update`: queue a partial update without a camera.

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::Args;

use super::output::{Output, Tone};
use super::person::FieldArgs;
use super::setting::Setting;
use crate::app;
use crate::failure::{Exit, Failure};
use crate::web::wire::{PersonRequest, UpdateReport};

/// No picture that a person gives is larger.
const MAX_FILE: u64 = 20 << 20;

/// Arguments of `update`.
#[derive(Debug, Args)]
pub(super) struct UpdateArgs {
    /// The person's id at the persons API
    person_id: String,
    #[command(flatten)]
    fields: FieldArgs,
    /// A JPEG or PNG with exactly one face, 1 to 3 files; together they replace the enrolled faces
    #[arg(long = "image", value_name = "FILE", num_args = 1..)]
    images: Vec<PathBuf>,
}

pub(super) fn run(args: UpdateArgs, setting: &Setting, output: &Output) -> Result<(), Failure> {
    let mut request = args.fields.request(args.person_id);
    if !args.images.is_empty() {
        request.images = Some(args.images.iter().map(read_base64).collect::<Result<_, _>>()?);
    }
    let report = queue(request, setting)?;
    tell(&report, output)
}

fn queue(request: PersonRequest, setting: &Setting) -> Result<UpdateReport, Failure> {
    match setting.agent()? {
        Some(agent) => app::block_on(async { agent.update(&request).await })?,
        None => app::update_alone(&setting.config, &setting.paths, request),
    }
}

fn read_base64(path: &PathBuf) -> Result<String, Failure> {
    let told = |error: std::io::Error| {
        let exit = match error.kind() {
            std::io::ErrorKind::NotFound => Exit::NoInput,
            std::io::ErrorKind::PermissionDenied => Exit::Permission,
            _ => Exit::Io,
        };
        Failure::new(exit, format!("picture {}: {error}", path.display()))
    };
    let size = fs::metadata(path).map_err(told)?.len();
    if size > MAX_FILE {
        let error = format!(
            "picture {}: found {}, allowed are at most {}",
            path.display(),
            bytesize::ByteSize(size),
            bytesize::ByteSize(MAX_FILE)
        );
        return Err(Failure::new(Exit::BadData, error));
    }
    Ok(BASE64_STANDARD.encode(fs::read(path).map_err(told)?))
}

/// Tells what was queued; `enroll` ends with the same words.
pub(super) fn tell(report: &UpdateReport, output: &Output) -> Result<(), Failure> {
    for warning in &report.warnings {
        output.line(format!("{}: {warning}", output.paint(Tone::Warning, "warning")));
    }
    let merged = if report.coalesced_with.is_empty() {
        String::new()
    } else {
        format!(", taking in {}", report.coalesced_with.join(", "))
    };
    output.line(format!(
        "{} {}: {} for {} ({} images{merged})",
        output.paint(Tone::Good, "queued"),
        report.id,
        report.fields.join(", "),
        report.person_id,
        report.images
    ));
    output.json(report)
}
