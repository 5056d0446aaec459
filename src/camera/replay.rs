//! Replays a folder of JPEG and PNG files as if a camera had sent them.
//!
//! Files come in natural order of their names (`2.jpg` before `10.jpg`). A file that cannot be read or is no
//! whole picture is skipped with a warning, once; a round without any usable file is an error.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::payload::file_encoding;
use super::{AtEnd, CameraError, FrameSource, FramesSpec, StopSignal, Waited};
use crate::clock::monotonic_now;
use crate::domain::{Encoding, Frame, Moment};

/// The largest file that is read.
const MAX_FILE_BYTES: u64 = 64 << 20;

const EXTENSIONS: [&str; 3] = ["jpg", "jpeg", "png"];

/// When the frames of a replay come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// At the frame rate; capture times are the clock's.
    RealTime,
    /// As fast as they are asked for; capture times begin at `start` and advance by exactly one frame each.
    Stepped {
        /// The first frame's capture time.
        start: Moment,
    },
}

/// A folder of pictures as a frame source.
#[derive(Debug)]
pub struct Replay {
    spec: FramesSpec,
    pace: Pace,
    stop: StopSignal,
    files: Vec<PathBuf>,
    next_file: usize,
    /// Files with a defect, which were warned about.
    refused: BTreeSet<PathBuf>,
    sequence: u64,
    /// When frame 0 was due.
    origin: Option<Moment>,
}

impl Replay {
    /// Lists the folder and looks for its first usable picture.
    ///
    /// # Errors
    /// [`CameraError::Source`] when there is no such folder, or no usable picture in it.
    pub fn open(spec: &FramesSpec, pace: Pace, stop: StopSignal) -> Result<Self, CameraError> {
        let mut replay = Self {
            files: list(spec)?,
            spec: spec.clone(),
            pace,
            stop,
            next_file: 0,
            refused: BTreeSet::new(),
            sequence: 0,
            origin: None,
        };
        replay.next_usable()?;
        replay.next_file = 0;
        Ok(replay)
    }

    /// Reads on to the next whole picture, around the end of the list if the replay loops.
    fn next_usable(&mut self) -> Result<(PathBuf, Encoding, Vec<u8>), CameraError> {
        let mut failed = 0;
        while failed < self.files.len() {
            let Some(path) = self.files.get(self.next_file).cloned() else {
                if self.spec.at_end == AtEnd::Stop && self.sequence > 0 {
                    return Err(CameraError::Ended { source_name: self.source_name() });
                }
                self.next_file = 0;
                continue;
            };
            self.next_file += 1;
            match read(&path) {
                Ok((encoding, bytes)) => return Ok((path, encoding, bytes)),
                Err(what) => self.refuse(path, &what),
            }
            failed += 1;
        }
        if self.spec.at_end == AtEnd::Stop && self.sequence > 0 {
            return Err(CameraError::Ended { source_name: self.source_name() });
        }
        let what = format!("found {} files but no whole JPEG or PNG among them", self.files.len());
        Err(CameraError::Source { source_name: self.source_name(), what })
    }

    fn refuse(&mut self, path: PathBuf, what: &str) {
        if !self.refused.contains(&path) {
            tracing::warn!(file = %path.display(), "skipped in the replay: {what}");
            self.refused.insert(path);
        }
    }

    /// Waits until frame `sequence` is due and gives its capture time.
    fn due(&mut self) -> Result<Moment, CameraError> {
        let offset = offset(self.sequence, self.spec.fps);
        match self.pace {
            Pace::Stepped { start } => Ok(start + offset),
            Pace::RealTime => {
                let now = monotonic_now();
                let origin = *self.origin.get_or_insert(now);
                let due = origin + offset;
                if now.since(due) > Duration::from_secs_f64(1.0 / self.spec.fps) {
                    // A late consumer gets no burst: the schedule goes on from here.
                    self.origin = Some(now - offset);
                }
                match self.stop.wait(due.since(now)) {
                    Waited::ToTheEnd => Ok(monotonic_now()),
                    Waited::Stopped => Err(CameraError::Ended { source_name: self.source_name() }),
                }
            }
        }
    }

