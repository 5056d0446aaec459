//! A session on a clock of its own, and what it did.

use std::collections::BTreeSet;
use std::time::Duration;

use kiosk_enroll::domain::{Guidance, JudgedFrame, Moment, Reason, TrackId};
use kiosk_enroll::enrollment::{Effect, Event, Outcome, Session, SessionSettings, Tally};

/// Time between scripted frames in milliseconds, and from a capture to its judgement.
pub(crate) const FRAME_MS: u64 = 100;
pub(crate) const LATENCY_MS: u64 = 40;

pub(crate) fn at(millis: u64) -> Moment {
    Moment::from_origin(Duration::from_millis(millis))
}

/// Plays frames at ten a second into a session and notes every effect.
pub(crate) struct Stage {
    pub(crate) session: Session,
    pub(crate) next: u64,
    /// Whether the pictures that come are searched for other faces.
    pub(crate) searched: bool,
    pub(crate) kept: BTreeSet<u64>,
    pub(crate) shown: Vec<Guidance>,
    pub(crate) outcome: Option<Outcome>,
}

impl Stage {
    pub(crate) fn new(settings: SessionSettings) -> Self {
        let session = Session::new(settings, at(0));
        Self {
            session,
            next: 1,
            searched: true,
            kept: BTreeSet::new(),
            shown: Vec::new(),
            outcome: None,
        }
    }

    pub(crate) fn now(&self) -> Moment {
        at(self.next * FRAME_MS)
    }

    pub(crate) fn event(&mut self, event: Event) {
        let now = self.now() + Duration::from_millis(LATENCY_MS);
        for effect in self.session.step(event, now) {
            assert_eq!(self.outcome, None, "an effect after the end");
            match effect {
                Effect::Guide(guidance) => self.shown.push(guidance),
                Effect::Keep(sequence) => assert!(self.kept.insert(sequence)),
                Effect::Forget(sequences) => {
                    assert!(sequences.iter().all(|sequence| self.kept.remove(sequence)));
                }
                Effect::ForgetAll => self.kept.clear(),
                Effect::Finish(outcome) => self.outcome = Some(outcome),
            }
        }
    }

    pub(crate) fn frame(&mut self, track: Option<u64>, reasons: &[Reason], score: f64) {
        self.event(Event::Judged(JudgedFrame {
            sequence: self.next,
            captured: self.now(),
            track: track.map(TrackId),
            searched: self.searched,
            reasons: reasons.to_vec(),
            score,
            ..JudgedFrame::default()
        }));
        self.next += 1;
    }

    pub(crate) fn good(&mut self, track: u64, count: u64) {
        for _ in 0..count {
            self.frame(Some(track), &[], 0.8);
        }
    }

    pub(crate) fn flawed(&mut self, track: u64, reason: Reason, count: u64) {
        for _ in 0..count {
            self.frame(Some(track), &[reason], 0.3);
        }
    }

    pub(crate) fn nobody(&mut self, count: u64) {
        for _ in 0..count {
            self.frame(None, &[Reason::NoFace], 0.0);
        }
    }

    pub(crate) fn shots(&self) -> &[u64] {
        match &self.outcome {
            Some(Outcome::Chosen { shots, .. }) => shots,
            other => panic!("no shots but {other:?}"),
        }
    }

    pub(crate) fn timed_out(&self) -> &Tally {
        match &self.outcome {
            Some(Outcome::TimedOut(tally)) => tally,
            other => panic!("not timed out but {other:?}"),
        }
    }
}

pub(crate) fn stage() -> Stage {
    Stage::new(SessionSettings::default())
}
