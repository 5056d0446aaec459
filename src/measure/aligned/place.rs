//! Where a point of the picture lies in the aligned view, and back.

use super::EYES;
use crate::domain::Point;

/// The similarity between picture and aligned view.
#[derive(Debug, Clone, Copy)]
pub(super) struct ToView {
    pub(super) middle: Point,
    /// One pixel of the view to the right, in picture pixels.
    pub(super) step: Point,
}

impl ToView {
    /// Where a point of the picture lies in the view.
    pub(super) fn view(&self, point: Point) -> Point {
        let (dx, dy) = (point.x - self.middle.x, point.y - self.middle.y);
        let square = self.step.x * self.step.x + self.step.y * self.step.y;
        Point::new(
            EYES.x + (dx * self.step.x + dy * self.step.y) / square,
            EYES.y + (dy * self.step.x - dx * self.step.y) / square,
        )
    }

    /// Where a point of the view lies in the picture.
    pub(super) fn picture(&self, view: Point) -> Point {
        let (u, v) = (view.x - EYES.x, view.y - EYES.y);
        Point::new(
            self.middle.x + u * self.step.x - v * self.step.y,
            self.middle.y + u * self.step.y + v * self.step.x,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_again_is_the_same_place() {
        let to_view = ToView { middle: Point::new(300.0, 200.0), step: Point::new(1.2, -0.4) };
        for point in [Point::new(0.0, 0.0), Point::new(310.0, 170.0), Point::new(640.0, 480.0)] {
            let back = to_view.picture(to_view.view(point));
            assert!(back.distance(point) < 0.01, "{point:?} {back:?}");
        }
        assert!(to_view.view(to_view.middle).distance(EYES) < 1e-4);
    }
}
