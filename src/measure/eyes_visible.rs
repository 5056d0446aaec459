//! Whether both eyes can be seen: how far light and dark lie apart where each eye belongs.
//!
//! An open eye has a white and a dark iris, a closed one its lashes; the dark or mirroring lens of sunglasses
//! has neither. Lightly tinted lenses, through which the eyes are seen, pass, and so do clear ones. What it
//! cannot see: lenses that mirror something rich in contrast.

use super::mouth_visible::DARK;
use super::scale::{reading, sigmoid};
use super::skin::{Brightnesses, brightness, median_brightness, patches};
use super::{Limits, Measure, Subject};
use crate::domain::{Cause, MeasureName, Point, Reading, Reason};

pub(super) const MEASURE: Measure = Measure {
    name: MeasureName("eyes_visible"),
    title: "Contrast of the paler eye over the brightness of its cheek",
    unit: "",
    source: "ISO/IEC 29794-5 EyesVisible by other means, this project's own: 95th less 5th percentile of the \
             brightness around the mesh's eye contour",
    range: (0.0, 51.0),
    limits: Limits::at_least([Some(0.25), Some(0.30), Some(0.36)]),
    below: Some(Reason::EyesCovered),
    above: None,
    read,
};

/// The mesh points around an eye, and those on the cheek below it.
struct Side {
    contour: [usize; 16],
    cheek: [usize; 3],
}

const RIGHT: Side = Side {
    contour: [33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7],
    cheek: [101, 50, 118],
};

const LEFT: Side = Side {
    contour: [263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249],
    cheek: [330, 280, 347],
};

/// So many pixels of the aligned view around the contour belong to the eye.
const AROUND: f32 = 2.0;

fn read(subject: &Subject<'_>) -> Reading {
    match contrast(subject, &RIGHT).and_then(|right| Ok(right.min(contrast(subject, &LEFT)?))) {
        // The curve is this project's own: 50 at the standard gate.
        Ok(contrast) => reading(contrast, 100.0 * sigmoid(contrast, 0.30, 0.05)),
        Err(cause) => Reading::NotAssessed(cause),
    }
}

fn contrast(subject: &Subject<'_>, side: &Side) -> Result<f64, Cause> {
    let view = subject.aligned()?;
    let (mut from, mut to) = (Point::new(f32::MAX, f32::MAX), Point::new(f32::MIN, f32::MIN));
    for point in side.contour {
        let at = view.place(subject.mesh_point(point)?);
        from = Point::new(from.x.min(at.x), from.y.min(at.y));
        to = Point::new(to.x.max(at.x), to.y.max(at.y));
    }
    let from = Point::new(from.x - AROUND, from.y - AROUND);
    let to = Point::new(to.x + AROUND + 1.0, to.y + AROUND + 1.0);
    let seen = Brightnesses::of(view.area(from, to).flatten().map(brightness));
    if seen.are_clipped() {
        return Err(Cause::Clipped);
    }
    let cheek = median_brightness(&patches(subject, view, &side.cheek, 7.0)?)? + DARK;
    Ok((seen.quantile(0.95)? - seen.quantile(0.05)?) / cheek)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::Size;
    use crate::measure::Pixels;
    use crate::measure::subject::samples::{face, picture};

    /// Skin, an eye of this white and this iris to the right, and a whole one to the left.
    fn measured(skin: u8, white: u8, iris: u8) -> f64 {
        let size = Size::new(320, 240);
        let face = face(Point::new(160.0, 90.0), 60.0);
        let (right, left) = (face.landmarks.right_eye, face.landmarks.left_eye);
        let rgb = picture(size, |x, y| {
            let near =
                |eye: Point, reach: f32| eye.distance(Point::new(x as f32, y as f32)) < reach;
            let grey = match (near(right, 4.0), near(right, 9.0), near(left, 4.0), near(left, 9.0))
            {
                (true, ..) => iris,
                (_, true, ..) => white,
                (_, _, true, _) => skin / 4,
                (.., true) => skin.saturating_add(skin / 8),
                _ => skin,
            };
            [grey; 3]
        });
        read(&Subject::new(Pixels::new(size, &rgb).unwrap(), &face, &[])).native().unwrap()
    }

    #[test]
    fn an_eye_is_seen_on_light_and_dark_skin_and_a_dark_or_mirroring_lens_hides_it() {
        assert!(measured(170, 190, 40) > 0.5);
        assert!(measured(60, 110, 20) > 0.5);
        assert!(measured(170, 170, 165) < 0.1);
        assert!(measured(170, 175, 160) < 0.25);
    }
}
