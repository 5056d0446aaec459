//! docs/quality.md lists the measures, their limits and sources, and the reasons as they are.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::path::Path;

use kiosk_enroll::domain::{Profile, Reason};
use kiosk_enroll::measure::{MEASURES, Measure};

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/quality.md");
    std::fs::read_to_string(path).unwrap()
}

fn limits(measure: &Measure, profile: Profile) -> String {
    match measure.limits.of(profile) {
        (Some(min), Some(max)) => format!("{min} … {max}"),
        (Some(min), None) => format!("≥ {min}"),
        (None, Some(max)) => format!("≤ {max}"),
        (None, None) => "–".to_owned(),
    }
}

fn row(measure: &Measure) -> String {
    let mut reasons: Vec<String> =
        [measure.below, measure.above].into_iter().flatten().map(|r| format!("`{r}`")).collect();
    reasons.dedup();
    let cells = Profile::ALL.map(|profile| limits(measure, profile)).join(" | ");
    format!(
        "| `{}` | {} | {} | {cells} | {} |",
        measure.name,
        measure.title,
        measure.unit,
        reasons.join(" ")
    )
}

fn origin(measure: &Measure) -> String {
    let end =
        |value: f64, open: &str| if value.is_finite() { value.to_string() } else { open.into() };
    let (low, high) = (end(measure.range.0, "any"), end(measure.range.1, "any"));
    format!("| `{}` | {low} to {high} | {} |", measure.name, measure.source)
}

#[test]
fn the_page_has_a_row_for_each_measure_with_its_limits_and_its_source() {
    let page = page();
    for measure in MEASURES {
        for wanted in [row(measure), origin(measure)] {
            assert!(page.lines().any(|line| line == wanted), "docs/quality.md lacks\n{wanted}");
        }
    }
}

#[test]
fn the_page_explains_every_reason() {
    let page = page();
    let explained = |code: &str| {
        page.lines().any(|line| line.split('|').nth(1).is_some_and(|cell| cell.contains(code)))
    };
    for reason in Reason::ALL {
        assert!(explained(&format!("`{reason}`")), "docs/quality.md lacks {reason}");
    }
}
