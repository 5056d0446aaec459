//! Takes one frame through decoding, finding, measuring and the gates.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::{
    Assessment, Detection, Face, Frame, Gate, HeadPose, JudgedFrame, Landmarks, Moment,
    Observation, Reason, TrackId,
};
use crate::measure::{self, Earlier, Pixels, Subject};
use crate::vision::image::{self, ImageError};
use crate::vision::{FaceFinder, Picture, VisionError};

/// Frames older than this when their turn comes are not judged: the person has moved since.
const MAX_AGE: Duration = Duration::from_millis(150);

/// The time over which motion is measured: shorter, and the noise of the mesh counts as motion.
const SPAN: Duration = Duration::from_millis(100);

/// When the costly look at the eyes is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EyesLook {
    /// Only at frames that pass every other gate.
    OnlyCandidates,
    /// At every face, for a complete table.
    Always,
}

/// One frame with everything that was found out about it.
#[derive(Debug)]
pub struct Examined {
    /// The picture, unless the frame was stale or damaged.
    pub picture: Option<Picture>,
    /// The faces.
    pub observation: Observation,
    /// Each measure of the face.
    pub assessment: Assessment,
    /// The frame after its gates.
    pub judged: JudgedFrame,
    /// Why the frame could not be decoded.
    pub damage: Option<ImageError>,
}

/// Examines the frames of one visit, in their order.
pub struct Examiner {
    finder: Box<dyn FaceFinder>,
    gates: Vec<Gate>,
    eyes_look: EyesLook,
    /// Degrees by which the camera looks down.
    tilt: f32,
    spare: Option<Vec<u8>>,
    /// Where the face was in the frames before, the oldest first; always of one track.
    sights: VecDeque<Sight>,
}

/// Where a face was.
#[derive(Debug, Clone, Copy)]
struct Sight {
    track: TrackId,
    captured: Moment,
    landmarks: Landmarks,
    pose: HeadPose,
}

impl Examiner {
    /// An examiner with these gates.
    pub fn new(finder: Box<dyn FaceFinder>, gates: Vec<Gate>, eyes_look: EyesLook) -> Self {
        Self { finder, gates, eyes_look, tilt: 0.0, spare: None, sights: VecDeque::new() }
    }

    /// The same behind a camera that looks down by `tilt` degrees: poses are then relative to the horizontal.
    pub fn under_tilt(mut self, tilt: f32) -> Self {
        self.tilt = tilt;
        self
    }

    /// Forgets the face that was followed.
    pub fn forget(&mut self) {
        self.finder.forget();
        self.sights.clear();
    }

    /// Gives a picture's buffer back, so that the next frame needs no new memory.
    pub fn recycle(&mut self, examined: Examined) {
        self.spare = examined.picture.map(Picture::into_rgb).or_else(|| self.spare.take());
    }

    /// Examines a frame whose turn comes at `now`.
    ///
    /// # Errors
    /// When a net cannot be run; a damaged frame is a judged one with its reason.
    pub fn examine(&mut self, frame: &Frame, now: Moment) -> Result<Examined, VisionError> {
        if now.since(frame.captured) > MAX_AGE {
            return Ok(unseen(frame, Reason::Stale, None));
        }
        let picture = match image::decode(frame, self.spare.take()) {
            Ok(picture) => picture,
            Err(error) => return Ok(unseen(frame, Reason::Damaged, Some(error))),
        };
        self.examine_picture(picture, frame.sequence, frame.captured)
    }

    /// Examines a decoded picture.
    ///
    /// # Errors
    /// When a net cannot be run.
    pub fn examine_picture(
        &mut self,
        picture: Picture,
        sequence: u64,
        captured: Moment,
    ) -> Result<Examined, VisionError> {
        let mut observation = self.finder.observe(&picture, captured)?;
        if let Some(face) = &mut observation.face {
            face.pose = face.pose.levelled(self.tilt);
        }
        let (assessment, reasons) = match &observation.face {
            None => (Assessment::default(), vec![Reason::NoFace]),
            Some(face) => {
                let earlier = self.earlier(face, captured);
                self.assess(&picture, face, &observation.others, earlier)?
            }
        };
        let judged = JudgedFrame {
            sequence,
            captured,
            track: observation.face.as_ref().map(|face| face.track),
            reasons,
            score: measure::score(&assessment),
        };
        Ok(Examined { picture: Some(picture), observation, assessment, judged, damage: None })
    }

    /// Where this face was about [`SPAN`] ago, and notes where it is.
    fn earlier(&mut self, face: &Face, captured: Moment) -> Option<Earlier> {
        if self.sights.back().is_some_and(|sight| sight.track != face.track) {
            self.sights.clear();
        }
        // The newest sight that is old enough; what lies before it is of no use any more.
        while self.sights.get(1).is_some_and(|sight| captured.since(sight.captured) >= SPAN) {
            self.sights.pop_front();
        }
        let earlier = self.sights.front().map(|sight| Earlier {
            landmarks: sight.landmarks,
            pose: sight.pose,
            elapsed: captured.since(sight.captured),
        });
        self.sights.push_back(Sight {
            track: face.track,
            captured,
            landmarks: face.landmarks,
            pose: face.pose,
        });
        earlier
    }

    /// Measures the face; its eyes only where they decide, for that look costs as much as the rest.
    fn assess(
        &mut self,
        picture: &Picture,
        face: &Face,
        others: &[Detection],
        earlier: Option<Earlier>,
    ) -> Result<(Assessment, Vec<Reason>), VisionError> {
        let Some(pixels) = Pixels::new(picture.size(), picture.rgb()) else {
            return Ok((Assessment::default(), vec![Reason::Damaged]));
        };
        let subject = Subject::new(pixels, face, others);
        let subject = match earlier {
            Some(earlier) => subject.with_earlier(earlier),
            None => subject,
        };
        let mut assessment = measure::assess(&subject);
        if self.eyes_look == EyesLook::Always || measure::is_promising(&assessment, &self.gates) {
            let eyes = self.finder.eyes(picture, face)?;
            measure::complete(&subject.with_eyes(&eyes), &mut assessment);
        }
        let reasons = measure::judge(&assessment, &self.gates);
        Ok((assessment, reasons))
    }
}

fn unseen(frame: &Frame, reason: Reason, damage: Option<ImageError>) -> Examined {
    let judged = JudgedFrame {
        sequence: frame.sequence,
        captured: frame.captured,
        track: None,
        reasons: vec![reason],
        score: 0.0,
    };
    Examined {
        picture: None,
        observation: Observation::default(),
        assessment: Assessment::default(),
        judged,
        damage,
    }
}
