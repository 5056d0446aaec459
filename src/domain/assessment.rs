//! Quality in numbers: readings, gates, and a frame after its judgement.

use super::{Moment, Reason, TrackId};

/// The name of a quality measure, in the vocabulary of ISO/IEC 29794-5 where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MeasureName(pub &'static str);

impl std::fmt::Display for MeasureName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// Why a measure has no value. "Not assessed" is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// There is no face to measure.
    NoFace,
    /// The region to measure lies outside the picture.
    OutsidePicture,
    /// The region has too few pixels.
    TooSmall,
    /// The region is white all over: what is there cannot be told.
    Clipped,
    /// There is no frame shortly before this one to compare with.
    NoEarlierFrame,
    /// A costly measure was left out because a cheaper one had already failed its gate.
    NotNeeded,
}

impl Cause {
    /// The cause as it stands in JSON.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoFace => "no_face",
            Self::OutsidePicture => "outside_picture",
            Self::TooSmall => "too_small",
            Self::Clipped => "clipped",
            Self::NoEarlierFrame => "no_earlier_frame",
            Self::NotNeeded => "not_needed",
        }
    }
}

/// What one measure says about one face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// The native value in the measure's own unit, and a score from 0 (worst) to 100 (best).
    Assessed {
        /// In the measure's own unit.
        native: f64,
        /// 0 to 100.
        score: f64,
    },
    /// No value, because.
    NotAssessed(Cause),
}

impl Reading {
    /// The native value, if there is one.
    pub const fn native(self) -> Option<f64> {
        match self {
            Self::Assessed { native, .. } => Some(native),
            Self::NotAssessed(_) => None,
        }
    }

    /// The score from 0 to 100, if there is one.
    pub const fn score(self) -> Option<f64> {
        match self {
            Self::Assessed { score, .. } => Some(score),
            Self::NotAssessed(_) => None,
        }
    }
}

/// All readings of one face, in the order of the measures' list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Assessment {
    /// Name and reading of each measure.
    pub readings: Vec<(MeasureName, Reading)>,
}

impl Assessment {
    /// The reading of one measure, if it is in the list.
    pub fn get(&self, name: MeasureName) -> Option<Reading> {
        self.readings.iter().find(|(n, _)| *n == name).map(|(_, reading)| *reading)
    }
}

/// How demanding the gates are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// Good enough for automatic comparison; for bad light and hurried people.
    Matching,
    /// The default: sharp, frontal, evenly lit.
    #[default]
    Standard,
    /// Close to a passport photograph.
    Strict,
}

impl Profile {
    /// Every profile, the least demanding first.
    pub const ALL: [Self; 3] = [Self::Matching, Self::Standard, Self::Strict];

    /// The name as it stands in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Matching => "matching",
            Self::Standard => "standard",
            Self::Strict => "strict",
        }
    }

    /// The profile with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// The profile that is so many steps less demanding; never below the least demanding one.
    #[must_use]
    pub const fn relaxed(self, steps: usize) -> Self {
        match (self, steps) {
            (profile, 0) => profile,
            (Self::Strict, 1) => Self::Standard,
            _ => Self::Matching,
        }
    }
}

/// The limits of one measure. A native value below `min` or above `max` fails.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gate {
    /// The measure it belongs to.
    pub measure: MeasureName,
    /// The lowest native value that passes.
    pub min: Option<f64>,
    /// The highest native value that passes.
    pub max: Option<f64>,
    /// The reason when the value is below `min`.
    pub below: Reason,
    /// The reason when the value is above `max`.
    pub above: Reason,
}

impl Gate {
    /// The reason why `native` fails this gate, `None` if it passes.
    pub fn check(&self, native: f64) -> Option<Reason> {
        if self.min.is_some_and(|min| native < min) {
            Some(self.below)
        } else if self.max.is_some_and(|max| native > max) {
            Some(self.above)
        } else {
            None
        }
    }
}

/// A frame after its gates.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JudgedFrame {
    /// The frame's sequence number.
    pub sequence: u64,
    /// When it was captured.
    pub captured: Moment,
    /// The sight it belongs to, if a face was found.
    pub track: Option<TrackId>,
    /// Whether the whole picture was searched for other faces; where it was not, one that came in since the
    /// last search is not among the reasons.
    pub searched: bool,
    /// Why it is not good enough, the reason to put right first at the front; empty for a candidate.
    pub reasons: Vec<Reason>,
    /// The same after each step of relaxation, where relaxation is wished for: a part of the reasons before.
    pub relaxed: Vec<Vec<Reason>>,
    /// How far the head is turned, degrees, positive to its own left; 0 where no face was found.
    pub yaw: f32,
    /// How far the face's points have moved against each other as those of no flat picture can, since the same
    /// track was seen from the front, in eye distances; only where a proof of life is wished for.
    pub relief: Option<f32>,
    /// How good it is, 0 to 1; only comparable within one visit, 0 where no face was found.
    pub score: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relaxing_ends_at_the_least_demanding_profile() {
        let steps = |profile: Profile| [0, 1, 2, 9].map(|steps| profile.relaxed(steps));
        let [matching, standard, strict] = Profile::ALL;
        assert_eq!(steps(strict), [strict, standard, matching, matching]);
        assert_eq!(steps(standard), [standard, matching, matching, matching]);
        assert_eq!(steps(matching), [matching; 4]);
    }

    #[test]
    fn a_value_on_the_limit_passes_its_gate() {
        let gate = Gate {
            measure: MeasureName("head_pose_yaw"),
            min: Some(-12.0),
            max: Some(12.0),
            below: Reason::TurnLeft,
            above: Reason::TurnRight,
        };
        assert_eq!(gate.check(12.0), None);
        assert_eq!(gate.check(12.1), Some(Reason::TurnRight));
        assert_eq!(gate.check(-12.1), Some(Reason::TurnLeft));
    }
}
