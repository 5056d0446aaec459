//! Cuts the inputs of the nets out of a picture: the whole picture made smaller, or a turned square of it.

use crate::domain::{Point, Point3, Rect, Size};

use super::Picture;

/// One bilinear sample will do for a cell of so many pixels a side; wider ones are sampled at several points.
const PIXELS_PER_SAMPLE: f32 = 3.0;

/// Sampling a cell at more points a side than this costs more than it steadies.
const MOST_SAMPLES: f32 = 4.0;

/// A square of a picture that may be turned and may reach beyond the edges.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Region {
    /// Its middle in picture pixels.
    pub(super) center: Point,
    /// Its side in picture pixels.
    pub(super) side: f32,
    /// How far it is turned, in radians, clockwise in the picture: a face tilted by this stands upright in it.
    pub(super) angle: f32,
}

impl Region {
    /// Maps a point of the square, given in `cells` of its side from its top left corner, into the picture.
    ///
    /// Depth is scaled alike.
    pub(super) fn to_picture(self, p: Point3, cells: f32) -> Point3 {
        let scale = self.side / cells;
        let (sin, cos) = self.angle.sin_cos();
        let (x, y) = ((p.x - cells / 2.0) * scale, (p.y - cells / 2.0) * scale);
        Point3 {
            x: self.center.x + x * cos - y * sin,
            y: self.center.y + x * sin + y * cos,
            z: p.z * scale,
        }
    }
}

impl Region {
    /// The upright box around the square, with a pixel more for the values between pixels.
    pub(super) fn bounds(self) -> Rect {
        let (sin, cos) = self.angle.sin_cos();
        let side = self.side * (sin.abs() + cos.abs()) + 2.0;
        Rect::new(self.center.x - side / 2.0, self.center.y - side / 2.0, side, side)
    }
}

/// Which way round a square is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// As it lies in the picture.
    Straight,
    /// Left and right exchanged.
    Mirrored,
}

/// Writes a square of the picture as three planes (R, G, B) of `cells` x `cells` values from 0 to 1.
///
/// Bilinear; where a cell covers several pixels, several points of it are averaged. Black beyond the edges.
/// Places are counted in 256ths of a pixel, in whole numbers, so that every processor reads the same.
pub(super) fn sample(
    picture: &Picture,
    region: Region,
    cells: usize,
    reading: Reading,
    planes: &mut [f32],
) {
    let scale = region.side / cells as f32;
    let samples = (scale / PIXELS_PER_SAMPLE).ceil().clamp(1.0, MOST_SAMPLES) as usize;
    let lines = Lines::of(picture.size(), region, cells * samples);
    let weight = 1.0 / (255 * 65_536 * samples * samples) as f32;
    let mut sums = vec![[0_u32; 3]; cells];
    let (red, rest) = planes.split_at_mut(cells * cells);
    let (green, blue) = rest.split_at_mut(cells * cells);
    for row in 0..cells {
        sums.fill([0; 3]);
        for line in row * samples..(row + 1) * samples {
            lines.add(picture, line, samples, &mut sums);
        }
        for (column, sum) in sums.iter().enumerate() {
            let place = match reading {
                Reading::Straight => row * cells + column,
                Reading::Mirrored => row * cells + cells - 1 - column,
            };
            red[place] = sum[0] as f32 * weight;
            green[place] = sum[1] as f32 * weight;
            blue[place] = sum[2] as f32 * weight;
        }
    }
}

/// The sample points of a square, line by line; coordinates have 16 fraction bits.
struct Lines {
    size: Size,
    /// Points in a line, and lines.
    count: usize,
    /// The first point of the first line.
    origin: (f32, f32),
    /// From point to point along a line, in pixels.
    across: (f32, f32),
}

impl Lines {
    fn of(size: Size, region: Region, count: usize) -> Self {
        let step = region.side / count as f32;
        let (sin, cos) = region.angle.sin_cos();
        // The first sample's place; a pixel's value stands at its middle.
        let first = (step - region.side) / 2.0;
        let origin_x = region.center.x + first * (cos - sin) - 0.5;
        let origin_y = region.center.y + first * (sin + cos) - 0.5;
        Self { size, count, origin: (origin_x, origin_y), across: (step * cos, step * sin) }
    }

