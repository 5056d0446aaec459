//! Whether the cheeks have a colour that skin has in white light.
//!
//! Not gated: a camera without colour, coloured light and a wrong white balance all make it low, and where
//! they do, the person cannot help it. It is there for whoever sets a camera up.

use super::aligned::{EYE_DISTANCE, linear};
use super::scale::{reading, sigmoid};
use super::{Limits, Measure, Subject};
use crate::domain::{Cause, MeasureName, Point, Reading};

pub(super) const MEASURE: Measure = Measure {
    name: MeasureName("natural_colour"),
    title: "Distance of the cheeks' colour from the colours of skin",
    unit: "CIELAB units",
    source: "ISO/IEC 29794-5 NaturalColour: mean (a, b) of the cheeks against the box [5, 25] x [5, 35], 100 \
             where a or b is negative; score as OFIQ: 200 (1 - S(x; 0, 10))",
    range: (0.0, 100.0),
    limits: Limits::none(),
    below: None,
    above: None,
    read,
};

/// The side of a cheek's square in eye distances, as for the uniformity of light.
const SIDE: f32 = 0.3;

/// The white of sRGB, CIE XYZ of D65.
const WHITE: [f64; 3] = [0.950_47, 1.0, 1.088_83];

fn read(subject: &Subject<'_>) -> Reading {
    match cheeks(subject) {
        Ok(linear) => {
            let off = distance(lab(linear));
            reading(off, 200.0 * (1.0 - sigmoid(off, 0.0, 10.0)))
        }
        Err(cause) => Reading::NotAssessed(cause),
    }
}

/// The mean colour of both cheeks in linear light, 0 to 1.
fn cheeks(subject: &Subject<'_>) -> Result<[f64; 3], Cause> {
    let view = subject.aligned()?;
    let marks = subject.face().landmarks;
    let mouth = view.place(marks.right_mouth.midpoint(marks.left_mouth));
    let (mut sum, mut count) = ([0.0; 3], 0.0);
    for eye in [marks.right_eye, marks.left_eye] {
        let eye = view.place(eye);
        let center = Point::new(eye.x, eye.y.midpoint(mouth.y));
        for pixel in view.square(center, SIDE * EYE_DISTANCE) {
            sum.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += f64::from(linear(*value)));
            count += 1.0;
        }
    }
    if count > 0.0 { Ok(sum.map(|sum| sum / count)) } else { Err(Cause::TooSmall) }
}

/// The chromatic part (a, b) of a colour in CIELAB.
fn lab([r, g, b]: [f64; 3]) -> (f64, f64) {
    let xyz = [
        0.412_456 * r + 0.357_576 * g + 0.180_438 * b,
        0.212_673 * r + 0.715_152 * g + 0.072_175 * b,
        0.019_334 * r + 0.119_192 * g + 0.950_304 * b,
    ];
    let bent = |value: f64| {
        if value > 216.0 / 24_389.0 {
            value.cbrt()
        } else {
            (24_389.0 / 27.0 * value + 16.0) / 116.0
        }
    };
    let [x, y, z] = std::array::from_fn(|i| bent(xyz[i] / WHITE[i]));
    (500.0 * (x - y), 200.0 * (y - z))
}

fn distance((a, b): (f64, f64)) -> f64 {
    // A grey that is grey but for rounding is not a negative colour.
    if a < -1e-6 || b < -1e-6 {
        return 100.0;
    }
    let beyond = |value: f64, low: f64, high: f64| (low - value).max(value - high).max(0.0);
    beyond(a, 5.0, 25.0).hypot(beyond(b, 5.0, 35.0))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::Size;
    use crate::measure::Pixels;
    use crate::measure::subject::samples::face;

    fn measured(colour: [u8; 3]) -> Reading {
        let size = Size::new(320, 240);
        let rgb = colour.repeat(320 * 240);
        let face = face(Point::new(160.0, 110.0), 40.0);
        read(&Subject::new(Pixels::new(size, &rgb).unwrap(), &face, &[]))
    }

    #[test]
    fn skin_of_any_shade_is_natural() {
        for skin in [[241, 194, 165], [198, 134, 100], [141, 85, 54], [80, 50, 35]] {
            assert_eq!(measured(skin).score(), Some(100.0), "{skin:?}");
        }
    }

    #[test]
    fn blue_and_green_are_as_far_off_as_can_be_and_grey_lies_between() {
        for wrong in [[90, 120, 200], [90, 200, 120]] {
            assert_eq!(measured(wrong), Reading::Assessed { native: 100.0, score: 0.0 });
        }
        let grey = measured([120; 3]).native().unwrap();
        assert!((grey - 50.0_f64.sqrt()).abs() < 0.1, "{grey}");
    }

    #[test]
    fn lab_agrees_with_the_published_value_of_pure_red() {
        let (a, b) = lab([1.0, 0.0, 0.0]);
        assert!((a - 80.09).abs() < 0.05 && (b - 67.20).abs() < 0.05, "{a} {b}");
    }
}
