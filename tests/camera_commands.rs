//! Do the camera commands tell what a technician needs?
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use assert_cmd::Command;
use serde_json::Value;

fn test(source: &str, more: &[&str]) -> (bool, Value, String) {
    camera("test", source, &[], more)
}

fn camera(command: &str, source: &str, settings: &[&str], more: &[&str]) -> (bool, Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::cargo_bin("kiosk-enroll")
        .unwrap()
        .arg("--state-dir")
        .arg(folder.path())
        .args(["--set", &format!("camera.source={source}"), "--json"])
        .args(settings.iter().flat_map(|setting| ["--set", setting]))
        .args(["camera", command])
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

#[test]
fn a_tilted_camera_tells_nods_against_the_horizontal_and_distances_in_centimetres() {
    let settings = ["camera.tilt=10", "camera.horizontal_fov=65"];
    let pitch = |settings: &[&str]| {
        let (passed, report, told) =
            camera("test", "frames:assets/walkup", settings, &["--seconds", "2"]);
        assert!(passed, "{told}");
        (report["pose"]["pitch"].as_f64().unwrap(), report)
    };
    let (as_seen, plain) = pitch(&[]);
    let (levelled, report) = pitch(&settings);
    assert!((as_seen - levelled - 10.0).abs() < 1.0, "{as_seen} {levelled}");
    assert!(plain["distance_cm"].is_null());
    assert!((20.0..300.0).contains(&report["distance_cm"].as_f64().unwrap()), "{report}");
}

#[test]
fn a_calibration_measures_proposes_and_writes_nothing() {
    let arguments = ["--seconds", "6"];
    let (passed, report, told) =
        camera("calibrate", "frames:assets/walkup?once", &["camera.tilt=25"], &arguments);
    assert!(passed, "{told}");
    assert!(report["used"].as_u64().unwrap() >= 15, "{report}");
    for name in ["head_pose_pitch", "head_pose_yaw", "luminance_mean", "inter_eye_distance"] {
        assert!(report["measured"][name]["median"].is_number(), "{name}: {report}");
    }
    // The replayed person looks straight into a level camera: a tilt of 25 degrees cannot be right.
    let tilt = report["settings"].as_array().unwrap().iter().find(|it| it["key"] == "camera.tilt");
    let proposed = tilt.unwrap()["value"].as_f64().unwrap();
    assert!(proposed.abs() < 10.0 && tilt.unwrap()["now"] == 25.0, "{report}");
    let toml: toml::Table = report["toml"].as_str().unwrap().parse().unwrap();
    assert_eq!(toml["camera"]["tilt"].to_string().parse::<f64>().unwrap(), proposed);
}

#[test]
fn a_calibration_with_nobody_there_says_what_it_needs() {
    let (passed, report, told) =
        camera("calibrate", "frames:tests/fixtures/noface?once", &[], &["--seconds", "2"]);
    assert!(!passed && report["toml"] == "");
    assert!(told.contains("exactly one face") && told.contains("hint: "), "{told}");
}
