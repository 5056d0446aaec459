//! One face from the trigger to the last shot.

use kiosk_enroll::domain::{Guidance, Point, Reason};
use kiosk_enroll::enrollment::SessionSettings;

use crate::canvas::Canvas;
use crate::sitter::{Sitter, Stance, sitters};
use crate::stage::Stage;

const FPS: u64 = 10;
/// Frames after which there are candidates, but not yet a choice.
const ENOUGH: u32 = 9;

/// Somebody who stands there with a little sway.
fn standing(sitter: &Sitter, index: u32) -> Canvas {
    let sway = (index as f32 * 0.7).sin();
    let middle = sitter.middle();
    sitter.rendered(&Stance {
        yaw: 0.5 * sway,
        pitch: 0.0,
        roll: 0.0,
        scale: 1.0,
        at: Point::new(middle.x + sway, middle.y),
    })
}

/// A stage on which the first sitter has candidates already, and the people.
fn begun() -> (Stage, Vec<Sitter>) {
    let people = sitters();
    let mut stage = Stage::new(SessionSettings::default(), FPS);
    for index in 0..ENOUGH {
        stage.show(standing(&people[0], index).jpeg(92));
    }
    assert!(!stage.kept.is_empty(), "the first person has candidates: {:?}", stage.shown);
    (stage, people)
}

#[test]
fn whoever_takes_the_place_of_another_starts_anew_and_no_shot_mixes_them() {
    let (mut stage, people) = begun();
    let first = stage.show(standing(&people[2], 0).jpeg(92));
    assert!(stage.kept.is_empty(), "the candidates of the first person are dropped at once");
    for index in 1..30 {
        stage.show(standing(&people[2], index).jpeg(92));
    }
    stage.end();
    assert!(stage.shown.contains(&Guidance::Fix(Reason::FaceChanged)), "{:?}", stage.shown);
    assert_eq!(stage.restarts(Reason::FaceChanged), 1);
    assert!(!stage.shots.is_empty() && stage.shots.iter().all(|shot| *shot >= first));
}

#[test]
fn a_face_or_a_picture_of_one_that_comes_beside_drops_the_candidates_and_is_told() {
    let (mut stage, people) = begun();
    // A print of the other person is held up beside the face: seen when the detector next looks around.
    let beside = Stance {
        yaw: 0.0,
        pitch: 0.0,
        roll: 0.0,
        scale: 0.6,
        at: Point::new(555.0, people[2].middle().y),
    };
    for index in 0..8 {
        let mut canvas = standing(&people[0], index);
        people[2].render_over(&mut canvas, &beside);
        stage.show(canvas.jpeg(92));
    }
    assert!(stage.kept.is_empty(), "{:?}", stage.shown);
    assert!(stage.shown.contains(&Guidance::Fix(Reason::SeveralFaces)), "{:?}", stage.shown);
    assert_eq!(stage.restarts(Reason::SeveralFaces), 1);
    assert!(stage.shots.is_empty());
}

#[test]
fn a_face_that_leaves_takes_its_candidates_along_and_the_next_one_starts_anew() {
    let (mut stage, people) = begun();
    for _ in 0..3 {
        stage.show(people[0].backdrop().jpeg(92));
    }
    assert!(stage.kept.is_empty());
    assert_eq!(stage.restarts(Reason::NoFace), 1);
    let first = stage.show(standing(&people[2], 0).jpeg(92));
    for index in 1..30 {
        stage.show(standing(&people[2], index).jpeg(92));
    }
    stage.end();
    assert!(!stage.shots.is_empty() && stage.shots.iter().all(|shot| *shot >= first));
}
