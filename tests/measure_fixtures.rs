//! Do the measures tell real faults in real photographs apart?
//!
//! The eyes' places are given by hand and the mesh is the canonical face laid over them, so that no net is
//! needed here.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::BTreeMap;
use std::path::Path;

use kiosk_enroll::domain::{
    Assessment, Eye, Eyes, Face, HeadPose, Landmarks, MeasureName, Mesh, Point, Point3, Profile,
    Reason, Rect, TrackId,
};
use kiosk_enroll::measure::{Pixels, Subject, assess, gates, judge, score};
use kiosk_enroll::vision::Picture;
use kiosk_enroll::vision::image::decode_bytes;

/// Where the eyes and the mouth's middle lie in the frontal pictures of one person.
#[derive(Clone, Copy)]
struct Person {
    name: &'static str,
    right_eye: (f32, f32),
    left_eye: (f32, f32),
    mouth_y: f32,
}

const COLLINS: Person =
    Person { name: "collins", right_eye: (276.0, 202.0), left_eye: (360.0, 202.0), mouth_y: 283.0 };
const HOPPER: Person =
    Person { name: "hopper", right_eye: (283.0, 206.0), left_eye: (361.0, 206.0), mouth_y: 290.0 };

fn picture(person: Person, kind: &str) -> Picture {
    let name = format!("tests/fixtures/derived/{}_{kind}.jpg", person.name);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    decode_bytes(&std::fs::read(path).unwrap()).unwrap()
}

fn face(person: Person) -> Face {
    let (right, left) = (person.right_eye, person.left_eye);
    let (right_eye, left_eye) = (Point::new(right.0, right.1), Point::new(left.0, left.1));
    let middle = right_eye.midpoint(left_eye);
    // The canonical face has its eyes 6.3 cm apart, their middles at a height of 2.62 cm.
    let scale = right_eye.distance(left_eye) / 6.3;
    let table = include_str!("../models/canonical_face_468.csv");
    let points: Vec<Point3> = table
        .lines()
        .skip(1)
        .map(|line| {
            let numbers: Vec<f32> = line.split(',').map(|number| number.parse().unwrap()).collect();
            Point3 {
                x: middle.x + numbers[0] * scale,
                y: middle.y - (numbers[1] - 2.62) * scale,
                z: -numbers[2] * scale,
            }
        })
        .collect();
    Face {
        track: TrackId(1),
        bounds: Rect::around(points.iter().map(|point| point.flat())),
        confidence: 0.95,
        landmarks: Landmarks {
            right_eye,
            left_eye,
            nose: points[1].flat(),
            right_mouth: Point::new(right.0 + 8.0, person.mouth_y),
            left_mouth: Point::new(left.0 - 8.0, person.mouth_y),
        },
        mesh: Mesh { points, presence: 0.99 },
        pose: HeadPose::default(),
    }
}

fn assessed(person: Person, kind: &str) -> Assessment {
    let picture = picture(person, kind);
    let face = face(person);
    let eye = Eye { opening: 0.35, iris: Point::default() };
    let eyes = Eyes { right: eye, left: eye };
    let pixels = Pixels::new(picture.size(), picture.rgb()).unwrap();
    assess(&Subject::new(pixels, &face, &[]).with_eyes(&eyes))
}

fn native(person: Person, kind: &str, measure: &'static str) -> f64 {
    assessed(person, kind).get(MeasureName(measure)).unwrap().native().unwrap()
}

fn reasons(person: Person, kind: &str) -> Vec<Reason> {
    let gates = gates(Profile::Standard, &BTreeMap::new()).unwrap();
    judge(&assessed(person, kind), &gates)
}

#[test]
fn a_good_frontal_picture_passes_every_standard_gate() {
    assert_eq!(reasons(COLLINS, "frontal"), []);
    assert_eq!(reasons(HOPPER, "frontal"), []);
}

#[test]
fn the_more_a_picture_is_blurred_the_higher_its_blur_reads() {
    for person in [COLLINS, HOPPER] {
        for kinds in [
            ["frontal", "gauss1", "gauss2", "gauss3", "gauss5"].as_slice(),
            ["frontal", "motion9", "motion15"].as_slice(),
        ] {
            let blur: Vec<f64> =
                kinds.iter().map(|kind| native(person, kind, "sharpness")).collect();
            assert!(blur.is_sorted_by(|a, b| a < b), "{} {blur:?}", person.name);
        }
    }
}

#[test]
fn clear_blur_asks_to_hold_still_and_nothing_else() {
    for (person, kind) in [
        (COLLINS, "gauss3"),
        (COLLINS, "motion9"),
        (COLLINS, "motion15"),
        (HOPPER, "gauss5"),
        (HOPPER, "motion15"),
    ] {
        assert_eq!(reasons(person, kind), [Reason::HoldStill], "{} {kind}", person.name);
    }
}

#[test]
fn a_blurred_picture_never_beats_the_sharp_one_of_the_same_person() {
    for person in [COLLINS, HOPPER] {
        let sharp = score(&assessed(person, "frontal"));
        for kind in ["gauss1", "gauss2", "gauss3", "gauss5", "motion9", "motion15"] {
            assert!(score(&assessed(person, kind)) < sharp, "{} {kind}", person.name);
        }
    }
}

#[test]
fn half_the_light_does_not_make_a_picture_less_sharp() {
    for person in [COLLINS, HOPPER] {
        let bright = native(person, "frontal", "sharpness");
        let dark = native(person, "dark", "sharpness");
        assert!((bright - dark).abs() < 0.05, "{}: {bright} {dark}", person.name);
    }
}

#[test]
fn wrong_light_is_named_as_what_it_is() {
    for person in [COLLINS, HOPPER] {
        assert_eq!(reasons(person, "dark"), [Reason::TooDark]);
        assert_eq!(reasons(person, "over"), [Reason::TooBright]);
        assert_eq!(reasons(person, "sidelit"), [Reason::UnevenLight]);
    }
}
