//! How bright the face is on average, in linear light.

use super::scale::{reading, sigmoid};
use super::{Limits, Measure, Subject};
use crate::domain::{MeasureName, Reading, Reason};

pub(super) const MEASURE: Measure = Measure {
    name: MeasureName("luminance_mean"),
    title: "Mean luminance of the face (0 black, 1 white, linear light)",
    unit: "",
    source: "ISO/IEC 29794-5 LuminanceMean; score as OFIQ: S(0.2, 0.05) (1 - S(0.8, 0.05))",
    range: (0.0, 1.0),
    limits: Limits::between([(0.05, 0.85), (0.08, 0.75), (0.10, 0.60)]),
    below: Some(Reason::TooDark),
    above: Some(Reason::TooBright),
    read,
};

fn read(subject: &Subject<'_>) -> Reading {
    subject.read_luminances(|shares| {
        let weighted = shares.iter().zip(0..=255_u8).map(|(share, bin)| share * f64::from(bin));
        let mean = weighted.sum::<f64>() / 255.0;
        let score = sigmoid(mean, 0.2, 0.05) * (1.0 - sigmoid(mean, 0.8, 0.05));
        reading(mean, 100.0 * score)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::{Point, Size};
    use crate::measure::Pixels;
    use crate::measure::subject::samples::face;

    #[test]
    fn middle_grey_is_a_fifth_of_the_light() {
        let size = Size::new(320, 240);
        let face = face(Point::new(160.0, 110.0), 40.0);
        let mean = |grey: u8| {
            let rgb = vec![grey; 320 * 240 * 3];
            let subject = Subject::new(Pixels::new(size, &rgb).unwrap(), &face, &[]);
            read(&subject).native().unwrap()
        };
        assert!((mean(128) - 0.216).abs() < 0.003, "{}", mean(128));
        assert!(mean(0).abs() < 1e-9);
        assert!((mean(255) - 1.0).abs() < 1e-9);
    }
}
