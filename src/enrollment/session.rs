//! One attempt to take shots of one person: events and time in, effects out.

use std::time::Duration;

use crate::domain::{Guidance, JudgedFrame, Liveness, Moment, Reason, TrackId};

use super::challenge::{Answer, Challenge, MOST_QUESTIONS};
use super::hold::{Hold, Steadiness};
use super::pool::Pool;
use super::{Candidate, Guide, SessionSettings, Tally};

/// How long a captured frame may take to be judged, for the case that no further one comes.
const OUTSTANDING: Duration = Duration::from_millis(500);

/// Without a frame for so long a face is another one when it comes back.
const STOPPED: Duration = Duration::from_millis(800);

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A frame was judged. Frames come in the order of their capture.
    Judged(JudgedFrame),
    /// The camera gives no frames until it is [back](Self::CameraBack).
    CameraLost {
        /// Why, in words for the operator.
        reason: String,
    },
    /// The camera gives frames again; their sequence numbers may have restarted.
    CameraBack,
    /// The source is at its end: decide now, as at the time-out.
    NoMoreFrames,
    /// Time passed. Wanted at least every 100 ms.
    Tick,
    /// Somebody called it off.
    Cancel,
}

/// What the driver has to do, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Show this instruction instead of the present one.
    Guide(Guidance),
    /// Keep the portrait of this frame, which is the one just judged.
    Keep(u64),
    /// Free the portraits of these frames at once.
    Forget(Vec<u64>),
    /// Free every portrait at once.
    ForgetAll,
    /// The session is over; no effect follows.
    Finish(Outcome),
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There are shots; only their portraits are still kept.
    Chosen {
        /// The frames' sequence numbers, best first: one to the wished count.
        shots: Vec<u64>,
        /// How many steps of relaxation they needed, all of them the same.
        relaxed: usize,
        /// What became of all frames.
        tally: Tally,
    },
    /// The proof of life was asked for again and again, and not shown.
    Unproven(Tally),
    /// The time (or the source) ended without a single candidate.
    TimedOut(Tally),
    /// The time ended while there was no camera.
    Interrupted {
        /// Why the camera was lost.
        reason: String,
        /// What became of the frames until then.
        tally: Tally,
    },
    /// It was called off.
    Cancelled,
}

/// One attempt to enroll one person; see the room's page for its states and rules.
#[derive(Debug)]
pub struct Session {
    settings: SessionSettings,
    started: Moment,
    phase: Phase,
    guide: Guide,
    tally: Tally,
    /// Capture time of the newest frame that counted.
    newest: Option<Moment>,
    /// How often the proof of life was asked for.
    questions: u32,
}

#[derive(Debug)]
enum Phase {
    /// No face is followed.
    Watching,
    /// A face is followed: settling, or choosing once there is a candidate.
    Following(Sight),
    /// There is no camera.
    Blind { reason: String },
    /// Nothing happens any more.
    Finished,
}

/// One uninterrupted track and what was gathered from it.
#[derive(Debug)]
struct Sight {
    track: TrackId,
    hold: Hold,
    pool: Pool,
    challenge: Challenge,
    /// When the first candidate was captured.
    opened: Option<Moment>,
    /// Capture time of the last frame that was searched for others: whoever came in later is not known yet.
    searched: Option<Moment>,
}

/// What a frame means for the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    /// It tells nothing about the person: stale, damaged, early or repeated.
    Nothing(Reason),
    /// The choice cannot go on: nobody, somebody else or several people.
    Broken(Reason),
    /// The followed person, but not good enough.
    Flawed(TrackId, Reason),
    /// A candidate that needed so many steps of relaxation, if the face was held.
    Good(TrackId, usize),
}

impl Session {
    /// Begins a session.
    pub fn new(settings: SessionSettings, started: Moment) -> Self {
        Self {
            settings,
            started,
            phase: Phase::Watching,
            guide: Guide::default(),
            tally: Tally::default(),
            newest: None,
            questions: 0,
        }
    }