    fn source_name(&self) -> String {
        source_name(&self.spec)
    }
}

impl FrameSource for Replay {
    fn next(&mut self) -> Result<Frame, CameraError> {
        let (path, encoding, bytes) = self.next_usable()?;
        let captured = self.due()?;
        let sequence = self.sequence;
        self.sequence += 1;
        Ok(Frame { sequence, captured, encoding, bytes, path: Some(path) })
    }

    fn describe(&self) -> String {
        let Self { spec, files, .. } = self;
        format!("replay of {} files in {} at {} fps", files.len(), spec.dir.display(), spec.fps)
    }
}

fn source_name(spec: &FramesSpec) -> String {
    format!("frames:{}", spec.dir.display())
}

/// The time from frame 0 to frame `sequence`, without adding up rounding errors.
fn offset(sequence: u64, fps: f64) -> Duration {
    let nanos = sequence as f64 * (1e9 / fps);
    Duration::from_nanos(nanos.round() as u64)
}

fn list(spec: &FramesSpec) -> Result<Vec<PathBuf>, CameraError> {
    let refuse = |what: String| CameraError::Source { source_name: source_name(spec), what };
    let entries = std::fs::read_dir(&spec.dir)
        .map_err(|error| refuse(format!("the folder cannot be read: {error}")))?;
    let mut files: Vec<PathBuf> =
        entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|p| is_named(p)).collect();
    if files.is_empty() {
        return Err(refuse("the folder has no file named .jpg, .jpeg or .png".to_owned()));
    }
    files.sort_by(|a, b| {
        let name =
            |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        natural(&name(a), &name(b))
    });
    Ok(files)
}

fn is_named(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|found| EXTENSIONS.iter().any(|known| found.eq_ignore_ascii_case(known)))
}

fn read(path: &Path) -> Result<(Encoding, Vec<u8>), String> {
    let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() || metadata.len() > MAX_FILE_BYTES {
        return Err(format!("it is no file of at most {} MB", MAX_FILE_BYTES >> 20));
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let encoding = file_encoding(&bytes).map_err(|defect| defect.to_string())?;
    Ok((encoding, bytes))
}

/// Compares names so that numbers in them count as numbers; ties fall back to the plain order.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (x, y) = (number(left), number(right));
        let order = match (x, y) {
            (Some((x, _)), Some((y, _))) => {
                let (x, y) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
                x.len().cmp(&y.len()).then_with(|| x.cmp(y))
            }
            _ => left.chars().next().cmp(&right.chars().next()),
        };
        if order != Ordering::Equal || left.is_empty() {
            return order.then_with(|| a.cmp(b));
        }
        left = x.map_or_else(|| after_first(left), |(_, rest)| rest);
        right = y.map_or_else(|| after_first(right), |(_, rest)| rest);
    }
}

/// Splits the digits off the front, if there are any.
fn number(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn after_first(text: &str) -> &str {
    let mut chars = text.chars();
    chars.next();
    chars.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count_as_numbers() {
        let mut names =
            ["b1.jpg", "a10.jpg", "a9.jpg", "a.jpg", "10.png", "9.png", "a09b2", "a9b10"];
        names.sort_by(|a, b| natural(a, b));
        let expected =
            ["9.png", "10.png", "a.jpg", "a9.jpg", "a09b2", "a9b10", "a10.jpg", "b1.jpg"];
        assert_eq!(names, expected);
    }

    #[test]
    fn thirds_of_a_second_do_not_add_up_to_an_error() {
        assert_eq!(offset(3_000_000, 3.0), Duration::from_secs(1_000_000));
        assert_eq!(offset(1, 7.5), Duration::from_nanos(133_333_333));
    }
}