    /// Adds the colours of a line's points, in 65,536ths, to the sums of the cells, `samples` points a cell.
    fn add(&self, picture: &Picture, line: usize, samples: usize, sums: &mut [[u32; 3]]) {
        let (step_x, step_y) = self.across;
        let down = line as f32;
        let start = (self.origin.0 - down * step_y, self.origin.1 + down * step_x);
        if !self.is_inside(start) {
            for (cell, mark) in (0..self.count).map(|mark| (mark / samples, mark as f32)) {
                let (x, y) = (start.0 + mark * step_x, start.1 + mark * step_y);
                let color = bilinear_at_edge(picture, x, y);
                for (total, part) in sums[cell].iter_mut().zip(color) {
                    *total += (part * 65_536.0) as u32;
                }
            }
            return;
        }
        let fixed = |pixels: f32| (pixels * 65_536.0) as i32;
        // Half of a 256th: what is cut off below is rounded instead.
        let (mut x, mut y) = (fixed(start.0) + 128, fixed(start.1) + 128);
        let (step_x, step_y) = (fixed(step_x), fixed(step_y));
        for sum in sums {
            for _ in 0..samples {
                for (total, part) in sum.iter_mut().zip(bilinear(picture, x, y)) {
                    *total += part;
                }
                x += step_x;
                y += step_y;
            }
        }
    }

    /// Whether a line that begins here has four pixels around each of its points.
    fn is_inside(&self, start: (f32, f32)) -> bool {
        let length = self.count as f32;
        let end = (start.0 + length * self.across.0, start.1 + length * self.across.1);
        // A pixel from the edges, for what rounding adds up to.
        let within = |at: f32, side: u32| at >= 1.0 && at < side as f32 - 2.0;
        [start, end]
            .iter()
            .all(|(x, y)| within(*x, self.size.width) && within(*y, self.size.height))
    }
}

/// The colour at a point between pixels, in 65,536ths.
#[inline(always)]
fn bilinear(picture: &Picture, x: i32, y: i32) -> [u32; 3] {
    let (left, top) = ((x >> 16) as usize, (y >> 16) as usize);
    let (across, down) = ((x as u32 >> 8) & 0xFF, (y as u32 >> 8) & 0xFF);
    let stride = 3 * picture.size().width as usize;
    let at = top * stride + 3 * left;
    let upper = picture.rgb().get(at..).and_then(<[u8]>::first_chunk::<6>);
    let lower = picture.rgb().get(at + stride..).and_then(<[u8]>::first_chunk::<6>);
    let (Some(upper), Some(lower)) = (upper, lower) else { return [0; 3] };
    let mix = |line: &[u8; 6], channel: usize| {
        u32::from(line[channel]) * (256 - across) + u32::from(line[channel + 3]) * across
    };
    std::array::from_fn(|channel| mix(upper, channel) * (256 - down) + mix(lower, channel) * down)
}

/// The colour at a point, 0 to 255 a channel, where some of the four pixels around it may lie outside: those are
/// black.
fn bilinear_at_edge(picture: &Picture, x: f32, y: f32) -> [f32; 3] {
    let Size { width, height } = picture.size();
    let (left, top) = (x.floor(), y.floor());
    let (across, down) = (x - left, y - top);
    // The casts saturate: however far outside, the column stays outside.
    let (left, top) = (left as i64, top as i64);
    let mut color = [0.0; 3];
    for (column, row, weight) in [
        (left, top, (1.0 - across) * (1.0 - down)),
        (left.saturating_add(1), top, across * (1.0 - down)),
        (left, top.saturating_add(1), (1.0 - across) * down),
        (left.saturating_add(1), top.saturating_add(1), across * down),
    ] {
        if (0..i64::from(width)).contains(&column) && (0..i64::from(height)).contains(&row) {
            let at = 3 * (row as usize * width as usize + column as usize);
            for (total, byte) in color.iter_mut().zip(&picture.rgb()[at..at + 3]) {
                *total += weight * f32::from(*byte);
            }
        }
    }
    color
}

/// Writes the whole picture as three planes (B, G, R) of `rows` x `columns` values from 0 to 255.
///
/// The aspect is kept, the picture lies in the top left corner and the rest stays as it was. Each value is
/// the mean of the pixels under it; a smaller picture is not enlarged. Gives the picture pixels per value.
pub(super) fn shrink(picture: &Picture, columns: usize, rows: usize, planes: &mut [f32]) -> f32 {
    let Size { width, height } = picture.size();
    let scale = (width as f32 / columns as f32).max(height as f32 / rows as f32).max(1.0);
    let across = cuts(width, scale, columns);
    let down = cuts(height, scale, rows);
    let (blue, rest) = planes.split_at_mut(rows * columns);
    let (green, red) = rest.split_at_mut(rows * columns);
    for (row, lines) in down.windows(2).enumerate() {
        for (column, pixels) in across.windows(2).enumerate() {
            let mut sum = [0_u32; 3];
            for line in lines[0]..lines[1] {
                let start = line * width as usize;
                let bytes = &picture.rgb()[3 * (start + pixels[0])..3 * (start + pixels[1])];
                for rgb in bytes.chunks_exact(3) {
                    sum[0] += u32::from(rgb[0]);
                    sum[1] += u32::from(rgb[1]);
                    sum[2] += u32::from(rgb[2]);
                }
            }
            let count = ((lines[1] - lines[0]) * (pixels[1] - pixels[0])) as f32;
            let place = row * columns + column;
            red[place] = sum[0] as f32 / count;
            green[place] = sum[1] as f32 / count;
            blue[place] = sum[2] as f32 / count;
        }
    }
    scale
}

