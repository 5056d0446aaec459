//! What a session does with scripted frames: the walk-up, the person who leaves, the second face, the dead camera.

mod conditions;
mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kiosk_enroll::domain::{Guidance, JudgedFrame, Reason, TrackId};
use kiosk_enroll::enrollment::{
    Effect, Event, MAX_CANDIDATES, Outcome, Session, SessionSettings, ShotCount, Tally,
};
use proptest::prelude::*;

use crate::stage::{FRAME_MS, LATENCY_MS, Stage, at, stage};

#[test]
fn the_walk_up_is_chosen_from_its_good_stretch_only() {
    let mut stage = stage();
    stage.nobody(8);
    for _ in 0..6 {
        stage.frame(Some(1), &[Reason::MoveCloser, Reason::TurnRight, Reason::HoldStill], 0.1);
    }
    stage.flawed(1, Reason::TurnRight, 8);
    stage.flawed(1, Reason::HoldStill, 4);
    let good = stage.next..stage.next + 20;
    for i in 0..20 {
        stage.frame(Some(1), &[], 0.6 + 0.02 * f64::from(i % 7));
    }
    stage.flawed(1, Reason::TurnLeft, 8);
    stage.nobody(5);

    let shots = stage.shots().to_vec();
    assert_eq!(shots.len(), 3);
    assert!(shots.iter().all(|shot| good.contains(shot)), "{shots:?}");
    for (i, a) in shots.iter().enumerate() {
        assert!(shots[..i].iter().all(|b| a.abs_diff(*b) * FRAME_MS >= 500), "{shots:?}");
    }
    assert_eq!(stage.kept, shots.iter().copied().collect());
    let fix = Guidance::Fix;
    let expected = [
        fix(Reason::NoFace),
        fix(Reason::MoveCloser),
        fix(Reason::TurnRight),
        fix(Reason::HoldStill),
        Guidance::StayLikeThis,
    ];
    assert_eq!(stage.shown, expected);
}

#[test]
fn the_best_frame_of_the_window_is_the_first_shot() {
    let mut stage = stage();
    stage.good(1, 10);
    let best = stage.next;
    stage.frame(Some(1), &[], 0.95);
    stage.good(1, 12);
    assert_eq!(stage.shots().first(), Some(&best));
}

#[test]
fn nothing_is_kept_before_the_face_was_held() {
    let mut stage = stage();
    stage.good(1, 5);
    assert!(stage.kept.is_empty());
    stage.good(1, 1);
    assert_eq!(stage.kept, BTreeSet::from([6]));
}

#[test]
fn a_blink_neither_breaks_the_choice_nor_becomes_a_shot() {
    let mut stage = stage();
    stage.good(1, 8);
    stage.frame(Some(1), &[Reason::OpenEyes], 0.99);
    stage.frame(Some(1), &[Reason::HoldStill], 0.99);
    stage.good(1, 14);
    assert_eq!(stage.shots().len(), 3);
    assert!(stage.shots().iter().all(|shot| ![9, 10].contains(shot)));
    assert!(!stage.shown.contains(&Guidance::Fix(Reason::OpenEyes)));
}

#[test]
fn a_lost_face_takes_its_candidates_with_it() {
    let mut stage = stage();
    stage.good(1, 9);
    assert!(!stage.kept.is_empty());
    stage.nobody(1);
    assert!(stage.kept.is_empty());
    let again = stage.next;
    stage.good(2, 25);
    assert!(stage.shots().iter().all(|shot| *shot >= again));
}

#[test]
fn a_frame_without_a_track_is_a_lost_face_whatever_its_reasons() {
    let mut stage = stage();
    stage.good(1, 9);
    stage.frame(None, &[], 0.9);
    assert!(stage.kept.is_empty());
    stage.good(1, 5);
    assert!(stage.kept.is_empty(), "the hold begins anew");
}

#[test]
fn another_face_starts_the_choice_anew_and_is_told_so() {
    let mut stage = stage();
    stage.good(1, 12);
    let second = stage.next;
    stage.good(2, 1);
    assert!(stage.kept.is_empty());
    stage.good(2, 25);
    assert!(stage.shown.contains(&Guidance::Fix(Reason::FaceChanged)), "{:?}", stage.shown);
    assert!(stage.shots().iter().all(|shot| *shot >= second));
}

#[test]
fn a_second_face_starts_the_choice_anew_even_on_the_same_track() {
    let mut stage = stage();
    stage.good(1, 12);
    stage.frame(Some(1), &[Reason::SeveralFaces], 0.8);
    assert!(stage.kept.is_empty());
    let again = stage.next;
    stage.good(1, 5);
    assert!(stage.kept.is_empty());
    stage.good(1, 20);
    assert!(stage.shown.contains(&Guidance::Fix(Reason::SeveralFaces)));
    assert!(stage.shots().iter().all(|shot| *shot >= again));
}

