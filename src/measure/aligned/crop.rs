//! Cuts the face out of the picture, averages it down and turns it upright.

use super::place::ToView;
use super::{HEIGHT, Needed, WIDTH};
use crate::domain::Point;
use crate::measure::Pixels;

/// The part of the picture around the face, averaged down by a whole factor.
pub(super) struct Crop {
    rgb: Vec<[u8; 3]>,
    width: usize,
    height: usize,
    left: usize,
    top: usize,
    factor: usize,
}

impl Crop {
    /// Cuts out what the view can reach; `None` when hardly anything of it is inside the picture.
    pub(super) fn of(pixels: &Pixels<'_>, to_view: &ToView) -> Option<Self> {
        let corners = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
            .map(|(x, y)| to_view.picture(Point::new(x * WIDTH as f32, y * HEIGHT as f32)));
        let span = |from: fn(&Point) -> f32, limit: u32| {
            let low = corners.iter().map(from).fold(f32::MAX, f32::min).floor() - 1.0;
            let high = corners.iter().map(from).fold(f32::MIN, f32::max).ceil() + 2.0;
            let limit = limit as f32;
            (low.clamp(0.0, limit) as usize, high.clamp(0.0, limit) as usize)
        };
        let (left, right) = span(|corner| corner.x, pixels.size().width);
        let (top, bottom) = span(|corner| corner.y, pixels.size().height);
        let scale = to_view.step.x.hypot(to_view.step.y);
        let factor = (scale.floor() as usize).max(1);
        let (width, height) = ((right - left) / factor, (bottom - top) / factor);
        if width < 2 || height < 2 {
            return None;
        }
        let mut crop = Self { rgb: Vec::new(), width, height, left, top, factor };
        crop.average(pixels);
        Some(crop)
    }

    fn average(&mut self, pixels: &Pixels<'_>) {
        let Self { width, factor, left, .. } = *self;
        if factor == 1 {
            for y in self.top..self.top + self.height {
                let row = pixels.row(y).get(left * 3..(left + width) * 3).unwrap_or_default();
                self.rgb.extend_from_slice(row.as_chunks().0);
            }
            return;
        }
        let area = (factor * factor) as u32;
        let mut sums = vec![[0_u32; 3]; width];
        self.rgb.reserve(width * self.height);
        for y in 0..self.height {
            sums.fill([0; 3]);
            for line in 0..factor {
                let row = pixels.row(self.top + y * factor + line);
                let used = row.get(left * 3..(left + width * factor) * 3).unwrap_or_default();
                for (sum, block) in sums.iter_mut().zip(used.chunks_exact(factor * 3)) {
                    for pixel in block.chunks_exact(3) {
                        for (sum, value) in sum.iter_mut().zip(pixel) {
                            *sum += u32::from(*value);
                        }
                    }
                }
            }
            self.rgb.extend(sums.iter().map(|sum| sum.map(|s| ((s + area / 2) / area) as u8)));
        }
    }

    /// Samples the view between the crop's pixels; beyond the picture its edge goes on, and what is not
    /// needed stays black.
    pub(super) fn turn(&self, to_view: &ToView, needed: &Needed) -> Vec<[u8; 3]> {
        let factor = self.factor as f32;
        // An averaged pixel's middle lies half a block in.
        let place = |at: f32, edge: usize| fixed((at - edge as f32 + 0.5) / factor - 0.5);
        let (step_x, step_y) = (fixed(to_view.step.x / factor), fixed(to_view.step.y / factor));
        let mut view = vec![[0; 3]; WIDTH * HEIGHT];
        let rows = view.chunks_exact_mut(WIDTH).enumerate();
        for (v, row) in rows.take(needed.rows.end).skip(needed.rows.start) {
            let start = to_view.picture(Point::new(needed.columns.start as f32, v as f32));
            let (mut x, mut y) = (place(start.x, self.left), place(start.y, self.top));
            for pixel in row.get_mut(needed.columns.clone()).unwrap_or_default() {
                *pixel = self.between(x, y);
                x = x.saturating_add(step_x);
                y = y.saturating_add(step_y);
            }
        }
        view
    }

    /// The colour at a place in [`fixed`] point, weighed from the four pixels around it.
    fn between(&self, x: i32, y: i32) -> [u8; 3] {
        let (column, fx) = split(x, self.width);
        let (row, fy) = split(y, self.height);
        let at = row * self.width + column;
        let top = self.rgb.get(at..at + 2).unwrap_or_default();
        let low = self.rgb.get(at + self.width..at + self.width + 2).unwrap_or_default();
        let ([a, b], [c, d]) = (top, low) else { return [0; 3] };
        std::array::from_fn(|i| {
            let upper = u32::from(a[i]) * (256 - fx) + u32::from(b[i]) * fx;
            let lower = u32::from(c[i]) * (256 - fx) + u32::from(d[i]) * fx;
            ((upper * (256 - fy) + lower * fy + (1 << 15)) >> 16) as u8
        })
    }
}

/// A coordinate with 16 fraction bits: whole numbers are several times as fast here, also on an ARM core.
fn fixed(coordinate: f32) -> i32 {
    (coordinate * 65_536.0) as i32
}

/// The pixel before a place, such that another one follows, and the share of the other in 256ths.
fn split(place: i32, length: usize) -> (usize, u32) {
    let last = (length - 2) as i32;
    let whole = place >> 16;
    if whole < 0 {
        (0, 0)
    } else if whole > last {
        (last as usize, 256)
    } else {
        (whole as usize, (place as u32 >> 8) & 0xFF)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::Size;

    #[test]
    fn a_large_face_is_averaged_and_not_thinned_out() {
        // A checkerboard of single pixels: picking every third one would give stripes of black and white.
        let size = Size::new(900, 900);
        let rgb: Vec<u8> = (0..900 * 900)
            .flat_map(|i| [if (i % 900 + i / 900) % 2 == 0 { 0 } else { 240 }; 3])
            .collect();
        let to_view = ToView { middle: Point::new(450.0, 450.0), step: Point::new(4.0, 0.0) };
        let crop = Crop::of(&Pixels::new(size, &rgb).unwrap(), &to_view).unwrap();
        let view = crop.turn(&to_view, &Needed { rows: 0..HEIGHT, columns: 0..WIDTH });
        assert!(view.iter().all(|[grey, ..]| grey.abs_diff(120) < 3));
    }

    #[test]
    fn a_place_beyond_the_edge_takes_the_edges_colour() {
        assert_eq!(split(fixed(-3.5), 10), (0, 0));
        assert_eq!(split(fixed(4.25), 10), (4, 64));
        assert_eq!(split(fixed(70.0), 10), (8, 256));
    }
}
