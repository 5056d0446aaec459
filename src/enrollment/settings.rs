//! How a session is to be held.

use std::time::Duration;

use super::{Angles, Wish};
use crate::domain::{Liveness, MAX_IMAGES};

/// How many shots a session takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum ShotCount {
    /// One shot.
    One,
    /// Two shots.
    Two,
    /// Three shots, the most that one update may carry.
    #[default]
    Three,
}

impl ShotCount {
    /// The count of this number, `None` outside 1 to 3.
    pub const fn from_number(number: usize) -> Option<Self> {
        match number {
            1 => Some(Self::One),
            2 => Some(Self::Two),
            3 => Some(Self::Three),
            _ => None,
        }
    }

    /// The number, 1 to 3.
    pub const fn get(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Three => MAX_IMAGES,
        }
    }
}

/// The times and counts of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionSettings {
    /// How many shots are wished for.
    pub shots: ShotCount,
    /// How long the session may last in all.
    pub timeout: Duration,
    /// How long the face must have been good before the first candidate.
    pub hold: Duration,
    /// How many good frames the hold needs at least.
    pub hold_frames: u32,
    /// How long candidates are gathered before the choice, from the first one on. If the shots are not
    /// complete by then, the first complete choice ends it.
    pub window: Duration,
    /// The least time between two shots.
    pub spacing: Duration,
    /// From which angles the shots are to show the face.
    pub angles: Angles,
    /// After how long without shots the gates are relaxed by a step, and again by the next; `None`: never.
    pub relax_after: Option<Duration>,
    /// What the person has to show before shots are taken.
    pub liveness: Liveness,
    /// Random bits, from which the sides of the proof of life are drawn.
    pub chance: u64,
}

impl SessionSettings {
    /// What the choice is to look like.
    pub(super) const fn wish(&self) -> Wish {
        Wish { shots: self.shots.get(), spacing: self.spacing, angles: self.angles }
    }

    /// By how many steps the gates are relaxed so long after the start, of `steps` that there are.
    pub(super) fn relaxed_steps(&self, elapsed: Duration, steps: usize) -> usize {
        let Some(every) = self.relax_after.filter(|every| !every.is_zero()) else { return 0 };
        let passed = elapsed.as_nanos() / every.as_nanos();
        usize::try_from(passed).unwrap_or(usize::MAX).min(steps)
    }
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            shots: ShotCount::default(),
            timeout: Duration::from_secs(30),
            hold: Duration::from_millis(500),
            hold_frames: 3,
            window: Duration::from_millis(1_200),
            spacing: Duration::from_millis(500),
            angles: Angles::Any,
            relax_after: None,
            liveness: Liveness::Off,
            chance: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gates_are_relaxed_step_by_step_and_only_where_it_is_wished_for() {
        let steps = |settings: SessionSettings, seconds| {
            settings.relaxed_steps(Duration::from_secs(seconds), 2)
        };
        let never = SessionSettings::default();
        assert_eq!(steps(never, 600), 0);
        let relaxed = SessionSettings { relax_after: Some(Duration::from_secs(10)), ..never };
        assert_eq!([9, 10, 19, 20, 600].map(|seconds| steps(relaxed, seconds)), [0, 1, 1, 2, 2]);
    }

    #[test]
    fn a_session_takes_one_to_three_shots() {
        for number in 1..=MAX_IMAGES {
            assert_eq!(ShotCount::from_number(number).map(ShotCount::get), Some(number));
        }
        assert_eq!(ShotCount::from_number(0), None);
        assert_eq!(ShotCount::from_number(MAX_IMAGES + 1), None);
    }
}