    /// Takes one event. After [`Effect::Finish`] every further event is ignored.
    ///
    /// `now` is the present time, not the capture time: it drives the time-out and the guidance. Capture
    /// times drive the hold, the window and the spacing of shots, so that the choice depends on the
    /// frames alone and not on how fast they were judged.
    pub fn step(&mut self, event: Event, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.is_finished() {
            return effects;
        }
        let timed_out = now.since(self.started) >= self.settings.timeout;
        match event {
            Event::Cancel => self.finish(Outcome::Cancelled, &mut effects),
            Event::NoMoreFrames => self.conclude(now, &mut effects),
            _ if timed_out => self.conclude(now, &mut effects),
            Event::Judged(frame) => {
                let gone = self.view(&frame) == View::Broken(Reason::NoFace);
                let next = if gone { Next::Nothing } else { Next::Frames };
                self.choose_when_ready(frame.captured, next, &mut effects);
                if !self.is_finished() {
                    self.look_at(&frame, now, &mut effects);
                    self.choose_when_ready(frame.captured, Next::Frames, &mut effects);
                }
            }
            Event::CameraLost { reason } => self.lose_camera(reason, now, &mut effects),
            Event::CameraBack => self.watch_anew(&mut effects),
            Event::Tick => {
                effects.extend(self.guide.tick(now).map(Effect::Guide));
                let seen_until = now - OUTSTANDING;
                let stopped = self.newest.is_some_and(|newest| now.since(newest) >= STOPPED);
                let next = if stopped { Next::Nothing } else { Next::Frames };
                self.choose_when_ready(seen_until, next, &mut effects);
            }
        }
        effects
    }

