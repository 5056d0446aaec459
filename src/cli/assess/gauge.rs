//! Draws one measure: its value on a bar, with the part of the bar that passes.

use std::fmt::Write as _;

use crate::domain::{Gate, Reading};
use crate::measure::Measure;

/// Whether a value passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Passes,
    Fails,
    /// No gate is set for it.
    Free,
    /// There is no value.
    Unread,
}

impl Standing {
    pub(super) fn of(reading: Reading, gate: Option<&Gate>) -> Self {
        match (reading.native(), gate) {
            (None, _) => Self::Unread,
            (Some(_), None) => Self::Free,
            (Some(native), Some(gate)) if gate.check(native).is_none() => Self::Passes,
            _ => Self::Fails,
        }
    }

    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Passes => "passes",
            Self::Fails => "fails",
            Self::Free => "free",
            Self::Unread => "unread",
        }
    }
}

/// A row of the table of measures.
pub(super) fn row(out: &mut String, measure: &Measure, reading: Reading, gate: Option<&Gate>) {
    let standing = Standing::of(reading, gate);
    let _ = write!(
        out,
        "<tr class={}><th scope=row title=\"{}\">{}</th><td class=v>{}</td><td>{}</td><td class=l>{}</td>\
         <td class=s>{}</td></tr>",
        standing.class(),
        measure.title,
        measure.name,
        value(measure, reading),
        bar(measure, reading, gate),
        gate.map(limits).unwrap_or_default(),
        reading.score().map(|score| format!("{score:.0}")).unwrap_or_default(),
    );
}

/// The value with its unit, or why there is none.
pub(super) fn value(measure: &Measure, reading: Reading) -> String {
    match reading {
        Reading::Assessed { native, .. } => match measure.unit {
            "" => short(native),
            "degrees" => format!("{}°", short(native)),
            "pixels" => format!("{} px", short(native)),
            unit => format!("{} {unit}", short(native)),
        },
        Reading::NotAssessed(cause) => cause.code().replace('_', " "),
    }
}

/// What passes.
pub(super) fn limits(gate: &Gate) -> String {
    match (gate.min, gate.max) {
        (Some(min), Some(max)) => format!("{} … {}", short(min), short(max)),
        (Some(min), None) => format!("≥ {}", short(min)),
        (None, Some(max)) => format!("≤ {}", short(max)),
        (None, None) => String::new(),
    }
}

/// As many digits as can be told apart.
pub(super) fn short(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 1e6 => return format!("{value:.1e}"),
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn bar(measure: &Measure, reading: Reading, gate: Option<&Gate>) -> String {
    let Reading::Assessed { native, score } = reading else {
        return "<i class=bar></i>".to_owned();
    };
    let Some(gate) = gate else {
        return format!("<i class=bar><b class=fill style=\"width:{score:.0}%\"></b></i>");
    };
    let (low, high) = axis(gate, measure.range);
    let place = |value: f64| ((value - low) / (high - low) * 100.0).clamp(0.0, 100.0);
    let (from, to) = (gate.min.map_or(0.0, place), gate.max.map_or(100.0, place));
    format!(
        "<i class=bar><u style=\"left:{from:.1}%;width:{:.1}%\"></u><b style=\"left:{:.1}%\"></b></i>",
        to - from,
        place(native)
    )
}

/// The values at both ends of the bar: the limits with room beyond them.
fn axis(gate: &Gate, range: (f64, f64)) -> (f64, f64) {
    let floor = if range.0.is_finite() { range.0.max(0.0) } else { 0.0 };
    let (low, high) = match (gate.min, gate.max) {
        (Some(min), Some(max)) => (min - (max - min) / 2.0, max + (max - min) / 2.0),
        (None, Some(max)) => (floor, max + 0.7 * (max - floor)),
        (Some(min), None) => (floor, (2.0 * min - floor).min(range.1)),
        (None, None) => range,
    };
    // Limits that lie on one another, or too far apart to be drawn, leave any bar at all.
    if high > low && (high - low).is_finite() { (low, high) } else { (0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Cause;
    use crate::measure::MEASURES;

    fn drawn(name: &str, reading: Reading, min: Option<f64>, max: Option<f64>) -> String {
        let mut out = String::new();
        for measure in MEASURES.iter().filter(|measure| measure.name.0 == name) {
            let reason = crate::domain::Reason::HoldStill;
            let gate = Gate { measure: measure.name, min, max, below: reason, above: reason };
            row(&mut out, measure, reading, (min.or(max).is_some()).then_some(&gate));
        }
        out
    }

    #[test]
    fn a_value_beyond_its_limit_stands_outside_the_part_that_passes() {
        let row =
            drawn("sharpness", Reading::Assessed { native: 0.8, score: 20.0 }, None, Some(0.5));
        assert!(row.contains("class=fails") && row.contains("≤ 0.5"), "{row}");
        assert!(
            row.contains("left:0.0%;width:58.8%") && row.contains("<b style=\"left:94.1%\">"),
            "{row}"
        );
    }

    #[test]
    fn whatever_an_operator_sets_as_a_limit_the_bar_has_two_ends() {
        for limit in [0.0, -3.0, 1e300, -1e300] {
            for (min, max) in [(Some(limit), None), (None, Some(limit)), (Some(limit), Some(limit))]
            {
                let row =
                    drawn("sharpness", Reading::Assessed { native: 0.4, score: 90.0 }, min, max);
                assert!(!row.contains("NaN") && !row.contains("inf"), "{row}");
            }
        }
    }

    #[test]
    fn what_was_not_assessed_says_why() {
        let row = drawn("sharpness", Reading::NotAssessed(Cause::OutsidePicture), None, Some(0.5));
        assert!(row.contains("class=unread") && row.contains("outside picture"), "{row}");
    }

    #[test]
    fn numbers_are_as_long_as_they_need_to_be() {
        let found = [0.5, 0.256, 12.0, 12.34, 640.4, -7.0].map(short);
        assert_eq!(found, ["0.5", "0.26", "12", "12.3", "640", "-7"]);
    }
}
