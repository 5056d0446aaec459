//! How clearly the blocks of a strong compression show.
//!
//! A JPEG is compressed in blocks of eight by eight pixels. Where much was left out, neighbours on both sides of
//! a block's edge differ more than neighbours within a block; the grid is looked for, so that a picture that
//! was cut out of another one counts too. What was scaled since, or smoothed, is not seen: it reads too low.

use super::scale::{reading, sigmoid};
use super::window::Window;
use super::{Limits, Measure, Subject};
use crate::domain::{MeasureName, Reading, Reason};

pub(super) const MEASURE: Measure = Measure {
    name: MeasureName("compression"),
    title: "Steps at the edges of 8x8 blocks over steps within them (1 no blocks)",
    unit: "",
    source: "ISO/IEC 29794-5 CompressionArtifacts by other means: blockiness after Wang, Sheikh, Bovik, No-reference \
             perceptual quality assessment of JPEG, ICIP 2002; on clean faces 1.1 at JPEG quality 90, 1.3 at 70, 1.4 \
             to 1.8 at 30, 2 to 2.8 at 10",
    range: (0.0, 511.0),
    limits: Limits::at_most([Some(2.3), Some(1.9), Some(1.6)]),
    below: None,
    above: Some(Reason::CompressedPicture),
    read,
};

/// The side of a block.
const BLOCK: usize = 8;

/// Added to both mean steps: in a face without any detail nothing is divided by nothing.
const FLOOR: f64 = 0.5;

fn read(subject: &Subject<'_>) -> Reading {
    match subject.window() {
        Ok(window) => {
            let blocks = (excess(across(window)) * excess(down(window))).sqrt();
            // The curve is this project's own: 50 at the standard gate.
            reading(blocks, 100.0 * (1.0 - sigmoid(blocks, 1.9, 0.25)))
        }
        Err(cause) => Reading::NotAssessed(cause),
    }
}

/// The sum of the steps between neighbours in a row, and their number, for each place within a block.
fn across(window: &Window) -> [(u64, u64); BLOCK] {
    let mut steps = vec![0_u32; window.width - 1];
    for row in window.rows() {
        for (sum, pair) in steps.iter_mut().zip(row.windows(2)) {
            *sum += u32::from(pair[0].abs_diff(pair[1]));
        }
    }
    folded(steps.iter().map(|step| u64::from(*step)), window.height as u64)
}

/// The same between neighbours in a column.
fn down(window: &Window) -> [(u64, u64); BLOCK] {
    let pairs = window.rows().zip(window.rows().skip(1));
    let step = |(upper, lower): (&[u8], &[u8])| -> u64 {
        let steps = upper.iter().zip(lower).map(|(a, b)| u32::from(a.abs_diff(*b)));
        u64::from(steps.sum::<u32>())
    };
    folded(pairs.map(step), window.width as u64)
}

fn folded(steps: impl Iterator<Item = u64>, each: u64) -> [(u64, u64); BLOCK] {
    let mut sums = [(0, 0); BLOCK];
    for (at, step) in steps.enumerate() {
        let (sum, count) = &mut sums[at % BLOCK];
        *sum += step;
        *count += each;
    }
    sums
}

/// How many times larger the steps are at the place where they are largest than elsewhere.
fn excess(sums: [(u64, u64); BLOCK]) -> f64 {
    let mean = |sum: u64, count: u64| sum as f64 / count.max(1) as f64;
    let means = sums.map(|(sum, count)| mean(sum, count));
    let largest = means.iter().copied().fold(0.0, f64::max);
    let rest = (means.iter().sum::<f64>() - largest) / (BLOCK - 1) as f64;
    (largest + FLOOR) / (rest + FLOOR)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::{Point, Size};
    use crate::measure::Pixels;
    use crate::measure::subject::samples::{face, picture};

    fn measured(pixel: impl Fn(u32, u32) -> u8) -> f64 {
        let size = Size::new(320, 240);
        let rgb = picture(size, |x, y| [pixel(x, y); 3]);
        let face = face(Point::new(160.0, 110.0), 60.0);
        read(&Subject::new(Pixels::new(size, &rgb).unwrap(), &face, &[])).native().unwrap()
    }

    #[test]
    fn blocks_are_seen_wherever_their_grid_begins_and_other_patterns_are_not() {
        let blocks = |shift: u32| {
            measured(move |x, y| {
                let (column, row) = ((x + shift) / 8, (y + shift) / 8);
                (90 + (column * 31 + row * 17) % 40 + x % 2) as u8
            })
        };
        for shift in [0, 3, 7] {
            assert!(blocks(shift) > 3.0, "{shift}: {}", blocks(shift));
        }
        let wave = measured(|x, y| (128.0 + 60.0 * (f64::from(x + 2 * y) / 5.0).sin()) as u8);
        assert!(wave < 1.1, "{wave}");
        assert!((measured(|_, _| 77) - 1.0).abs() < 1e-9);
    }
}
