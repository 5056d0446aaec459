//! Walk-ups by seed: somebody comes, stands, fidgets, and leaves; ten frames a second, with the truth of each.

use std::f32::consts::PI;

use fastrand::Rng;
use kiosk_enroll::domain::Point;

use crate::canvas::Canvas;
use crate::damage;
use crate::sitter::{Sitter, Stance};

/// Frames a second.
pub(crate) const FPS: usize = 10;

/// One frame before it is drawn.
#[derive(Clone)]
pub(crate) struct Shot {
    /// Which sitter it shows.
    pub(crate) who: usize,
    pub(crate) stance: Stance,
    /// Somebody beside the sitter.
    pub(crate) second: Option<(usize, Stance)>,
    /// Defocus σ and motion in pixels.
    blur: f32,
    motion: f32,
    angle: f32,
    light: f32,
    side: f32,
    noise: f32,
    quality: u8,
    seed: u64,
}

/// What a clip is made of.
struct Manner {
    frames: usize,
    arrival: f32,
    far: f32,
    near: f32,
    turned: f32,
    rest: (f32, f32, f32),
    place: Point,
    defocus: f32,
    light: f32,
    side: f32,
    noise: f32,
    quality: u8,
    leaves: f32,
}

/// Writes the clip of a seed.
pub(crate) fn clip(sitters: &[Sitter], seed: usize) -> Vec<Shot> {
    let mut chance = Rng::with_seed(50_000 + seed as u64);
    let who = chance.usize(0..sitters.len());
    let manner = Manner::of(&mut chance, &sitters[who]);
    let guest = Guest::of(&mut chance, sitters, who, manner.frames);
    let mut shots: Vec<Shot> = Vec::with_capacity(manner.frames);
    let mut burst = 0.0_f32;
    for index in 0..manner.frames {
        burst = if chance.f32() < 0.08 { 4.0 + 14.0 * chance.f32() } else { burst * 0.5 };
        let stance = manner.stance(&mut chance, index);
        let moved = shots.last().map_or(0.0, |before| {
            let shift = before.stance.at.distance(stance.at);
            let turn = (before.stance.yaw - stance.yaw).abs() * 0.6;
            // The shutter is open for a third of the time between frames.
            (shift + turn) / 3.0
        });
        let second = guest.as_ref().and_then(|guest| guest.at(index, &sitters[guest.who]));
        let swapped = guest.as_ref().is_some_and(|guest| guest.swaps_at(index));
        shots.push(Shot {
            who: guest.as_ref().filter(|_| swapped).map_or(who, |guest| guest.who),
            stance,
            second,
            blur: manner.defocus * (0.7 + 0.6 * chance.f32()),
            motion: moved + burst,
            angle: chance.f32() * PI,
            light: manner.light * (0.95 + 0.1 * chance.f32()),
            side: manner.side,
            noise: manner.noise,
            quality: manner.quality,
            seed: chance.u64(..),
        });
    }
    shots
}

impl Manner {
    fn of(chance: &mut Rng, sitter: &Sitter) -> Self {
        let mut even = |from: f32, to: f32| from + (to - from) * chance.f32();
        let middle = sitter.middle();
        Self {
            frames: even(40.0, 60.0) as usize,
            arrival: even(0.8, 2.5),
            far: even(0.35, 0.6),
            near: even(0.82, 1.0),
            turned: even(-35.0, 35.0),
            rest: (even(-6.0, 6.0), even(-6.0, 6.0), even(-4.0, 4.0)),
            place: Point::new(middle.x + even(-40.0, 40.0), middle.y + even(-20.0, 20.0)),
            defocus: even(0.0, 1.4).powi(2) / 1.4,
            light: even(0.35, 1.6),
            side: even(-0.4, 0.5).max(0.0),
            noise: even(0.0, 8.0),
            quality: even(60.0, 95.0) as u8,
            leaves: even(0.4, 1.0),
        }
    }

