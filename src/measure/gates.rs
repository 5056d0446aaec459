//! What passes: the limits of each profile, and the operator's own in their place.
//!
//! | profile | for |
//! |---|---|
//! | `matching` | automatic comparison in bad light with hurried people |
//! | `standard` | sharp, frontal, evenly lit; the default |
//! | `strict` | close to a passport photograph |

use std::collections::BTreeMap;

use super::{
    MEASURES, Measure, eyes_visible, face_presence, lower_face_colour, mouth_visible, single_face,
};
use crate::domain::{Gate, MeasureName, Profile, Reason};

/// The lowest and highest native value that pass, for each profile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    min: [Option<f64>; 3],
    max: [Option<f64>; 3],
}

impl Limits {
    /// No limits: the measure weighs in the choice and refuses nobody.
    pub const fn none() -> Self {
        Self { min: [None; 3], max: [None; 3] }
    }

    /// Upper limits of `matching`, `standard` and `strict`.
    pub const fn at_most(max: [Option<f64>; 3]) -> Self {
        Self { min: [None; 3], max }
    }

    /// Lower limits of `matching`, `standard` and `strict`.
    pub const fn at_least(min: [Option<f64>; 3]) -> Self {
        Self { min, max: [None; 3] }
    }

    /// Limits on both sides of zero.
    pub const fn within([matching, standard, strict]: [f64; 3]) -> Self {
        Self {
            min: [Some(-matching), Some(-standard), Some(-strict)],
            max: [Some(matching), Some(standard), Some(strict)],
        }
    }

    /// Lower and upper limits.
    pub const fn between([matching, standard, strict]: [(f64, f64); 3]) -> Self {
        Self {
            min: [Some(matching.0), Some(standard.0), Some(strict.0)],
            max: [Some(matching.1), Some(standard.1), Some(strict.1)],
        }
    }

    /// The lower and the upper limit of a profile.
    pub const fn of(&self, profile: Profile) -> (Option<f64>, Option<f64>) {
        let [matching, standard, strict] = self.min;
        let [matching_max, standard_max, strict_max] = self.max;
        match profile {
            Profile::Matching => (matching, matching_max),
            Profile::Standard => (standard, standard_max),
            Profile::Strict => (strict, strict_max),
        }
    }
}

/// Why an operator's limit is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GateError {
    /// There is no such limit.
    #[error("gate \"{key}\" is unknown; the nearest one is \"{nearest}\"")]
    Unknown {
        /// As it stands in the configuration.
        key: String,
        /// The known limit that is written most alike.
        nearest: String,
    },
    /// The limit is not a number that can be compared.
    #[error("gate \"{key}\": found {found}, allowed are finite numbers")]
    Value {
        /// The limit.
        key: String,
        /// Its value.
        found: f64,
    },
    /// Nothing could pass.
    #[error("gates of {measure}: the minimum {min} lies above the maximum {max}")]
    Crossed {
        /// The measure.
        measure: MeasureName,
        /// Its lower limit.
        min: f64,
        /// Its upper limit.
        max: f64,
    },
}

impl GateError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { .. } => format!("known gates are {}", limit_names().join(", ")),
            Self::Value { .. } | Self::Crossed { .. } => {
                "remove the line to get the profile's own limit".to_owned()
            }
        }
    }
}

/// The gates of a profile; `overrides` maps `<measure>_min` and `<measure>_max` to other limits.
///
/// # Errors
/// When a key is unknown, a value is not finite, or a minimum lies above its maximum.
pub fn gates(profile: Profile, overrides: &BTreeMap<String, f64>) -> Result<Vec<Gate>, GateError> {
    let known = limit_names();
    for (key, value) in overrides {
        if !known.contains(key) {
            return Err(GateError::Unknown { key: key.clone(), nearest: nearest(key, known) });
        }
        if !value.is_finite() {
            return Err(GateError::Value { key: key.clone(), found: *value });
        }
    }
    MEASURES.iter().filter_map(|measure| gate(measure, profile, overrides).transpose()).collect()
}

/// What no relaxation touches: whose face it is, and whether it is one, uncovered.
const IDENTITY: [MeasureName; 5] = [
    single_face::MEASURE.name,
    face_presence::MEASURE.name,
    mouth_visible::MEASURE.name,
    lower_face_colour::MEASURE.name,
    eyes_visible::MEASURE.name,
];