/// Where to cut `length` pixels so that each piece is about `scale` long; at most `most` pieces.
fn cuts(length: u32, scale: f32, most: usize) -> Vec<usize> {
    let pieces = ((length as f32 / scale).round() as usize).clamp(1, most);
    (0..=pieces).map(|i| ((i as f32 * scale) as usize).min(length as usize)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture whose red is the column and whose green is the row.
    fn ramp(width: u32, height: u32) -> Picture {
        let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| [x as u8, y as u8, 7]));
        Picture::from_rgb(Size::new(width, height), pixels.collect()).unwrap()
    }

    #[test]
    fn an_upright_square_of_the_same_size_is_the_picture_itself() {
        let mut planes = vec![0.0; 3 * 16];
        let region = Region { center: Point::new(12.0, 22.0), side: 4.0, angle: 0.0 };
        sample(&ramp(64, 64), region, 4, Reading::Straight, &mut planes);
        let red: Vec<f32> = planes[..4].iter().map(|v| (v * 255.0).round()).collect();
        assert_eq!(red, [10.0, 11.0, 12.0, 13.0]);
        assert!((planes[16] * 255.0 - 20.0).abs() < 1e-3);
        sample(&ramp(64, 64), region, 4, Reading::Mirrored, &mut planes);
        assert!((planes[0] * 255.0 - 13.0).abs() < 1e-3);
    }

    #[test]
    fn what_is_read_at_a_cell_lies_where_the_region_maps_that_cell_to() {
        let region = Region { center: Point::new(90.0, 80.0), side: 60.0, angle: 0.4 };
        let mut planes = vec![0.0; 3 * 20 * 20];
        sample(&ramp(200, 200), region, 20, Reading::Straight, &mut planes);
        for (column, row) in [(0_usize, 0_usize), (19, 0), (7, 12)] {
            let middle = Point3 { x: column as f32 + 0.5, y: row as f32 + 0.5, z: 0.0 };
            let there = region.to_picture(middle, 20.0);
            let at = row * 20 + column;
            assert!((planes[at] * 255.0 + 0.5 - there.x).abs() < 0.01);
            assert!((planes[400 + at] * 255.0 + 0.5 - there.y).abs() < 0.01);
        }
    }

    #[test]
    fn beyond_the_edges_everything_is_black() {
        let mut planes = vec![1.0; 3 * 16];
        let region = Region { center: Point::new(-500.0, 9e9), side: 40.0, angle: 1.0 };
        sample(&ramp(64, 64), region, 4, Reading::Straight, &mut planes);
        assert!(planes.iter().all(|v| *v == 0.0));
    }

    #[test]
    fn a_region_that_is_nowhere_reads_without_a_panic() {
        let mut planes = vec![0.0; 3 * 16];
        for center in [Point::new(f32::NAN, 1.0), Point::new(f32::INFINITY, f32::NEG_INFINITY)] {
            for side in [f32::NAN, f32::INFINITY, 0.0, -3.0] {
                let region = Region { center, side, angle: 0.0 };
                sample(&ramp(1, 1), region, 4, Reading::Straight, &mut planes);
                sample(&ramp(64, 64), region, 4, Reading::Mirrored, &mut planes);
            }
        }
    }

    #[test]
    fn a_wide_picture_fills_the_width_and_leaves_the_rest_untouched() {
        let mut planes = vec![-1.0; 3 * 32 * 32];
        let scale = shrink(&ramp(128, 64), 32, 32, &mut planes);
        assert!((scale - 4.0).abs() < 1e-6);
        let red = &planes[2 * 32 * 32..];
        // Columns 4 to 7 under the second value.
        assert!((red[1] - 5.5).abs() < 1e-4);
        assert!(red[15 * 32] >= 0.0 && red[16 * 32] < 0.0);
    }

    #[test]
    fn a_picture_smaller_than_the_input_is_not_enlarged() {
        let mut planes = vec![0.0; 3 * 32 * 32];
        let scale = shrink(&ramp(20, 10), 32, 32, &mut planes);
        assert!((scale - 1.0).abs() < 1e-6);
        assert!((planes[2 * 32 * 32 + 19] - 19.0).abs() < 1e-4);
    }

    #[test]
    fn no_size_of_picture_cuts_out_of_bounds() {
        for (width, height) in [(1, 1), (1, 900), (641, 479), (1920, 1080), (37, 1000)] {
            let mut planes = vec![0.0; 3 * 160 * 128];
            shrink(&ramp(width, height), 160, 128, &mut planes);
        }
    }
}
