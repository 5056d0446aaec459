//! Colours and brightnesses of small patches of the aligned face, at points of the mesh.

use super::Subject;
use super::aligned::Aligned;
use crate::domain::Cause;

/// Values from which on a pixel counts as white.
const WHITE: u8 = 250;

/// The brightness of a pixel as the eye sees it, 0 to 255 (the luma of ITU-R BT.601).
pub(super) fn brightness([r, g, b]: &[u8; 3]) -> u8 {
    ((u32::from(*r) * 77 + u32::from(*g) * 150 + u32::from(*b) * 29) >> 8) as u8
}

/// How often each brightness occurs.
#[derive(Debug)]
pub(super) struct Brightnesses {
    counts: [u32; 256],
    total: u32,
}

impl Brightnesses {
    /// Counts single values.
    pub(super) fn of(values: impl Iterator<Item = u8>) -> Self {
        let (mut counts, mut total) = ([0; 256], 0);
        for value in values {
            counts[usize::from(value)] += 1;
            total += 1;
        }
        Self { counts, total }
    }

    /// The value that `share` of the others do not exceed; fails without any.
    pub(super) fn quantile(&self, share: f64) -> Result<f64, Cause> {
        let wanted = (f64::from(self.total) * share).ceil().max(1.0) as u32;
        let mut seen = 0;
        let reached = |count: &u32| {
            seen += count;
            seen >= wanted
        };
        let found = if self.total == 0 { None } else { self.counts.iter().position(reached) };
        found.map(|value| value as f64).ok_or(Cause::TooSmall)
    }

    /// Whether most of it is white, so that nothing can be seen there.
    pub(super) fn are_clipped(&self) -> bool {
        let white: u32 = self.counts.iter().skip(usize::from(WHITE)).sum();
        2 * white > self.total
    }
}

/// The pixels of squares of `side` pixels around points of the mesh.
pub(super) fn patches<'a>(
    subject: &'a Subject<'_>,
    view: &'a Aligned,
    points: &[usize],
    side: f32,
) -> Result<Vec<&'a [u8; 3]>, Cause> {
    let mut pixels = Vec::with_capacity(points.len() * (side * side) as usize);
    for point in points {
        pixels.extend(view.square(view.place(subject.mesh_point(*point)?), side));
    }
    Ok(pixels)
}

/// The median of each channel over patches; fails where none of them lies in the view.
pub(super) fn colour(pixels: &[&[u8; 3]]) -> Result<[f64; 3], Cause> {
    let channel = |i: usize| Brightnesses::of(pixels.iter().map(|pixel| pixel[i])).quantile(0.5);
    Ok([channel(0)?, channel(1)?, channel(2)?])
}

/// The median brightness over patches.
pub(super) fn median_brightness(pixels: &[&[u8; 3]]) -> Result<f64, Cause> {
    Brightnesses::of(pixels.iter().map(|pixel| brightness(pixel))).quantile(0.5)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occur_and_nothing_has_none() {
        let values = Brightnesses::of([10, 20, 30, 40].into_iter());
        let found = [0.0, 0.5, 0.75, 1.0].map(|share| values.quantile(share).unwrap());
        assert!(found.iter().zip([10.0, 20.0, 30.0, 40.0]).all(|(a, b)| (a - b).abs() < 1e-9));
        assert_eq!(Brightnesses::of([].into_iter()).quantile(0.5), Err(Cause::TooSmall));
    }

    #[test]
    fn a_white_patch_is_clipped_and_one_with_a_highlight_is_not() {
        assert!(Brightnesses::of([255, 251, 90].into_iter()).are_clipped());
        assert!(!Brightnesses::of([255, 90, 90].into_iter()).are_clipped());
    }
}
