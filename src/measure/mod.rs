//! Measures the quality of a face, one file a measure, in the vocabulary of ISO/IEC 29794-5.
//!
//! ```text
//! picture + face ──Subject──▶ MEASURES ──▶ Assessment ──judge(gates)──▶ reasons, the worst first
//!                                                     └─score──────────▶ 0 to 1
//! ```
//!
//! A measure gives its native value, in its own unit, and a score from 0 to 100; gates judge the native
//! value only. What could not be measured is "not assessed, because", never zero, and never passes a gate.
//! The formulas are those of BSI's OFIQ where they need no net of their own; each file names its source.
//!
//! To add a measure: a file with a `pub(super) const MEASURE`, and its line in [`MEASURES`].
//!
//! What is absent: no net, no clock, no state from frame to frame.

mod aligned;
mod compression;
mod dynamic_range;
mod eyes_open;
mod eyes_visible;
mod face_presence;
mod gates;
mod head_motion;
mod head_pose;
mod head_position;
mod head_size;
mod illumination_uniformity;
mod inter_eye_distance;
mod judge;
mod lower_face_colour;
mod luminance;
mod luminance_variance;
mod mouth_closed;
mod mouth_visible;
mod natural_colour;
mod noise;
mod over_exposure;
mod scale;
mod sharpness;
mod single_face;
mod skin;
mod subject;
mod under_exposure;
mod window;

pub use gates::{GateError, Limits, gates, limit_names, relaxations};
pub use judge::{assess, complete, is_promising, judge, score};
pub use subject::{Earlier, Pixels, Subject};

use crate::domain::{MeasureName, Reading, Reason};

/// Every measure, in the order in which readings are listed.
pub const MEASURES: &[Measure] = &[
    single_face::MEASURE,
    face_presence::MEASURE,
    inter_eye_distance::MEASURE,
    head_size::MEASURE,
    head_position::MEASURE,
    head_pose::YAW,
    head_pose::PITCH,
    head_pose::ROLL,
    luminance::MEASURE,
    luminance_variance::MEASURE,
    dynamic_range::MEASURE,
    under_exposure::MEASURE,
    over_exposure::MEASURE,
    illumination_uniformity::MEASURE,
    natural_colour::MEASURE,
    noise::MEASURE,
    compression::MEASURE,
    sharpness::MEASURE,
    head_motion::MEASURE,
    mouth_visible::MEASURE,
    lower_face_colour::MEASURE,
    eyes_visible::MEASURE,
    mouth_closed::MEASURE,
    eyes_open::MEASURE,
];

/// A quality measure: what it is called, where it comes from, what passes, and how it is read.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    /// Its name in JSON, metrics and the configuration.
    pub name: MeasureName,
    /// What it says, for people.
    pub title: &'static str,
    /// The unit of the native value, empty for a ratio.
    pub unit: &'static str,
    /// The paper, standard or program that its formula comes from.
    pub source: &'static str,
    /// The lowest and the highest native value that can be.
    pub range: (f64, f64),
    /// What passes, by profile.
    pub limits: Limits,
    /// Why a value below the lower limit fails; `None` where a value can never be too low.
    pub below: Option<Reason>,
    /// Why a value above the upper limit fails; `None` where a value can never be too high.
    pub above: Option<Reason>,
    /// Reads it.
    pub read: fn(&Subject<'_>) -> Reading,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_measures_share_a_name() {
        let mut names: Vec<_> = MEASURES.iter().map(|measure| measure.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), MEASURES.len());
    }
}
