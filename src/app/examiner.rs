//! Takes one frame through decoding, finding, measuring and the gates.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::{
    Assessment, Detection, Face, Frame, Gate, HeadPose, JudgedFrame, Landmarks, Liveness, Mesh,
    Moment, Observation, Reason, TrackId,
};
use crate::measure::{self, Earlier, Pixels, Subject};
use crate::vision::image::{self, ImageError};
use crate::vision::{self, FaceFinder, Picture, VisionError};

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
    /// The gates after each step of relaxation, if it is wished for.
    relaxed: Vec<Vec<Gate>>,
    liveness: Liveness,
    /// The most frontal mesh of a track, against which its relief is measured.
    front: Option<Front>,
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

/// How a track's face looked when it was seen from the front.
struct Front {
    track: TrackId,
    yaw: f32,
    mesh: Mesh,
}

impl Examiner {
    /// An examiner with these gates.
    pub fn new(finder: Box<dyn FaceFinder>, gates: Vec<Gate>, eyes_look: EyesLook) -> Self {
        Self {
            finder,
            gates,
            relaxed: Vec::new(),
            liveness: Liveness::Off,
            front: None,
            eyes_look,
            tilt: 0.0,
            spare: None,
            sights: VecDeque::new(),
        }
    }

    /// The same behind a camera that looks down by `tilt` degrees: poses are then relative to the horizontal.
    pub fn under_tilt(mut self, tilt: f32) -> Self {
        self.tilt = tilt;
        self
    }

    /// The same, which also judges by the gates after each step of relaxation.
    pub fn with_relaxed(mut self, relaxed: Vec<Vec<Gate>>) -> Self {
        self.relaxed = relaxed;
        self
    }

    /// The same, which also finds out what a proof of life needs.
    pub const fn with_liveness(mut self, liveness: Liveness) -> Self {
        self.liveness = liveness;
        self
    }

    /// Forgets the face that was followed.
    pub fn forget(&mut self) {
        self.finder.forget();
        self.sights.clear();
        self.front = None;
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
        let (assessment, mut verdicts) = match &observation.face {
            None => (Assessment::default(), vec![vec![Reason::NoFace]; self.relaxed.len() + 1]),
            Some(face) => {
                let earlier = self.earlier(face, captured);
                self.assess(&picture, face, &observation.others, earlier)?
            }
        };
        let relaxed = verdicts.split_off(1);
        let judged = JudgedFrame {
            sequence,
            captured,
            track: observation.face.as_ref().map(|face| face.track),
            reasons: verdicts.pop().unwrap_or_default(),
            relaxed,
            yaw: observation.face.as_ref().map_or(0.0, |face| face.pose.yaw),
            relief: observation.face.as_ref().and_then(|face| self.relief(face)),
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

    /// How the face has turned against its track's most frontal sight, as no flat picture can.
    fn relief(&mut self, face: &Face) -> Option<f32> {
        if self.liveness == Liveness::Off {
            return None;
        }
        let is_another = |front: &Front| front.track != face.track;
        let is_less_frontal = |front: &Front| face.pose.yaw.abs() < front.yaw.abs();
        if self.front.as_ref().is_none_or(|front| is_another(front) || is_less_frontal(front)) {
            let (track, yaw, mesh) = (face.track, face.pose.yaw, face.mesh.clone());
            self.front = Some(Front { track, yaw, mesh });
        }
        vision::relief(&self.front.as_ref()?.mesh, &face.mesh)
    }

    /// Measures the face; its eyes only where they decide, for that look costs as much as the rest.
    fn assess(
        &mut self,
        picture: &Picture,
        face: &Face,
        others: &[Detection],
        earlier: Option<Earlier>,
    ) -> Result<(Assessment, Vec<Vec<Reason>>), VisionError> {
        let all = || std::iter::once(&self.gates).chain(&self.relaxed);
        let Some(pixels) = Pixels::new(picture.size(), picture.rgb()) else {
            return Ok((Assessment::default(), all().map(|_| vec![Reason::Damaged]).collect()));
        };
        let subject = Subject::new(pixels, face, others);
        let subject = match earlier {
            Some(earlier) => subject.with_earlier(earlier),
            None => subject,
        };
        let mut assessment = measure::assess(&subject);
        let promising = all().any(|gates| measure::is_promising(&assessment, gates));
        if self.eyes_look == EyesLook::Always || promising {
            let eyes = self.finder.eyes(picture, face)?;
            measure::complete(&subject.with_eyes(&eyes), &mut assessment);
        }
        let all = std::iter::once(&self.gates).chain(&self.relaxed);
        let verdicts = all.map(|gates| measure::judge(&assessment, gates)).collect();
        Ok((assessment, verdicts))
    }
}

fn unseen(frame: &Frame, reason: Reason, damage: Option<ImageError>) -> Examined {
    let judged = JudgedFrame {
        sequence: frame.sequence,
        captured: frame.captured,
        reasons: vec![reason],
        ..JudgedFrame::default()
    };
    Examined {
        picture: None,
        observation: Observation::default(),
        assessment: Assessment::default(),
        judged,
        damage,
    }
}
