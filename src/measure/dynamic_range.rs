//! How many different brightnesses the face has, in bits.
//!
//! Not gated, for the same reason as the variance: it belongs to the face as much as to the picture.

use super::scale::reading;
use super::{Limits, Measure, Subject};
use crate::domain::{MeasureName, Reading};

pub(super) const MEASURE: Measure = Measure {
    name: MeasureName("dynamic_range"),
    title: "Entropy of the face's luminance",
    unit: "bits",
    source: "ISO/IEC 29794-5 DynamicRange: Shannon entropy of 256 luminances; score as OFIQ: 12.5 a bit",
    range: (0.0, 8.0),
    limits: Limits::none(),
    below: None,
    above: None,
    read,
};

fn read(subject: &Subject<'_>) -> Reading {
    subject.read_luminances(|shares| {
        let used = shares.iter().filter(|share| **share > 0.0);
        let bits: f64 = used.map(|share| -share * share.log2()).sum();
        reading(bits.max(0.0), 12.5 * bits)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::{Point, Size};
    use crate::measure::Pixels;
    use crate::measure::subject::samples::{face, picture};

    #[test]
    fn two_greys_in_equal_shares_are_one_bit_and_one_grey_is_none() {
        let size = Size::new(320, 240);
        let face = face(Point::new(160.0, 110.0), 60.0);
        let bits = |other: u8| {
            let rgb = picture(size, |x, _| if x < 160 { [60; 3] } else { [other; 3] });
            let subject = Subject::new(Pixels::new(size, &rgb).unwrap(), &face, &[]);
            read(&subject).native().unwrap()
        };
        assert!((bits(200) - 1.0).abs() < 0.1, "{}", bits(200));
        assert!(bits(60).abs() < 1e-9);
    }
}
