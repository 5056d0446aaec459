//! How sharp the face is: what it loses when it is blurred once more.
//!
//! Blurring a sharp picture again takes much of its detail, blurring a blurred one hardly any. Unlike a
//! Laplacian's variance this does not fall with the light. A Gaussian goes first, because noise counts as
//! detail otherwise; and since that Gaussian hides fine blur on faces that are rich in contrast, a second,
//! finer look is taken, which noise can only make read lower: the worse of both counts. One person may read
//! 0.1 lower than everyone else: as a gate the value is coarse, within one visit it orders the frames well.

use std::ops::Range;

use super::aligned::{Aligned, HEIGHT, WIDTH};
use super::scale::{reading, sigmoid};
use super::{Limits, Measure, Subject};
use crate::domain::{MeasureName, Reading, Reason};

pub(super) const NAME: MeasureName = MeasureName("sharpness");

pub(super) const MEASURE: Measure = Measure {
    name: NAME,
    title: "Blur of the face (0 sharp, 1 without any detail)",
    unit: "",
    source: "Crete, Dolmiere, Ladret, Nicolas: The blur effect, SPIE 2007; the larger of two looks: after a \
             Gaussian of 1.6 pixels with 13 taps, and after one of 0.8 pixels with 9 taps, less 0.02",
    range: (0.0, 1.0),
    limits: Limits::at_most([Some(0.72), Some(0.65), Some(0.60)]),
    below: None,
    above: Some(Reason::HoldStill),
    read,
};

/// One look: the Gaussian that goes first, and the width of the blur that follows.
struct Look {
    /// One half of the Gaussian, from its middle outwards; the whole sums to 1.
    gaussian: &'static [f32],
    /// Half the width of the second blur: `2 * reach + 1` taps in all.
    reach: usize,
    /// Taken off, so that one gate fits both looks.
    offset: f64,
}

/// Standard deviation 1.6: noise of a dozen grey levels moves it by less than 0.02.
const COARSE: Look = Look {
    gaussian: &[0.249_458, 0.205_198, 0.114_210, 0.043_012, 0.010_960, 0.001_890],
    reach: 6,
    offset: 0.0,
};

/// Standard deviation 0.8.
const FINE: Look =
    Look { gaussian: &[0.498_710, 0.228_310, 0.021_910, 0.000_440], reach: 4, offset: 0.02 };

/// The widest Gaussian and the widest blur reach so far to each side.
const MAX_REACH: usize = 6;

fn read(subject: &Subject<'_>) -> Reading {
    match subject.aligned() {
        Ok(view) => {
            let blur = blur(view);
            // The curve is this project's own: 50 at the standard gate.
            reading(blur, 100.0 * (1.0 - sigmoid(blur, 0.65, 0.05)))
        }
        Err(cause) => Reading::NotAssessed(cause),
    }
}

/// The worse of both looks.
fn blur(view: &Aligned) -> f64 {
    let luma = view.luma();
    let needed = needed(view);
    [COARSE, FINE].iter().map(|look| seen(view, &luma, look, &needed)).fold(0.0, f64::max)
}

/// The rows of the oval, and around them what both blurs draw in.
fn needed(view: &Aligned) -> Range<usize> {
    let filled = || (0..HEIGHT).filter(|y| !view.oval(*y).is_empty());
    let (first, last) = (filled().min().unwrap_or(0), filled().max().unwrap_or(0));
    first.saturating_sub(2 * MAX_REACH)..(last + 1 + 2 * MAX_REACH).min(HEIGHT)
}

/// The stronger of the blurs along rows and along columns: motion blurs one way only.
fn seen(view: &Aligned, luma: &[f32], look: &Look, needed: &Range<usize>) -> f64 {
    let soft = smooth(luma, look.gaussian, needed);
    let along_rows = lost_detail(view, &soft, &box_rows(&soft, look.reach, needed), 1);
    let along_columns = lost_detail(view, &soft, &box_columns(&soft, look.reach, needed), WIDTH);
    along_rows.max(along_columns) - look.offset
}

/// One minus the share that the second blur takes away of the differences between neighbours, which lie
/// `back` places apart.
fn lost_detail(view: &Aligned, soft: &[f32], blurred: &[f32], back: usize) -> f64 {
    let (mut detail, mut lost) = (0.0_f64, 0.0_f64);
    for y in 1..HEIGHT {
        let columns = view.oval(y);
        let span = y * WIDTH + columns.start.max(1)..y * WIDTH + columns.end;
        let earlier = span.start - back..span.end.max(back) - back;
        let here = soft.get(span.clone()).unwrap_or_default().iter();
        let before = soft.get(earlier.clone()).unwrap_or_default();
        let here_blurred = blurred.get(span).unwrap_or_default();
        let before_blurred = blurred.get(earlier).unwrap_or_default();
        let (mut row_detail, mut row_lost) = (0.0_f32, 0.0_f32);
        for (((a, b), c), d) in here.zip(before).zip(here_blurred).zip(before_blurred) {
            let difference = (a - b).abs();
            row_detail += difference;
            row_lost += (difference - (c - d).abs()).max(0.0);
        }
        detail += f64::from(row_detail);
        lost += f64::from(row_lost);
    }
    // A face without any detail at all is as blurred as can be.
    if detail > 0.0 { 1.0 - lost / detail } else { 1.0 }
}

// The filters below go tap by tap over whole rows and not pixel by pixel over the taps: that way several pixels
// are computed at once, and each still sums its taps in the same order.

