//! Carries out one enrollment session: frames in, effects of the pure session made real.
//!
//! Keeps the portraits of candidates in memory for as long as the session wants them, and not longer.

use std::collections::BTreeMap;

use super::examiner::{Examined, Examiner};
use crate::domain::{Frame, Guidance, Moment, PersonId, Portrait, Reason};
use crate::enrollment::{Effect, Event, Outcome, Session, SessionSettings};
use crate::failure::{Exit, Failure};
use crate::vision::image::{self, FrameDecoder, Framing, ImageError};
use crate::web::wire::{ChosenReport, JudgedReport};

use super::report;
use super::steps::Steps;

/// A candidate with the portrait that would be sent.
#[derive(Debug, Clone)]
pub struct Shot {
    /// The encoded portrait.
    pub portrait: Portrait,
    /// What is told about it.
    pub report: ChosenReport,
}

/// What a step of a visit tells.
#[derive(Debug)]
pub enum Told {
    /// A frame was judged.
    Judged(JudgedReport),
    /// The person sees another instruction.
    Guidance {
        /// The instruction.
        guidance: Guidance,
        /// How far to come or go, where it is about that and the distance is known.
        centimetres: Option<u32>,
    },
    /// The visit is over.
    Over(End),
}

/// How a visit ended.
#[derive(Debug)]
pub enum End {
    /// With shots, best first, that needed so many steps of relaxation.
    Chosen {
        /// The shots.
        shots: Vec<Shot>,
        /// The steps.
        relaxed: usize,
    },
    /// Without.
    Failed(Failure),
    /// By request.
    Cancelled,
}

/// How portraits are cut and encoded.
#[derive(Debug, Clone, Copy)]
pub struct PortraitStyle {
    /// What of the frame is sent.
    pub framing: Framing,
    /// JPEG quality in percent.
    pub jpeg_quality: u8,
}

/// One enrollment under way.
pub struct Visit {
    person_id: PersonId,
    session: Session,
    style: PortraitStyle,
    steps: Steps,
    kept: BTreeMap<u64, Shot>,
    considered: u64,
    rejected: BTreeMap<Reason, u64>,
    guidance: Option<Guidance>,
}

impl Visit {
    /// Starts a visit at `now`.
    pub fn start(
        person_id: PersonId,
        settings: SessionSettings,
        style: PortraitStyle,
        steps: Steps,
        now: Moment,
    ) -> Self {
        Self {
            person_id,
            session: Session::new(settings, now),
            style,
            steps,
            kept: BTreeMap::new(),
            considered: 0,
            rejected: BTreeMap::new(),
            guidance: None,
        }
    }

    /// Who is enrolled.
    pub const fn person_id(&self) -> &PersonId {
        &self.person_id
    }

    /// How many frames were judged.
    pub const fn considered(&self) -> u64 {
        self.considered
    }

    /// How often each reason refused a frame.
    pub const fn rejected(&self) -> &BTreeMap<Reason, u64> {
        &self.rejected
    }

    /// How often what had been gathered was dropped, and why.
    pub fn restarts(&self) -> BTreeMap<String, u64> {
        let named =
            |(reason, count): (&Reason, &u32)| (reason.code().to_owned(), u64::from(*count));
        self.session.tally().restarts.iter().map(named).collect()
    }

    /// The instruction shown now.
    pub const fn guidance(&self) -> Option<Guidance> {
        self.guidance
    }

    /// Examines a frame and takes the session's next step.
    ///
    /// # Errors
    /// When a net cannot be run.
    pub fn take(
        &mut self,
        frame: &Frame,
        examiner: &mut Examiner,
        now: Moment,
    ) -> Result<Vec<Told>, Failure> {
        let examined = examiner
            .examine(frame, now)
            .map_err(|error| Failure::caused(Exit::Internal, &error))?;
        if let Some(damage) = &examined.damage {
            tracing::debug!(frame = frame.sequence, %damage, "a frame cannot be decoded");
        }
        self.considered += 1;
        for reason in &examined.judged.reasons {
            *self.rejected.entry(*reason).or_default() += 1;
        }
        let mut told = vec![Told::Judged(report::judged(frame, &examined))];
        let effects = self.session.step(Event::Judged(examined.judged.clone()), now);
        self.carry_out(effects, Some((frame, &examined)), &mut told)?;
        examiner.recycle(examined);
        Ok(told)
    }

    /// Tells the session something other than a frame.
    ///
    /// # Errors
    /// Never by itself; the signature is that of [`take`](Self::take).
    pub fn tell(&mut self, event: Event, now: Moment) -> Result<Vec<Told>, Failure> {
        let mut told = Vec::new();
        let effects = self.session.step(event, now);
        self.carry_out(effects, None, &mut told)?;
        Ok(told)
    }

