//! Reads the configured name of a frame source.
//!
//! | text | source |
//! |---|---|
//! | `auto` | the first USB camera |
//! | `0` | `/dev/video0` |
//! | `/dev/v4l/by-path/…` | this device |
//! | `usb-Acme_Cam_0001-video-index0` | this name in `/dev/v4l/by-id`, or else in `by-path` |
//! | `serial:0001` | the USB camera with this serial number |
//! | `frames:DIR?fps=10&once` | the pictures of a folder |

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::CameraError;

/// Frames a second that a replay may be asked for.
const RATES: RangeInclusive<f64> = 0.1..=120.0;

const DEFAULT_RATE: f64 = 10.0;

/// What a replay does behind its last picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtEnd {
    /// Begin anew.
    Loop,
    /// End.
    Stop,
}

/// A folder of pictures to replay.
#[derive(Debug, Clone, PartialEq)]
pub struct FramesSpec {
    /// The folder.
    pub dir: PathBuf,
    /// Frames a second, 0.1 to 120.
    pub fps: f64,
    /// What comes behind the last picture.
    pub at_end: AtEnd,
}

/// Where frames come from.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceSpec {
    /// The first real camera that is found.
    Auto,
    /// `/dev/video<N>`.
    Index(u32),
    /// A device by its path.
    Path(PathBuf),
    /// A device by its name in `/dev/v4l/by-id`, or else in `/dev/v4l/by-path`.
    Name(String),
    /// A USB camera by its serial number.
    Serial(String),
    /// A folder of pictures.
    Frames(FramesSpec),
}

impl SourceSpec {
    /// Parses the configured text.
    ///
    /// # Errors
    /// [`CameraError::Source`] that says what was found and what is allowed.
    pub fn parse(text: &str) -> Result<Self, CameraError> {
        let refuse = |what: String| CameraError::Source { source_name: text.to_owned(), what };
        if let Some(frames) = text.strip_prefix("frames:") {
            return FramesSpec::parse(frames).map(Self::Frames).map_err(refuse);
        }
        if let Some(serial) = text.strip_prefix("serial:") {
            let told = !serial.trim().is_empty();
            return told
                .then(|| Self::Serial(serial.trim().to_owned()))
                .ok_or_else(|| refuse("found no number behind \"serial:\"".to_owned()));
        }
        if text == "auto" {
            return Ok(Self::Auto);
        }
        if text.starts_with('/') {
            return Ok(Self::Path(PathBuf::from(text)));
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let index = text.parse().ok().filter(|index| *index < 256);
            let what = || "found an index above 255".to_owned();
            return index.map(Self::Index).ok_or_else(|| refuse(what()));
        }
        if text.is_empty() || text.contains(['/', ':']) || text.contains(char::is_whitespace) {
            return Err(refuse(
                "allowed are \"auto\", a path from the root, a name of /dev/v4l/by-id or by-path, \
                 \"serial:NUMBER\", an index, or \"frames:DIR?fps=10&once\""
                    .to_owned(),
            ));
        }
        Ok(Self::Name(text.to_owned()))
    }
}

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Index(index) => write!(f, "/dev/video{index}"),
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Name(name) => f.write_str(name),
            Self::Serial(serial) => write!(f, "serial:{serial}"),
            Self::Frames(frames) => write!(f, "frames:{}", frames.dir.display()),
        }
    }
}

impl FramesSpec {
    fn parse(text: &str) -> Result<Self, String> {
        let (dir, options) = text.rsplit_once('?').unwrap_or((text, ""));
        if dir.is_empty() {
            return Err("found no folder behind \"frames:\"".to_owned());
        }
        let mut spec = Self { dir: PathBuf::from(dir), fps: DEFAULT_RATE, at_end: AtEnd::Loop };
        for option in options.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("fps", rate)) => spec.fps = parse_rate(rate)?,
                None if option == "once" => spec.at_end = AtEnd::Stop,
                _ => {
                    return Err(format!(
                        "found the option \"{option}\"; allowed are \"fps=NUMBER\" and \"once\""
                    ));
                }
            }
        }
        Ok(spec)
    }
}

fn parse_rate(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|rate| RATES.contains(rate)).ok_or_else(|| {
        format!("found fps={text}; allowed are {} to {}", RATES.start(), RATES.end())
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_source_has_its_text() {
        let name = "usb-Acme_Imaging_Cam_0001-video-index0";
        let frames = |fps, at_end| {
            SourceSpec::Frames(FramesSpec { dir: PathBuf::from("assets/demo"), fps, at_end })
        };
        let cases = [
            ("auto", SourceSpec::Auto),
            ("2", SourceSpec::Index(2)),
            ("/dev/video0", SourceSpec::Path(PathBuf::from("/dev/video0"))),
            (name, SourceSpec::Name(name.to_owned())),
            ("serial:0001 A", SourceSpec::Serial("0001 A".to_owned())),
            ("frames:assets/demo", frames(10.0, AtEnd::Loop)),
            ("frames:assets/demo?fps=7.5&once", frames(7.5, AtEnd::Stop)),
            ("frames:assets/demo?once", frames(10.0, AtEnd::Stop)),
        ];
        for (text, spec) in cases {
            assert_eq!(SourceSpec::parse(text).unwrap(), spec, "{text}");
        }
    }

    #[test]
    fn a_text_that_means_nothing_is_refused_with_what_is_allowed() {
        for (text, told) in [
            ("", "allowed are \"auto\""),
            ("dev/video0", "allowed are \"auto\""),
            ("rtsp://10.0.0.1", "allowed are \"auto\""),
            ("999", "an index above 255"),
            ("frames:", "no folder"),
            ("serial: ", "no number"),
            ("frames:x?fps=0", "found fps=0; allowed are 0.1 to 120"),
            ("frames:x?fps=inf", "found fps=inf; allowed are 0.1 to 120"),
            ("frames:x?fps=NaN", "found fps=NaN"),
            ("frames:x?loop", "found the option \"loop\""),
            ("frames:x?once=1", "found the option \"once=1\""),
        ] {
            let error = SourceSpec::parse(text).unwrap_err();
            assert!(error.to_string().contains(told), "{text}: {error}");
        }
    }
}
