//! The camera's controls: what it can be set to, and what the driver wrote (USB Video Class 1.0, 4.2.2).
//!
//! A value behind a regulation that is still on is refused, as many real cameras do: the order is proved by it.

const SET_CUR: u8 = 0x01;
const GET_CUR: u8 = 0x81;
const GET_MIN: u8 = 0x82;
const GET_MAX: u8 = 0x83;
const GET_RES: u8 = 0x84;
const GET_LEN: u8 = 0x85;
const GET_INFO: u8 = 0x86;
const GET_DEF: u8 = 0x87;

/// What a control belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// The camera terminal, unit 1.
    Sensor,
    /// The processing unit, unit 3.
    Processing,
}

impl Unit {
    const fn number(self) -> u8 {
        match self {
            Self::Sensor => 1,
            Self::Processing => 3,
        }
    }
}

/// Names a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    ExposureMode,
    ExposureTime,
    Focus,
    FocusAuto,
    Brightness,
    Gain,
    PowerLine,
    WhiteBalance,
    WhiteBalanceAuto,
}

/// A value that the driver wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    pub setting: Setting,
    pub value: i64,
}

struct Control {
    setting: Setting,
    unit: Unit,
    selector: u8,
    /// Its bit in the unit's descriptor.
    bit: u32,
    length: usize,
    min: i64,
    max: i64,
    step: i64,
    default: i64,
    /// The control that must have one of these values before this one takes any.
    needs: Option<(Setting, &'static [i64])>,
}

const fn control(setting: Setting, unit: Unit, selector: u8, bit: u32, length: usize) -> Control {
    Control {
        setting,
        unit,
        selector,
        bit,
        length,
        min: 0,
        max: 1,
        step: 1,
        default: 1,
        needs: None,
    }
}

const ALL: &[Control] = &[
    // Bits: 1 manual, 8 aperture priority; the step is the set of those that are there.
    Control {
        min: 1,
        max: 8,
        step: 0x09,
        default: 8,
        ..control(Setting::ExposureMode, Unit::Sensor, 0x02, 1 << 1, 1)
    },
    Control {
        min: 3,
        max: 2_047,
        default: 250,
        needs: Some((Setting::ExposureMode, &[1])),
        ..control(Setting::ExposureTime, Unit::Sensor, 0x04, 1 << 3, 4)
    },
    Control {
        max: 250,
        step: 5,
        default: 0,
        needs: Some((Setting::FocusAuto, &[0])),
        ..control(Setting::Focus, Unit::Sensor, 0x06, 1 << 5, 2)
    },
    control(Setting::FocusAuto, Unit::Sensor, 0x08, 1 << 17, 1),
    Control {
        min: -64,
        max: 64,
        default: 0,
        ..control(Setting::Brightness, Unit::Processing, 0x02, 1, 2)
    },
    Control { max: 100, default: 0, ..control(Setting::Gain, Unit::Processing, 0x04, 1 << 9, 2) },
    Control { max: 2, ..control(Setting::PowerLine, Unit::Processing, 0x05, 1 << 10, 1) },
    Control {
        min: 2_800,
        max: 6_500,
        step: 10,
        default: 4_600,
        needs: Some((Setting::WhiteBalanceAuto, &[0])),
        ..control(Setting::WhiteBalance, Unit::Processing, 0x0A, 1 << 6, 2)
    },
    control(Setting::WhiteBalanceAuto, Unit::Processing, 0x0B, 1 << 12, 1),
];

/// The bits that a unit's descriptor shows.
pub fn bits(unit: Unit) -> u32 {
    ALL.iter().filter(|control| control.unit == unit).map(|control| control.bit).sum()
}

/// What the controls are set to.
#[derive(Debug, Default)]
pub struct Settings {
    written: Vec<Written>,
}

impl Settings {
    /// What was written, in its order.
    pub fn written(&self) -> &[Written] {
        &self.written
    }

    /// Answers a request; `None` is a refusal.
    pub fn answer(&mut self, unit: u8, selector: u8, request: u8, data: &[u8]) -> Option<Vec<u8>> {
        let asked = |it: &&Control| it.unit.number() == unit && it.selector == selector;
        let control = ALL.iter().find(asked)?;
        let value = match request {
            SET_CUR => return self.set(control, data).then(Vec::new),
            GET_LEN => return Some((control.length as u16).to_le_bytes().to_vec()),
            // It can be read and written.
            GET_INFO => return Some(vec![3]),
            GET_CUR => self.current(control.setting),
            GET_MIN => control.min,
            GET_MAX => control.max,
            GET_RES => control.step,
            GET_DEF => control.default,
            _ => return None,
        };
        Some(value.to_le_bytes()[..control.length].to_vec())
    }

    fn set(&mut self, control: &Control, data: &[u8]) -> bool {
        let ready =
            control.needs.is_none_or(|(other, values)| values.contains(&self.current(other)));
        if !ready || data.len() < control.length {
            return false;
        }
        let data = &data[..control.length];
        // The sign of the last byte goes on into the missing ones.
        let fill = if data[control.length - 1] >= 0x80 && control.min < 0 { 0xFF } else { 0 };
        let mut bytes = [fill; 8];
        bytes[..control.length].copy_from_slice(data);
        let value = i64::from_le_bytes(bytes);
        self.written.push(Written { setting: control.setting, value });
        true
    }

    fn current(&self, setting: Setting) -> i64 {
        let last = self.written.iter().rev().find(|written| written.setting == setting);
        let default = ALL.iter().find(|it| it.setting == setting).map_or(0, |it| it.default);
        last.map_or(default, |written| written.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_behind_its_regulation_is_refused_until_that_is_off() {
        let mut settings = Settings::default();
        let temperature = 5_000_u16.to_le_bytes();
        assert_eq!(settings.answer(3, 0x0A, SET_CUR, &temperature), None);
        assert!(settings.answer(3, 0x0B, SET_CUR, &[0]).is_some());
        assert!(settings.answer(3, 0x0A, SET_CUR, &temperature).is_some());
        assert_eq!(settings.answer(3, 0x0A, GET_CUR, &[]), Some(temperature.to_vec()));
        assert_eq!(settings.written().len(), 2);
    }

    #[test]
    fn a_negative_value_keeps_its_sign() {
        let mut settings = Settings::default();
        settings.answer(3, 0x02, SET_CUR, &(-7_i16).to_le_bytes());
        assert_eq!(settings.written(), [Written { setting: Setting::Brightness, value: -7 }]);
    }
}