/// Held and good until after the window, the last seven frames of it not searched for other faces.
fn unsearched_at_the_end() -> (Stage, u64) {
    let mut stage = stage();
    stage.good(1, 13);
    let unsearched = stage.next;
    stage.searched = false;
    stage.good(1, 7);
    assert_eq!(stage.outcome, None, "nobody has looked whether somebody else came in");
    (stage, unsearched)
}

#[test]
fn whoever_came_in_since_the_last_search_is_in_no_shot() {
    let (mut stage, _) = unsearched_at_the_end();
    stage.searched = true;
    stage.frame(Some(1), &[Reason::SeveralFaces], 0.8);
    assert_eq!(stage.outcome, None);
    assert!(stage.kept.is_empty());
}

#[test]
fn a_search_that_finds_nobody_else_ends_the_wait() {
    let (mut stage, unsearched) = unsearched_at_the_end();
    stage.searched = true;
    stage.frame(Some(1), &[], 0.95);
    assert_eq!(stage.shots().len(), 3);
    assert!(stage.shots().iter().any(|shot| *shot >= unsearched));
}

#[test]
fn who_leaves_before_the_search_is_taken_as_far_as_was_searched() {
    let (mut stage, unsearched) = unsearched_at_the_end();
    stage.nobody(1);
    assert!(stage.shots().iter().all(|shot| *shot < unsearched), "{:?}", stage.shots());
}

#[test]
fn ticks_between_the_frames_of_a_slow_camera_do_not_end_the_choice_early() {
    let mut stage = stage();
    stage.good(1, 8);
    // So far apart that of 1.2 seconds only two shots come; the third is worth the wait.
    for flawed in [true, true, true, true, false, true, true, true, true, true, false] {
        stage.event(Event::Tick);
        let reasons: &[Reason] = if flawed { &[Reason::Stale] } else { &[] };
        stage.frame(Some(1), reasons, 0.8);
    }
    stage.good(1, 8);
    assert_eq!(stage.shots().len(), 3);
}

#[test]
fn frames_that_stop_after_the_window_end_the_choice() {
    let (mut stage, unsearched) = unsearched_at_the_end();
    for _ in 0..9 {
        stage.next += 1;
        stage.event(Event::Tick);
    }
    assert!(stage.shots().iter().all(|shot| *shot < unsearched), "{:?}", stage.shots());
}

#[test]
fn time_out_takes_only_what_was_searched() {
    let (mut stage, unsearched) = unsearched_at_the_end();
    stage.event(Event::NoMoreFrames);
    assert!(stage.shots().iter().all(|shot| *shot < unsearched), "{:?}", stage.shots());
    let mut unsearched_from_the_first = stage::stage();
    unsearched_from_the_first.searched = false;
    unsearched_from_the_first.good(1, 40);
    unsearched_from_the_first.event(Event::NoMoreFrames);
    unsearched_from_the_first.timed_out();
}

#[test]
fn stale_damaged_and_repeated_frames_count_for_nothing() {
    let mut stage = stage();
    stage.good(1, 3);
    stage.frame(Some(1), &[Reason::Stale], 0.99);
    stage.frame(None, &[Reason::Damaged], 0.0);
    for _ in 0..9 {
        let repeated = JudgedFrame {
            sequence: 3,
            captured: at(300),
            track: Some(TrackId(1)),
            searched: true,
            reasons: vec![],
            score: 0.99,
            ..JudgedFrame::default()
        };
        stage.event(Event::Judged(repeated));
    }
    assert!(stage.kept.is_empty());
    stage.good(1, 20);
    assert_eq!(stage.shots().len(), 3);
    assert!(stage.shots().iter().all(|shot| *shot > 5));
}

#[test]
fn a_frame_from_before_the_session_never_counts() {
    let mut session = Session::new(SessionSettings::default(), at(5_000));
    for i in 0..40 {
        let captured = at(i * FRAME_MS);
        let frame = JudgedFrame {
            sequence: i,
            captured,
            track: Some(TrackId(1)),
            searched: true,
            reasons: vec![],
            score: 0.9,
            ..JudgedFrame::default()
        };
        let effects = session.step(Event::Judged(frame), at(5_000 + i));
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Keep(_))));
    }
    assert_eq!(session.tally().rejected, BTreeMap::from([(Reason::Stale, 40)]));
}

#[test]
fn who_turns_away_after_the_window_is_not_lost() {
    let mut stage = stage();
    // Around the best frame there is room for one more only.
    stage.good(1, 11);
    stage.frame(Some(1), &[], 0.95);
    stage.good(1, 3);
    stage.flawed(1, Reason::TurnLeft, 8);
    assert_eq!(stage.shots().len(), 2);
}

