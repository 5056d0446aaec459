//! Keeps the architecture: who may use whom, what may print, how long a file may grow, what the lists must name.
//!
//! ARCHITECTURE.md has the table of rooms; `rooms.rs` has it as code. A failed test says what to do.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

mod paths;
mod rooms;
mod shipped;
mod source;
mod tokens;

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use paths::Place;
use rooms::{ROOMS, complaints};
use source::Source;

/// Lines a file may have; most should stay under 300.
const LONGEST_FILE: usize = 500;

#[test]
fn each_room_uses_only_what_its_row_names() {
    let crates = crates_of(&fs::read_to_string(root().join("Cargo.toml")).unwrap());
    let sources = shipped_sources();
    let found = sources.iter().flat_map(|it| complaints(it, ROOMS, &crates)).collect();
    assert_none(found);
}

#[test]
fn the_architecture_page_has_the_same_table() {
    let page = match fs::read_to_string(root().join("ARCHITECTURE.md")) {
        Ok(page) => page,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("skipped: this checkout has no ARCHITECTURE.md");
            return;
        }
        Err(error) => panic!("ARCHITECTURE.md cannot be read: {error}"),
    };
    let rows: BTreeSet<&str> = page.lines().map(str::trim).collect();
    let missing = ROOMS
        .iter()
        .map(rooms::Room::as_markdown)
        .filter(|row| !rows.contains(row.as_str()))
        .map(|row| format!("ARCHITECTURE.md lacks this row of \"who may use whom\": {row}"))
        .collect();
    assert_none(missing);
}

#[test]
fn no_file_grows_beyond_what_one_reads_in_a_sitting() {
    let found = sources()
        .iter()
        .filter(|it| it.lines > LONGEST_FILE)
        .map(|it| {
            format!(
                "src/{} has {} lines, {LONGEST_FILE} are the most: move one of its things, with \
                 its tests, to a file of its own",
                it.file, it.lines
            )
        })
        .collect();
    assert_none(found);
}

#[test]
fn only_the_command_line_prints() {
    let printing = ["print", "println", "eprint", "eprintln", "dbg"];
    let mut found = Vec::new();
    for source in shipped_sources() {
        if matches!(source.module.first().map(String::as_str), None | Some("cli")) {
            continue;
        }
        found.extend(source.calls(&printing).map(|call| {
            format!(
                "{}: {}! outside src/cli/: return the text, or log it with tracing",
                source.at(call.line),
                call.text
            )
        }));
    }
    assert_none(found);
}

#[test]
fn nothing_is_unsafe() {
    let mut found = Vec::new();
    for source in sources() {
        found.extend(source.all.iter().filter(|it| it.text == "unsafe").map(|it| {
            format!("{}: unsafe: use rustix, nix or another safe interface", source.at(it.line))
        }));
    }
    assert_none(found);
}

#[test]
fn every_measure_is_in_the_list() {
    assert_none(unlisted_measures(&shipped_sources()));
}

/// The measures that a file under `src/measure/` defines but the list in its `mod.rs` does not name.
fn unlisted_measures(sources: &[Source]) -> Vec<String> {
    let room = "measure".to_owned();
    let listed: BTreeSet<String> = sources
        .iter()
        .filter(|it| it.module == [room.clone()])
        .flat_map(|it| &it.paths)
        .filter(|it| it.place == Place::Code)
        .map(|it| it.segments.join("::"))
        .collect();
    let mut found = Vec::new();
    for source in sources.iter().filter(|it| it.module.len() == 2 && it.module[0] == room) {
        for measure in source.constants_of("Measure") {
            let name = format!("{}::{}", source.module[1], measure.text);
            if !listed.contains(&name) {
                found.push(format!(
                    "{}: {name} is not in the list of src/measure/mod.rs, so it is never asked: \
                     name it there",
                    source.at(measure.line)
                ));
            }
        }
    }
    found
}

/// The packages that a manifest depends on, as code writes them.
fn crates_of(manifest: &str) -> Vec<String> {
    let mut in_dependencies = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_end().trim_end_matches(']');
            in_dependencies = header.ends_with("dependencies");
            names
                .extend(header.split_once("dependencies.").map(|(_, name)| name.replace('-', "_")));
        } else if in_dependencies && line.starts_with(|it: char| it.is_ascii_alphanumeric()) {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            names.push(name.replace('-', "_"));
        }
    }
    names
}

/// Every file under `src/` but those that only tests compile.
fn shipped_sources() -> Vec<Source> {
    let mut sources = sources();
    let test_modules: BTreeSet<Vec<String>> =
        sources.iter().flat_map(|it| it.test_modules.iter().cloned()).collect();
    sources.retain(|it| !(1..=it.module.len()).any(|end| test_modules.contains(&it.module[..end])));
    sources
}

fn sources() -> Vec<Source> {
    let src = root().join("src");
    let mut files = Vec::new();
    collect(&src, &mut files);
    files.sort();
    let read = |file: &PathBuf| {
        let text = fs::read_to_string(file).unwrap();
        Source::read(&file.strip_prefix(&src).unwrap().to_string_lossy(), &text)
    };
    let sources: Vec<Source> = files.iter().map(read).collect();
    assert!(sources.iter().any(|it| it.file == "domain/mod.rs"), "src/ was not found");
    sources
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|it| it == "rs") {
            files.push(path);
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn assert_none(found: Vec<String>) {
    assert!(found.is_empty(), "\n\n{}\n", found.join("\n"));
}

#[test]
fn a_measure_outside_the_list_is_found() {
    let sources = [
        Source::read("measure/mod.rs", "mod a; use b::B; const LIST: &[Measure] = &[a::X, c::X];"),
        Source::read(
            "measure/a.rs",
            "pub(super) const X: Measure = m();\nconst Y: super::Measure = m();",
        ),
        Source::read("measure/b.rs", "const B: Measure = m();"),
        Source::read("measure/scale.rs", "const HALF: f32 = 0.5;"),
    ];
    let found = unlisted_measures(&sources);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("src/measure/a.rs:2: a::Y is not in the list"));
    assert!(found[1].starts_with("src/measure/b.rs:1: b::B is not in the list"));
}

#[test]
fn printing_is_found_but_not_in_names_strings_or_tests() {
    let text = "fn f() { println!(\"x\"); write_println(); \"println!\"; }
        #[cfg(test)] mod tests { fn t() { println!() } }";
    assert_eq!(Source::read("queue/mod.rs", text).calls(&["println"]).count(), 1);
}

#[test]
fn every_dependency_of_the_manifest_is_known() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\nnokhwa-core = \"1\"\nserde.workspace = true\n\
        [target.'cfg(unix)'.dependencies]\nnix = \"1\"\n[dev-dependencies.proptest]\nversion = \"1\"\n[lints]\na = 1";
    assert_eq!(crates_of(manifest), ["nokhwa_core", "serde", "nix", "proptest"]);
}
