//! Maps native values to scores from 0 to 100.

use crate::domain::{Cause, Reading};

/// The S-curve of BSI's OFIQ: 0 far below `middle`, 1 far above, one half at it.
pub(super) fn sigmoid(value: f64, middle: f64, width: f64) -> f64 {
    1.0 / (1.0 + ((middle - value) / width).exp())
}

/// A reading with a whole score, as OFIQ rounds it; not assessed where arithmetic has no answer.
pub(super) fn reading(native: f64, score: f64) -> Reading {
    if native.is_finite() && score.is_finite() {
        Reading::Assessed { native, score: score.round().clamp(0.0, 100.0) }
    } else {
        Reading::NotAssessed(Cause::NoFace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_agrees_with_the_published_examples() {
        // OFIQ's inter-eye distance: 70 px gives 50, 90 gives 73, 110 gives 88.
        for (distance, score) in [(70.0, 50.0), (90.0, 73.0), (110.0, 88.0)] {
            let found = (100.0 * sigmoid(distance, 70.0, 20.0)).round();
            assert!((found - score).abs() < 0.5, "{distance}: {found}");
        }
    }

    #[test]
    fn a_number_that_is_none_is_not_assessed() {
        assert_eq!(reading(f64::NAN, 5.0), Reading::NotAssessed(Cause::NoFace));
        assert_eq!(reading(1.0, 170.0).score(), Some(100.0));
    }
}
