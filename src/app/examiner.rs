//! Takes one frame through decoding, finding, measuring and the gates.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::{
    Assessment, Detection, Eyes, Face, Frame, Gate, HeadPose, JudgedFrame, Landmarks, Moment,
    Observation, Reason, Size, TrackId,
};
use crate::measure::{self, Earlier, Pixels, Subject};
use crate::vision::image::{FrameDecoder, ImageError, Region};
use crate::vision::{FaceFinder, Picture, Side, VisionError};

/// Frames older than this when their turn comes are not judged: the person has moved since.
const MAX_AGE: Duration = Duration::from_millis(150);

/// The time over which motion is measured: shorter, and the noise of the mesh counts as motion.
const SPAN: Duration = Duration::from_millis(100);

/// An eye that was open is taken to be open for so long: blinks last a tenth of a second and more, and close both
/// eyes together, of which one is read anew in every frame.
const OPEN_FOR: Duration = Duration::from_millis(120);

/// When the costly look at the eyes is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EyesLook {
    /// Only at frames that pass every other gate, and in the frames that follow one another at one eye in turn. Of
    /// a frame with a followed face only the part around it is decoded.
    OnlyCandidates,
    /// At both eyes of every face, in pictures that are decoded as a whole: for a complete table.
    Always,
}

/// One frame with everything that was found out about it.
#[derive(Debug)]
pub struct Examined {
    /// The picture, unless the frame was stale or damaged; it may show only a part (see [`Picture::shown`]).
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
    decoder: FrameDecoder,
    /// Of the last picture.
    size: Option<Size>,
    /// Where the face was in the frames before, the oldest first; always of one track.
    sights: VecDeque<Sight>,
    /// The eyes of the last frame that passed every gate.
    open: Option<OpenEyes>,
}

/// Eyes that were open.
#[derive(Debug, Clone, Copy)]
struct OpenEyes {
    track: TrackId,
    eyes: Eyes,
    /// When each was read.
    right: Moment,
    left: Moment,
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
        Self {
            finder,
            gates,
            eyes_look,
            tilt: 0.0,
            decoder: FrameDecoder::default(),
            size: None,
            sights: VecDeque::new(),
            open: None,
        }
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
        self.open = None;
    }

    /// Gives a picture's buffer back, so that the next frame needs no new memory.
    pub fn recycle(&mut self, examined: Examined) {
        if let Some(picture) = examined.picture {
            self.decoder.recycle(picture);
        }
    }

    /// Examines a frame whose turn comes at `now`.
    ///
    /// # Errors
    /// When a net cannot be run; a damaged frame is a judged one with its reason.
    pub fn examine(&mut self, frame: &Frame, now: Moment) -> Result<Examined, VisionError> {
        if now.since(frame.captured) > MAX_AGE {
            return Ok(unseen(frame, Reason::Stale, None));
        }
        let mut wanted = self.wanted(frame.captured);
        loop {
            let picture = match self.decoder.decode(frame, wanted) {
                Ok(picture) => picture,
                Err(error) => return Ok(unseen(frame, Reason::Damaged, Some(error))),
            };
            match self.examine_picture(picture, frame.sequence, frame.captured) {
                // The face is not where it was expected.
                Err(VisionError::NotShown) if wanted.is_some() => wanted = None,
                done => return done,
            }
        }
    }

    /// The part of a frame that has to be decoded; `None` for all of it.
    fn wanted(&self, captured: Moment) -> Option<Region> {
        match self.eyes_look {
            EyesLook::Always => None,
            EyesLook::OnlyCandidates => {
                Region::touched_by(self.finder.expects(captured)?, self.size?)
            }
        }
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
        self.size = Some(picture.size());
        let mut observation = self.finder.observe(&picture, captured)?;
        if let Some(face) = &mut observation.face {
            face.pose = face.pose.levelled(self.tilt);
        }
        let (assessment, reasons) = match &observation.face {
            None => (Assessment::default(), vec![Reason::NoFace]),
            Some(face) => {
                let earlier = self.earlier(face, captured);
                self.assess(&picture, captured, face, &observation.others, earlier)?
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
        captured: Moment,
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
        let mut read = None;
        if self.eyes_look == EyesLook::Always || measure::is_promising(&assessment, &self.gates) {
            let seen = self.read_eyes(picture, captured, face)?;
            measure::complete(&subject.with_eyes(&seen.eyes), &mut assessment);
            read = Some(seen);
        }
        let reasons = measure::judge(&assessment, &self.gates);
        self.open = read.filter(|_| reasons.is_empty());
        Ok((assessment, reasons))
    }

    /// Reads the eyes; where both were open a moment ago, only the one that was read longer ago.
    fn read_eyes(
        &mut self,
        picture: &Picture,
        captured: Moment,
        face: &Face,
    ) -> Result<OpenEyes, VisionError> {
        let fresh = |open: &OpenEyes| {
            let last = open.right.min(open.left);
            open.track == face.track && captured.since(last) <= OPEN_FOR
        };
        let known = self.open.filter(fresh).filter(|_| self.eyes_look == EyesLook::OnlyCandidates);
        let Some(mut open) = known else {
            let (eyes, track) = (self.finder.eyes(picture, face)?, face.track);
            return Ok(OpenEyes { track, eyes, right: captured, left: captured });
        };
        if open.right <= open.left {
            open.eyes.right = self.finder.eye(picture, face, Side::Right)?;
            open.right = captured;
        } else {
            open.eyes.left = self.finder.eye(picture, face, Side::Left)?;
            open.left = captured;
        }
        Ok(open)
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
