//! Parses `[camera]`: the wished mode, the controls, and how the camera is mounted.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::layers::Raw;
use super::resolve::Reader;
use super::{Camera, ConfigError};
use crate::domain::{ControlWishes, Lens, LowLight, PowerLine, Regulated};

/// The word that leaves a control as the camera has it.
const AS_IS: &str = "as_is";
const SHORTEST_EXPOSURE: Duration = Duration::from_micros(100);
const LONGEST_EXPOSURE: Duration = Duration::from_secs(1);
/// A loop that waits for longer than 20 s is taken for dead.
const LONGEST_STALL: Duration = Duration::from_secs(15);
/// No camera counts a control of its own unit further.
const OWN_UNIT: RangeInclusive<i64> = 0..=65_535;

/// A value of a control before its number is judged.
enum Wish {
    AsIs,
    Word(String),
    Number(i64),
}

impl Reader<'_> {
    pub(super) fn camera(&self) -> Result<Camera, ConfigError> {
        Ok(Camera {
            source: self.text("camera.source")?,
            width: self.number("camera.width", 160..=7680)?,
            height: self.number("camera.height", 120..=4320)?,
            fps: self.number("camera.fps", 1..=120)?,
            stall_timeout: self
                .duration("camera.stall_timeout", Duration::from_millis(500)..=LONGEST_STALL)?,
            controls: self.controls()?,
            tilt: self.degrees("camera.tilt", -60.0..=60.0)? as f32,
            lens: self.lens()?,
        })
    }

    fn controls(&self) -> Result<ControlWishes, ConfigError> {
        Ok(ControlWishes {
            exposure: self.exposure()?,
            gain: self.own_unit("camera.gain", OWN_UNIT)?,
            white_balance: self.regulated("camera.white_balance", 1_000..=12_000)?,
            focus: self.regulated("camera.focus", OWN_UNIT)?,
            power_line: self.power_line()?,
            low_light: self.low_light()?,
            brightness: self.own_unit("camera.brightness", -65_535..=65_535)?,
            backlight_compensation: self.own_unit("camera.backlight_compensation", OWN_UNIT)?,
        })
    }

    fn exposure(&self) -> Result<Option<Regulated<Duration>>, ConfigError> {
        let path = "camera.exposure";
        let text = self.text(path)?;
        match text.as_str() {
            AS_IS => Ok(None),
            "auto" => Ok(Some(Regulated::Auto)),
            text => match humantime::parse_duration(text) {
                Ok(time) if (SHORTEST_EXPOSURE..=LONGEST_EXPOSURE).contains(&time) => {
                    Ok(Some(Regulated::Fixed(time)))
                }
                _ => self.refuse(
                    path,
                    "\"as_is\", \"auto\", or a time from \"100us\" to \"1s\", written like \"8ms\"",
                ),
            },
        }
    }

    fn wish(&self, path: &str) -> Result<Wish, ConfigError> {
        match self.raw(path)?.0 {
            Raw::Text(text) if text == AS_IS => Ok(Wish::AsIs),
            Raw::Integer(number) => Ok(Wish::Number(number)),
            // A number in quotes is meant as one.
            Raw::Text(text) => Ok(text.parse().map_or(Wish::Word(text), Wish::Number)),
            other => Ok(Wish::Word(other.to_string())),
        }
    }

    fn own_unit(
        &self,
        path: &str,
        allowed: RangeInclusive<i64>,
    ) -> Result<Option<i64>, ConfigError> {
        match self.wish(path)? {
            Wish::AsIs => Ok(None),
            Wish::Number(number) if allowed.contains(&number) => Ok(Some(number)),
            _ => self.refuse(
                path,
                format!(
                    "\"as_is\", or a whole number from {} to {}",
                    allowed.start(),
                    allowed.end()
                ),
            ),
        }
    }

    fn regulated(
        &self,
        path: &str,
        allowed: RangeInclusive<i64>,
    ) -> Result<Option<Regulated<i64>>, ConfigError> {
        match self.wish(path)? {
            Wish::AsIs => Ok(None),
            Wish::Word(word) if word == "auto" => Ok(Some(Regulated::Auto)),
            Wish::Number(number) if allowed.contains(&number) => Ok(Some(Regulated::Fixed(number))),
            _ => self.refuse(
                path,
                format!(
                    "\"as_is\", \"auto\", or a whole number from {} to {}",
                    allowed.start(),
                    allowed.end()
                ),
            ),
        }
    }

    fn power_line(&self) -> Result<Option<PowerLine>, ConfigError> {
        let path = "camera.power_line_frequency";
        match self.wish(path)? {
            Wish::AsIs => Ok(None),
            Wish::Number(50) => Ok(Some(PowerLine::Hz50)),
            Wish::Number(60) => Ok(Some(PowerLine::Hz60)),
            Wish::Word(word) if word == "auto" => Ok(Some(PowerLine::Auto)),
            Wish::Word(word) if word == "off" => Ok(Some(PowerLine::Off)),
            _ => self.refuse(path, "\"as_is\", \"off\", 50, 60 or \"auto\""),
        }
    }

    fn low_light(&self) -> Result<Option<LowLight>, ConfigError> {
        let path = "camera.low_light";
        match self.text(path)?.as_str() {
            AS_IS => Ok(None),
            "keep_rate" => Ok(Some(LowLight::KeepRate)),
            "lower_rate" => Ok(Some(LowLight::LowerRate)),
            _ => self.refuse(path, "\"as_is\", \"keep_rate\" or \"lower_rate\""),
        }
    }

    fn lens(&self) -> Result<Option<Lens>, ConfigError> {
        let path = "camera.horizontal_fov";
        if self.raw(path)?.0 == Raw::Text("unknown".to_owned()) {
            return Ok(None);
        }
        let horizontal_fov = self.degrees(path, 20.0..=160.0)?;
        Ok(Some(Lens { horizontal_fov }))
    }

    fn degrees(&self, path: &str, allowed: RangeInclusive<f64>) -> Result<f64, ConfigError> {
        let found = match self.raw(path)?.0 {
            #[allow(clippy::cast_precision_loss, reason = "angles are small numbers")]
            Raw::Integer(number) => number as f64,
            Raw::Float(number) => number,
            _ => f64::NAN,
        };
        if allowed.contains(&found) {
            Ok(found)
        } else {
            let told = format!("a number of degrees from {} to {}", allowed.start(), allowed.end());
            self.refuse(path, told)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::super::{Config, Layers, Sources};
    use super::*;

    fn camera(settings: &[&str]) -> Result<Camera, ConfigError> {
        let settings = settings.iter().map(|it| (*it).to_owned()).collect();
        let layers = Layers::gather(&Sources { settings, ..Sources::default() })?;
        Ok(Config::resolve(&layers)?.camera)
    }

    #[test]
    fn by_default_no_control_is_touched_and_the_camera_is_level() {
        let camera = camera(&[]).unwrap();
        assert_eq!(camera.controls, ControlWishes::default());
        assert_eq!((camera.tilt, camera.lens), (0.0, None));
    }

    #[test]
    fn controls_are_words_or_numbers_in_or_out_of_quotes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kiosk-enroll.toml");
        let text = "[camera]\nexposure = \"8ms\"\ngain = 12\nwhite_balance = \"4600\"\nfocus = \"auto\"\n\
                    power_line_frequency = 60\nlow_light = \"keep_rate\"\nbrightness = -3\ntilt = -7.5\n\
                    horizontal_fov = 70\n";
        std::fs::write(&path, text).unwrap();
        let layers = Layers::gather(&Sources { files: vec![path], ..Sources::default() }).unwrap();
        let camera = Config::resolve(&layers).unwrap().camera;
        let wanted = ControlWishes {
            exposure: Some(Regulated::Fixed(Duration::from_millis(8))),
            gain: Some(12),
            white_balance: Some(Regulated::Fixed(4_600)),
            focus: Some(Regulated::Auto),
            power_line: Some(PowerLine::Hz60),
            low_light: Some(LowLight::KeepRate),
            brightness: Some(-3),
            backlight_compensation: None,
        };
        assert_eq!(camera.controls, wanted);
        assert_eq!((camera.tilt, camera.lens), (-7.5, Some(Lens { horizontal_fov: 70.0 })));
    }

    #[test]
    fn what_no_camera_has_is_refused_with_what_is_allowed() {
        for (setting, said) in [
            ("camera.stall_timeout=16s", "15s"),
            ("camera.exposure=2s", "\"100us\" to \"1s\""),
            ("camera.exposure=bright", "\"auto\""),
            ("camera.gain=auto", "0 to 65535"),
            ("camera.white_balance=daylight", "1000 to 12000"),
            ("camera.focus=-1", "0 to 65535"),
            ("camera.power_line_frequency=55", "50, 60"),
            ("camera.low_light=dim", "\"lower_rate\""),
            ("camera.tilt=80", "-60 to 60"),
            ("camera.tilt=NaN", "-60 to 60"),
            ("camera.horizontal_fov=wide", "20 to 160"),
        ] {
            let error = camera(&[setting]).unwrap_err();
            assert!(error.to_string().contains(said), "{setting}: {error}");
        }
    }
}
