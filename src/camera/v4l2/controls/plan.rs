//! Decides what to write into a camera's controls, and in which order. Pure.

use std::fmt;
use std::time::Duration;

use super::offer::{Control, Settable};
use crate::domain::{ControlWishes, LowLight, PowerLine, Regulated};

// The numbers of linux/v4l2-controls.h.
const BRIGHTNESS: u32 = 0x0098_0900;
const AUTO_WHITE_BALANCE: u32 = 0x0098_090c;
const AUTO_GAIN: u32 = 0x0098_0912;
const GAIN: u32 = 0x0098_0913;
const POWER_LINE_FREQUENCY: u32 = 0x0098_0918;
const WHITE_BALANCE_TEMPERATURE: u32 = 0x0098_091a;
const BACKLIGHT_COMPENSATION: u32 = 0x0098_091c;
const EXPOSURE_AUTO: u32 = 0x009a_0901;
const EXPOSURE_ABSOLUTE: u32 = 0x009a_0902;
const EXPOSURE_DYNAMIC_RATE: u32 = 0x009a_0903;
const FOCUS_ABSOLUTE: u32 = 0x009a_090a;
const FOCUS_AUTO: u32 = 0x009a_090c;

/// Items of the exposure menu that follow the scene, the usual one of webcams first.
const EXPOSURE_FOLLOWS: [i64; 2] = [3, 0];
/// Items of the exposure menu that let the time be set.
const EXPOSURE_SET: [i64; 2] = [1, 2];
const ON: [i64; 1] = [1];
const OFF: [i64; 1] = [0];

/// The controls that `[camera]` can set: V4L2's number, the key, V4L2's name.
pub(super) const KNOWN: &[(u32, &str, &str)] = &[
    (BRIGHTNESS, "brightness", "Brightness"),
    (AUTO_WHITE_BALANCE, "white_balance", "White Balance, Automatic"),
    (AUTO_GAIN, "gain", "Gain, Automatic"),
    (GAIN, "gain", "Gain"),
    (POWER_LINE_FREQUENCY, "power_line_frequency", "Power Line Frequency"),
    (WHITE_BALANCE_TEMPERATURE, "white_balance", "White Balance Temperature"),
    (BACKLIGHT_COMPENSATION, "backlight_compensation", "Backlight Compensation"),
    (EXPOSURE_AUTO, "exposure", "Auto Exposure"),
    (EXPOSURE_ABSOLUTE, "exposure", "Exposure Time, Absolute"),
    (EXPOSURE_DYNAMIC_RATE, "low_light", "Exposure, Dynamic Framerate"),
    (FOCUS_ABSOLUTE, "focus", "Focus, Absolute"),
    (FOCUS_AUTO, "focus", "Focus, Automatic Continuous"),
];

/// One value to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Write {
    pub(super) id: u32,
    pub(super) value: i64,
    /// The key that wishes it.
    pub(super) key: &'static str,
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = KNOWN.iter().find(|known| known.0 == self.id).map_or("", |known| known.2);
        write!(f, "camera.{}: {name} = {}", self.key, self.value)
    }
}

/// Why a wish is left alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Complaint {
    #[error("camera.{key} is left as it is: the camera has no such control; {}", known_offer(.offered))]
    Missing { key: &'static str, offered: Vec<&'static str> },
    #[error("camera.{key} is left as it is: it would be {wanted}, allowed is {allowed}")]
    Range { key: &'static str, wanted: i64, allowed: String },
    #[error("camera.{key} is left as it is: the camera only shows it and cannot be told")]
    ReadOnly { key: &'static str },
}

/// What to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// In their order: a regulation is switched off before its value is written.
    pub(super) writes: Vec<Write>,
    pub(super) complaints: Vec<Complaint>,
}

/// Lays the wishes against the offer.
pub(super) fn plan(wishes: &ControlWishes, offered: &[Control]) -> Plan {
    let mut planner = Planner { offered, plan: Plan::default() };
    if let Some(power_line) = wishes.power_line {
        planner.value("power_line_frequency", POWER_LINE_FREQUENCY, menu_number(power_line));
    }
    let exposure = wishes.exposure.map(|it| match it {
        Regulated::Auto => Regulated::Auto,
        Regulated::Fixed(time) => Regulated::Fixed(hundreds_of_microseconds(time)),
    });
    let by = Regulation { id: EXPOSURE_AUTO, follows: &EXPOSURE_FOLLOWS, holds: &EXPOSURE_SET };
    planner.regulated("exposure", by, EXPOSURE_ABSOLUTE, exposure);
    if let Some(low_light) = wishes.low_light {
        let lower = i64::from(low_light == LowLight::LowerRate);
        planner.value("low_light", EXPOSURE_DYNAMIC_RATE, lower);
    }
    let gain = wishes.gain.map(Regulated::Fixed);
    planner.regulated("gain", Regulation::switch(AUTO_GAIN), GAIN, gain);
    let by = Regulation::switch(AUTO_WHITE_BALANCE);
    planner.regulated("white_balance", by, WHITE_BALANCE_TEMPERATURE, wishes.white_balance);
    planner.regulated("focus", Regulation::switch(FOCUS_AUTO), FOCUS_ABSOLUTE, wishes.focus);
    if let Some(brightness) = wishes.brightness {
        planner.value("brightness", BRIGHTNESS, brightness);
    }
    if let Some(backlight) = wishes.backlight_compensation {
        planner.value("backlight_compensation", BACKLIGHT_COMPENSATION, backlight);
    }
    planner.plan
}

