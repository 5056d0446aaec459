//! How grainy the face is: what lies between diagonal neighbours, where skin has nothing.
//!
//! The diagonal difference of four neighbours takes brightness, slopes and upright or level edges away and
//! leaves noise; the median over the face does not see the few places with real detail. Noise that is coarser
//! than a pixel, as a camera's own smoothing leaves it, reads too low.

use super::scale::{reading, sigmoid};
use super::window::Window;
use super::{Limits, Measure, Subject};
use crate::domain::{MeasureName, Reading, Reason};

pub(super) const MEASURE: Measure = Measure {
    name: MeasureName("noise"),
    title: "Standard deviation of the noise on the face",
    unit: "grey levels",
    source: "Donoho, Johnstone: Ideal spatial adaptation by wavelet shrinkage, Biometrika 1994: median of the \
             finest diagonal Haar coefficients over 0.6745",
    range: (0.0, 380.0),
    limits: Limits::at_most([Some(13.0), Some(9.0), Some(6.0)]),
    below: None,
    above: Some(Reason::NoisyPicture),
    read,
};

/// The median of the size of a normal variable of deviation 1.
const NORMAL_MEDIAN: f64 = 0.6745;

/// The largest sum of two brightnesses less two others.
const LARGEST: usize = 2 * 255;

fn read(subject: &Subject<'_>) -> Reading {
    match subject.window() {
        Ok(window) => {
            let noise = median(&differences(window)) / (2.0 * NORMAL_MEDIAN);
            // The curve is this project's own: 50 at the standard gate.
            reading(noise, 100.0 * (1.0 - sigmoid(noise, 9.0, 2.0)))
        }
        Err(cause) => Reading::NotAssessed(cause),
    }
}

/// How often each size of a diagonal difference occurs, in blocks of two by two pixels.
fn differences(window: &Window) -> [u32; LARGEST + 1] {
    let mut counts = [0; LARGEST + 1];
    for pair in window.luma.chunks_exact(2 * window.width) {
        let (upper, lower) = pair.split_at(window.width);
        for (top, low) in upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0) {
            let ([a, b], [c, d]) = (top, low);
            let down = u16::from(*a) + u16::from(*d);
            let up = u16::from(*b) + u16::from(*c);
            if let Some(count) = counts.get_mut(usize::from(down.abs_diff(up))) {
                *count += 1;
            }
        }
    }
    counts
}

/// The median of whole numbers, each of which stands for the values half a step around it; so it does not jump.
fn median(counts: &[u32]) -> f64 {
    let half = f64::from(counts.iter().sum::<u32>()) / 2.0;
    let mut below = 0.0;
    for (size, count) in counts.iter().enumerate() {
        let count = f64::from(*count);
        if count > 0.0 && below + count >= half {
            let inside = (half - below) / count;
            // Zero has no half step below it.
            return if size == 0 { inside / 2.0 } else { size as f64 - 0.5 + inside };
        }
        below += count;
    }
    0.0
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::{Point, Size};
    use crate::measure::Pixels;
    use crate::measure::subject::samples::{face, picture};

    const SIZE: Size = Size::new(320, 240);

    fn measured(pixel: impl Fn(u32, u32) -> u8) -> f64 {
        let rgb = picture(SIZE, |x, y| [pixel(x, y); 3]);
        let face = face(Point::new(160.0, 110.0), 60.0);
        read(&Subject::new(Pixels::new(SIZE, &rgb).unwrap(), &face, &[])).native().unwrap()
    }

    /// A number from 0 to 1 that looks drawn by lot.
    fn lot(x: u32, y: u32, draw: u32) -> f64 {
        let mut mixed = (x * 7919 + y * 104_729 + draw * 15_485_863).wrapping_mul(2_654_435_761);
        mixed ^= mixed >> 15;
        mixed = mixed.wrapping_mul(0x2C1B_3C6D);
        f64::from((mixed ^ (mixed >> 12)) >> 8) / f64::from(1 << 24)
    }

    #[test]
    fn noise_of_a_known_deviation_is_read_back() {
        for deviation in [3.0, 8.0, 20.0] {
            let noise = |x, y| (0..12).map(|draw| lot(x, y, draw)).sum::<f64>() - 6.0;
            let found = measured(|x, y| (128.0 + deviation * noise(x, y)).round() as u8);
            assert!((found / deviation - 1.0).abs() < 0.1, "{deviation}: {found}");
        }
    }

    #[test]
    fn slopes_and_edges_are_no_noise() {
        assert!(measured(|x, _| (x / 2) as u8) < 0.6);
        assert!(measured(|x, y| if (x / 9 + y / 9) % 2 == 0 { 60 } else { 200 }) < 0.6);
    }
}
