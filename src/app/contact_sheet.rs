//! Fills a contact sheet from the frames of a session as they are judged.

use std::fs;
use std::path::Path;

use crate::clock::monotonic_now;
use crate::domain::{Encoding, Frame, Moment, Rect};
use crate::failure::{Exit, Failure};
use crate::sheet::{DEFAULT_TILES, Entry, Mark, SheetBuilder};
use crate::vision::Picture;
use crate::vision::image;
use crate::web::wire::JudgedReport;

/// A contact sheet under way.
#[derive(Debug)]
pub struct ContactSheet {
    title: String,
    builder: SheetBuilder,
    began: Option<Moment>,
    judged: u64,
    chosen: usize,
}

impl ContactSheet {
    /// Begins a sheet with this title.
    pub fn new(title: impl Into<String>) -> Self {
        let builder = SheetBuilder::new(DEFAULT_TILES);
        Self { title: title.into(), builder, began: None, judged: 0, chosen: 0 }
    }

    /// Adds a frame that was just judged. One that cannot be decoded is counted, not shown.
    pub fn add(&mut self, frame: &Frame, report: &JudgedReport) {
        self.judged += 1;
        let began = *self.began.get_or_insert(frame.captured);
        if let Ok(picture) = image::decode(frame, None) {
            self.show(&picture, report, frame.captured.since(began));
        }
    }

    /// Adds a replayed frame that another process judged, from its file.
    pub fn add_replayed(&mut self, report: &JudgedReport) {
        let bytes = report.path.as_ref().and_then(|path| fs::read(path).ok()).unwrap_or_default();
        let png = bytes.starts_with(b"\x89PNG");
        let frame = Frame {
            sequence: report.frame,
            captured: monotonic_now(),
            encoding: if png { Encoding::Png } else { Encoding::Jpeg },
            bytes,
            path: None,
        };
        self.add(&frame, report);
    }

    fn show(&mut self, picture: &Picture, report: &JudgedReport, time: std::time::Duration) {
        let name = report.path.as_deref().and_then(|path| Path::new(path).file_name());
        let title =
            name.map_or_else(|| report.frame.to_string(), |n| n.to_string_lossy().into_owned());
        let face = report.bounds.map(|[x, y, width, height]| Rect::new(x, y, width, height));
        let mark = match (face, report.reasons.is_empty()) {
            (None, _) => Mark::Empty,
            (Some(_), true) => Mark::Candidate,
            (Some(_), false) => Mark::Rejected,
        };
        self.builder.add(&Entry {
            sequence: report.frame,
            picture,
            face,
            title: &title,
            time,
            score: face.map(|_| report.score),
            lines: report.reasons.clone(),
            mark,
        });
    }

    /// Frames the chosen shots, best first.
    pub fn choose(&mut self, frames: impl IntoIterator<Item = u64>) {
        for (index, frame) in frames.into_iter().enumerate() {
            self.builder.mark(frame, Mark::Chosen(index + 1));
            self.chosen = index + 1;
        }
    }

    /// Draws the sheet into a PNG file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(self, path: &Path) -> Result<(), Failure> {
        let told = |error: &dyn std::error::Error| {
            let failure = Failure::caused(Exit::CannotCreate, error);
            Failure {
                error: format!("contact sheet {}: {}", path.display(), failure.error),
                ..failure
            }
        };
        let summary = format!("{} frames judged, {} shots chosen", self.judged, self.chosen);
        let png = self.builder.finish(&self.title, &summary).map_err(|error| told(&error))?;
        fs::write(path, png).map_err(|error| told(&error))
    }
}
