//! The JSON of `camera list`, `camera test` and `camera calibrate`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::wire::{FaceReport, MeasureReport, PoseReport};

/// `camera list --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CameraListReport {
    /// Those that give pictures, and ribbon cameras.
    pub cameras: Vec<CameraReport>,
    /// Video nodes that give none.
    pub others: Vec<String>,
    /// Where was looked.
    pub looked_in: String,
}

/// One camera.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CameraReport {
    /// The name for `camera.source`: it stays after a replug.
    pub name: String,
    /// Other names that stay: by its place on the USB, by its serial number.
    pub other_names: Vec<String>,
    /// The device file at the moment.
    pub node: String,
    /// What the maker calls it.
    pub product: String,
    /// Its place on the USB, such as `1-1.2`.
    pub bus: Option<String>,
    /// Its kernel driver.
    pub driver: String,
    /// Sizes and rates, a line a format and size.
    pub modes: Vec<ModeReport>,
    /// What can be set on it.
    pub controls: Vec<ControlReport>,
    /// Programs that have it open, as far as this user may know.
    pub held_by: Vec<HolderReport>,
    /// Why it cannot be used.
    pub problem: Option<String>,
}

/// A format and size with its rates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModeReport {
    /// `MJPEG` or `YUYV`.
    pub format: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames a second.
    pub rates: Vec<f64>,
}

/// A control of a camera.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ControlReport {
    /// The driver's name for it.
    pub name: String,
    /// The key that sets it; `null` where there is none.
    pub key: Option<String>,
    /// The lowest value; `null` for a menu, and where the driver does not tell.
    pub min: Option<i64>,
    /// The highest value.
    pub max: Option<i64>,
    /// From value to value.
    pub step: Option<i64>,
    /// What the camera starts with.
    pub default: Option<i64>,
    /// What it is set to at the moment.
    pub current: Option<i64>,
    /// The items of a menu; empty for a range.
    pub choices: Vec<ChoiceReport>,
    /// Whether it can only be read.
    pub read_only: bool,
}

/// An item of a control's menu.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChoiceReport {
    /// Its number.
    pub value: i64,
    /// The driver's name for it.
    pub name: String,
}

/// A program that has a camera open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HolderReport {
    /// Its process id.
    pub pid: u32,
    /// Its name.
    pub program: String,
}

/// `camera test --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CameraTestReport {
    /// Where the frames came from, as configured.
    pub source: String,
    /// The frames' size, `None` when none came.
    pub size: Option<[u32; 2]>,
    /// Frames a second that the camera reached.
    pub rate: Option<f64>,
    /// How bright the shown picture is on average: 0 black, 1 white.
    pub brightness: Option<f64>,
    /// Frames that were examined.
    pub examined: u64,
    /// Frames that came while another was examined; no fault.
    pub superseded: u64,
    /// Frames that the camera or the driver lost, or that came damaged.
    pub lost: u64,
    /// Frames that came whole but could not be decoded.
    pub damaged: u64,
    /// Frames that were too old when their turn came.
    pub stale: u64,
    /// The face of the picture.
    pub face: Option<FaceReport>,
    /// Its head rotation, relative to the horizontal.
    pub pose: Option<PoseReport>,
    /// Degrees by which the camera looks down, as configured: they are taken off the pose.
    pub tilt: f32,
    /// Centimetres from the lens to the face; `null` without `camera.horizontal_fov`.
    pub distance_cm: Option<f64>,
    /// Each measure's value.
    pub measures: BTreeMap<String, MeasureReport>,
    /// Each gate's verdict.
    pub gates: Vec<GateReport>,
    /// What to do, the most important first.
    pub advice: Vec<String>,
    /// Where the picture was written.
    pub picture: Option<String>,
}

/// A gate with the value that it judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateReport {
    /// The measure.
    pub measure: String,
    /// Its value; `null` where it was not assessed.
    pub value: Option<f64>,
    /// The lowest value that passes.
    pub min: Option<f64>,
    /// The highest value that passes.
    pub max: Option<f64>,
    /// The refusal; `null` where it passes.
    pub reason: Option<String>,
}

/// `camera calibrate --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CalibrationReport {
    /// Where the frames came from, as configured.
    pub source: String,
    /// Frames that were examined.
    pub examined: u64,
    /// Frames among them with exactly one face.
    pub used: u64,
    /// What was measured; empty when too few frames could be used.
    pub measured: BTreeMap<String, SpreadReport>,
    /// What is proposed.
    pub settings: Vec<SettingReport>,
    /// What the mounting or the light should do better.
    pub notes: Vec<String>,
    /// The proposed settings as TOML.
    pub toml: String,
}

/// The middle of some values, and how far they lie around it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SpreadReport {
    /// The middle one.
    pub median: f64,
    /// The standard deviation, from the median deviation.
    pub deviation: f64,
}

/// A proposed value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingReport {
    /// Its key.
    pub key: String,
    /// What is proposed.
    pub value: f64,
    /// What is in force.
    pub now: Option<f64>,
    /// Why.
    pub reason: String,
}
