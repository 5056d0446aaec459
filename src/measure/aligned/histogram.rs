//! How often each linear-light luminance occurs in a part of the face.

use std::sync::LazyLock;

/// Luminance of each sRGB value in linear light, 0 to 1 (IEC 61966-2-1).
static LINEAR: LazyLock<[f32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|value| {
        let v = value as f32 / 255.0;
        if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    })
});

/// The light, 0 to 1, that an sRGB value stands for.
pub(in crate::measure) fn linear(value: u8) -> f32 {
    LINEAR[usize::from(value)]
}

/// How often each linear-light luminance, 0 to 255, occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::measure) struct Histogram {
    counts: [u32; 256],
}

impl Histogram {
    /// Counts the luminances of sRGB pixels.
    pub(in crate::measure) fn of<'a>(pixels: impl Iterator<Item = &'a [u8; 3]>) -> Self {
        let linear = &*LINEAR;
        let mut counts = [0_u32; 256];
        for [r, g, b] in pixels {
            let luminance = 0.2126 * linear[usize::from(*r)]
                + 0.7152 * linear[usize::from(*g)]
                + 0.0722 * linear[usize::from(*b)];
            // Not negative, so the cast rounds; `round` is a slow call on processors without an instruction for it.
            counts[usize::from((luminance * 255.0 + 0.5) as u8)] += 1;
        }
        Self { counts }
    }

    /// The share of all pixels in each bin; `None` without pixels.
    pub(in crate::measure) fn shares(&self) -> Option<[f64; 256]> {
        let total: u32 = self.counts.iter().sum();
        (total > 0).then(|| self.counts.map(|count| f64::from(count) / f64::from(total)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_nothing_has_none() {
        let shares = Histogram::of([[0; 3], [255; 3], [255; 3], [128; 3]].iter()).shares().unwrap();
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!((shares[255] - 0.5).abs() < 1e-9 && (shares[55] - 0.25).abs() < 1e-9);
        assert_eq!(Histogram::of([].iter()).shares(), None);
    }
}
