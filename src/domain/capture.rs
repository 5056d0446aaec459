//! How the shots of an update were taken, as its record and its receipt tell it later.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Profile;

/// How long one enrollment may take.
pub const ENROLLMENT_TIMES: RangeInclusive<Duration> =
    Duration::from_secs(3)..=Duration::from_mins(10);

/// What a person has to show besides a face, before shots are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Liveness {
    /// Nothing.
    #[default]
    Off,
    /// A turn of the head to a side that is drawn at random.
    Turn,
}

impl Liveness {
    /// Every kind there is.
    pub const ALL: [Self; 2] = [Self::Off, Self::Turn];

    /// The name as it stands in the configuration and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Turn => "turn",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Under which conditions the shots of an update passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CaptureRecord {
    /// The profile that was asked for.
    pub asked: Profile,
    /// The profile whose gates the shots passed; less demanding than `asked` after a relaxation.
    pub passed: Profile,
    /// What the person had shown before.
    pub liveness: Liveness,
}

impl CaptureRecord {
    /// Whether the shots passed only because the gates had been relaxed.
    pub fn is_relaxed(&self) -> bool {
        self.asked != self.passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_liveness_is_known_by_its_name() {
        for kind in Liveness::ALL {
            assert_eq!(Liveness::from_name(kind.name()), Some(kind));
        }
        assert_eq!(Liveness::from_name("smile"), None);
    }
}