/// The Gaussian, first along rows, then along columns; at the edges the last pixel goes on.
fn smooth(plane: &[f32], gaussian: &[f32], needed: &Range<usize>) -> Vec<f32> {
    let reach = gaussian.len() - 1;
    let mut rows = vec![0.0_f32; plane.len()];
    for_rows(&mut rows, needed, |y, target| {
        let padded = padded(plane, y);
        let tap = |offset: usize| padded[MAX_REACH + offset - reach..].iter();
        for (sum, value) in target.iter_mut().zip(tap(reach)) {
            *sum = value * gaussian[0];
        }
        for (i, weight) in gaussian.iter().enumerate().skip(1) {
            for ((sum, left), right) in target.iter_mut().zip(tap(reach - i)).zip(tap(reach + i)) {
                *sum += (left + right) * weight;
            }
        }
    });
    let mut out = vec![0.0_f32; plane.len()];
    for_rows(&mut out, needed, |y, target| {
        for offset in 0..=2 * reach {
            let weight = gaussian[offset.abs_diff(reach)];
            for (sum, value) in target.iter_mut().zip(row(&rows, y + offset, reach)) {
                *sum += weight * value;
            }
        }
    });
    out
}

/// The mean of the pixels of a row that lie within `reach`.
fn box_rows(plane: &[f32], reach: usize, needed: &Range<usize>) -> Vec<f32> {
    let taps = 2 * reach + 1;
    let mut out = vec![0.0_f32; plane.len()];
    for_rows(&mut out, needed, |y, target| {
        let padded = padded(plane, y);
        for offset in 0..taps {
            for (sum, value) in target.iter_mut().zip(&padded[MAX_REACH + offset - reach..]) {
                *sum += value;
            }
        }
        target.iter_mut().for_each(|sum| *sum /= taps as f32);
    });
    out
}

/// The mean of the pixels of a column that lie within `reach`.
fn box_columns(plane: &[f32], reach: usize, needed: &Range<usize>) -> Vec<f32> {
    let tap = 1.0 / (2 * reach + 1) as f32;
    let mut out = vec![0.0_f32; plane.len()];
    for_rows(&mut out, needed, |y, target| {
        for offset in 0..=2 * reach {
            for (sum, value) in target.iter_mut().zip(row(plane, y + offset, reach)) {
                *sum += tap * value;
            }
        }
    });
    out
}

/// Fills the needed rows of a plane.
fn for_rows(plane: &mut [f32], needed: &Range<usize>, mut fill: impl FnMut(usize, &mut [f32])) {
    let rows = plane.chunks_exact_mut(WIDTH).enumerate();
    for (y, target) in rows.take(needed.end).skip(needed.start) {
        fill(y, target);
    }
}

/// The row `reach` rows above `below`; beyond the edges the first and the last go on.
fn row(plane: &[f32], below: usize, reach: usize) -> &[f32] {
    let y = below.saturating_sub(reach).min(HEIGHT - 1);
    plane.get(y * WIDTH..(y + 1) * WIDTH).unwrap_or_default()
}

/// A row whose first and last pixel go on for [`MAX_REACH`] places.
fn padded(plane: &[f32], y: usize) -> [f32; WIDTH + 2 * MAX_REACH] {
    let row = row(plane, y, 0);
    let edge = |pixel: Option<&f32>| pixel.copied().unwrap_or(0.0);
    let mut padded = [0.0_f32; WIDTH + 2 * MAX_REACH];
    padded[..MAX_REACH].fill(edge(row.first()));
    padded[MAX_REACH + WIDTH..].fill(edge(row.last()));
    for (place, value) in padded[MAX_REACH..].iter_mut().zip(row) {
        *place = *value;
    }
    padded
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::{Point, Size};
    use crate::measure::Pixels;
    use crate::measure::subject::samples::{face, picture};

    const SIZE: Size = Size::new(640, 480);

    fn measured(pixel: impl Fn(u32, u32) -> [u8; 3]) -> f64 {
        let rgb = picture(SIZE, pixel);
        let face = face(Point::new(320.0, 220.0), 60.0);
        let subject = Subject::new(Pixels::new(SIZE, &rgb).unwrap(), &face, &[]);
        read(&subject).native().unwrap()
    }

    #[test]
    fn both_gaussians_sum_to_one() {
        for look in [COARSE, FINE] {
            let sum = look.gaussian[0] + 2.0 * look.gaussian[1..].iter().sum::<f32>();
            assert!((sum - 1.0).abs() < 1e-4, "{sum}");
        }
    }

    #[test]
    fn fine_stripes_are_sharp_and_slow_waves_are_blurred() {
        let stripes = |period: f64| {
            measured(move |x, y| {
                let wave = |at: u32| (f64::from(at) * std::f64::consts::TAU / period).sin();
                [(128.0 + 50.0 * wave(x) + 50.0 * wave(y)) as u8; 3]
            })
        };
        let values = [stripes(8.0), stripes(16.0), stripes(32.0), stripes(64.0)];
        assert!(values.is_sorted(), "{values:?}");
        assert!(values[0] < 0.2 && values[3] > 0.8, "{values:?}");
    }

    #[test]
    fn half_the_light_hardly_changes_the_value() {
        let texture = |x: u32, y: u32| ((x / 5 * 37 + y / 7 * 91) % 100) as u8;
        let bright = measured(|x, y| [100 + texture(x, y); 3]);
        let dark = measured(|x, y| [50 + texture(x, y) / 2; 3]);
        assert!((bright - dark).abs() < 0.02, "{bright} {dark}");
    }

    #[test]
    fn a_face_without_detail_is_as_blurred_as_can_be() {
        assert!((measured(|_, _| [90; 3]) - 1.0).abs() < 1e-9);
    }
}
