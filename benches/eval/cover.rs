//! What people wear or hold before their faces, painted onto the portrait before it is turned.

use kiosk_enroll::domain::Point;

use crate::canvas::Canvas;
use crate::sitter::Sitter;

/// What covers the face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cover {
    /// From the bridge of the nose to below the chin.
    Mask,
    /// From the tip of the nose down.
    Scarf,
    /// Four fingers across the mouth.
    Hand,
    /// Lenses that hide the eyes.
    DarkGlasses,
    MirrorGlasses,
    /// Lenses through which the eyes are seen; clear ones in a frame.
    TintedGlasses,
    ClearGlasses,
    /// Hair around a mouth that is seen.
    Beard,
}

const CLOTHS: [[f32; 3]; 8] = [
    [150.0, 190.0, 215.0],
    [228.0, 230.0, 232.0],
    [32.0, 32.0, 36.0],
    [205.0, 165.0, 140.0],
    [95.0, 65.0, 50.0],
    [165.0, 45.0, 50.0],
    [70.0, 110.0, 80.0],
    [125.0, 125.0, 128.0],
];
const HAIRS: [[f32; 3]; 3] = [[35.0, 28.0, 25.0], [120.0, 115.0, 110.0], [90.0, 60.0, 40.0]];

/// The jaw from the person's left ear round the chin to the right one.
const JAW: [usize; 17] =
    [361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132];
const LIPS: [usize; 20] =
    [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146];
const RIGHT_EYE: [usize; 2] = [33, 133];
const LEFT_EYE: [usize; 2] = [362, 263];

/// The sitter with this before the face; `strength` is how opaque it is, 0 to 1.
pub(crate) fn worn(
    sitter: &Sitter,
    cover: Cover,
    strength: f32,
    chance: &mut fastrand::Rng,
) -> Sitter {
    let mut brush = Brush { canvas: sitter.canvas.clone(), sitter, strength };
    let cloth = CLOTHS[chance.usize(0..CLOTHS.len())];
    match cover {
        Cover::Mask => brush.cloth(&mask(sitter), cloth, chance),
        Cover::Scarf => brush.cloth(&scarf(sitter), cloth, chance),
        Cover::Hand => brush.hand(chance),
        Cover::DarkGlasses => {
            let grey = 10.0 + 25.0 * chance.f32();
            brush.glasses([grey, grey, grey + 4.0], 0.9 + 0.1 * chance.f32(), chance);
        }
        Cover::MirrorGlasses => brush.glasses([90.0, 110.0, 130.0], 0.92, chance),
        Cover::TintedGlasses => brush.glasses([40.0, 30.0, 25.0], 0.5, chance),
        Cover::ClearGlasses => brush.glasses([230.0, 235.0, 240.0], 0.06, chance),
        Cover::Beard => brush.beard(HAIRS[chance.usize(0..HAIRS.len())], chance),
    }
    sitter.looking(brush.canvas)
}

fn mask(sitter: &Sitter) -> Vec<Point> {
    let mesh = &sitter.mesh;
    let top = [234, 117, 101, 195, 330, 346, 454].map(|index: usize| mesh[index]);
    top.into_iter().chain(below(mesh)).collect()
}

fn scarf(sitter: &Sitter) -> Vec<Point> {
    let mesh = &sitter.mesh;
    let top = [132, 205, 4, 425, 361].map(|index: usize| mesh[index]);
    top.into_iter().chain(below(mesh)).collect()
}

/// The jaw, a little outwards.
fn below(mesh: &[Point]) -> impl Iterator<Item = Point> {
    let middle = mesh[0];
    JAW.into_iter().map(move |index| {
        let at = mesh[index];
        Point::new(middle.x + (at.x - middle.x) * 1.06, middle.y + (at.y - middle.y) * 1.06)
    })
}

struct Brush<'a> {
    canvas: Canvas,
    sitter: &'a Sitter,
    strength: f32,
}

