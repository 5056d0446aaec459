//! How faces are examined here: gates, shots, texts and nets, as the configuration wants them.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::examiner::{Examiner, EyesLook};
use super::steps::Steps;
use super::visit::PortraitStyle;
use crate::camera::SourceSpec;
use crate::config::Config;
use crate::domain::{CaptureRecord, Gate, Guidance, Lens, Profile};
use crate::enrollment::{Angles, SessionSettings, ShotCount};
use crate::failure::{Exit, Failure};
use crate::measure;
use crate::texts::{Locale, Texts};
use crate::vision::{FaceFinder, NetFaceFinder};

/// Everything an enrollment needs besides frames and a queue.
#[derive(Debug, Clone)]
pub struct Rig {
    gates: Vec<Gate>,
    relaxed: Vec<Vec<Gate>>,
    profile: Profile,
    tilt: f32,
    lens: Option<Lens>,
    session: SessionSettings,
    style: PortraitStyle,
    texts: Arc<Texts>,
}

impl Rig {
    /// Builds it from the configuration.
    ///
    /// # Errors
    /// When a limit in `[capture.gates]` makes no sense.
    pub fn new(config: &Config) -> Result<Self, Failure> {
        let (profile, own) = (config.capture.profile, &config.capture.gates);
        let refused = |error: measure::GateError| {
            Failure::caused(Exit::Configuration, &error).hint(error.hint())
        };
        let gates = measure::gates(profile, own).map_err(refused)?;
        let relaxed = match config.capture.relax_after {
            Some(_) => measure::relaxations(profile, own).map_err(refused)?,
            None => Vec::new(),
        };
        let locale = Locale::from_name(&config.locale).unwrap_or_default();
        Ok(Self {
            gates,
            relaxed,
            profile,
            tilt: config.camera.tilt,
            lens: config.camera.lens,
            session: SessionSettings {
                shots: ShotCount::from_number(config.capture.shots).unwrap_or_default(),
                timeout: config.capture.timeout,
                angles: if config.capture.turned_shot { Angles::OneTurned } else { Angles::Any },
                relax_after: config.capture.relax_after,
                liveness: config.capture.liveness,
                ..SessionSettings::default()
            },
            style: PortraitStyle {
                framing: config.capture.framing,
                jpeg_quality: config.capture.jpeg_quality,
            },
            texts: Arc::new(Texts::builtin(locale)),
        })
    }

    /// Loads the nets.
    ///
    /// # Errors
    /// When the embedded models cannot be loaded.
    pub fn finder(&self) -> Result<Box<dyn FaceFinder>, Failure> {
        let finder =
            NetFaceFinder::load().map_err(|error| Failure::caused(Exit::Internal, &error))?;
        Ok(Box::new(finder))
    }

    /// An examiner that looks at the eyes of candidates only.
    ///
    /// # Errors
    /// When the embedded models cannot be loaded.
    pub fn examiner(&self) -> Result<Examiner, Failure> {
        self.examiner_that(EyesLook::OnlyCandidates)
    }

    /// An examiner that measures everything.
    ///
    /// # Errors
    /// When the embedded models cannot be loaded.
    pub fn thorough_examiner(&self) -> Result<Examiner, Failure> {
        self.examiner_that(EyesLook::Always)
    }

    fn examiner_that(&self, eyes_look: EyesLook) -> Result<Examiner, Failure> {
        let examiner = Examiner::new(self.finder()?, self.gates.clone(), eyes_look);
        let examiner = examiner.under_tilt(self.tilt).with_relaxed(self.relaxed.clone());
        Ok(examiner.with_liveness(self.session.liveness))
    }

    /// The gates in force.
    pub fn gates(&self) -> &[Gate] {
        &self.gates
    }

    /// The settings of a session, with its own time-out if `limit` is given.
    pub fn session(&self, limit: Option<Duration>) -> SessionSettings {
        let timeout = limit.unwrap_or(self.session.timeout);
        SessionSettings { timeout, chance: fastrand::u64(..), ..self.session }
    }

    /// What is on record about shots that needed so many steps of relaxation.
    pub const fn record(&self, relaxed: usize) -> CaptureRecord {
        CaptureRecord {
            asked: self.profile,
            passed: self.profile.relaxed(relaxed),
            liveness: self.session.liveness,
        }
    }

    /// How portraits are cut.
    pub const fn style(&self) -> PortraitStyle {
        self.style
    }

    /// What tells how far to come or go.
    pub fn steps(&self) -> Steps {
        Steps::new(self.lens, self.gates.clone())
    }

    /// A guidance in the kiosk's language, with the distance where it is known.
    pub fn text(&self, guidance: Guidance, centimetres: Option<u32>) -> Cow<'_, str> {
        self.texts.text_with(guidance, centimetres)
    }
}

/// Parses the camera's name.
///
/// # Errors
/// When it cannot be understood.
pub fn camera_spec(config: &Config) -> Result<SourceSpec, Failure> {
    SourceSpec::parse(&config.camera.source).map_err(|error| {
        Failure::caused(Exit::Configuration, &error)
            .hint("camera.source takes \"auto\", a device path, a by-id or by-path name, \"serial:NUMBER\", an index, or \"frames:DIR?fps=10&once\"")
    })
}
