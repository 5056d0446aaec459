//! How much of the face lies in the dark.

use super::scale::{reading, sigmoid};
use super::{Limits, Measure, Subject};
use crate::domain::{MeasureName, Reading, Reason};

pub(super) const MEASURE: Measure = Measure {
    name: MeasureName("under_exposure"),
    title: "Share of the face that is nearly black",
    unit: "",
    source: "ISO/IEC 29794-5 UnderExposurePrevention: luminance 0 to 25 of 255 in linear light; score as OFIQ",
    range: (0.0, 1.0),
    limits: Limits::at_most([Some(0.80), Some(0.60), Some(0.45)]),
    below: None,
    above: Some(Reason::TooDark),
    read,
};

/// The brightest luminance that counts as dark. In linear light this is harsh, which the wide gate allows for.
const DARKEST: usize = 25;

fn read(subject: &Subject<'_>) -> Reading {
    subject.read_luminances(|shares| {
        let share: f64 = shares.iter().take(DARKEST + 1).sum();
        reading(share, 120.0 * (0.832 - sigmoid(share, 0.92, 0.05)))
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
    fn a_black_face_is_dark_all_over_and_a_grey_one_nowhere() {
        let size = Size::new(320, 240);
        let face = face(Point::new(160.0, 110.0), 40.0);
        for (grey, share, score) in [(0_u8, 1.0, 0.0), (128, 0.0, 100.0)] {
            let rgb = vec![grey; 320 * 240 * 3];
            let subject = Subject::new(Pixels::new(size, &rgb).unwrap(), &face, &[]);
            assert_eq!(read(&subject), Reading::Assessed { native: share, score });
        }
    }
}
