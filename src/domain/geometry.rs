//! Points and boxes in picture coordinates: pixels, origin at the top left corner, x right, y down.

/// A point in a picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// Pixels to the right of the picture's left edge.
    pub x: f32,
    /// Pixels below the picture's top edge.
    pub y: f32,
}

impl Point {
    /// The point at `x`, `y`.
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// The distance to `other` in pixels.
    pub fn distance(self, other: Self) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// The point half way to `other`.
    pub fn midpoint(self, other: Self) -> Self {
        Self::new((self.x + other.x) / 2.0, (self.y + other.y) / 2.0)
    }
}

/// A point of the face mesh: picture pixels, and a depth in the same unit (smaller is nearer to the camera).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point3 {
    /// Pixels to the right of the picture's left edge.
    pub x: f32,
    /// Pixels below the picture's top edge.
    pub y: f32,
    /// Relative depth in pixels, smaller is nearer.
    pub z: f32,
}

impl Point3 {
    /// The point as it lies in the picture.
    pub const fn flat(self) -> Point {
        Point::new(self.x, self.y)
    }
}

/// A picture's size in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Size {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Size {
    /// The size `width` x `height`.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// An upright box in a picture, in pixels; it may reach beyond the picture's edges.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rect {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width, not negative.
    pub width: f32,
    /// Height, not negative.
    pub height: f32,
}

impl Rect {
    /// The box with its top left corner at `x`, `y`.
    pub const fn new(x: f32, y: f32, width: f32, height: f32) -> Self {
        Self { x, y, width, height }
    }

    /// The smallest box around `points`; an empty box at the origin for no points.
    pub fn around(points: impl IntoIterator<Item = Point>) -> Self {
        let mut bounds: Option<(f32, f32, f32, f32)> = None;
        for p in points {
            let (x0, y0, x1, y1) = bounds.unwrap_or((p.x, p.y, p.x, p.y));
            bounds = Some((x0.min(p.x), y0.min(p.y), x1.max(p.x), y1.max(p.y)));
        }
        bounds.map_or_else(Self::default, |(x0, y0, x1, y1)| Self::new(x0, y0, x1 - x0, y1 - y0))
    }

    /// The area in square pixels.
    pub fn area(self) -> f32 {
        self.width * self.height
    }

    /// The middle of the box.
    pub fn center(self) -> Point {
        Point::new(self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// Intersection over union with `other`, 0 to 1.
    pub fn overlap(self, other: Self) -> f32 {
        let width = (self.x + self.width).min(other.x + other.width) - self.x.max(other.x);
        let height = (self.y + self.height).min(other.y + other.height) - self.y.max(other.y);
        let shared = width.max(0.0) * height.max(0.0);
        let union = self.area() + other.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_that_do_not_touch_overlap_by_nothing() {
        let a = Rect::new(0.0, 0.0, 10.0, 10.0);
        assert!(a.overlap(Rect::new(20.0, 0.0, 10.0, 10.0)).abs() < f32::EPSILON);
        assert!((a.overlap(a) - 1.0).abs() < 1e-6);
        assert!((a.overlap(Rect::new(5.0, 0.0, 10.0, 10.0)) - 1.0 / 3.0).abs() < 1e-6);
    }
}
