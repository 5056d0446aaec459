//! How far the face's brightnesses lie apart: haze and a dirty lens bring them together.
//!
//! Not gated: how much they differ depends on the face and on its light as much as on the picture.

use super::scale::reading;
use super::{Limits, Measure, Subject};
use crate::domain::{MeasureName, Reading};

pub(super) const MEASURE: Measure = Measure {
    name: MeasureName("luminance_variance"),
    title: "Variance of the face's luminance (0 one grey all over, linear light)",
    unit: "",
    source: "ISO/IEC 29794-5 LuminanceVariance; score as OFIQ: 100 sin(60 v π / (60 v + 1))",
    range: (0.0, 0.25),
    limits: Limits::none(),
    below: None,
    above: None,
    read,
};

fn read(subject: &Subject<'_>) -> Reading {
    subject.read_luminances(|shares| {
        let moment = |power: i32| -> f64 {
            let bins = shares.iter().zip(0..=255_u8);
            bins.map(|(share, bin)| share * (f64::from(bin) / 255.0).powi(power)).sum()
        };
        let variance = (moment(2) - moment(1).powi(2)).max(0.0);
        let spread = 60.0 * variance;
        reading(variance, 100.0 * (std::f64::consts::PI * spread / (spread + 1.0)).sin())
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::{Point, Size};
    use crate::measure::Pixels;
    use crate::measure::subject::samples::{face, picture};

    fn measured(pixel: impl Fn(u32, u32) -> [u8; 3]) -> Reading {
        let size = Size::new(320, 240);
        let rgb = picture(size, pixel);
        let face = face(Point::new(160.0, 110.0), 60.0);
        read(&Subject::new(Pixels::new(size, &rgb).unwrap(), &face, &[]))
    }

    #[test]
    fn black_and_white_stripes_vary_most_and_one_grey_not_at_all() {
        let stripes = measured(|x, _| if x / 16 % 2 == 0 { [0; 3] } else { [255; 3] });
        assert!((stripes.native().unwrap() - 0.25).abs() < 0.02, "{stripes:?}");
        assert_eq!(measured(|_, _| [120; 3]), Reading::Assessed { native: 0.0, score: 0.0 });
    }
}
