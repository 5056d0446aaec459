//! Whether mouth and nostrils can be seen: their relief, over the brightness of the cheeks.
//!
//! A mask or a scarf lies where lips, the line between them and the nostrils belong, and has none of their light
//! and dark. Blur, size and noise change the value much less than a cloth does. What it cannot see: a hand that
//! leaves the nostrils free, a cloth printed with strong patterns, a picture of a mouth; and nobody has tried
//! it on full beards that hide the lips, or on very dark skin.

use super::scale::{reading, sigmoid};
use super::skin::{Brightnesses, brightness, median_brightness, patches};
use super::{Limits, Measure, Subject};
use crate::domain::{Cause, MeasureName, Point, Reading, Reason};

pub(super) const MEASURE: Measure = Measure {
    name: MeasureName("mouth_visible"),
    title: "Relief of mouth and nostrils over the brightness of the cheeks",
    unit: "",
    source: "ISO/IEC 29794-5 MouthOcclusionPrevention by other means, this project's own: range of the mean \
             brightness of rows through the mouth, plus median less 4th percentile under the nose",
    range: (0.0, 102.0),
    limits: Limits::at_least([Some(0.30), Some(0.36), Some(0.42)]),
    below: Some(Reason::FaceCovered),
    above: None,
    read,
};

/// Mesh points of the inner lips' middle, above and below.
const LIPS: [usize; 2] = [13, 14];
/// Below the nose, and the outer edges of its wings.
const NOSE_BASE: usize = 2;
const NOSE_WINGS: [usize; 2] = [98, 327];
/// On both cheeks.
pub(super) const CHEEKS: [usize; 6] = [50, 280, 101, 330, 205, 425];

/// Half of the mouth's middle and half the height around it, in pixels of the aligned view.
const HALF_WIDTH: f32 = 6.5;
const HALF_HEIGHT: f32 = 16.5;
/// How far above and below its base the nose's shadow is looked for.
const NOSTRILS: (f32, f32) = (7.0, 5.0);

/// Added to the brightness of the cheeks, so that grain in the dark is no relief.
pub(super) const DARK: f64 = 5.0;

fn read(subject: &Subject<'_>) -> Reading {
    match relief(subject) {
        // The curve is this project's own: 50 at the standard gate.
        Ok(relief) => reading(relief, 100.0 * sigmoid(relief, 0.36, 0.06)),
        Err(cause) => Reading::NotAssessed(cause),
    }
}

fn relief(subject: &Subject<'_>) -> Result<f64, Cause> {
    let view = subject.aligned()?;
    let cheeks = median_brightness(&patches(subject, view, &CHEEKS, 7.0)?)? + DARK;
    Ok((mouth(subject)? + nostrils(subject)?) / cheeks)
}

/// The range of the rows' mean brightnesses across the mouth.
fn mouth(subject: &Subject<'_>) -> Result<f64, Cause> {
    let view = subject.aligned()?;
    let [upper, lower] = LIPS.map(|lip| subject.mesh_point(lip));
    let middle = view.place(upper?.midpoint(lower?));
    let from = Point::new(middle.x - HALF_WIDTH, middle.y - HALF_HEIGHT);
    let to = Point::new(middle.x + HALF_WIDTH, middle.y + HALF_HEIGHT);
    let seen = Brightnesses::of(view.area(from, to).flatten().map(brightness));
    if seen.are_clipped() {
        return Err(Cause::Clipped);
    }
    let (mut low, mut high) = (f64::MAX, f64::MIN);
    for row in view.area(from, to).filter(|row| !row.is_empty()) {
        let sum: u32 = row.iter().map(|pixel| u32::from(brightness(pixel))).sum();
        let mean = f64::from(sum) / row.len() as f64;
        (low, high) = (low.min(mean), high.max(mean));
    }
    if low <= high { Ok(high - low) } else { Err(Cause::TooSmall) }
}

/// How much darker the darkest places below the nose are than the rest there.
fn nostrils(subject: &Subject<'_>) -> Result<f64, Cause> {
    let view = subject.aligned()?;
    let base = view.place(subject.mesh_point(NOSE_BASE)?);
    let [right, left] = NOSE_WINGS.map(|wing| subject.mesh_point(wing));
    let from = Point::new(view.place(right?).x, base.y - NOSTRILS.0);
    let to = Point::new(view.place(left?).x + 1.0, base.y + NOSTRILS.1);
    let seen = Brightnesses::of(view.area(from, to).flatten().map(brightness));
    Ok(seen.quantile(0.5)? - seen.quantile(0.04)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::{Face, Size};
    use crate::measure::Pixels;
    use crate::measure::subject::samples::{face, picture};

    const SIZE: Size = Size::new(320, 240);

    fn sitter() -> Face {
        face(Point::new(160.0, 90.0), 60.0)
    }

    /// Skin with a line between the lips and two nostrils, each darker by so much.
    fn measured(skin: u8, mouth: u8, nose: u8) -> Reading {
        let sitter = sitter();
        let at = |index: usize| sitter.mesh.points[index].flat();
        let (line, base) = (at(13).midpoint(at(14)).y, at(2));
        let rgb = picture(SIZE, |x, y| {
            let (x, y) = (x as f32, y as f32);
            let lips = (y - line).abs() < 2.0 && (x - base.x).abs() < 20.0;
            let nostril = ((x - base.x).abs() - 6.0).abs() < 2.5 && (y - base.y).abs() < 2.0;
            [skin - if lips { mouth } else { 0 } - if nostril { nose } else { 0 }; 3]
        });
        read(&Subject::new(Pixels::new(SIZE, &rgb).unwrap(), &sitter, &[]))
    }

    #[test]
    fn lips_and_nostrils_are_seen_on_light_and_dark_skin_and_a_cloth_has_none() {
        assert!(measured(180, 80, 80).native().unwrap() > 0.6);
        assert!(measured(70, 35, 35).native().unwrap() > 0.6);
        assert!(measured(180, 0, 0).native().unwrap() < 0.05);
    }

    #[test]
    fn one_of_both_is_enough_not_to_be_called_covered() {
        assert!(measured(180, 90, 0).native().unwrap() > 0.36);
        assert!(measured(180, 0, 90).native().unwrap() > 0.36);
    }

    #[test]
    fn a_mouth_lost_in_white_is_not_assessed() {
        assert_eq!(measured(255, 1, 0), Reading::NotAssessed(Cause::Clipped));
    }
}
