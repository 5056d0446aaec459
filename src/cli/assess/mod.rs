//! `assess`: measure pictures or folders.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::output::{Output, Tone};
use super::setting::Setting;
use crate::app::examiner::Examiner;
use crate::app::{self, report};
use crate::domain::Moment;
use crate::failure::{Exit, Failure};
use crate::vision::image;
use crate::web::wire::AssessReport;

/// No picture of a person is larger.
const MAX_FILE: u64 = 64 << 20;

/// Arguments of `assess`.
#[derive(Debug, Args)]
pub(super) struct AssessArgs {
    /// Pictures (JPEG, PNG) or folders of them
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub(super) fn run(args: &AssessArgs, setting: &Setting, output: &Output) -> Result<(), Failure> {
    let files = files(&args.paths)?;
    let mut examiner = app::Rig::new(&setting.config)?.thorough_examiner()?;
    let tilt = setting.config.camera.tilt;
    if tilt != 0.0 {
        let told = format!("nods are told as if the camera were level (camera.tilt = {tilt})");
        output.line(output.paint(Tone::Faint, &told));
    }
    let mut unreadable = 0_usize;
    for path in &files {
        let name = path.display().to_string();
        let report =
            assess(path, &mut examiner)?.unwrap_or_else(|error| report::unassessed(&name, error));
        unreadable += usize::from(report.error.is_some());
        tell(&report, output);
        output.json(&report)?;
    }
    if unreadable > 0 {
        let error = format!("{unreadable} of {} files could not be assessed", files.len());
        return Err(Failure::new(Exit::BadData, error).hint(
            "allowed are complete JPEG and PNG pictures; the lines above name what was found",
        ));
    }
    Ok(())
}

/// The report of one file; the inner error is the file's, the outer one ours.
fn assess(path: &Path, examiner: &mut Examiner) -> Result<Result<AssessReport, String>, Failure> {
    let size = match fs::metadata(path) {
        Ok(meta) => meta.len(),
        Err(error) => return Ok(Err(error.to_string())),
    };
    if size > MAX_FILE {
        let allowed = bytesize::ByteSize(MAX_FILE);
        return Ok(Err(format!(
            "found {}, allowed are at most {allowed}",
            bytesize::ByteSize(size)
        )));
    }
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let picture = match image::decode_bytes(&bytes) {
        Ok(picture) => picture,
        Err(error) => return Ok(Err(error.to_string())),
    };
    examiner.forget();
    let examined = examiner
        .examine_picture(picture, 0, Moment::default())
        .map_err(|error| Failure::caused(Exit::Internal, &error))?;
    let report = report::assessed(&path.display().to_string(), &examined);
    examiner.recycle(examined);
    Ok(Ok(report))
}

/// The files themselves, and the pictures of folders in name order.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        let told = |error: std::io::Error| {
            let exit = match error.kind() {
                std::io::ErrorKind::NotFound => Exit::NoInput,
                std::io::ErrorKind::PermissionDenied => Exit::Permission,
                _ => Exit::Io,
            };
            Failure::new(exit, format!("{}: {error}", path.display()))
        };
        if !fs::metadata(path).map_err(told)?.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(path).map_err(told)? {
            let file = entry.map_err(told)?.path();
            if is_picture(&file) {
                found.push(file);
            }
        }
        if found.is_empty() {
            return Err(Failure::new(
                Exit::NoInput,
                format!("folder {} holds no picture", path.display()),
            )
            .hint("looked for are names ending in .jpg, .jpeg or .png"));
        }
        found.sort();
        files.append(&mut found);
    }
    Ok(files)
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("");
    ["jpg", "jpeg", "png"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

fn tell(report: &AssessReport, output: &Output) {
    if let Some(error) = &report.error {
        output.line(format!("{}  {}: {error}", output.paint(Tone::Bad, "error "), report.path));
        return;
    }
    let accepted = report.verdict == "accept";
    let verdict = output.paint(if accepted { Tone::Good } else { Tone::Warning }, &report.verdict);
    let score = report.score.map(|score| format!("  score {score:.3}")).unwrap_or_default();
    output.line(format!(
        "{verdict}  {}  faces {}{score}  {}",
        report.path,
        report.faces,
        report.reasons.join(", ")
    ));
    let cells: Vec<_> = report
        .measures
        .iter()
        .map(|(name, value)| match (value.native, value.score) {
            (Some(native), Some(score)) => format!("{name} {native:.2} ({score:.0})"),
            _ => format!("{name} -"),
        })
        .collect();
    for line in cells.chunks(4) {
        output.line(format!("        {}", output.paint(Tone::Faint, &line.join("  "))));
    }
}