#[test]
fn who_turns_away_during_the_window_keeps_the_candidates_and_must_hold_again() {
    let mut stage = stage();
    stage.good(1, 8);
    assert_eq!(stage.kept.len(), 3);
    stage.flawed(1, Reason::TurnLeft, 6);
    stage.good(1, 2);
    assert_eq!(stage.kept.len(), 3, "two frames after looking away are no hold");
}

#[test]
fn at_the_time_out_one_shot_is_worth_more_than_none() {
    let settings = SessionSettings { timeout: Duration::from_millis(950), ..Default::default() };
    let mut stage = Stage::new(settings);
    stage.good(1, 8);
    assert_eq!(stage.outcome, None);
    stage.good(1, 3);
    assert_eq!(stage.shots().len(), 1);
    assert_eq!(stage.kept.len(), 1);
}

#[test]
fn a_clip_that_ends_early_is_decided_at_its_end() {
    let mut stage = stage();
    stage.good(1, 12);
    stage.event(Event::NoMoreFrames);
    assert_eq!(stage.shots().len(), 2);
}

#[test]
fn when_nothing_passes_the_operator_learns_why() {
    let clips: [(&[Reason], Option<u64>); 3] = [
        (&[Reason::NoFace], None),
        (&[Reason::HoldStill], Some(1)),
        (&[Reason::TurnRight, Reason::HoldStill], Some(1)),
    ];
    for (reasons, track) in clips {
        let mut stage = stage();
        for _ in 0..60 {
            stage.frame(track, reasons, 0.2);
        }
        stage.event(Event::NoMoreFrames);
        let tally = stage.timed_out();
        assert_eq!(tally.considered, 60);
        assert_eq!(tally.rejected, BTreeMap::from([(reasons[0], 60)]));
        assert_eq!(stage.shown, [Guidance::Fix(reasons[0]), Guidance::TimedOut]);
    }
}

#[test]
fn time_runs_out_even_when_no_frame_comes() {
    let mut stage = stage();
    for _ in 0..299 {
        stage.event(Event::Tick);
        stage.next += 1;
    }
    assert_eq!(stage.outcome, None);
    stage.event(Event::Tick);
    assert_eq!(stage.timed_out(), &Tally::default());
}

#[test]
fn a_lost_camera_drops_the_faces_and_the_session_goes_on_when_it_is_back() {
    let mut stage = stage();
    stage.good(1, 9);
    stage.event(Event::CameraLost { reason: "unplugged".to_owned() });
    assert!(stage.kept.is_empty());
    assert_eq!(stage.shown.last(), Some(&Guidance::NoCamera));
    stage.good(1, 9);
    assert!(stage.kept.is_empty(), "frames of the interrupted track");
    stage.event(Event::CameraBack);
    stage.good(1, 25);
    assert_eq!(stage.shots().len(), 3);
}

#[test]
fn a_camera_that_stays_away_interrupts_the_session() {
    let mut stage = stage();
    stage.nobody(2);
    stage.event(Event::CameraLost { reason: "unplugged".to_owned() });
    stage.next = 301;
    stage.event(Event::Tick);
    let Some(Outcome::Interrupted { reason, tally }) = &stage.outcome else {
        panic!("{:?}", stage.outcome)
    };
    assert_eq!((reason.as_str(), tally.considered), ("unplugged", 2));
}

#[test]
fn a_cancelled_session_leaves_no_face_and_says_no_more() {
    let mut stage = stage();
    stage.good(1, 9);
    stage.event(Event::Cancel);
    assert_eq!(stage.outcome, Some(Outcome::Cancelled));
    assert!(stage.kept.is_empty());
    stage.good(1, 9);
    stage.event(Event::Tick);
}

/// The shots of a face that is good ten times a second with these scores; flawed frames lie in between
/// where `flawed` says so. Numbers are capture times in milliseconds.
fn shots_of(scores: &[f64], flawed: &[bool]) -> Vec<u64> {
    let mut session = Session::new(SessionSettings::default(), at(0));
    let mut judge = |millis: u64, reasons: &[Reason], score: f64| {
        let frame = JudgedFrame {
            sequence: millis,
            captured: at(millis),
            track: Some(TrackId(1)),
            searched: true,
            reasons: reasons.to_vec(),
            score,
            ..JudgedFrame::default()
        };
        session.step(Event::Judged(frame), at(millis + LATENCY_MS))
    };
    let mut effects = Vec::new();
    for ((i, score), flawed) in (1..).zip(scores).zip(flawed) {
        effects.extend(judge(i * FRAME_MS, &[], *score));
        if *flawed {
            effects.extend(judge(i * FRAME_MS + 50, &[Reason::HoldStill], 0.99));
        }
    }
    effects.extend(session.step(Event::NoMoreFrames, at(20_000)));
    let chosen = effects.into_iter().find_map(|effect| match effect {
        Effect::Finish(Outcome::Chosen { shots, .. }) => Some(shots),
        _ => None,
    });
    chosen.unwrap_or_default()
}

