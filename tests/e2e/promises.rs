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
    kiosk.set("capture.gates.sharpness_max=0.5");
    fs::write(kiosk.path("empty.toml"), "[camera]\nwidth = 640\n").unwrap();
    let shown = kiosk.json(&["config", "show", "--origin"]);
    assert_eq!(shown["kiosk.id"]["value"], "lobby-01");
    assert_eq!(shown["kiosk.id"]["origin"], "command line");
    assert_eq!(shown["camera.width"]["value"], 640);
    assert!(shown["camera.width"]["origin"].as_str().unwrap().ends_with("line 2"), "{shown}");
    assert_eq!(shown["camera.height"]["origin"], "built-in default");
    assert_eq!(shown["capture.gates.sharpness_max"]["value"], 0.5);
    assert_eq!(shown["capture.gates.sharpness_max"]["origin"], "command line");
    assert_eq!(shown["capture.gates.eyes_open_min"]["value"], 0.26);
    assert_eq!(shown["capture.gates.eyes_open_min"]["origin"], "profile standard");
}

#[test]
fn a_configuration_is_checked_beyond_its_values() {
    use std::os::unix::fs::PermissionsExt as _;
    let kiosk = Kiosk::new();
    let rights = |name: &str, mode| {
        fs::set_permissions(kiosk.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    rights("state/token", 0o600);
    let write = |text: &str| fs::write(kiosk.path("empty.toml"), text).unwrap();
    let frames = format!("[camera]\nsource = \"frames:{}\"\n", crate::kiosk::walkup().display());
    write(&frames);
    let checked = kiosk.json(&["config", "check"]);
    assert_eq!(checked["valid"], true, "{checked}");
    for (text, code, words) in [
        ("[verifik]\nca_file = \"/no/such/ca.pem\"\n", 78, "empty.toml, line 4"),
        ("[capture.gates]\neyes_open_min = 26\n", 78, "never above 1"),
        ("[capture.gates]\nhead_pose_yaw_min = 20\n", 78, "head_pose_yaw"),
        ("[kiosk]\nid = \"a b\"\n", 78, "empty.toml, line 4"),
    ] {
        write(&format!("{frames}{text}"));
        let done = kiosk.run(&["config", "check"]);
        assert_eq!(done.code, code, "{text}{}{}", done.out, done.err);
        assert!(format!("{}{}", done.out, done.err).contains(words), "{}{}", done.out, done.err);
    }
    write(&frames);
    rights("state/token", 0o644);
    let done = kiosk.run(&["config", "check"]);
    assert_eq!(done.code, 77, "{}", done.err);
    assert!(done.err.contains("hint: chmod 600 "), "{}", done.err);
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
        "docs/configuration.md",
        "docs/security.md",
        "docs/troubleshooting.md",
        "docs/hardware.md",
        "docs/upgrade.md",
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
            let text = text.strip_prefix("sudo ").unwrap_or(text);
            let rest = text.strip_prefix("kiosk-enroll ").unwrap_or_default();
            rest.starts_with(|first: char| first.is_ascii_lowercase() || first == '-')
        })
        .map(|text| text.strip_prefix("sudo ").unwrap_or(text).to_owned())
        .collect()
}

#[test]
fn the_page_of_all_keys_is_what_the_program_writes() {
    let printed = Kiosk::new().run(&["config", "reference"]).out;
    assert_eq!(
        file("docs/configuration.md"),
        printed,
        "print `kiosk-enroll config reference` into the file and look at the change"
    );
}

#[test]
fn every_test_that_the_security_page_names_exists() {
    let mut sources = String::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    folders.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"));
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                sources.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    let page = file("docs/security.md");
    let names = page.split('`').filter(|word| word.matches('_').count() >= 2);
    let names: Vec<_> = names
        .filter(|word| {
            word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit())
        })
        .collect();
    assert!(names.len() >= 15, "{names:?}");
    for name in names {
        assert!(sources.contains(&format!("fn {name}()")), "docs/security.md names {name}");
    }
}

#[test]
fn the_operators_page_explains_every_line_of_level_error() {
    let page = file("docs/operations.md");
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut lines = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            for call in source.split("error!(").skip(1) {
                let call = call.split(");").next().unwrap();
                // The message is the last text of the call.
                if let Some(message) = call.rsplit('"').nth(1) {
                    lines.push(message.to_owned());
                }
            }
        }
    }
    assert!(lines.len() >= 8, "{lines:?}");
    for line in lines {
        assert!(page.contains(&format!("| `{line}` |")), "docs/operations.md lacks: {line}");
    }
}