    fn stance(&self, chance: &mut Rng, index: usize) -> Stance {
        let mut wobble = |size: f32| size * (chance.f32() + chance.f32() - 1.0);
        let time = index as f32 / FPS as f32;
        let left = (self.frames - index) as f32 / FPS as f32;
        let arrived = smooth(time / self.arrival);
        let leaving = 1.0 - smooth(left / self.leaves);
        let away = (1.0 - arrived).max(leaving);
        Stance {
            yaw: self.rest.0 + self.turned * away + wobble(2.5),
            pitch: self.rest.1 + 10.0 * (1.0 - arrived) + wobble(2.0),
            roll: self.rest.2 + wobble(1.0),
            scale: self.far + (self.near - self.far) * arrived,
            at: Point::new(
                self.place.x + self.turned.signum() * 90.0 * away + wobble(1.5),
                self.place.y + wobble(1.5),
            ),
        }
    }
}

/// Somebody else, who passes by or takes the sitter's place.
struct Guest {
    who: usize,
    from: usize,
    until: usize,
    scale: f32,
    side: f32,
    swaps: bool,
}

impl Guest {
    fn of(chance: &mut Rng, sitters: &[Sitter], sitter: usize, frames: usize) -> Option<Self> {
        let kind = chance.f32();
        let others: Vec<usize> =
            (0..sitters.len()).filter(|i| sitters[*i].person != sitters[sitter].person).collect();
        let who = others[chance.usize(0..others.len())];
        let from = chance.usize(frames / 3..frames * 2 / 3);
        let until = from + chance.usize(5..25);
        let scale = 0.5 + 0.4 * chance.f32();
        let side = if chance.bool() { 1.0 } else { -1.0 };
        (kind < 0.4).then_some(Self { who, from, until, scale, side, swaps: kind < 0.12 })
    }

    fn at(&self, index: usize, sitter: &Sitter) -> Option<(usize, Stance)> {
        if self.swaps || !(self.from..self.until).contains(&index) {
            return None;
        }
        let middle = sitter.middle();
        let at = Point::new(320.0 + self.side * 230.0, middle.y + 20.0);
        let stance =
            Stance { yaw: -10.0 * self.side, pitch: 0.0, roll: 0.0, scale: self.scale, at };
        Some((self.who, stance))
    }

    const fn swaps_at(&self, index: usize) -> bool {
        self.swaps && index >= self.from
    }
}

/// 0 before, 1 after, and no corner between.
fn smooth(part: f32) -> f32 {
    let part = part.clamp(0.0, 1.0);
    part * part * (3.0 - 2.0 * part)
}

impl Shot {
    /// Draws the frame and compresses it as its camera does.
    pub(crate) fn jpeg(&self, sitters: &[Sitter]) -> Vec<u8> {
        let sitter = &sitters[self.who];
        let mut canvas: Canvas = sitter.rendered(&self.stance);
        if let Some((who, stance)) = &self.second {
            sitters[*who].render_over(&mut canvas, stance);
        }
        let distance = sitter.eye_distance * self.stance.scale;
        let canvas = damage::gaussian(&damage::motion(&canvas, self.motion, self.angle), self.blur);
        let canvas = damage::side_light(
            damage::light(canvas, self.light),
            self.stance.at.x,
            distance,
            self.side,
        );
        let mut chance = Rng::with_seed(self.seed);
        damage::noise(canvas, self.noise, &mut chance).jpeg(self.quality)
    }

    /// How good it truly is, 0 to 1: what blur, turn, smallness and light leave. The choice is not told.
    pub(crate) fn worth(&self, sitters: &[Sitter]) -> f64 {
        let distance = sitters[self.who].eye_distance * self.stance.scale;
        // A movement by n pixels spreads a point like a Gaussian of n / √12.
        let spread = (self.blur.powi(2) + self.motion.powi(2) / 12.0).sqrt() * 60.0 / distance;
        let sharp = 1.0 / (1.0 + (spread / 1.5).powi(2));
        let frontal = |degrees: f32| degrees.to_radians().cos().powi(2);
        let size = (distance / 90.0).min(1.0);
        f64::from(sharp * frontal(self.stance.yaw) * frontal(self.stance.pitch) * size)
    }

    /// Whether an honest choice could take it: one person, near, turned by no more than the gates allow.
    pub(crate) fn is_fair(&self, sitters: &[Sitter]) -> bool {
        let distance = sitters[self.who].eye_distance * self.stance.scale;
        let Stance { yaw, pitch, roll, .. } = self.stance;
        self.second.is_none()
            && distance >= 60.0
            && yaw.abs() <= 12.0
            && pitch.abs() <= 15.0
            && roll.abs() <= 12.0
    }
}
