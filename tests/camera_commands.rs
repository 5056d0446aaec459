//! Do the camera commands tell what a technician needs?
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use assert_cmd::Command;
use serde_json::Value;

fn test(source: &str, more: &[&str]) -> (bool, Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::cargo_bin("kiosk-enroll")
        .unwrap()
        .arg("--state-dir")
        .arg(folder.path())
        .args(["--set", &format!("camera.source={source}"), "--json", "camera", "test"])
        .args(more)
        .output()
        .unwrap();
    let json = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.success(), json, String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_camera_test_shows_the_face_with_every_gate_and_draws_it() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("test.jpg");
    let arguments = ["--seconds", "4", "--out", picture.to_str().unwrap()];
    let (passed, report, _) = test("frames:assets/walkup", &arguments);
    assert!(passed);
    assert_eq!((&report["rate"], &report["lost"]), (&Value::from(10.0), &Value::from(0)));
    assert!(report["face"]["inter_eye_px"].as_f64().unwrap() > 60.0);
    let gates = report["gates"].as_array().unwrap();
    assert!(gates.len() > 10 && gates.iter().all(|gate| gate["value"].is_number()), "{gates:?}");
    assert_eq!(report["advice"].as_array().map(Vec::len), Some(0), "{}", report["advice"]);
    let jpeg = std::fs::read(picture).unwrap();
    assert!(jpeg.starts_with(&[0xFF, 0xD8]));
}

#[test]
fn a_camera_test_with_nobody_there_says_so() {
    let (passed, report, _) = test("frames:tests/fixtures/noface", &["--seconds", "1"]);
    assert!(passed && report["face"].is_null());
    assert!(report["advice"].to_string().contains("stand in front of the camera"));
}

#[test]
fn a_camera_that_is_not_there_is_named_with_what_to_do() {
    let (passed, _, told) = test("usb-Nobody_Nothing-video-index0", &[]);
    assert!(!passed && told.contains("usb-Nobody_Nothing") && told.contains("hint: "), "{told}");
}
