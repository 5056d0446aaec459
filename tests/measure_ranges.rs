//! Whatever a picture shows and wherever a face lies: every reading is a number within its range.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::BTreeMap;

use kiosk_enroll::domain::{
    Detection, Eye, Eyes, Face, HeadPose, Landmarks, Mesh, Point, Point3, Profile, Reading, Rect,
    Size, TrackId,
};
use kiosk_enroll::measure::{MEASURES, Pixels, Subject, assess, gates, judge, score};
use proptest::prelude::*;

/// Coordinates in, around and far from a picture, and numbers that are none.
fn coordinate() -> impl Strategy<Value = f32> {
    prop_oneof![
        8 => -50.0_f32..250.0,
        2 => -1e9_f32..1e9,
        1 => Just(f32::NAN),
        1 => Just(f32::INFINITY),
    ]
}

fn point() -> impl Strategy<Value = Point> {
    (coordinate(), coordinate()).prop_map(|(x, y)| Point::new(x, y))
}

fn pose() -> impl Strategy<Value = HeadPose> {
    (coordinate(), coordinate(), coordinate()).prop_map(|(yaw, pitch, roll)| HeadPose {
        yaw,
        pitch,
        roll,
    })
}

fn mesh() -> impl Strategy<Value = Mesh> {
    let points = prop_oneof![
        4 => prop::collection::vec(point(), 468),
        1 => prop::collection::vec(point(), 0..10),
    ];
    (points, 0.0_f32..1.0).prop_map(|(points, presence)| {
        let points = points.into_iter().map(|p| Point3 { x: p.x, y: p.y, z: 0.0 }).collect();
        Mesh { points, presence }
    })
}

fn face() -> impl Strategy<Value = Face> {
    let marks = (point(), point(), point(), point(), point());
    (marks, mesh(), pose(), coordinate(), coordinate()).prop_map(|(marks, mesh, pose, w, h)| {
        let (right_eye, left_eye, nose, right_mouth, left_mouth) = marks;
        Face {
            track: TrackId(1),
            bounds: Rect::new(0.0, 0.0, w, h),
            confidence: 0.9,
            landmarks: Landmarks { right_eye, left_eye, nose, right_mouth, left_mouth },
            mesh,
            pose,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_score_lies_between_0_and_100_and_no_value_is_not_a_number(
        face in face(),
        seed: u32,
        width in 1_u32..160,
        height in 1_u32..160,
        opening in coordinate(),
        other in coordinate(),
    ) {
        let size = Size::new(width, height);
        let byte = |i: u32| (i.wrapping_mul(seed | 1) >> 13) as u8;
        let rgb: Vec<u8> = (0..width * height * 3).map(byte).collect();
        let eye = Eye { opening, iris: Point::default() };
        let eyes = Eyes { right: eye, left: eye };
        let others = [Detection {
            bounds: Rect::new(0.0, 0.0, other, other),
            confidence: 0.9,
            landmarks: Landmarks::default(),
        }];
        let pixels = Pixels::new(size, &rgb).unwrap();
        let assessment = assess(&Subject::new(pixels, &face, &others).with_eyes(&eyes));

        prop_assert_eq!(assessment.readings.len(), MEASURES.len());
        for (name, reading) in &assessment.readings {
            if let Reading::Assessed { native, score } = reading {
                prop_assert!(native.is_finite(), "{} reads {}", name, native);
                prop_assert!((0.0..=100.0).contains(score), "{} scores {}", name, score);
            }
        }
        prop_assert!((0.0..=1.0).contains(&score(&assessment)));
        let reasons = judge(&assessment, &gates(Profile::Standard, &BTreeMap::new()).unwrap());
        prop_assert!(reasons.is_sorted());
    }
}