    /// Whether the session is over.
    pub const fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Finished)
    }

    /// What became of the frames so far.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    fn look_at(&mut self, frame: &JudgedFrame, now: Moment, effects: &mut Vec<Effect>) {
        if matches!(self.phase, Phase::Blind { .. }) {
            // Still in the pipeline when the camera was lost: its track is interrupted.
            return;
        }
        let view = self.view(frame);
        match view {
            View::Good(..) => self.tally.pass(),
            View::Nothing(reason) | View::Broken(reason) | View::Flawed(_, reason) => {
                self.tally.reject(reason);
            }
        }
        if !matches!(view, View::Nothing(_)) {
            self.newest = Some(frame.captured);
        }
        match view {
            View::Nothing(reason) => self.advise(Guidance::Fix(reason), now, effects),
            View::Broken(reason) => self.start_over(reason, now, effects),
            View::Flawed(track, reason) => {
                let followed = self.follow(track, now, effects);
                let answered = self.with_sight(|sight, _| {
                    sight.note_search(frame);
                    sight.hold.flawed(frame.captured);
                    sight.challenge.see(frame)
                });
                self.go_on(Guidance::Fix(reason), followed, answered, now, effects);
            }
            View::Good(track, relaxed) => {
                let followed = self.follow(track, now, effects);
                let answered = self.with_sight(|sight, settings| {
                    sight.note_search(frame);
                    let answered = sight.challenge.see(frame);
                    if answered == Answer::Open {
                        sight.gather(frame, relaxed, settings, effects);
                    }
                    answered
                });
                self.ask_when_held(frame);
                self.go_on(Guidance::StayLikeThis, followed, answered, now, effects);
            }
        }
    }

    /// Asks for the proof of life as soon as the face was held for it.
    fn ask_when_held(&mut self, frame: &JudgedFrame) {
        let Phase::Following(sight) = &mut self.phase else { return };
        let held = sight.hold.steadiness(&self.settings) == Steadiness::Held;
        if sight.challenge == Challenge::Waiting && held {
            sight.challenge = Challenge::ask(frame, self.settings.chance >> (self.questions % 64));
            self.questions += 1;
        }
    }

    /// Tells the person what follows from a frame of the followed face.
    fn go_on(
        &mut self,
        otherwise: Guidance,
        followed: Followed,
        answered: Option<Answer>,
        now: Moment,
        effects: &mut Vec<Effect>,
    ) {
        match answered {
            Some(Answer::Right) => {
                self.with_sight(|sight, _| sight.hold = Hold::default());
                effects.extend(self.guide.insist(Guidance::LookAhead, now).map(Effect::Guide));
            }
            Some(Answer::Wrong) if self.questions >= MOST_QUESTIONS => {
                effects.extend(self.guide.announce(Guidance::TimedOut, now).map(Effect::Guide));
                self.finish(Outcome::Unproven(self.tally.clone()), effects);
            }
            Some(Answer::Wrong) => {
                self.with_sight(|sight, _| sight.hold = Hold::default());
                effects.extend(self.guide.insist(Guidance::LookAhead, now).map(Effect::Guide));
            }
            Some(Answer::Open) | None => {
                let asked = self.with_sight(|sight, _| sight.challenge.guidance()).flatten();
                if followed == Followed::AsBefore {
                    self.advise(asked.unwrap_or(otherwise), now, effects);
                }
            }
        }
    }

    fn view(&self, frame: &JudgedFrame) -> View {
        let is_old = frame.captured < self.started
            || self.newest.is_some_and(|newest| frame.captured <= newest);
        let worst = frame.reasons.iter().min().copied();
        let since_start = frame.captured.since(self.started);
        let steps = self.settings.relaxed_steps(since_start, frame.relaxed.len());
        let mut eased = std::iter::once(&frame.reasons).chain(frame.relaxed.iter().take(steps));
        let passed_after = eased.clone().position(Vec::is_empty);
        let to_fix = eased.next_back().and_then(|reasons| reasons.iter().min().copied());
        match (worst, frame.track) {
            (Some(reason @ (Reason::Stale | Reason::Damaged)), _) => View::Nothing(reason),
            _ if is_old => View::Nothing(Reason::Stale),
            (Some(reason @ (Reason::NoFace | Reason::SeveralFaces | Reason::FaceChanged)), _) => {
                View::Broken(reason)
            }
            (_, None) => View::Broken(Reason::NoFace),
            (Some(reason), Some(track)) => match passed_after {
                Some(relaxed) => View::Good(track, relaxed),
                None => View::Flawed(track, to_fix.unwrap_or(reason)),
            },
            (None, Some(track)) => View::Good(track, 0),
        }
    }

    /// Makes sure that `track` is the one that is followed, giving up another one.
    fn follow(&mut self, track: TrackId, now: Moment, effects: &mut Vec<Effect>) -> Followed {
        let mut followed = Followed::AsBefore;
        if let Phase::Following(sight) = &self.phase {
            if sight.track == track {
                return followed;
            }
            if sight.has_something_to_lose() {
                self.start_over(Reason::FaceChanged, now, effects);
                followed = Followed::Changed;
            }
        }
        self.phase = Phase::Following(Sight {
            track,
            hold: Hold::default(),
            pool: Pool::default(),
            challenge: if self.settings.liveness == Liveness::Off {
                Challenge::Shown
            } else {
                Challenge::Waiting
            },
            opened: None,
            searched: None,
        });
        followed
    }

    /// Gives up the followed face; says so plainly if that costs the person anything.
    fn start_over(&mut self, reason: Reason, now: Moment, effects: &mut Vec<Effect>) {
        let guidance = Guidance::Fix(reason);
        let costs = matches!(&self.phase, Phase::Following(s) if s.has_something_to_lose());
        self.watch_anew(effects);
        if costs {
            self.tally.restart(reason);
            effects.extend(self.guide.insist(guidance, now).map(Effect::Guide));
        } else {
            self.advise(guidance, now, effects);
        }
    }

    fn lose_camera(&mut self, reason: String, now: Moment, effects: &mut Vec<Effect>) {
        self.watch_anew(effects);
        self.phase = Phase::Blind { reason };
        effects.extend(self.guide.announce(Guidance::NoCamera, now).map(Effect::Guide));
    }

    fn watch_anew(&mut self, effects: &mut Vec<Effect>) {
        if matches!(&self.phase, Phase::Following(sight) if !sight.pool.is_empty()) {
            effects.push(Effect::ForgetAll);
        }
        self.phase = Phase::Watching;
    }

    /// Ends the session with the shots as soon as nothing better is to be waited for.
    ///
    /// That is after the window, with all shots, once the picture was searched for others behind the last
    /// candidate; with fewer, once the person no longer holds still for them or is gone: the candidates go with
    /// the track. `seen_until` is the capture time up to which every frame has been judged.
    fn choose_when_ready(&mut self, seen_until: Moment, next: Next, effects: &mut Vec<Effect>) {
        let Phase::Following(sight) = &self.phase else { return };
        let Some(opened) = sight.opened else { return };
        if seen_until.since(opened) < self.settings.window {
            return;
        }
        let choice = sight.choice(&self.settings);
        let complete = choice.len() == self.settings.shots.get() && sight.is_searched();
        let last_chance = next == Next::Nothing || !sight.hold.has_begun();
        if complete || (last_chance && !choice.is_empty()) {
            self.finish_with(&choice, effects);
        }
    }

    /// Ends the session with what there is: one shot from one track is worth more than none.
    fn conclude(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let tally = self.tally.clone();
        let choice = match &self.phase {
            Phase::Following(sight) => sight.choice(&self.settings),
            _ => Vec::new(),
        };
        match &self.phase {
            Phase::Following(_) if !choice.is_empty() => {
                self.finish_with(&choice, effects);
            }
            Phase::Blind { reason } => {
                let reason = reason.clone();
                self.finish(Outcome::Interrupted { reason, tally }, effects);
            }
            _ => {
                effects.extend(self.guide.announce(Guidance::TimedOut, now).map(Effect::Guide));
                self.finish(Outcome::TimedOut(tally), effects);
            }
        }
    }

    fn finish_with(&mut self, choice: &[Candidate], effects: &mut Vec<Effect>) {
        let shots: Vec<u64> = choice.iter().map(|shot| shot.sequence).collect();
        let relaxed = choice.first().map_or(0, |shot| shot.relaxed);
        if let Phase::Following(sight) = std::mem::replace(&mut self.phase, Phase::Finished) {
            let others: Vec<u64> =
                sight.pool.sequences().filter(|sequence| !shots.contains(sequence)).collect();
            if !others.is_empty() {
                effects.push(Effect::Forget(others));
            }
        }
        effects.push(Effect::Finish(Outcome::Chosen { shots, relaxed, tally: self.tally.clone() }));
    }

    fn finish(&mut self, outcome: Outcome, effects: &mut Vec<Effect>) {
        self.watch_anew(effects);
        self.phase = Phase::Finished;
        effects.push(Effect::Finish(outcome));
    }

    fn advise(&mut self, guidance: Guidance, now: Moment, effects: &mut Vec<Effect>) {
        effects.extend(self.guide.advise(guidance, now).map(Effect::Guide));
    }

    fn with_sight<T>(&mut self, act: impl FnOnce(&mut Sight, &SessionSettings) -> T) -> Option<T> {
        match &mut self.phase {
            Phase::Following(sight) => Some(act(sight, &self.settings)),
            _ => None,
        }
    }
}

