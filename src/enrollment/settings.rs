//! How a session is to be held.

use std::time::Duration;

use crate::domain::MAX_IMAGES;

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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_takes_one_to_three_shots() {
        for number in 1..=MAX_IMAGES {
            assert_eq!(ShotCount::from_number(number).map(ShotCount::get), Some(number));
        }
        assert_eq!(ShotCount::from_number(0), None);
        assert_eq!(ShotCount::from_number(MAX_IMAGES + 1), None);
    }
}
