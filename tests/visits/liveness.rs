//! The proof of life against prints, on seeds that nobody tuned anything on.

use kiosk_enroll::domain::{Guidance, Liveness};
use kiosk_enroll::enrollment::SessionSettings;

use crate::attack::{Clip, FPS, Kind};
use crate::sitter::sitters;
use crate::stage::Stage;

/// The first seed; those below served to set the limits.
const FRESH: usize = 100;

/// Plays a clip whose side is the one that is asked for; tells whether shots were taken.
fn passes(kind: Kind, seed: usize) -> (bool, Vec<Guidance>) {
    let people = sitters();
    let clip = Clip::of(kind, &people, seed);
    // An even draw asks for a turn to the left, which is a positive yaw.
    let chance = if clip.side > 0.0 { 0 } else { u64::MAX };
    let settings =
        SessionSettings { liveness: Liveness::Turn, chance, ..SessionSettings::default() };
    let mut stage = Stage::new(settings, FPS as u64);
    for index in 0..clip.frames() {
        stage.show(clip.jpeg(index));
    }
    stage.end();
    (!stage.shots.is_empty(), stage.shown)
}

#[test]
fn a_head_that_turns_as_asked_is_taken() {
    let (taken, shown) = passes(Kind::Genuine, FRESH);
    assert!(taken, "{shown:?}");
    assert!(shown.contains(&Guidance::LookAhead), "{shown:?}");
}

#[test]
fn a_print_is_not_taken_whether_it_is_held_turned_or_exchanged() {
    for kind in [Kind::Still, Kind::Turned, Kind::Swapped] {
        let (taken, shown) = passes(kind, FRESH);
        assert!(!taken, "{kind:?}: {shown:?}");
    }
}

/// The error rates of docs/quality.md: `SEEDS=8 cargo test --test visits -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes and judges nothing: it prints a table"]
fn how_many_of_each_kind_are_taken() {
    let seeds = std::env::var("SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    for kind in Kind::ALL {
        for (name, first) in [("tuning", 0), ("fresh", FRESH)] {
            let taken = (first..first + seeds).filter(|seed| passes(kind, *seed).0).count();
            eprintln!("{kind:?}, {name} seeds: {taken} of {seeds} taken");
        }
    }
}