/// The gates after each step of relaxation, down to those of the least demanding profile.
///
/// Each step takes the next less demanding profile's limits; the gates of identity and the operator's own limits
/// stay as they are.
///
/// # Errors
/// As [`gates`].
pub fn relaxations(
    profile: Profile,
    overrides: &BTreeMap<String, f64>,
) -> Result<Vec<Vec<Gate>>, GateError> {
    let asked = gates(profile, overrides)?;
    let mut steps = Vec::new();
    while profile.relaxed(steps.len()) != Profile::ALL[0] {
        let mut relaxed = gates(profile.relaxed(steps.len() + 1), overrides)?;
        relaxed.retain(|gate| !IDENTITY.contains(&gate.measure));
        relaxed.extend(asked.iter().filter(|gate| IDENTITY.contains(&gate.measure)));
        steps.push(relaxed);
    }
    Ok(steps)
}

fn gate(
    measure: &Measure,
    profile: Profile,
    overrides: &BTreeMap<String, f64>,
) -> Result<Option<Gate>, GateError> {
    let name = measure.name;
    let (min, max) = measure.limits.of(profile);
    let min = overrides.get(&min_key(name)).copied().or(min);
    let max = overrides.get(&max_key(name)).copied().or(max);
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        return Err(GateError::Crossed { measure: name, min, max });
    }
    let Some((below, above)) = reasons(measure) else { return Ok(None) };
    let limited = min.is_some() || max.is_some();
    Ok(limited.then_some(Gate { measure: name, min, max, below, above }))
}

/// A gate needs a reason on both sides; where one side has no limit its reason is never given.
fn reasons(measure: &Measure) -> Option<(Reason, Reason)> {
    let below = measure.below.or(measure.above)?;
    Some((below, measure.above.unwrap_or(below)))
}

fn min_key(name: MeasureName) -> String {
    format!("{name}_min")
}

fn max_key(name: MeasureName) -> String {
    format!("{name}_max")
}

/// Names every limit that an override may set: `<measure>_min` and `<measure>_max`.
pub fn limit_names() -> Vec<String> {
    let keys = |measure: &Measure| {
        let min = measure.below.map(|_| min_key(measure.name));
        let max = measure.above.map(|_| max_key(measure.name));
        min.into_iter().chain(max)
    };
    MEASURES.iter().flat_map(keys).collect()
}

fn nearest(key: &str, known: Vec<String>) -> String {
    known
        .into_iter()
        .min_by_key(|known| strsim::damerau_levenshtein(key, known))
        .unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    fn limit(
        profile: Profile,
        overrides: &[(&str, f64)],
        name: &str,
    ) -> (Option<f64>, Option<f64>) {
        let overrides = overrides.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect();
        let gates = gates(profile, &overrides).unwrap();
        let gate = gates.into_iter().find(|gate| gate.measure.0 == name).unwrap();
        (gate.min, gate.max)
    }

    #[test]
    fn an_override_replaces_one_limit_and_leaves_the_other() {
        let name = "head_pose_yaw";
        assert_eq!(limit(Profile::Standard, &[], name), (Some(-12.0), Some(12.0)));
        let wide = [("head_pose_yaw_max", 25.0)];
        assert_eq!(limit(Profile::Standard, &wide, name), (Some(-12.0), Some(25.0)));
    }

    #[test]
    fn each_profile_is_at_least_as_demanding_as_the_one_before() {
        for measure in MEASURES {
            let limits = Profile::ALL.map(|profile| measure.limits.of(profile));
            let low = limits.map(|(min, _)| min.unwrap_or(f64::NEG_INFINITY));
            let high = limits.map(|(_, max)| -max.unwrap_or(f64::INFINITY));
            assert!(low.is_sorted() && high.is_sorted(), "{}", measure.name);
        }
    }

    #[test]
    fn every_limit_has_a_reason() {
        for measure in MEASURES {
            for profile in Profile::ALL {
                let (min, max) = measure.limits.of(profile);
                assert!(min.is_none() || measure.below.is_some(), "{}", measure.name);
                assert!(max.is_none() || measure.above.is_some(), "{}", measure.name);
            }
        }
    }

    #[test]
    fn a_misspelt_gate_is_refused_with_the_nearest_name() {
        let overrides = BTreeMap::from([("sharpnes_max".to_owned(), 0.7)]);
        let error = gates(Profile::Standard, &overrides).unwrap_err();
        assert_eq!(
            error.to_string(),
            "gate \"sharpnes_max\" is unknown; the nearest one is \"sharpness_max\""
        );
        assert!(error.hint().contains("inter_eye_distance_min"));
    }

    #[test]
    fn a_limit_that_nothing_could_pass_is_refused() {
        for (key, value) in [("luminance_mean_min", 0.9), ("luminance_mean_min", f64::NAN)] {
            let overrides = BTreeMap::from([(key.to_owned(), value)]);
            assert!(gates(Profile::Standard, &overrides).is_err());
        }
    }
}
