//! How much better a shot than the chosen one there was.

use std::time::Duration;

use kiosk_enroll::app::examiner::{Examined, Examiner, EyesLook};
use kiosk_enroll::domain::{Encoding, Frame, Moment};
use kiosk_enroll::enrollment::{Effect, Event, Outcome, Session, SessionSettings};

use crate::Plan;
use crate::chart::{Curve, Panel};
use crate::crew::{Seeds, spread};
use crate::page::{Section, heading, row};
use crate::sitter::Sitter;
use crate::stats::{mean, quantile};
use crate::walk::{self, FPS, Shot};

/// From a capture to its judgement.
const LATENCY: Duration = Duration::from_millis(40);

/// A clip that missed this much or more is named, for whoever wants to see why.
const WORTH_A_LOOK: f64 = 0.3;

/// What became of one clip.
pub(crate) struct Visit {
    clip: usize,
    seeds: Seeds,
    /// The frames of the shots, the best first.
    pub(crate) chosen: Vec<usize>,
    /// What the first shot lost against the best fair frame until then, 0 to 1.
    regret: Option<f64>,
    /// The same, had the first frame that passed been taken, or the middle one of those that passed.
    first: Option<f64>,
    middle: Option<f64>,
    /// Whether any frame was fair at all.
    fair: bool,
    /// Shots of two people in one choice, or with somebody else beside.
    mixed: bool,
    seconds: f64,
}

pub(crate) fn run(plan: &Plan, sitters: &[Sitter]) -> Section {
    let visits = spread("choice", plan.clips, EyesLook::OnlyCandidates, |examiner, clip| {
        play(examiner, sitters, clip, &mut |_, _, _| ())
    });
    let mut text = INTRODUCTION.to_owned();
    text += &heading(&[
        "seeds",
        "clips",
        "with a fair frame",
        "chosen",
        "chosen without one",
        "two people in a choice",
        "regret, mean",
        "90 %",
        "largest",
        "first that passed",
        "middle one that passed",
        "seconds to the choice",
    ]);
    for seeds in Seeds::BOTH {
        let these: Vec<&Visit> = visits.iter().filter(|visit| visit.seeds == seeds).collect();
        text += &line(seeds, &these);
    }
    text += &worth_a_look(&visits);
    Section {
        title: "Regret of the choice",
        text,
        curves: Some(("evaluation-choice.svg", vec![panel(&visits)])),
    }
}

const INTRODUCTION: &str = "\
Generated walk-ups at ten frames a second, through the real examiner and the real session on a virtual clock. Every clip draws how
fast somebody comes, how the head is turned, defocus, sudden movements, light, light from one side, noise and compression; in four of
ten a second person passes by or takes the first one's place. A frame's true worth is known from what was done to it: what blur,
turn and size leave, from 0 to 1. *Regret* is the share of the best fair frame's worth that the first shot misses, frames after the
end of the session not counted. Beside it stands what taking the first frame that passed the gates would have cost, or the middle one.

";

/// Plays a clip to a session's end and shows every frame with what was found in it.
pub(crate) fn play(
    examiner: &mut Examiner,
    sitters: &[Sitter],
    clip: usize,
    show: &mut dyn FnMut(&Shot, &Frame, &Examined),
) -> Visit {
    let shots = walk::clip(sitters, clip);
    examiner.forget();
    let start = Moment::from_origin(Duration::from_secs(10));
    let mut session = Session::new(SessionSettings::default(), start);
    let (mut passed, mut chosen, mut seen) = (Vec::new(), Vec::new(), shots.len());
    let capture = |index: usize| start + Duration::from_millis((index * 1000 / FPS) as u64);
    for (index, shot) in shots.iter().enumerate() {
        let captured = capture(index);
        let frame = Frame {
            sequence: index as u64,
            captured,
            encoding: Encoding::Jpeg,
            bytes: shot.jpeg(sitters),
            path: None,
        };
        let examined = examiner.examine(&frame, captured + LATENCY).unwrap();
        if examined.judged.reasons.is_empty() {
            passed.push(index);
        }
        show(shot, &frame, &examined);
        chosen = outcome(session.step(Event::Judged(examined.judged.clone()), captured + LATENCY));
        examiner.recycle(examined);
        if session.is_finished() {
            seen = index + 1;
            break;
        }
    }
    if !session.is_finished() {
        chosen = outcome(session.step(Event::NoMoreFrames, capture(shots.len()) + LATENCY));
    }
    report(sitters, clip, &shots[..seen], chosen, &passed)
}