/// What is still to come of the followed face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Frames,
    /// It is gone, or the frames stopped.
    Nothing,
}

/// Whether the track of a frame cost what was gathered before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Followed {
    AsBefore,
    Changed,
}

impl Sight {
    fn has_something_to_lose(&self) -> bool {
        self.hold.has_begun() || !self.pool.is_empty() || self.challenge.guidance().is_some()
    }

    fn note_search(&mut self, frame: &JudgedFrame) {
        if frame.searched {
            self.searched = Some(frame.captured);
        }
    }

    /// Whether the picture was searched for others since the last candidate.
    fn is_searched(&self) -> bool {
        self.searched >= self.pool.newest()
    }

    /// The shots as they would be chosen now, best first: only frames after which nobody else was found.
    fn choice(&self, settings: &SessionSettings) -> Vec<Candidate> {
        self.searched.map_or_else(Vec::new, |until| self.pool.choice(settings, until))
    }

    /// Counts a good frame; once the face is held, offers it as a candidate.
    fn gather(
        &mut self,
        frame: &JudgedFrame,
        relaxed: usize,
        settings: &SessionSettings,
        effects: &mut Vec<Effect>,
    ) {
        let settling = self.hold.good(frame.captured, settings) == Steadiness::Settling;
        if settling || self.challenge != Challenge::Shown {
            return;
        }
        self.opened.get_or_insert(frame.captured);
        let score = if frame.score.is_finite() { frame.score } else { 0.0 };
        let candidate = Candidate {
            sequence: frame.sequence,
            captured: frame.captured,
            score,
            relaxed,
            yaw: frame.yaw,
        };
        if let Some(given_up) = self.pool.offer(candidate, settings) {
            effects.push(Effect::Forget(vec![given_up.sequence]));
        }
        effects.push(Effect::Keep(frame.sequence));
    }
}
