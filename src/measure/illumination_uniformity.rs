//! Whether both sides of the face get the same light.

use super::aligned::EYE_DISTANCE;
use super::scale::reading;
use super::{Limits, Measure, Subject};
use crate::domain::{Cause, MeasureName, Point, Reading, Reason};

pub(super) const NAME: MeasureName = MeasureName("illumination_uniformity");

pub(super) const MEASURE: Measure = Measure {
    name: NAME,
    title: "What the luminances of both cheeks have in common (1 the same, 0 nothing)",
    unit: "",
    source: "ISO/IEC 29794-5 IlluminationUniformity: histogram intersection of two squares of 0.3 eye \
             distances half way from eyes to mouth; score as OFIQ: 100 x^0.3",
    range: (0.0, 1.0),
    limits: Limits::at_least([Some(0.08), Some(0.20), Some(0.25)]),
    below: Some(Reason::UnevenLight),
    above: None,
    read,
};

/// The side of a cheek's square in eye distances.
const SIDE: f32 = 0.3;

/// Grey levels that share a bin. A square holds a few hundred pixels here where OFIQ's portraits give tens of
/// thousands: with a bin for each level, the intersection of two samples of the *same* light reads low and
/// jumps from frame to frame.
const LEVELS: usize = 8;

fn read(subject: &Subject<'_>) -> Reading {
    match shared(subject) {
        Ok(shared) => reading(shared, 100.0 * shared.powf(0.3)),
        Err(cause) => Reading::NotAssessed(cause),
    }
}

fn shared(subject: &Subject<'_>) -> Result<f64, Cause> {
    let view = subject.aligned()?;
    let marks = subject.face().landmarks;
    let mouth = view.place(marks.right_mouth.midpoint(marks.left_mouth));
    let cheek = |eye: Point| {
        let eye = view.place(eye);
        let center = Point::new(eye.x, (eye.y + mouth.y) / 2.0);
        view.square_histogram(center, SIDE * EYE_DISTANCE).shares().ok_or(Cause::TooSmall)
    };
    let (right, left) = (cheek(marks.right_eye)?, cheek(marks.left_eye)?);
    let bins = right.chunks(LEVELS).zip(left.chunks(LEVELS));
    Ok(bins.map(|(r, l)| r.iter().sum::<f64>().min(l.iter().sum())).sum())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::Size;
    use crate::measure::Pixels;
    use crate::measure::subject::samples::{face, picture};

    #[test]
    fn light_from_one_side_leaves_the_cheeks_nothing_in_common() {
        let size = Size::new(320, 240);
        let face = face(Point::new(160.0, 110.0), 40.0);
        let uniformity = |far: u32| {
            let rgb = picture(size, |x, y| {
                let texture = (x * 7 + y * 13) % 20;
                [(if x < 160 { 120 } else { far } + texture) as u8; 3]
            });
            let subject = Subject::new(Pixels::new(size, &rgb).unwrap(), &face, &[]);
            read(&subject).native().unwrap()
        };
        assert!(uniformity(120) > 0.7, "{}", uniformity(120));
        assert!(uniformity(40) < 0.05, "{}", uniformity(40));
    }
}
