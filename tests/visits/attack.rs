//! Attacks on the proof of life by seed, and honest turns beside them: prints held to the camera, flat, turned and
//! bent, and a second print of the turned face held up in the middle.

use std::f32::consts::PI;

use fastrand::Rng;
use kiosk_enroll::domain::Point;

use crate::canvas::Canvas;
use crate::damage;
use crate::sitter::{Sitter, Stance, rotation};

/// Frames a second.
pub(crate) const FPS: usize = 15;

/// Seconds for which the turned head rests.
const REST: f32 = 0.4;

/// What is before the camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A person who turns the head as asked and back.
    Genuine,
    /// A print that is moved about and hardly turned.
    Still,
    /// A print that is turned as the person is asked to turn.
    Turned,
    /// A print bent about its upright axis and turned: one in eight passes, as docs/quality.md says.
    Bent,
    /// A print of the frontal face, then quickly one of the turned face.
    Swapped,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Genuine, Self::Still, Self::Turned, Self::Bent, Self::Swapped];
}

/// One clip: who, what, and the draws that shape it.
pub(crate) struct Clip<'a> {
    pub(crate) kind: Kind,
    sitter: &'a Sitter,
    behind: &'a Sitter,
    /// To which side it turns: 1 or -1.
    pub(crate) side: f32,
    largest: f32,
    speed: f32,
    rest: (f32, f32, f32),
    place: Point,
    scale: f32,
    /// The print's radius in eye distances.
    radius: f32,
    defocus: f32,
    light: f32,
    noise: f32,
    quality: u8,
    seed: u64,
}

impl<'a> Clip<'a> {
    /// Draws the clip of a seed.
    pub(crate) fn of(kind: Kind, sitters: &'a [Sitter], seed: usize) -> Self {
        let mut chance = Rng::with_seed(70_000 + 16 * seed as u64 + kind as u64);
        let who = chance.usize(0..sitters.len());
        let behind = (who + sitters.len() / 2) % sitters.len();
        let side = if chance.bool() { 1.0 } else { -1.0 };
        let mut even = |from: f32, to: f32| from + (to - from) * chance.f32();
        let middle = sitters[who].middle();
        let largest = match kind {
            Kind::Genuine | Kind::Swapped => even(24.0, 38.0),
            Kind::Still => even(0.0, 12.0),
            Kind::Turned => even(30.0, 65.0),
            Kind::Bent => even(20.0, 55.0),
        };
        Self {
            kind,
            sitter: &sitters[who],
            behind: &sitters[behind],
            side,
            largest,
            speed: even(0.8, 1.6),
            rest: (even(-5.0, 5.0), even(-5.0, 5.0), even(-4.0, 4.0)),
            place: Point::new(middle.x + even(-40.0, 40.0), middle.y + even(-20.0, 20.0)),
            scale: even(0.8, 1.1),
            radius: even(1.0, 4.0),
            defocus: even(0.0, 1.0).powi(2),
            light: even(0.5, 1.5),
            noise: even(0.0, 7.0),
            quality: even(65.0, 95.0) as u8,
            seed: chance.u64(..),
        }
    }

    /// How many frames it has.
    pub(crate) fn frames(&self) -> usize {
        ((1.0 + REST + 2.0 * self.speed + 2.6) * FPS as f32) as usize
    }

    /// How far it is turned at a frame, degrees.
    pub(crate) fn turn(&self, index: usize) -> f32 {
        let time = index as f32 / FPS as f32 - 1.0;
        let there = smooth(time / self.speed);
        let back = smooth((time - self.speed - REST) / self.speed);
        self.side * self.largest * (there - back)
    }

    fn stance(&self, index: usize) -> Stance {
        let mut chance = Rng::with_seed(self.seed ^ (index as u64 * 7_919));
        let mut wobble = |size: f32| size * (chance.f32() + chance.f32() - 1.0);
        let time = index as f32 / FPS as f32;
        let sway = (time * 2.1 + self.rest.0).sin();
        Stance {
            yaw: self.rest.0 + self.turn(index) + wobble(0.6),
            pitch: self.rest.1 + 2.0 * sway + wobble(0.6),
            roll: self.rest.2 + 1.5 * sway + wobble(0.4),
            scale: self.scale * (1.0 + 0.02 * sway),
            at: Point::new(
                self.place.x + 0.5 * self.turn(index) + 6.0 * sway + wobble(1.0),
                self.place.y + 3.0 * sway + wobble(1.0),
            ),
        }
    }

