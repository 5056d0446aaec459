//! Whether chin and upper lip have the colour of forehead and nose: a coloured cloth has another one.
//!
//! Brightness does not count, so that a beard and a shadow pass. What it cannot see: a cloth in the colours of
//! skin, and any cloth in a picture without colour; two lamps of different colours raise it.

use super::scale::{reading, sigmoid};
use super::skin::{colour, patches};
use super::{Limits, Measure, Subject};
use crate::domain::{Cause, MeasureName, Reading, Reason};

pub(super) const MEASURE: Measure = Measure {
    name: MeasureName("lower_face_colour"),
    title: "Difference of colour between the lower and the upper face",
    unit: "",
    source: "ISO/IEC 29794-5 FaceOcclusionPrevention by other means, this project's own: the smaller of the \
             distances in (r, b) / (r + g + b) from the upper face's median colour to those of chin and upper lip",
    range: (0.0, 1.42),
    limits: Limits::at_most([Some(0.14), Some(0.10), Some(0.09)]),
    below: None,
    above: Some(Reason::FaceCovered),
    read,
};

/// Forehead, bridge of the nose and below the eyes: fringe or glasses alone do not outweigh the rest.
const UPPER: [usize; 8] = [9, 151, 108, 337, 168, 6, 230, 450];
const CHIN: [usize; 5] = [199, 200, 175, 428, 208];
const UPPER_LIP: [usize; 3] = [164, 167, 393];

/// Added to the sum of the channels: in the dark a colour is a matter of chance.
const DARK: f64 = 15.0;

fn read(subject: &Subject<'_>) -> Reading {
    match difference(subject) {
        // The curve is this project's own: 50 at the standard gate.
        Ok(off) => reading(off, 100.0 * (1.0 - sigmoid(off, 0.10, 0.012))),
        Err(cause) => Reading::NotAssessed(cause),
    }
}

fn difference(subject: &Subject<'_>) -> Result<f64, Cause> {
    let view = subject.aligned()?;
    let hue = |points: &[usize]| colour(&patches(subject, view, points, 5.0)?).map(share);
    let (upper, chin, lip) = (hue(&UPPER)?, hue(&CHIN)?, hue(&UPPER_LIP)?);
    let distance = |(red, blue): (f64, f64)| (red - upper.0).hypot(blue - upper.1);
    // A cloth covers both; a deep shadow under one of them may be as red as one.
    Ok(distance(chin).min(distance(lip)))
}

/// What red and blue have of the whole.
fn share([red, green, blue]: [f64; 3]) -> (f64, f64) {
    let sum = red + green + blue + DARK;
    (red / sum, blue / sum)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::{Point, Size};
    use crate::measure::Pixels;
    use crate::measure::subject::samples::{face, picture};

    /// Skin above, another colour from below the nose on.
    fn measured(skin: [u8; 3], below: [u8; 3]) -> f64 {
        let size = Size::new(320, 240);
        let face = face(Point::new(160.0, 90.0), 60.0);
        let nose = face.mesh.points[2].flat().y;
        let rgb = picture(size, |_, y| if y as f32 > nose { below } else { skin });
        read(&Subject::new(Pixels::new(size, &rgb).unwrap(), &face, &[])).native().unwrap()
    }

    #[test]
    fn a_coloured_cloth_differs_and_a_shadow_or_a_beard_does_not() {
        let skin = [200, 150, 125];
        for cloth in [[150, 190, 215], [165, 45, 50], [70, 110, 80]] {
            assert!(measured(skin, cloth) > 0.10, "{cloth:?}: {}", measured(skin, cloth));
        }
        for same in [skin, [100, 75, 62], [70, 52, 45]] {
            assert!(measured(skin, same) < 0.05, "{same:?}: {}", measured(skin, same));
        }
    }
}
