//! How much memory can a picture cost that lies about itself?
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use kiosk_enroll::domain::Size;
use kiosk_enroll::vision::Picture;
use kiosk_enroll::vision::image::encode_jpeg;
use serde_json::Value;

/// Kilobytes of address space, the program with its nets included; a picture of 65,535 x 65,535 pixels would
/// want thirty times as much.
const ROOM: u32 = 450_000;

/// A small picture whose frame header has this marker and tells this size.
fn lying(marker: u8, width: u16, height: u16) -> Vec<u8> {
    let honest = Picture::from_rgb(Size::new(64, 48), vec![90; 64 * 48 * 3]).unwrap();
    let mut bytes = encode_jpeg(&honest, 90).unwrap();
    let at = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    bytes[at + 1] = marker;
    bytes[at + 5..at + 7].copy_from_slice(&height.to_be_bytes());
    bytes[at + 7..at + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

fn pictures(folder: &Path) -> usize {
    let soup =
        |segment: &[u8], count| [&[0xFF, 0xD8], &*segment.repeat(count), &[0xFF, 0xD9]].concat();
    let pictures = [
        lying(0xC0, 65_535, 65_535),
        // As large as is allowed, with data for a thousandth of it; the second kind keeps its coefficients.
        lying(0xC0, 5_000, 5_000),
        lying(0xC2, 5_000, 5_000),
        lying(0xC0, 16_384, 1_525),
        soup(&[0xFF, 0xC4, 0, 3, 0], 100_000),
        soup(&[0xFF, 0xE1, 0xFF, 0xFF], 1_000_000),
        soup(&[0xFF, 0xDA, 0, 2], 1_000_000),
    ];
    for (index, picture) in pictures.iter().enumerate() {
        fs::write(folder.join(format!("{index}.jpg")), picture).unwrap();
    }
    pictures.len()
}

/// Runs the program where no more than [`ROOM`] is to be had.
fn within_the_room(arguments: &[&str]) -> Output {
    let state = tempfile::tempdir().unwrap();
    Command::new("sh")
        .args(["-c", &format!("ulimit -v {ROOM} && exec \"$@\""), "sh"])
        .arg(env!("CARGO_BIN_EXE_kiosk-enroll"))
        .arg("--state-dir")
        .arg(state.path())
        .arg("--json")
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn pictures_that_lie_about_themselves_are_refused_one_by_one_in_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let count = pictures(folder.path());
    let output = within_the_room(&["assess", folder.path().to_str().unwrap()]);
    let told = String::from_utf8(output.stdout).unwrap();
    let verdicts: Vec<Value> =
        told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((output.status.code(), verdicts.len()), (Some(65), count), "{told}");
    assert!(verdicts.iter().all(|verdict| verdict["error"].is_string()), "{told}");
}

#[test]
fn a_camera_that_sends_them_is_only_called_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let count = pictures(folder.path());
    let source = format!("camera.source=frames:{}?once", folder.path().display());
    let output = within_the_room(&["--set", &source, "camera", "test"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["damaged"], count, "{report}");
    assert!(output.status.success() && report["face"].is_null());
}
