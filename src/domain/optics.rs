//! What is wished of a camera's controls, and what is known of its lens.

use std::time::Duration;

/// The distance between a grown person's eyes in metres; nine in ten lie within 4 mm.
const EYES_APART: f64 = 0.063;

/// What is wished of a camera's controls; `None` leaves one as it is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ControlWishes {
    /// How long the sensor collects light for a frame.
    pub exposure: Option<Regulated<Duration>>,
    /// How much the signal is amplified, in the camera's own unit.
    pub gain: Option<i64>,
    /// The colour temperature of the light in kelvin.
    pub white_balance: Option<Regulated<i64>>,
    /// Where the lens is focused, in the camera's own unit.
    pub focus: Option<Regulated<i64>>,
    /// The mains frequency whose flicker is filtered out.
    pub power_line: Option<PowerLine>,
    /// What gives way where there is little light.
    pub low_light: Option<LowLight>,
    /// An offset on all pixels, in the camera's own unit.
    pub brightness: Option<i64>,
    /// How much the middle counts against a bright background, in the camera's own unit.
    pub backlight_compensation: Option<i64>,
}

/// Something that the camera can follow by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regulated<T> {
    /// The camera follows the scene.
    Auto,
    /// It stays at this value.
    Fixed(T),
}

/// The mains frequency whose flicker is filtered out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerLine {
    /// No filter.
    Off,
    /// Europe, most of South America, Asia and Africa.
    Hz50,
    /// North America, Colombia, Brazil and others.
    Hz60,
    /// The camera finds out.
    Auto,
}

/// What gives way where there is little light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LowLight {
    /// The rate stays, the picture becomes darker or noisier.
    KeepRate,
    /// The exposure may outlast a frame's time, so that fewer frames come.
    LowerRate,
}

/// The lens, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lens {
    /// The horizontal angle of view in degrees, above 0 and below 180.
    pub horizontal_fov: f64,
}

impl Lens {
    /// Metres from the lens to a grown person's face, its eyes so many pixels apart in a picture of this width.
    ///
    /// A pinhole with square pixels; children stand nearer than it says.
    pub fn distance(self, eyes_px: f64, width: u32) -> f64 {
        let focal = f64::from(width) / 2.0 / (self.horizontal_fov / 2.0).to_radians().tan();
        EYES_APART * focal / eyes_px.max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_angle_sees_as_wide_as_it_is_deep() {
        let lens = Lens { horizontal_fov: 90.0 };
        // Half the picture is as wide as the face is far: 0.063 m are 63 of 1000 pixels at half a metre.
        assert!((lens.distance(63.0, 1_000) - 0.5).abs() < 1e-9);
        assert!((lens.distance(126.0, 1_000) - 0.25).abs() < 1e-9);
    }
}
