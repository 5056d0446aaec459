//! Takes one frame through decoding, finding, measuring and the gates.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::{
    Assessment, Detection, Eyes, Face, Frame, Gate, HeadPose, JudgedFrame, Landmarks, Liveness,
    Mesh, Moment, Observation, Reason, Size, TrackId,
};
use crate::measure::{self, Earlier, Pixels, Subject};
use crate::vision::image::{FrameDecoder, ImageError, Region};
use crate::vision::{self, FaceFinder, Picture, Side, VisionError};

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
    /// The gates after each step of relaxation, if it is wished for.
    relaxed: Vec<Vec<Gate>>,
    liveness: Liveness,
    /// The most frontal mesh of a track, against which its relief is measured.
    front: Option<Front>,
    eyes_look: EyesLook,
    /// Degrees by which the camera looks down.
    tilt: f32,
    decoder: FrameDecoder,
    /// Of the last picture.
    size: Option<Size>,
    /// Where the face was in the frames before, the oldest first; always of one track.
    sights: VecDeque<Sight>,
    /// The eyes of the last frame that passed every gate of one set.
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
        self.open = None;
        self.front = None;
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
        let (assessment, mut verdicts) = match &observation.face {
            None => (Assessment::default(), vec![vec![Reason::NoFace]; self.relaxed.len() + 1]),
            Some(face) => {
                let earlier = self.earlier(face, captured);
                self.assess(&picture, captured, face, &observation.others, earlier)?
            }
        };
        let relaxed = verdicts.split_off(1);
        let judged = JudgedFrame {
            sequence,
            captured,
            track: observation.face.as_ref().map(|face| face.track),
            searched: observation.searched,
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
        captured: Moment,
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
        let mut read = None;
        if self.eyes_look == EyesLook::Always || promising {
            let seen = self.read_eyes(picture, captured, face)?;
            measure::complete(&subject.with_eyes(&seen.eyes), &mut assessment);
            read = Some(seen);
        }
        let all = std::iter::once(&self.gates).chain(&self.relaxed);
        let verdicts: Vec<_> = all.map(|gates| measure::judge(&assessment, gates)).collect();
        self.open = read.filter(|_| verdicts.iter().any(Vec::is_empty));
        Ok((assessment, verdicts))
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::domain::{Encoding, Eye, Mesh, Point, Profile, Rect};
    use crate::vision::image::encode_jpeg;

    /// What a staged finder was asked for.
    #[derive(Debug, Default)]
    struct Asked {
        eyes: Vec<Side>,
        shown: Vec<Region>,
    }

    /// Finds a face in every picture; follows it from the second one on.
    #[derive(Default)]
    struct Staged {
        asked: Arc<Mutex<Asked>>,
        opening: Arc<Mutex<f32>>,
        expected: Option<Rect>,
        needs_whole: bool,
    }

    impl FaceFinder for Staged {
        fn expects(&self, _: Moment) -> Option<Rect> {
            self.expected
        }

        fn observe(&mut self, picture: &Picture, _: Moment) -> Result<Observation, VisionError> {
            self.asked.lock().unwrap().shown.push(picture.shown());
            if self.needs_whole && !picture.is_whole() {
                return Err(VisionError::NotShown);
            }
            let face = Face {
                track: TrackId(1),
                bounds: Rect::new(40.0, 20.0, 50.0, 60.0),
                confidence: 0.9,
                landmarks: Landmarks::default(),
                mesh: Mesh { points: Vec::new(), presence: 1.0 },
                pose: HeadPose::default(),
            };
            Ok(Observation { face: Some(face), others: Vec::new(), searched: true })
        }

        fn eye(&mut self, _: &Picture, _: &Face, side: Side) -> Result<Eye, VisionError> {
            self.asked.lock().unwrap().eyes.push(side);
            Ok(Eye { opening: *self.opening.lock().unwrap(), iris: Point::default() })
        }

        fn forget(&mut self) {}
    }

    /// An examiner whose only gate is that of the eyes.
    fn examiner(finder: Staged, eyes_look: EyesLook) -> Examiner {
        let mut gates = measure::gates(Profile::Standard, &BTreeMap::new()).unwrap();
        gates.retain(|gate| gate.measure.0 == "eyes_open");
        Examiner::new(Box::new(finder), gates, eyes_look)
    }

    fn frame(millis: u64) -> Frame {
        let size = Size::new(128, 96);
        let picture = Picture::from_rgb(size, vec![90; 128 * 96 * 3]).unwrap();
        Frame {
            sequence: millis,
            captured: Moment::from_origin(Duration::from_millis(millis)),
            encoding: Encoding::Jpeg,
            bytes: encode_jpeg(&picture, 90).unwrap(),
            path: None,
        }
    }

    /// The eyes read, and the reasons against the frame, for frames of these times and openings.
    fn looks(eyes_look: EyesLook, frames: &[(u64, f32)]) -> Vec<(Vec<Side>, Vec<Reason>)> {
        let finder = Staged::default();
        let (asked, opening) = (Arc::clone(&finder.asked), Arc::clone(&finder.opening));
        let mut examiner = examiner(finder, eyes_look);
        let look = |(millis, open): &(u64, f32)| {
            *opening.lock().unwrap() = *open;
            let frame = frame(*millis);
            let examined = examiner.examine(&frame, frame.captured).unwrap();
            (std::mem::take(&mut asked.lock().unwrap().eyes), examined.judged.reasons)
        };
        frames.iter().map(look).collect()
    }

    const BOTH: [Side; 2] = [Side::Right, Side::Left];

    #[test]
    fn open_eyes_are_read_in_turn_in_frames_that_follow_one_another() {
        let seen = looks(
            EyesLook::OnlyCandidates,
            &[(0, 0.4), (33, 0.4), (66, 0.4), (99, 0.4), (400, 0.4)],
        );
        let eyes: Vec<_> = seen.iter().map(|(eyes, _)| eyes.as_slice()).collect();
        assert_eq!(eyes, [&BOTH[..], &[Side::Right], &[Side::Left], &[Side::Right], &BOTH]);
        assert!(seen.iter().all(|(_, reasons)| reasons.is_empty()));
    }

    #[test]
    fn eyes_that_close_are_noticed_at_once_and_believed_open_only_when_both_are_read() {
        let seen = looks(EyesLook::OnlyCandidates, &[(0, 0.4), (33, 0.1), (66, 0.4), (99, 0.4)]);
        assert_eq!(seen[1], (vec![Side::Right], vec![Reason::OpenEyes]));
        assert_eq!(seen[2], (BOTH.to_vec(), vec![]));
        assert_eq!(seen[3].0, [Side::Right]);
    }

    #[test]
    fn whoever_wants_everything_measured_gets_both_eyes_of_every_frame() {
        let seen = looks(EyesLook::Always, &[(0, 0.4), (33, 0.4)]);
        assert!(seen.iter().all(|(eyes, _)| *eyes == BOTH));
    }

    /// What of the frames was decoded, one after the other.
    fn decoded(needs_whole: bool, eyes_look: EyesLook) -> Vec<Region> {
        let expected = Some(Rect::new(40.0, 40.0, 16.0, 16.0));
        let finder = Staged { expected, needs_whole, ..Staged::default() };
        let asked = Arc::clone(&finder.asked);
        let mut examiner = examiner(finder, eyes_look);
        for millis in [0, 33] {
            let examined = examiner.examine(&frame(millis), Moment::default()).unwrap();
            assert!(examined.observation.face.is_some());
            examiner.recycle(examined);
        }
        std::mem::take(&mut asked.lock().unwrap().shown)
    }

    #[test]
    fn of_a_followed_face_only_its_part_is_decoded_and_the_whole_where_that_is_not_enough() {
        let whole = Region::whole(Size::new(128, 96));
        let part = Region { x: 40, y: 40, size: Size::new(16, 16) };
        assert_eq!(decoded(false, EyesLook::OnlyCandidates), [whole, part]);
        assert_eq!(decoded(true, EyesLook::OnlyCandidates), [whole, part, whole]);
        assert_eq!(decoded(false, EyesLook::Always), [whole, whole]);
    }
}