fn outcome(effects: Vec<Effect>) -> Vec<usize> {
    let finished = effects.into_iter().find_map(|effect| match effect {
        Effect::Finish(Outcome::Chosen { shots, .. }) => Some(shots),
        _ => None,
    });
    finished.unwrap_or_default().into_iter().map(|sequence| sequence as usize).collect()
}

fn report(
    sitters: &[Sitter],
    clip: usize,
    shots: &[Shot],
    chosen: Vec<usize>,
    passed: &[usize],
) -> Visit {
    // The session begins anew with a new face: only frames of the person it ended with could be chosen.
    let person = |index: &usize| sitters[shots[*index].who].person;
    let whom = chosen.first().map(person);
    let fair = |index: &usize| {
        shots[*index].is_fair(sitters) && whom.is_none_or(|whom| person(index) == whom)
    };
    let best = (0..shots.len()).filter(fair).map(|i| shots[i].worth(sitters)).fold(0.0, f64::max);
    let missed = |index: Option<&usize>| {
        index.filter(|_| best > 0.0).map(|i| (1.0 - shots[*i].worth(sitters) / best).max(0.0))
    };
    let mixed =
        chosen.iter().any(|i| Some(person(i)) != whom || shots[*i].second.is_some_and(large));
    Visit {
        clip,
        seeds: Seeds::of(clip),
        regret: missed(chosen.first()),
        first: missed(passed.first().filter(|_| !chosen.is_empty())),
        middle: missed(passed.get(passed.len() / 2).filter(|_| !chosen.is_empty())),
        fair: best > 0.0,
        mixed,
        seconds: shots.len() as f64 / FPS as f64,
        chosen,
    }
}

/// Names the clips that went least well.
fn worth_a_look(visits: &[Visit]) -> String {
    let named = visits.iter().filter_map(|visit| {
        let regret = visit.regret.filter(|regret| *regret >= WORTH_A_LOOK);
        let missed = regret.map(|regret| format!("missed {regret:.2}"));
        let what = if visit.mixed { Some("two people".to_owned()) } else { missed };
        what.map(|what| format!("{} ({what})", visit.clip))
    });
    let named: Vec<_> = named.collect();
    let named = if named.is_empty() { "none".to_owned() } else { named.join(", ") };
    format!("\nClips worth a look: {named}. `make eval CLIP=n` shows clip n frame by frame.\n")
}

/// A second person near enough to be taken for the first.
fn large((_, stance): (usize, crate::sitter::Stance)) -> bool {
    stance.scale > 0.6
}

fn line(seeds: Seeds, visits: &[&Visit]) -> String {
    let pick = |value: fn(&Visit) -> Option<f64>| -> Vec<f64> {
        visits.iter().filter_map(|visit| value(visit)).collect()
    };
    let count = |holds: fn(&Visit) -> bool| visits.iter().filter(|v| holds(v)).count().to_string();
    let regret = pick(|visit| visit.regret);
    row(&[
        seeds.name().to_owned(),
        visits.len().to_string(),
        count(|visit| visit.fair),
        count(|visit| visit.regret.is_some()),
        count(|visit| visit.regret.is_some() && !visit.fair),
        count(|visit| visit.mixed),
        format!("{:.3}", mean(&regret)),
        format!("{:.3}", quantile(&regret, 0.9)),
        format!("{:.3}", quantile(&regret, 1.0)),
        format!("{:.3}", mean(&pick(|visit| visit.first))),
        format!("{:.3}", mean(&pick(|visit| visit.middle))),
        format!("{:.1}", mean(&pick(|visit| visit.regret.map(|_| visit.seconds)))),
    ])
}

/// Which share of the clips missed no more than so much.
fn panel(visits: &[Visit]) -> Panel {
    let curve = |name: &str, value: fn(&Visit) -> Option<f64>| {
        let values: Vec<f64> = visits.iter().filter_map(value).collect();
        let share = |limit: f64| {
            let within = values.iter().filter(|value| **value <= limit).count();
            100.0 * within as f64 / values.len().max(1) as f64
        };
        let points = (0..=25).map(|step| f64::from(step) * 0.02).map(|limit| (limit, share(limit)));
        Curve { name: name.to_owned(), points: points.collect() }
    };
    Panel {
        title: "clips that missed no more, %".into(),
        x_label: "share of the best frame's worth".into(),
        curves: vec![
            curve("chosen", |visit| visit.regret),
            curve("first", |visit| visit.first),
            curve("middle", |visit| visit.middle),
        ],
        top: 100.0,
    }
}
