//! Knows whether a face has been good for long enough to begin taking shots.
//!
//! A hold is a run of good frames of one track. It goes on at the next good frame when either
//! - at most [`LAPSE`] passed since the last good one (a blink, a word, a blurred moment), or
//! - at most one frame in between was flawed and at most [`MAX_GAP`] passed (a slow device, whose single bad
//!   frame may last longer than a blink).
//!
//! Otherwise it begins anew. A lost track is not this file's matter: the session drops the whole hold then.

use std::time::Duration;

use crate::domain::Moment;

use super::SessionSettings;

/// The longest time between two good frames that many flawed frames may fill.
const LAPSE: Duration = Duration::from_millis(500);

/// The longest time between two good frames of one hold.
const MAX_GAP: Duration = Duration::from_secs(1);

/// Whether shots may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Steadiness {
    /// The face is good, but not yet for long enough.
    Settling,
    /// The face has been good for the whole hold.
    Held,
}

/// The run of good frames so far.
#[derive(Debug, Default)]
pub(super) struct Hold {
    run: Option<Run>,
}

#[derive(Debug)]
struct Run {
    since: Moment,
    last_good: Moment,
    good: u32,
    flawed: u32,
}

impl Hold {
    /// Counts a good frame.
    pub(super) fn good(&mut self, captured: Moment, settings: &SessionSettings) -> Steadiness {
        let run = match self.run.take().filter(|run| run.reaches(captured)) {
            Some(run) => Run { good: run.good + 1, last_good: captured, flawed: 0, ..run },
            None => Run { since: captured, last_good: captured, good: 1, flawed: 0 },
        };
        self.run = Some(run);
        self.steadiness(settings)
    }

    /// Whether the face has been held, as of the last good frame.
    pub(super) fn steadiness(&self, settings: &SessionSettings) -> Steadiness {
        let held = self.run.as_ref().is_some_and(|run| {
            run.last_good.since(run.since) >= settings.hold && run.good >= settings.hold_frames
        });
        if held { Steadiness::Held } else { Steadiness::Settling }
    }

    /// Counts a flawed frame of the same track.
    pub(super) fn flawed(&mut self, captured: Moment) {
        self.run = self
            .run
            .take()
            .map(|run| Run { flawed: run.flawed + 1, ..run })
            .filter(|run| run.reaches(captured));
    }

    /// Whether any good frame counts at the moment.
    pub(super) const fn has_begun(&self) -> bool {
        self.run.is_some()
    }
}

impl Run {
    fn reaches(&self, captured: Moment) -> bool {
        let gap = captured.since(self.last_good);
        gap <= LAPSE || (self.flawed <= 1 && gap <= MAX_GAP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays `g`ood, `f`lawed and unseen (`.`) frames; says whether the last good one was held.
    fn last(frames: &str, interval_ms: u64) -> Option<Steadiness> {
        let settings = SessionSettings::default();
        let mut hold = Hold::default();
        let mut steadiness = None;
        for (i, frame) in (0..).zip(frames.chars()) {
            let captured = Moment::from_origin(Duration::from_millis(i * interval_ms));
            match frame {
                'g' => steadiness = Some(hold.good(captured, &settings)),
                'f' => hold.flawed(captured),
                _ => {}
            }
        }
        steadiness
    }

    #[test]
    fn a_hold_needs_its_time_and_its_frames() {
        assert_eq!(last("ggggg", 100), Some(Steadiness::Settling));
        assert_eq!(last("gggggg", 100), Some(Steadiness::Held));
        assert_eq!(last("gg", 800), Some(Steadiness::Settling));
        assert_eq!(last("ggg", 300), Some(Steadiness::Held));
        assert_eq!(last("gggggggggggggg", 33), Some(Steadiness::Settling));
    }

    #[test]
    fn a_blink_does_not_break_the_hold() {
        assert_eq!(last("gggfgg", 100), Some(Steadiness::Held));
        assert_eq!(last("gffffgg", 100), Some(Steadiness::Held));
        assert_eq!(last("gggfffffffffggggg", 33), Some(Steadiness::Held));
    }

    #[test]
    fn one_flawed_frame_of_a_slow_device_does_not_break_the_hold() {
        assert_eq!(last("ggfg", 500), Some(Steadiness::Held));
        assert_eq!(last("ggffg", 500), Some(Steadiness::Settling));
    }

    #[test]
    fn looking_away_begins_the_hold_anew() {
        assert_eq!(last("gggggffffffggggg", 100), Some(Steadiness::Settling));
        assert_eq!(last("gggggffffffgggggg", 100), Some(Steadiness::Held));
    }

    #[test]
    fn a_face_unseen_for_long_was_not_held() {
        assert_eq!(last("gg.......gg", 200), Some(Steadiness::Settling));
    }
}