impl Brush<'_> {
    /// Fills a polygon with what `colour` says of each place: three values and how opaque they are.
    fn fill(&mut self, outline: &[Point], colour: impl Fn(f32, f32) -> ([f32; 3], f32)) {
        let edge = |from: fn(&Point) -> f32| {
            let low = outline.iter().map(from).fold(f32::MAX, f32::min).floor().max(0.0);
            let high = outline.iter().map(from).fold(f32::MIN, f32::max).ceil().max(0.0);
            (low as usize, high as usize + 1)
        };
        let ((left, right), (top, bottom)) = (edge(|p| p.x), edge(|p| p.y));
        for y in top..bottom.min(self.canvas.height) {
            for x in left..right.min(self.canvas.width) {
                let (x_mid, y_mid) = (x as f32, y as f32);
                // Four samples a pixel, so that the edge is no staircase.
                let offsets = [(-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25)];
                let hits =
                    offsets.iter().filter(|(dx, dy)| inside(outline, x_mid + dx, y_mid + dy));
                let share = hits.count() as f32 / 4.0;
                if share > 0.0 {
                    let (new, opaque) = colour(x_mid, y_mid);
                    let at = (y * self.canvas.width + x) * 3;
                    for (old, new) in self.canvas.rgb[at..at + 3].iter_mut().zip(new) {
                        *old += (new - *old) * share * opaque;
                    }
                }
            }
        }
    }

    /// A cloth in the light of the face, with a weave of its own.
    fn cloth(&mut self, outline: &[Point], colour: [f32; 3], chance: &mut fastrand::Rng) {
        let (unit, strength, sitter) = (self.sitter.eye_distance, self.strength, self.sitter);
        let weave = chance.usize(0..4);
        let middle = light(sitter, outline[0].midpoint(outline[outline.len() / 2])).max(20.0);
        self.fill(outline, |x, y| {
            let shade = 0.45 + 0.55 * (light(sitter, Point::new(x, y)) / middle).clamp(0.3, 1.8);
            let pattern = match weave {
                0 => 6.0 * (y / (unit * 0.06)).sin(),
                1 => 9.0 * (y / (unit * 0.03)).sin() * (x / (unit * 0.03)).sin(),
                2 => 14.0 * ((x + y) / (unit * 0.08)).sin().signum(),
                _ => 0.0,
            };
            (colour.map(|value| (value * shade + pattern).clamp(0.0, 255.0)), strength)
        });
    }

    /// Fingers in the colour of the cheek, round and with gaps between them.
    fn hand(&mut self, chance: &mut fastrand::Rng) {
        let (unit, strength) = (self.sitter.eye_distance, self.strength);
        let cheek = self.sitter.mesh[50];
        let skin = self
            .sitter
            .canvas
            .at(cheek.x, cheek.y)
            .map(|value| value * (0.85 + 0.25 * chance.f32()));
        let lips = self.sitter.mesh[0].midpoint(self.sitter.mesh[17]);
        let thick = unit * 0.17;
        for finger in 0..4 {
            let y = lips.y + (finger as f32 - 1.5) * thick * 1.05;
            let (left, right) = (lips.x - unit * 1.0, lips.x + unit * (0.5 + 0.15 * chance.f32()));
            let half = thick / 2.0;
            let outline = [
                Point::new(left, y - half),
                Point::new(right, y - half),
                Point::new(right + half, y),
                Point::new(right, y + half),
                Point::new(left, y + half),
            ];
            self.fill(&outline, |_, at| {
                let off = ((at - y) / half).clamp(-1.0, 1.0);
                (skin.map(|value| value * (1.05 - 0.35 * off * off)), strength)
            });
        }
    }

    /// Two lenses in a thin frame.
    fn glasses(&mut self, colour: [f32; 3], opaque: f32, chance: &mut fastrand::Rng) {
        let (unit, strength) = (self.sitter.eye_distance, self.strength);
        let (wide, high) = (0.40 + 0.10 * chance.f32(), 0.24 + 0.14 * chance.f32());
        let frame = [30.0 + 100.0 * chance.f32(), 30.0, 30.0];
        for corners in [RIGHT_EYE, LEFT_EYE] {
            let [a, b] = corners.map(|corner| self.sitter.mesh[corner]);
            let middle = a.midpoint(b);
            let oval = |grow: f32| -> Vec<Point> {
                let corner = |step: usize| {
                    let angle = step as f32 / 40.0 * std::f32::consts::TAU;
                    // Between an ellipse and a rectangle.
                    let reach = (angle.cos().powi(4) + angle.sin().powi(4)).powf(-0.2);
                    Point::new(
                        middle.x + angle.cos() * reach * (wide * unit + grow),
                        middle.y + 0.05 * unit + angle.sin() * reach * (high * unit + grow),
                    )
                };
                (0..40).map(corner).collect()
            };
            let rim = oval(0.025 * unit);
            let before = self.canvas.clone();
            self.fill(&rim, |_, _| (frame, strength));
            self.fill(&oval(0.0), |x, y| {
                let under = before.at(x, y);
                let seen = |i: usize| under[i] + (colour[i] - under[i]) * opaque * strength;
                ([seen(0), seen(1), seen(2)], 1.0)
            });
        }
    }

    /// Hair of uneven thickness on cheeks, chin and upper lip, not on the lips.
    fn beard(&mut self, hair: [f32; 3], chance: &mut fastrand::Rng) {
        let (mesh, strength, seed) = (&self.sitter.mesh, self.strength, chance.u32(..));
        let lips = LIPS.map(|index| mesh[index]);
        let top = [132, 187, 206, 164, 426, 411, 361].map(|index: usize| mesh[index]);
        let outline: Vec<Point> = top.into_iter().chain(below(mesh)).collect();
        self.fill(&outline, |x, y| {
            let mixed = (x as u32 * 7919 + y as u32 * 104_729 + seed).wrapping_mul(2_654_435_761);
            let thick = 0.5 + 0.5 * ((mixed >> 16) & 0xFF) as f32 / 255.0;
            (hair, if inside(&lips, x, y) { 0.0 } else { thick * strength })
        });
    }
}

/// How much light falls on a place of the portrait.
fn light(sitter: &Sitter, at: Point) -> f32 {
    sitter.backdrop.at(at.x, at.y).iter().sum::<f32>() / 3.0
}

/// Whether a place lies inside a polygon, by the even-odd rule.
fn inside(outline: &[Point], x: f32, y: f32) -> bool {
    let following = outline.iter().cycle().skip(1);
    let crossed = outline
        .iter()
        .zip(following)
        .filter(|(a, b)| (a.y > y) != (b.y > y) && x < a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y));
    crossed.count() % 2 == 1
}
