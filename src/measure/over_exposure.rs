//! How much of the face is burnt out.

use super::scale::reading;
use super::{Limits, Measure, Subject};
use crate::domain::{MeasureName, Reading, Reason};

pub(super) const MEASURE: Measure = Measure {
    name: MeasureName("over_exposure"),
    title: "Share of the face that is nearly white",
    unit: "",
    source: "ISO/IEC 29794-5 OverExposurePrevention: luminance 247 to 255 in linear light; score as OFIQ: \
             1 / (share + 0.01), at most 100",
    range: (0.0, 1.0),
    limits: Limits::at_most([Some(0.20), Some(0.10), Some(0.05)]),
    below: None,
    above: Some(Reason::TooBright),
    read,
};

/// The darkest luminance that counts as burnt out.
const BRIGHTEST: usize = 247;

fn read(subject: &Subject<'_>) -> Reading {
    subject.read_luminances(|shares| {
        let share: f64 = shares.iter().skip(BRIGHTEST).sum();
        reading(share, (1.0 / (share + 0.01)).min(100.0))
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
    fn a_white_face_is_burnt_out_all_over_and_a_grey_one_nowhere() {
        let size = Size::new(320, 240);
        let face = face(Point::new(160.0, 110.0), 40.0);
        for (grey, share, score) in [(255_u8, 1.0, 1.0), (200, 0.0, 100.0)] {
            let rgb = vec![grey; 320 * 240 * 3];
            let subject = Subject::new(Pixels::new(size, &rgb).unwrap(), &face, &[]);
            assert_eq!(read(&subject), Reading::Assessed { native: share, score });
        }
    }
}
