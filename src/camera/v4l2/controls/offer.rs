//! Asks a camera which controls it has.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use v4l::Device;
use v4l::control::{Description, Flags, MenuItem, Type, Value};

use super::plan::KNOWN;

/// A control of a camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Its number in V4L2.
    pub id: u32,
    /// The driver's name for it.
    pub name: String,
    /// The key of `[camera]` that sets it, if there is one.
    pub key: Option<&'static str>,
    /// What it can be set to.
    pub extent: Extent,
    /// What it is set to at the moment, as far as the driver tells.
    pub current: Option<i64>,
    /// Whether it can be set at all.
    pub settable: Settable,
}

/// Whether a control can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settable {
    /// It can.
    Yes,
    /// The camera only shows it.
    ReadOnly,
}

/// What a control can be set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// Whole numbers in steps.
    Range {
        /// The lowest.
        min: i64,
        /// The highest.
        max: i64,
        /// From value to value, at least 1.
        step: i64,
        /// What the camera starts with.
        default: i64,
    },
    /// One of a few, among whose numbers there may be gaps.
    Menu {
        /// What there is.
        choices: Vec<Choice>,
        /// What the camera starts with.
        default: i64,
    },
    /// The driver's list cannot be read: any value may be tried.
    Unknown,
}

/// An item of a menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its number.
    pub value: i64,
    /// The driver's name for it.
    pub name: String,
}

impl Extent {
    /// Whether it can be set to this.
    pub(super) fn takes(&self, value: i64) -> bool {
        match self {
            Self::Range { min, max, .. } => (*min..=*max).contains(&value),
            Self::Menu { choices, .. } => choices.iter().any(|choice| choice.value == value),
            Self::Unknown => true,
        }
    }

    /// The value of a range's step nearest to this one.
    pub(super) fn nearest(&self, value: i64) -> i64 {
        let Self::Range { min, max, step, .. } = self else { return value };
        let step = (*step).max(1);
        let steps = (value - min + step / 2) / step;
        (min + steps * step).min(*max)
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range { min, max, step, .. } if *step > 1 => {
                write!(f, "{min} to {max} in steps of {step}")
            }
            Self::Range { min, max, .. } => write!(f, "{min} to {max}"),
            Self::Menu { choices, .. } => {
                let choices: Vec<String> =
                    choices.iter().map(|it| format!("{} ({})", it.value, it.name)).collect();
                f.write_str(&choices.join(", "))
            }
            Self::Unknown => f.write_str("an unknown range"),
        }
    }
}

/// The controls of an opened camera that hold a number; without any where the driver tells nothing.
pub(in crate::camera::v4l2) fn offered(device: &Device) -> Vec<Control> {
    // `v4l` panics on control types that are newer than itself, and with it the whole list is lost.
    match catch_unwind(AssertUnwindSafe(|| device.query_controls())) {
        Ok(Ok(described)) => described.iter().filter_map(|it| control(device, it)).collect(),
        Ok(Err(_)) => Vec::new(),
        Err(_) => one_by_one(device),
    }
}

fn control(device: &Device, described: &Description) -> Option<Control> {
    if described.flags.contains(Flags::DISABLED) {
        return None;
    }
    let (min, max, default) = (described.minimum, described.maximum, described.default);
    let extent = match described.typ {
        Type::Integer | Type::Integer64 | Type::Boolean => {
            let step = i64::try_from(described.step).unwrap_or(i64::MAX).max(1);
            Extent::Range { min, max, step, default }
        }
        Type::Menu | Type::IntegerMenu => {
            let items = described.items.iter().flatten();
            Extent::Menu { choices: items.map(choice).collect(), default }
        }
        _ => return None,
    };
    let read_only = described.flags.contains(Flags::READ_ONLY);
    Some(Control {
        id: described.id,
        name: described.name.clone(),
        key: key_of(described.id),
        extent,
        current: value(device, described.id),
        settable: if read_only { Settable::ReadOnly } else { Settable::Yes },
    })
}

fn choice((value, item): &(u32, MenuItem)) -> Choice {
    Choice { value: i64::from(*value), name: item.to_string() }
}

/// The controls that the configuration knows, of a camera whose list cannot be read.
fn one_by_one(device: &Device) -> Vec<Control> {
    let ask = |(id, key, name): &(u32, &'static str, &str)| {
        Some(Control {
            id: *id,
            name: (*name).to_owned(),
            key: Some(*key),
            extent: Extent::Unknown,
            current: Some(value(device, *id)?),
            settable: Settable::Yes,
        })
    };
    KNOWN.iter().filter_map(ask).collect()
}

fn value(device: &Device, id: u32) -> Option<i64> {
    match catch_unwind(AssertUnwindSafe(|| device.control(id))).ok()?.ok()?.value {
        Value::Integer(value) => Some(value),
        Value::Boolean(on) => Some(i64::from(on)),
        _ => None,
    }
}

fn key_of(id: u32) -> Option<&'static str> {
    KNOWN.iter().find(|known| known.0 == id).map(|known| known.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_between_two_steps_goes_to_the_nearer_one() {
        let extent = Extent::Range { min: 2_800, max: 6_500, step: 10, default: 4_600 };
        let nearest = [2_800, 4_604, 4_605, 6_500].map(|value| extent.nearest(value));
        assert_eq!(nearest, [2_800, 4_600, 4_610, 6_500]);
        assert!(!extent.takes(2_799) && extent.takes(2_801));
        assert_eq!(extent.to_string(), "2800 to 6500 in steps of 10");
    }

    #[test]
    fn a_menu_takes_only_what_it_lists() {
        let choice = |value, name: &str| Choice { value, name: name.to_owned() };
        let choices = vec![choice(1, "Manual Mode"), choice(3, "Aperture Priority Mode")];
        let menu = Extent::Menu { choices, default: 3 };
        assert!(menu.takes(3) && !menu.takes(2));
        assert_eq!(menu.to_string(), "1 (Manual Mode), 3 (Aperture Priority Mode)");
    }
}
