//! What the project promises in files beside its code.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::kiosk::Kiosk;

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn the_shipped_configuration_is_what_config_default_prints() {
    let printed = Kiosk::new().run(&["config", "default"]).out;
    assert_eq!(
        file("config/kiosk-enroll.toml"),
        printed,
        "print `kiosk-enroll config default` into the file and look at the change"
    );
}

#[test]
fn the_effective_configuration_names_every_origin() {
    let mut kiosk = Kiosk::new();
    kiosk.set("kiosk.id=lobby-01");
    fs::write(kiosk.path("empty.toml"), "[camera]\nwidth = 640\n").unwrap();
    let shown = kiosk.json(&["config", "show", "--origin"]);
    assert_eq!(shown["kiosk.id"]["value"], "lobby-01");
    assert_eq!(shown["kiosk.id"]["origin"], "command line");
    assert_eq!(shown["camera.width"]["value"], 640);
    assert!(shown["camera.width"]["origin"].as_str().unwrap().ends_with("line 2"), "{shown}");
    assert_eq!(shown["camera.height"]["origin"], "built-in default");
}

#[test]
fn the_api_document_names_exactly_the_routes_of_the_server() {
    let document: Value = serde_json::from_str(&file("src/web/openapi.json")).unwrap();
    let mut documented: Vec<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
    let server = file("src/web/server.rs");
    let mut served: Vec<_> = server
        .split(".route(")
        .skip(1)
        .filter_map(|rest| rest.trim_start().strip_prefix('"'))
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect();
    documented.sort();
    served.sort();
    assert_eq!(documented, served);
}

#[test]
fn completions_manual_and_help_come_without_any_configuration() {
    let kiosk = Kiosk::new();
    fs::write(kiosk.path("empty.toml"), "this is no TOML").unwrap();
    for arguments in [&["completions", "bash"][..], &["man"], &["--help"], &["config", "default"]] {
        let done = kiosk.run(arguments);
        assert_eq!(done.code, 0, "{arguments:?}: {}", done.err);
        assert!(done.out.len() > 500, "{arguments:?}");
    }
}

#[test]
fn the_quality_page_has_the_row_of_every_measure() {
    let page = file("docs/quality.md");
    let rows: Vec<_> = kiosk_enroll::measure::MEASURES.iter().map(quality_row).collect();
    let missing: Vec<_> = rows.iter().filter(|row| !page.contains(row.as_str())).collect();
    assert!(missing.is_empty(), "docs/quality.md lacks:\n{}", rows.join("\n"));
}

#[test]
fn the_operators_page_has_the_row_of_every_metric() {
    let page = file("docs/operations.md");
    for metric in kiosk_enroll::web::metrics::METRICS {
        let row = format!("| `{}` | {} | {} |", metric.name, metric.kind, metric.help);
        assert!(page.contains(&row), "docs/operations.md lacks:\n{row}");
    }
}

#[test]
fn every_command_in_the_documents_is_one_that_the_program_knows() {
    let kiosk = Kiosk::new();
    for page in [
        "README.md",
        "docs/install.md",
        "docs/operations.md",
        "docs/delivery.md",
        "docs/camera-lab.md",
        "packaging/bundle/README.txt",
        "packaging/bundle/LEEME.txt",
    ] {
        for command in commands_of(&file(page)) {
            let mut words = words_of(&command);
            words.push("--help");
            let done = kiosk.run(&words);
            assert_eq!(done.code, 0, "{page}: {command}\n{}", done.err);
        }
    }
}

/// The words after the program's name, up to a redirection or a comment; what is in quotation marks is one word.
fn words_of(command: &str) -> Vec<&str> {
    let parts = command.split('"').enumerate();
    let words = parts.flat_map(|(at, part)| match at % 2 {
        0 => part.split_whitespace().collect(),
        _ => vec![part],
    });
    words.skip(1).take_while(|word| !["<", "|", "#"].contains(word)).collect()
}

/// What stands in code spans and code blocks and begins with the program's name.
fn commands_of(page: &str) -> Vec<String> {
    let spans = page.split('`').map(str::trim);
    let lines = page.lines().map(str::trim);
    spans
        .chain(lines)
        .filter(|text| !text.contains('\n'))
        .filter(|text| {
            let rest = text.strip_prefix("kiosk-enroll ").unwrap_or_default();
            rest.starts_with(|first: char| first.is_ascii_lowercase() || first == '-')
        })
        .map(str::to_owned)
        .collect()
}

/// A measure as a row of the page: name, unit, the limits of each profile, the reasons, the source.
fn quality_row(measure: &kiosk_enroll::measure::Measure) -> String {
    use kiosk_enroll::domain::{Profile, Reason};
    let limits = |profile| match measure.limits.of(profile) {
        (None, None) => "–".to_owned(),
        (Some(min), None) => format!("≥ {min}"),
        (None, Some(max)) => format!("≤ {max}"),
        (Some(min), Some(max)) => format!("{min} … {max}"),
    };
    let code = |reason: Option<Reason>| reason.map(|reason| format!("`{reason}`"));
    let mut reasons: Vec<_> =
        [code(measure.below), code(measure.above)].into_iter().flatten().collect();
    reasons.dedup();
    let [matching, standard, strict] = Profile::ALL.map(limits);
    format!(
        "| `{}` | {} | {} | {matching} | {standard} | {strict} | {} |",
        measure.name,
        measure.title,
        measure.unit,
        reasons.join(" ")
    )
}

#[test]
fn every_sentence_of_guidance_stands_on_the_page_of_reasons() {
    let page = file("docs/quality.md");
    for reason in kiosk_enroll::domain::Reason::ALL {
        assert!(page.contains(&format!("`{reason}`")), "docs/quality.md does not explain {reason}");
    }
}
