//! Does it choose what is sharp and frontal, and nothing else?

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::kiosk::{Kiosk, fixture, walkup};

/// Yaw in degrees and motion in pixels of each frame of the clip, where it shows a face.
fn truth() -> BTreeMap<u64, (f64, f64)> {
    let table = fs::read_to_string(walkup().join("truth.csv")).unwrap();
    let rows = table.lines().skip(1).filter_map(|row| {
        let cells: Vec<_> = row.split(',').collect();
        let frame = cells[0].strip_suffix(".jpg")?.parse().ok()?;
        Some((frame, (cells[2].parse().ok()?, cells[4].parse().ok()?)))
    });
    rows.collect()
}

fn dry_run(kiosk: &mut Kiosk, folder: &Path) -> (i32, Value, String) {
    kiosk.set(format!("camera.source=frames:{}?fps=10&once", folder.display()));
    let done = kiosk.run(&["enroll", "person_123", "--dry-run", "--json"]);
    (done.code, serde_json::from_str(&done.out).unwrap(), done.err)
}

#[test]
fn only_still_and_frontal_frames_of_the_clip_are_chosen() {
    let (code, report, err) = dry_run(&mut Kiosk::new(), &walkup());
    assert_eq!(code, 0, "{err}");
    let chosen = report["chosen"].as_array().unwrap();
    assert!((1..=3).contains(&chosen.len()), "{report}");
    let truth = truth();
    for shot in chosen {
        let frame = shot["frame"].as_u64().unwrap();
        let (yaw, motion) = truth[&frame];
        assert!(yaw.abs() <= 12.0 && motion == 0.0, "frame {frame}: yaw {yaw}, motion {motion} px");
        assert!(shot["path"].as_str().unwrap().ends_with(&format!("{frame:03}.jpg")));
        assert!(shot["measures"]["sharpness"]["native"].as_f64().unwrap() <= 0.65);
    }
    assert!(report["rejected"]["no_face"].as_u64().unwrap() >= 8, "{report}");
}

#[test]
fn the_same_frames_are_chosen_every_time() {
    let first = dry_run(&mut Kiosk::new(), &walkup()).1;
    assert_eq!(first, dry_run(&mut Kiosk::new(), &walkup()).1);
}

#[test]
fn where_nothing_is_good_enough_nothing_is_chosen_and_the_reasons_are_told() {
    for (picture, reason) in [
        ("noface/rocket.jpg", "no_face"),
        ("derived/hopper_gauss5.jpg", "hold_still"),
        ("derived/collins_yaw+30.jpg", "turn_right"),
        ("derived/collins_dark.jpg", "too_dark"),
    ] {
        let mut kiosk = Kiosk::new();
        let folder = kiosk.path("clip");
        fs::create_dir(&folder).unwrap();
        let bytes = fs::read(fixture(picture)).unwrap();
        (0..12).for_each(|n| fs::write(folder.join(format!("{n}.jpg")), &bytes).unwrap());
        let (code, report, err) = dry_run(&mut kiosk, &folder);
        assert_eq!((code, report["chosen"].as_array().unwrap().len()), (75, 0), "{picture}");
        assert_eq!(report["rejected"][reason], 12, "{picture}: {report}");
        assert!(err.contains(reason) && err.contains("hint:"), "{err}");
    }
}

#[test]
fn each_fault_is_rejected_with_its_reason_and_frontal_faces_are_accepted() {
    let cases = [
        ("collins_frontal", None),
        ("hopper_frontal", None),
        ("collins_gauss3", Some("hold_still")),
        ("hopper_gauss3", Some("hold_still")),
        ("collins_motion9", Some("hold_still")),
        ("hopper_motion15", Some("hold_still")),
        ("collins_dark", Some("too_dark")),
        ("hopper_dark", Some("too_dark")),
        ("collins_over", Some("too_bright")),
        ("hopper_over", Some("too_bright")),
        ("collins_sidelit", Some("uneven_light")),
        ("hopper_sidelit", Some("uneven_light")),
        ("collins_eyesclosed", Some("open_eyes")),
        ("hopper_eyesclosed", Some("open_eyes")),
        ("collins_yaw+20", Some("turn_right")),
        ("hopper_yaw-20", Some("turn_left")),
        ("collins_pitch+20", Some("chin_up")),
        ("hopper_pitch-20", Some("chin_down")),
        ("collins_roll+30", Some("straighten_head")),
        ("hopper_roll-30", Some("straighten_head")),
        ("two_people", Some("several_faces")),
        ("collins_far", Some("move_closer")),
    ];
    let found: Vec<_> = cases
        .into_iter()
        .filter(|(name, _)| fixture(&format!("derived/{name}.jpg")).exists())
        .collect();
    assert!(found.len() >= 16, "only {} of the pictures are here", found.len());
    let paths: Vec<_> = found
        .iter()
        .map(|(name, _)| fixture(&format!("derived/{name}.jpg")).display().to_string())
        .collect();
    let arguments: Vec<_> =
        ["assess", "--json"].into_iter().chain(paths.iter().map(String::as_str)).collect();
    let done = Kiosk::new().run(&arguments);
    assert_eq!(done.code, 0, "{}", done.err);
    for (line, (name, reason)) in done.out.lines().zip(found) {
        let report: Value = serde_json::from_str(line).unwrap();
        match reason {
            None => assert_eq!(report["verdict"], "accept", "{name}: {report}"),
            Some(reason) => {
                assert_eq!(report["verdict"], "reject", "{name}");
                let reasons = report["reasons"].as_array().unwrap();
                assert!(reasons.iter().any(|found| found == reason), "{name}: {reasons:?}");
            }
        }
    }
}

#[test]
fn pictures_without_a_face_have_none() {
    let folder = fixture("noface").display().to_string();
    let done = Kiosk::new().run(&["assess", "--json", &folder]);
    assert_eq!(done.code, 0, "{}", done.err);
    for line in done.out.lines() {
        let report: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&report["faces"], &report["verdict"]), (&0.into(), &"reject".into()), "{line}");
        assert!(report["face"].is_null() && report["score"].is_null(), "{line}");
    }
}

#[test]
fn a_contact_sheet_is_drawn_on_request() {
    let mut kiosk = Kiosk::new();
    kiosk.set(format!("camera.source=frames:{}?once", walkup().display()));
    let sheet = kiosk.path("sheet.png");
    let arguments = ["enroll", "p", "--dry-run", "--sheet", sheet.to_str().unwrap()];
    assert_eq!(kiosk.run(&arguments).code, 0);
    assert!(fs::read(sheet).unwrap().starts_with(b"\x89PNG"));
}