    /// Draws a frame and compresses it as its camera does.
    pub(crate) fn jpeg(&self, index: usize) -> Vec<u8> {
        let stance = self.stance(index);
        let canvas = match self.kind {
            Kind::Genuine => self.sitter.rendered(&stance),
            Kind::Still | Kind::Turned => self.print(&self.sitter.canvas, &stance, f32::MAX),
            Kind::Bent => self.print(&self.sitter.canvas, &stance, self.radius),
            Kind::Swapped => {
                let turned = self.turn(index).abs() > 0.5 * self.largest;
                let yaw = if turned { self.side * self.largest } else { 0.0 };
                let shown = Stance { yaw, scale: 1.0, at: self.sitter.middle(), ..stance };
                let picture = self.sitter.rendered(&shown);
                self.print(&picture, &Stance { yaw: self.rest.0, ..stance }, f32::MAX)
            }
        };
        let mut chance = Rng::with_seed(self.seed ^ (index as u64 + 1));
        let motion = self.moved(index);
        let canvas = damage::gaussian(&damage::motion(&canvas, motion, 0.0), self.defocus);
        damage::noise(damage::light(canvas, self.light), self.noise, &mut chance).jpeg(self.quality)
    }

    /// Pixels that the face moves while the shutter is open, a third of a frame.
    fn moved(&self, index: usize) -> f32 {
        let (before, now) = (self.stance(index.saturating_sub(1)), self.stance(index));
        (before.at.distance(now.at) + 0.6 * (before.yaw - now.yaw).abs()) / 3.0
    }

    /// A print of `picture` before somebody else's backdrop; bent to a cylinder of `radius` eye distances.
    fn print(&self, picture: &Canvas, stance: &Stance, radius: f32) -> Canvas {
        let eye_distance = self.sitter.eye_distance;
        let turned = rotation(stance);
        let camera = crate::sitter::CAMERA * eye_distance;
        let middle = self.sitter.middle();
        let (half_width, upper, lower) =
            (1.5 * eye_distance, -1.9 * eye_distance, 1.9 * eye_distance);
        let into = |p: [f32; 3]| {
            // The inverse of a rotation is its transpose.
            [0, 1, 2].map(|i| turned[0][i] * p[0] + turned[1][i] * p[1] + turned[2][i] * p[2])
        };
        let eye = into([0.0, 0.0, camera]);
        let mut canvas = self.behind.backdrop().clone();
        for y in 0..canvas.height {
            for x in 0..canvas.width {
                let seen = [
                    (x as f32 - stance.at.x) / stance.scale,
                    (stance.at.y - y as f32) / stance.scale,
                    -camera,
                ];
                let Some((across, up)) = hit(eye, into(seen), radius * eye_distance) else {
                    continue;
                };
                let down = -up;
                if across.abs() <= half_width && (upper..=lower).contains(&down) {
                    let colour = picture.at(middle.x + across, middle.y + down);
                    let at = (y * canvas.width + x) * 3;
                    canvas.rgb[at..at + 3].copy_from_slice(&colour);
                }
            }
        }
        canvas
    }
}

/// Where a ray meets the sheet: along its arc, and up. The sheet's middle is the origin, its axis upright.
fn hit(eye: [f32; 3], ray: [f32; 3], radius: f32) -> Option<(f32, f32)> {
    if radius > 1.0e6 {
        let t = -eye[2] / ray[2];
        return (t > 0.0).then(|| (eye[0] + t * ray[0], eye[1] + t * ray[1]));
    }
    let depth = eye[2] + radius;
    let a = ray[0].powi(2) + ray[2].powi(2);
    let b = eye[0] * ray[0] + depth * ray[2];
    let c = eye[0].powi(2) + depth.powi(2) - radius.powi(2);
    let root = b * b - a * c;
    if root < 0.0 {
        return None;
    }
    let t = (-b - root.sqrt()) / a;
    let angle = (eye[0] + t * ray[0]).atan2(depth + t * ray[2]);
    (angle.abs() < PI / 2.0).then(|| (radius * angle, eye[1] + t * ray[1]))
}

/// 0 before, 1 after, and no corner between.
fn smooth(part: f32) -> f32 {
    let part = part.clamp(0.0, 1.0);
    part * part * (3.0 - 2.0 * part)
}