/// One random happening and the milliseconds that pass before it.
fn some_event() -> impl Strategy<Value = (u64, Event)> {
    let reasons = prop_oneof![
        8 => Just(vec![]),
        3 => prop::sample::subsequence(Reason::ALL.to_vec(), 1..3),
    ];
    let track = prop_oneof![1 => Just(None), 30 => Just(Some(1)), 2 => Just(Some(2))];
    let searched = prop::bool::weighted(0.3);
    let frame =
        (track, searched, reasons, 0.0_f64..1.0).prop_map(|(track, searched, reasons, score)| {
            Event::Judged(JudgedFrame {
                sequence: 0,
                captured: at(0),
                track: track.map(TrackId),
                searched,
                reasons,
                score,
                ..JudgedFrame::default()
            })
        });
    let event = prop_oneof![
        60 => frame,
        8 => Just(Event::Tick),
        1 => Just(Event::CameraLost { reason: "unplugged".to_owned() }),
        1 => Just(Event::CameraBack),
    ];
    (1_u64..120, event)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn flawed_frames_in_between_change_nothing_in_the_choice(
        frames in prop::collection::vec((0.05_f64..1.0, any::<bool>()), 8..50),
    ) {
        let (scores, flawed): (Vec<f64>, Vec<bool>) = frames.into_iter().unzip();
        let none = vec![false; flawed.len()];
        let plain = shots_of(&scores, &none);
        prop_assert!(!plain.is_empty());
        prop_assert_eq!(plain, shots_of(&scores, &flawed));
    }

    #[test]
    fn whatever_happens_shots_are_of_one_track_apart_and_flawless(
        events in prop::collection::vec(some_event(), 1..200),
        wished in 1_usize..=3,
    ) {
        let shots = ShotCount::from_number(wished).unwrap_or_default();
        let settings = SessionSettings { shots, timeout: Duration::from_secs(8), ..Default::default() };
        let mut session = Session::new(settings, at(0));
        let mut kept: BTreeMap<u64, JudgedFrame> = BTreeMap::new();
        let (mut ended, mut searched, mut now) = (None, None, 0);
        let end = (20_000, Event::Tick);
        for (sequence, (pause, mut event)) in (0..).zip(events.into_iter().chain([end])) {
            now += pause;
            if let Event::Judged(frame) = &mut event {
                frame.sequence = sequence;
                frame.captured = at(now);
                searched = if frame.searched && ended.is_none() { Some(at(now)) } else { searched };
            }
            for effect in session.step(event.clone(), at(now + LATENCY_MS)) {
                prop_assert!(ended.is_none());
                match (effect, &event) {
                    (Effect::Keep(kept_one), Event::Judged(frame)) => {
                        prop_assert_eq!(kept_one, frame.sequence);
                        kept.insert(kept_one, frame.clone());
                    }
                    (Effect::Keep(other), _) => prop_assert!(false, "kept {other} without a frame"),
                    (Effect::Forget(dropped), _) => {
                        for one in dropped {
                            prop_assert!(kept.remove(&one).is_some());
                        }
                    }
                    (Effect::ForgetAll, _) => kept.clear(),
                    (Effect::Finish(outcome), _) => ended = Some(outcome),
                    (Effect::Guide(_), _) => {}
                }
            }
            prop_assert!(kept.len() <= MAX_CANDIDATES);
            let tracks: BTreeSet<_> = kept.values().map(|frame| frame.track).collect();
            prop_assert!(tracks.len() <= 1);
        }
        let Some(ended) = ended else { return Err(TestCaseError::fail("it never ended")) };
        let chosen = match ended {
            Outcome::Chosen { shots, .. } => shots,
            _ => vec![],
        };
        prop_assert!(chosen.len() <= wished);
        prop_assert_eq!(kept.keys().copied().collect::<BTreeSet<_>>(), chosen.iter().copied().collect());
        let mut times: Vec<_> = kept.values().map(|frame| frame.captured).collect();
        times.sort();
        prop_assert!(times.windows(2).all(|two| two[1].since(two[0]) >= Duration::from_millis(500)));
        prop_assert!(kept.values().all(|frame| frame.reasons.is_empty()));
        prop_assert!(kept.values().all(|frame| Some(frame.captured) <= searched));
    }
}
