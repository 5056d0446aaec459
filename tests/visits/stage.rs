//! Plays pictures into the real pipeline and notes what the session does.

use std::collections::BTreeMap;
use std::time::Duration;

use kiosk_enroll::app::examiner::{Examiner, EyesLook};
use kiosk_enroll::domain::{Encoding, Frame, Guidance, Moment, Profile};
use kiosk_enroll::enrollment::{Effect, Event, Outcome, Session, SessionSettings};
use kiosk_enroll::measure;
use kiosk_enroll::vision::NetFaceFinder;

const LATENCY: Duration = Duration::from_millis(40);

/// One visit under way.
pub(crate) struct Stage {
    examiner: Examiner,
    session: Session,
    every: Duration,
    next: u64,
    start: Moment,
    /// Every instruction that was shown.
    pub(crate) shown: Vec<Guidance>,
    /// The frames whose portraits are kept.
    pub(crate) kept: Vec<u64>,
    /// The chosen frames, once the session is over.
    pub(crate) shots: Vec<u64>,
}

impl Stage {
    pub(crate) fn new(settings: SessionSettings, fps: u64) -> Self {
        let gates = measure::gates(Profile::Standard, &BTreeMap::new()).unwrap();
        let finder = Box::new(NetFaceFinder::load().unwrap());
        let examiner = Examiner::new(finder, gates, EyesLook::OnlyCandidates);
        let start = Moment::from_origin(Duration::from_secs(10));
        Self {
            examiner: examiner.with_liveness(settings.liveness),
            session: Session::new(settings, start),
            every: Duration::from_millis(1_000 / fps),
            next: 0,
            start,
            shown: Vec::new(),
            kept: Vec::new(),
            shots: Vec::new(),
        }
    }

    /// Shows the next picture; gives its number.
    pub(crate) fn show(&mut self, jpeg: Vec<u8>) -> u64 {
        let sequence = self.next;
        self.next += 1;
        let captured = self.start + self.every * u32::try_from(sequence).unwrap();
        let frame = Frame { sequence, captured, encoding: Encoding::Jpeg, bytes: jpeg, path: None };
        let examined = self.examiner.examine(&frame, captured + LATENCY).unwrap();
        let effects = self.session.step(Event::Judged(examined.judged), captured + LATENCY);
        self.note(effects);
        sequence
    }

    /// Ends the clip.
    pub(crate) fn end(&mut self) {
        let now = self.start + self.every * u32::try_from(self.next).unwrap();
        let effects = self.session.step(Event::NoMoreFrames, now);
        self.note(effects);
    }

    /// How often the choice began anew for this reason.
    pub(crate) fn restarts(&self, reason: kiosk_enroll::domain::Reason) -> u32 {
        self.session.tally().restarts.get(&reason).copied().unwrap_or(0)
    }

    fn note(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Guide(guidance) => self.shown.push(guidance),
                Effect::Keep(sequence) => self.kept.push(sequence),
                Effect::Forget(gone) => self.kept.retain(|kept| !gone.contains(kept)),
                Effect::ForgetAll => self.kept.clear(),
                Effect::Finish(Outcome::Chosen { shots, .. }) => self.shots = shots,
                Effect::Finish(_) => {}
            }
        }
    }
}
