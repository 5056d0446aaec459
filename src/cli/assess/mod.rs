//! `assess`: measure pictures or folders.

mod card;
mod gauge;
mod input;
mod page;
mod thumbnail;

use std::path::{Path, PathBuf};

use clap::Args;

use self::gauge::Standing;
use self::page::Page;
use super::output::{Output, Tone};
use super::setting::Setting;
use crate::app::examiner::{Examined, Examiner};
use crate::app::{self, report};
use crate::domain::{Gate, Moment};
use crate::failure::{Exit, Failure};
use crate::measure::MEASURES;
use crate::texts::{Locale, Texts};
use crate::vision::image;

/// Arguments of `assess`.
#[derive(Debug, Args)]
pub(super) struct AssessArgs {
    /// Pictures (JPEG, PNG) or folders of them
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Also write a page to look through: pictures with boxes, landmarks, bars, verdicts (one file, with faces in it)
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

pub(super) fn run(args: &AssessArgs, setting: &Setting, output: &Output) -> Result<(), Failure> {
    let files = input::files(&args.paths)?;
    let rig = app::Rig::new(&setting.config)?;
    let mut examiner = rig.thorough_examiner()?;
    let begin = |path: &PathBuf| {
        let texts = Texts::builtin(Locale::from_name(&setting.config.locale).unwrap_or_default());
        Page::begin(path, setting.config.capture.profile, rig.gates().to_vec(), texts)
    };
    let mut page = args.html.as_ref().map(begin).transpose()?;
    let tilt = setting.config.camera.tilt;
    if tilt != 0.0 {
        let told = format!("nods are told as if the camera were level (camera.tilt = {tilt})");
        output.line(output.paint(Tone::Faint, &told));
    }
    let mut unreadable = 0_usize;
    for path in &files {
        let name = path.display().to_string();
        match examined(path, &mut examiner)? {
            Ok(examined) => {
                output.json(&report::assessed(&name, &examined))?;
                tell(path, &examined, rig.gates(), output);
                if let Some(page) = &mut page {
                    page.assessed(&name, &examined)?;
                }
                examiner.recycle(examined);
            }
            Err(error) => {
                unreadable += 1;
                let told = output.paint(Tone::Bad, "error ");
                output.line(format!("{told}  {}: {error}", input::printable(path)));
                if let Some(page) = &mut page {
                    page.unreadable(&name, &error)?;
                }
                output.json(&report::unassessed(&name, error))?;
            }
        }
    }
    if let Some(page) = page {
        page.finish()?;
    }
    if unreadable > 0 {
        let error = format!("{unreadable} of {} files could not be assessed", files.len());
        return Err(Failure::new(Exit::BadData, error).hint(
            "allowed are complete JPEG and PNG pictures; the lines above name what was found",
        ));
    }
    Ok(())
}

/// What was found in one file; the inner error is the file's, the outer one ours.
fn examined(path: &Path, examiner: &mut Examiner) -> Result<Result<Examined, String>, Failure> {
    let bytes = match input::bytes(path) {
        Ok(bytes) => bytes,
        Err(error) => return Ok(Err(error)),
    };
    let picture = match image::decode_bytes(&bytes) {
        Ok(picture) => picture,
        Err(error) => return Ok(Err(error.to_string())),
    };
    drop(bytes);
    examiner.forget();
    examiner
        .examine_picture(picture, 0, Moment::default())
        .map(Ok)
        .map_err(|error| Failure::caused(Exit::Internal, &error))
}

/// A line for the picture and, where there is a face, a table of its measures.
fn tell(path: &Path, examined: &Examined, gates: &[Gate], output: &Output) {
    let reasons = &examined.judged.reasons;
    let (tone, verdict) =
        if reasons.is_empty() { (Tone::Good, "accept") } else { (Tone::Warning, "reject") };
    let codes: Vec<&str> = reasons.iter().map(|reason| reason.code()).collect();
    let count = examined.observation.count();
    let face = examined.observation.face.as_ref();
    let score = face.map(|_| format!("  score {:.3}", examined.judged.score)).unwrap_or_default();
    output.line(format!(
        "{}  {}  faces {count}{score}  {}",
        output.paint(tone, verdict),
        input::printable(path),
        codes.join(", ")
    ));
    if face.is_none() {
        return;
    }
    for measure in MEASURES {
        let Some(reading) = examined.assessment.get(measure.name) else { continue };
        let gate = gates.iter().find(|gate| gate.measure == measure.name);
        let score = reading.score().map_or_else(|| "-".to_owned(), |score| format!("{score:.0}"));
        let line = format!(
            "{:<24}{:>26}  {:<14}{:>4}",
            measure.name.0,
            gauge::value(measure, reading),
            gate.map(gauge::limits).unwrap_or_default(),
            score
        );
        let (mark, tone) = match Standing::of(reading, gate) {
            Standing::Fails => ("!", Tone::Warning),
            Standing::Passes | Standing::Free | Standing::Unread => (" ", Tone::Faint),
        };
        output.line(output.paint(tone, &format!("      {mark} {line}")));
    }
}
