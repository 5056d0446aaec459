//! Keeps the two places where `cross` finds its configuration equal, and their keys to those it knows.
//!
//! Releases of `cross` take the file, its main branch prefers the manifest, and both pass over what they do not
//! know with a warning at most: a difference would show only on a kiosk.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::fs;
use std::path::Path;

use toml::{Table, Value};

/// The targets people build for: 64-bit and 32-bit Raspberry Pi OS.
const TARGETS: [&str; 2] = ["aarch64-unknown-linux-gnu", "armv7-unknown-linux-gnueabihf"];

/// The keys that the last release and the main branch both act on.
const KNOWN_KEYS: [&str; 4] = ["image", "dockerfile", "pre-build", "env"];

#[test]
fn the_manifest_says_the_same_as_the_file() {
    assert_eq!(
        Value::Table(table_of("cross.toml")),
        manifest()["package"]["metadata"]["cross"],
        "cross.toml and [package.metadata.cross] in Cargo.toml differ: make the change in both"
    );
}

#[test]
fn the_workspace_table_is_left_out() {
    let workspace = manifest().get("workspace").cloned();
    assert!(
        workspace.is_none_or(|it| it.get("metadata").and_then(|it| it.get("cross")).is_none()),
        "cross 0.2.5 ignores [workspace.metadata.cross] in silence: use [package.metadata.cross]"
    );
}

#[test]
fn every_key_is_one_that_all_versions_know() {
    let file = table_of("cross.toml");
    assert_eq!(file.keys().collect::<Vec<_>>(), ["target"], "only [target.…] tables are in use");
    for (target, settings) in file["target"].as_table().unwrap() {
        for key in settings.as_table().unwrap().keys() {
            assert!(
                KNOWN_KEYS.contains(&key.as_str()),
                "target.{target}.{key}: some version of cross passes over this key with a warning"
            );
        }
        let env = settings["env"].as_table().unwrap();
        assert_eq!(env.keys().collect::<Vec<_>>(), ["passthrough"], "target.{target}.env");
    }
}

#[test]
fn every_target_has_a_dated_image_a_linker_and_libclang() {
    let file = table_of("cross.toml");
    for target in TARGETS {
        let settings = &file["target"][target];
        let image = settings["image"].as_str().unwrap();
        let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
        assert!(
            tag.split('-')
                .any(|part| part.len() == 8 && part.bytes().all(|it| it.is_ascii_digit())),
            "{target}: {image} is not pinned to a date, so a release would depend on its day"
        );
        assert!(texts(&settings["pre-build"]).any(|it| it.contains(" libclang1 ")), "{target}");
        let linker = format!("CARGO_TARGET_{}_LINKER=", target.to_uppercase().replace('-', "_"));
        assert!(
            texts(&settings["env"]["passthrough"]).any(|it| it.starts_with(&linker)),
            "{target}"
        );
    }
}

#[test]
fn make_hands_the_file_over_by_an_absolute_path() {
    let makefile = read("Makefile");
    assert!(makefile.contains("\nCROSS_CONFIG := $(CURDIR)/cross.toml\nexport CROSS_CONFIG\n"));
    let twin = fs::read_dir(root()).unwrap().any(|it| it.unwrap().file_name() == "Cross.toml");
    assert!(!twin, "Cross.toml beside cross.toml: two files that differ only in case");
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn manifest() -> Table {
    table_of("Cargo.toml")
}

fn table_of(file: &str) -> Table {
    read(file).parse().unwrap()
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