    fn carry_out(
        &mut self,
        effects: Vec<Effect>,
        current: Option<(&Frame, &Examined)>,
        told: &mut Vec<Told>,
    ) -> Result<(), Failure> {
        for effect in effects {
            match effect {
                Effect::Guide(guidance) => {
                    self.guidance = Some(guidance);
                    let centimetres = current.and_then(|(_, examined)| {
                        let width = examined.picture.as_ref()?.size().width;
                        self.steps.centimetres(guidance, &examined.assessment, width)
                    });
                    told.push(Told::Guidance { guidance, centimetres });
                }
                Effect::Keep(sequence) => {
                    if let Some((frame, examined)) = current {
                        let shot = self.cut(frame, examined)?;
                        self.kept.insert(sequence, shot);
                    }
                }
                Effect::Forget(sequences) => {
                    self.kept.retain(|sequence, _| !sequences.contains(sequence));
                }
                Effect::ForgetAll => self.kept.clear(),
                Effect::Finish(outcome) => told.push(Told::Over(self.end(outcome))),
            }
        }
        Ok(())
    }

    fn cut(&self, frame: &Frame, examined: &Examined) -> Result<Shot, Failure> {
        let (Some(picture), Some(face)) = (&examined.picture, &examined.observation.face) else {
            return Err(Failure::new(Exit::Internal, "a candidate without a face"));
        };
        let region = image::portrait_region(face, picture.size(), self.style.framing);
        let internal = |error: ImageError| Failure::caused(Exit::Internal, &error);
        // What was decoded to judge the face may be less than what is sent.
        let more = (!picture.shown().contains(region))
            .then(|| FrameDecoder::default().decode(frame, Some(region)).map_err(internal))
            .transpose()?;
        let shown = more.as_ref().unwrap_or(picture);
        let portrait =
            image::encode_portrait(shown, region, self.style.jpeg_quality).map_err(internal)?;
        Ok(Shot { portrait, report: report::chosen(frame, face, examined) })
    }

    fn end(&mut self, outcome: Outcome) -> End {
        let mut kept = std::mem::take(&mut self.kept);
        match outcome {
            Outcome::Chosen { shots, relaxed, .. } => {
                let shots = shots.iter().filter_map(|sequence| kept.remove(sequence)).collect();
                End::Chosen { shots, relaxed }
            }
            Outcome::Unproven(_) => End::Failed(
                Failure::new(
                    Exit::TryLater,
                    format!("{} did not turn the head as asked", self.person_id),
                )
                .hint(
                    "try again in even light, without a hat or mask; capture.liveness asks for it",
                ),
            ),
            Outcome::TimedOut(_) => End::Failed(self.timed_out()),
            Outcome::Interrupted { reason, .. } => End::Failed(
                Failure::new(
                    Exit::Unavailable,
                    format!("the enrollment of {} was interrupted: {reason}", self.person_id),
                )
                .hint("check the camera and try again"),
            ),
            Outcome::Cancelled => End::Cancelled,
        }
    }

    /// Every frame was good, and yet none became a shot.
    fn not_held(&self) -> Failure {
        let error = format!(
            "no shot of {} was taken: {} frames judged and none refused, but the face was not held long enough, \
             or it was not sure yet that nobody else was there",
            self.person_id, self.considered
        );
        Failure::new(Exit::TryLater, error)
            .hint("stay in front of the camera for some seconds, or allow more time with --timeout")
    }

    fn timed_out(&self) -> Failure {
        let mut counts: Vec<_> = self.rejected.iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let told: Vec<_> =
            counts.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        let because = match (told.is_empty(), self.considered) {
            (false, _) => told.join(", "),
            (true, 0) => "no frames came".to_owned(),
            (true, _) => return self.not_held(),
        };
        Failure::new(
            Exit::TryLater,
            format!(
                "no shot of {} was good enough: {} frames judged ({because})",
                self.person_id, self.considered
            ),
        )
        .hint("`kiosk-enroll assess` shows what each gate measures; more light, a closer camera or more time help most")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    fn visit(considered: u64, refused: Option<Reason>) -> Visit {
        let style = PortraitStyle { framing: Framing::Portrait, jpeg_quality: 90 };
        let (settings, steps) = (SessionSettings::default(), Steps::new(None, Vec::new()));
        let person = PersonId::parse("p").unwrap();
        let mut visit = Visit::start(person, settings, style, steps, Moment::default());
        visit.considered = considered;
        visit.rejected = refused.into_iter().map(|reason| (reason, considered)).collect();
        visit
    }

    #[test]
    fn a_visit_without_a_shot_tells_what_was_wrong_and_nothing_that_was_not() {
        for (visit, said) in [
            (visit(0, None), "no frames came"),
            (visit(12, Some(Reason::TooDark)), "too_dark 12"),
            (visit(12, None), "12 frames judged and none refused"),
        ] {
            let failure = visit.timed_out();
            assert!(failure.error.contains(said), "{}", failure.error);
            assert_eq!(failure.error.contains("no frames"), visit.considered == 0);
        }
    }
}
