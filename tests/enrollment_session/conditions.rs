//! Under which conditions shots are taken: relaxation, the record of restarts, the proof of life.

use std::collections::BTreeMap;
use std::time::Duration;

use kiosk_enroll::domain::{Guidance, JudgedFrame, Liveness, Reason, TrackId};
use kiosk_enroll::enrollment::{Event, Outcome, SessionSettings};

use crate::stage::{Stage, stage};

/// A session whose frames pass after one step of relaxation only, but for those from `strict_from` on.
fn relaxed_stage(relax_after: Option<u64>, frames: u64, strict_from: u64) -> Stage {
    let relax_after = relax_after.map(Duration::from_millis);
    let mut stage = Stage::new(SessionSettings { relax_after, ..Default::default() });
    for _ in 0..frames {
        let passes = stage.next >= strict_from;
        let frame = JudgedFrame {
            sequence: stage.next,
            captured: stage.now(),
            track: Some(TrackId(1)),
            searched: true,
            reasons: if passes { vec![] } else { vec![Reason::HoldStill] },
            relaxed: vec![vec![]],
            score: if passes { 0.4 } else { 0.9 },
            ..JudgedFrame::default()
        };
        stage.event(Event::Judged(frame));
        stage.next += 1;
    }
    stage
}

#[test]
fn the_gates_are_relaxed_after_their_time_only_where_that_is_wished_for() {
    assert_eq!(relaxed_stage(None, 60, u64::MAX).outcome, None);
    let mut stage = relaxed_stage(Some(3_000), 29, u64::MAX);
    assert!(stage.kept.is_empty());
    stage.event(Event::NoMoreFrames);
    assert_eq!(stage.timed_out().passed(), 0);
    let stage = relaxed_stage(Some(3_000), 60, u64::MAX);
    assert!(stage.shots().iter().all(|shot| *shot >= 30));
    assert!(matches!(stage.outcome, Some(Outcome::Chosen { relaxed: 1, .. })));
}

#[test]
fn a_frame_that_needs_no_relaxation_wins_over_better_ones_that_do() {
    let stage = relaxed_stage(Some(1_000), 40, 22);
    assert!(stage.shots().iter().all(|shot| *shot >= 22), "{:?}", stage.shots());
    assert!(matches!(stage.outcome, Some(Outcome::Chosen { relaxed: 0, .. })));
}

#[test]
fn a_second_face_is_no_less_refused_after_a_relaxation() {
    let settings =
        SessionSettings { relax_after: Some(Duration::from_secs(3)), ..Default::default() };
    let mut stage = Stage::new(settings);
    for _ in 0..60 {
        let frame = JudgedFrame {
            sequence: stage.next,
            captured: stage.now(),
            track: Some(TrackId(1)),
            searched: true,
            reasons: vec![Reason::SeveralFaces],
            relaxed: vec![vec![]],
            ..JudgedFrame::default()
        };
        stage.event(Event::Judged(frame));
        stage.next += 1;
    }
    assert!(stage.kept.is_empty());
}

#[test]
fn a_dropped_choice_is_on_record_with_its_reason() {
    let mut stage = stage();
    stage.good(1, 9);
    stage.good(2, 9);
    stage.frame(Some(2), &[Reason::SeveralFaces], 0.8);
    stage.good(2, 9);
    stage.nobody(1);
    let restarts = &stage.session.tally().restarts;
    let expected = [(Reason::NoFace, 1), (Reason::SeveralFaces, 1), (Reason::FaceChanged, 1)];
    assert_eq!(*restarts, BTreeMap::from(expected));
}

/// Turns the head by these degrees, one a frame, solid or flat, and good only when it looks ahead.
fn turned(stage: &mut Stage, track: u64, yaws: &[f32], solid: bool) {
    for yaw in yaws {
        let frame = JudgedFrame {
            sequence: stage.next,
            captured: stage.now(),
            track: Some(TrackId(track)),
            searched: true,
            reasons: if yaw.abs() > 12.0 { vec![Reason::TurnLeft] } else { vec![] },
            yaw: *yaw,
            relief: Some(if solid { yaw.abs() * 0.004 } else { yaw.abs() * 0.001 }),
            score: 0.8,
            ..JudgedFrame::default()
        };
        if stage.outcome.is_none() {
            stage.event(Event::Judged(frame));
        }
        stage.next += 1;
    }
}

const AHEAD: [f32; 8] = [0.0; 8];
const LEFT: [f32; 8] = [4.0, 8.0, 12.0, 20.0, 24.0, 24.0, 12.0, 3.0];
const RIGHT: [f32; 8] = [-4.0, -8.0, -12.0, -20.0, -24.0, -24.0, -12.0, -3.0];

fn asking_for_a_turn_to_the_left() -> Stage {
    let settings = SessionSettings { liveness: Liveness::Turn, chance: 0, ..Default::default() };
    let mut stage = Stage::new(settings);
    turned(&mut stage, 1, &AHEAD, true);
    assert_eq!(stage.shown.last(), Some(&Guidance::ShowLeft));
    assert!(stage.kept.is_empty(), "nothing is taken before the proof");
    stage
}

#[test]
fn shots_are_taken_once_the_turn_that_was_asked_for_was_shown() {
    let mut stage = asking_for_a_turn_to_the_left();
    turned(&mut stage, 1, &LEFT, true);
    let proven = stage.next;
    turned(&mut stage, 1, &[0.0; 30], true);
    assert!(stage.shown.contains(&Guidance::LookAhead), "{:?}", stage.shown);
    assert_eq!(stage.shots().len(), 3);
    assert!(stage.shots().iter().all(|shot| *shot >= proven));
}

#[test]
fn a_flat_turn_shows_nothing() {
    let mut stage = asking_for_a_turn_to_the_left();
    turned(&mut stage, 1, &LEFT, false);
    turned(&mut stage, 1, &[0.0; 30], false);
    assert!(stage.kept.is_empty() && stage.outcome.is_none());
}

#[test]
fn whoever_comes_after_the_proof_has_to_show_it_anew() {
    let mut stage = asking_for_a_turn_to_the_left();
    turned(&mut stage, 1, &LEFT, true);
    turned(&mut stage, 2, &[0.0; 30], true);
    assert!(stage.kept.is_empty(), "{:?}", stage.shown);
}

#[test]
fn the_wrong_side_three_times_ends_the_session_without_a_shot() {
    let mut stage = asking_for_a_turn_to_the_left();
    for _ in 0..3 {
        turned(&mut stage, 1, &RIGHT, true);
        turned(&mut stage, 1, &AHEAD, true);
    }
    assert!(matches!(stage.outcome, Some(Outcome::Unproven(_))), "{:?}", stage.shown);
    assert!(stage.kept.is_empty());
}