/// The control that lets the camera follow the scene, and its values for doing so and for not.
#[derive(Clone, Copy)]
struct Regulation {
    id: u32,
    follows: &'static [i64],
    holds: &'static [i64],
}

impl Regulation {
    const fn switch(id: u32) -> Self {
        Self { id, follows: &ON, holds: &OFF }
    }
}

struct Planner<'a> {
    offered: &'a [Control],
    plan: Plan,
}

impl Planner<'_> {
    fn value(&mut self, key: &'static str, id: u32, wanted: i64) {
        match self.checked(key, id, wanted) {
            Ok(write) => self.plan.writes.push(write),
            Err(complaint) => self.plan.complaints.push(complaint),
        }
    }

    fn regulated(
        &mut self,
        key: &'static str,
        by: Regulation,
        value: u32,
        wish: Option<Regulated<i64>>,
    ) {
        let writes = match wish {
            None => return,
            Some(Regulated::Auto) => self.switched(key, by.id, by.follows).map(|it| vec![it]),
            Some(Regulated::Fixed(wanted)) => self.checked(key, value, wanted).and_then(|write| {
                // A camera without a regulation holds its value anyway.
                match self.find(by.id) {
                    None => Ok(vec![write]),
                    Some(_) => Ok(vec![self.switched(key, by.id, by.holds)?, write]),
                }
            }),
        };
        match writes {
            Ok(writes) => self.plan.writes.extend(writes),
            Err(complaint) => self.plan.complaints.push(complaint),
        }
    }

    /// The first of these values that the control takes.
    fn switched(&self, key: &'static str, id: u32, values: &[i64]) -> Result<Write, Complaint> {
        let taken = |value: &&i64| self.find(id).is_some_and(|found| found.extent.takes(**value));
        let first = values.first().copied().unwrap_or_default();
        self.checked(key, id, values.iter().find(taken).copied().unwrap_or(first))
    }

    fn checked(&self, key: &'static str, id: u32, wanted: i64) -> Result<Write, Complaint> {
        let Some(found) = self.find(id) else {
            return Err(Complaint::Missing { key, offered: self.keys() });
        };
        if found.settable == Settable::ReadOnly {
            return Err(Complaint::ReadOnly { key });
        }
        if !found.extent.takes(wanted) {
            let unit = if id == EXPOSURE_ABSOLUTE { " (each 0.1 ms)" } else { "" };
            return Err(Complaint::Range {
                key,
                wanted,
                allowed: format!("{}{unit}", found.extent),
            });
        }
        Ok(Write { id, value: found.extent.nearest(wanted), key })
    }

    fn find(&self, id: u32) -> Option<&Control> {
        self.offered.iter().find(|control| control.id == id)
    }

    /// The keys that this camera goes along with.
    fn keys(&self) -> Vec<&'static str> {
        let mut keys: Vec<_> = self.offered.iter().filter_map(|control| control.key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

const fn menu_number(power_line: PowerLine) -> i64 {
    match power_line {
        PowerLine::Off => 0,
        PowerLine::Hz50 => 1,
        PowerLine::Hz60 => 2,
        PowerLine::Auto => 3,
    }
}

/// V4L2 counts the exposure in steps of 100 µs.
fn hundreds_of_microseconds(time: Duration) -> i64 {
    i64::try_from(time.as_micros() / 100).unwrap_or(i64::MAX)
}

fn known_offer(keys: &[&str]) -> String {
    match keys {
        [] => "it offers none".to_owned(),
        keys => format!("it offers {}", keys.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::offer::{Choice, Extent};
    use super::*;

    fn control(id: u32, extent: Extent) -> Control {
        let (_, key, name) = KNOWN.iter().find(|known| known.0 == id).copied().unwrap_or_default();
        let name = name.to_owned();
        Control { id, name, key: Some(key), extent, current: None, settable: Settable::Yes }
    }

    fn range(id: u32, min: i64, max: i64, step: i64) -> Control {
        control(id, Extent::Range { min, max, step, default: min })
    }

    fn menu(id: u32, values: &[i64]) -> Control {
        let choice = |value: &i64| Choice { value: *value, name: format!("item {value}") };
        control(id, Extent::Menu { choices: values.iter().map(choice).collect(), default: 0 })
    }

    /// What an ordinary webcam has.
    fn webcam() -> Vec<Control> {
        vec![
            range(BRIGHTNESS, -64, 64, 1),
            range(AUTO_WHITE_BALANCE, 0, 1, 1),
            range(GAIN, 0, 255, 1),
            menu(POWER_LINE_FREQUENCY, &[0, 1, 2]),
            range(WHITE_BALANCE_TEMPERATURE, 2_800, 6_500, 10),
            menu(EXPOSURE_AUTO, &[1, 3]),
            range(EXPOSURE_ABSOLUTE, 3, 2_047, 1),
            range(EXPOSURE_DYNAMIC_RATE, 0, 1, 1),
            range(FOCUS_ABSOLUTE, 0, 250, 5),
            range(FOCUS_AUTO, 0, 1, 1),
        ]
    }

    fn writes(wishes: ControlWishes, offered: &[Control]) -> Vec<(u32, i64)> {
        let plan = plan(&wishes, offered);
        assert_eq!(plan.complaints, []);
        plan.writes.iter().map(|write| (write.id, write.value)).collect()
    }

    fn complaints(wishes: ControlWishes, offered: &[Control]) -> Vec<String> {
        let plan = plan(&wishes, offered);
        assert_eq!(plan.writes, []);
        plan.complaints.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn without_a_wish_nothing_is_written() {
        assert_eq!(plan(&ControlWishes::default(), &webcam()), Plan::default());
    }

    #[test]
    fn a_regulation_is_switched_off_before_its_value_is_written() {
        let wishes = ControlWishes {
            exposure: Some(Regulated::Fixed(Duration::from_millis(8))),
            white_balance: Some(Regulated::Fixed(4_604)),
            focus: Some(Regulated::Fixed(33)),
            ..ControlWishes::default()
        };
        let wanted = [
            (EXPOSURE_AUTO, 1),
            (EXPOSURE_ABSOLUTE, 80),
            (AUTO_WHITE_BALANCE, 0),
            (WHITE_BALANCE_TEMPERATURE, 4_600),
            (FOCUS_AUTO, 0),
            (FOCUS_ABSOLUTE, 35),
        ];
        assert_eq!(writes(wishes, &webcam()), wanted);
    }

    #[test]
    fn auto_takes_the_item_of_the_menu_that_the_camera_has() {
        let wishes = ControlWishes { exposure: Some(Regulated::Auto), ..ControlWishes::default() };
        for (items, wanted) in [(&[1, 3][..], 3), (&[0, 1], 0), (&[0, 1, 2, 3], 3)] {
            assert_eq!(writes(wishes, &[menu(EXPOSURE_AUTO, items)]), [(EXPOSURE_AUTO, wanted)]);
        }
        let told = complaints(wishes, &[menu(EXPOSURE_AUTO, &[1])]);
        let wanted = "camera.exposure is left as it is: it would be 3, allowed is 1 (item 1)";
        assert_eq!(told, [wanted]);
    }

    #[test]
    fn a_camera_without_a_regulation_is_given_the_value_alone() {
        let wishes = ControlWishes { gain: Some(20), ..ControlWishes::default() };
        assert_eq!(writes(wishes, &webcam()), [(GAIN, 20)]);
        let with_auto = [range(GAIN, 0, 255, 1), range(AUTO_GAIN, 0, 1, 1)];
        assert_eq!(writes(wishes, &with_auto), [(AUTO_GAIN, 0), (GAIN, 20)]);
    }

    #[test]
    fn a_value_out_of_range_leaves_the_regulation_on() {
        let wishes = ControlWishes {
            white_balance: Some(Regulated::Fixed(9_000)),
            ..ControlWishes::default()
        };
        let wanted = "camera.white_balance is left as it is: it would be 9000, allowed is 2800 to 6500 in steps of 10";
        assert_eq!(complaints(wishes, &webcam()), [wanted]);
    }

    #[test]
    fn a_missing_control_is_told_with_those_that_are_there() {
        let wishes = ControlWishes { backlight_compensation: Some(1), ..ControlWishes::default() };
        let told = complaints(wishes, &webcam()[..3]);
        let wanted = "camera.backlight_compensation is left as it is: the camera has no such control; it offers brightness, gain, white_balance";
        assert_eq!(told, [wanted]);
        assert!(complaints(wishes, &[])[0].ends_with("it offers none"));
    }

    #[test]
    fn one_bad_wish_does_not_hinder_the_others() {
        let wishes = ControlWishes {
            power_line: Some(PowerLine::Auto),
            low_light: Some(LowLight::KeepRate),
            ..ControlWishes::default()
        };
        let plan = plan(&wishes, &webcam());
        assert_eq!(plan.writes.len(), 1);
        assert_eq!(plan.complaints.len(), 1, "this menu has no item for auto");
    }

    #[test]
    fn what_can_only_be_read_is_not_written() {
        let shown = Control { settable: Settable::ReadOnly, ..range(GAIN, 0, 9, 1) };
        let wishes = ControlWishes { gain: Some(2), ..ControlWishes::default() };
        assert!(complaints(wishes, &[shown])[0].contains("only shows it"));
    }

    #[test]
    fn of_a_camera_whose_list_cannot_be_read_the_driver_decides() {
        let unknown = [control(GAIN, Extent::Unknown)];
        let wishes = ControlWishes { gain: Some(777), ..ControlWishes::default() };
        assert_eq!(writes(wishes, &unknown), [(GAIN, 777)]);
    }
}
