//! How strong a fault must be to be refused, and how often a good picture is.

use kiosk_enroll::app::examiner::{Examiner, EyesLook};
use kiosk_enroll::domain::{Moment, Point, Reason};

use crate::Plan;
use crate::canvas::Canvas;
use crate::chart::{Curve, Panel, short};
use crate::cover::{self, Cover};
use crate::crew::{Seeds, spread};
use crate::damage;
use crate::page::{Section, heading, row};
use crate::sitter::{Sitter, Stance};
use crate::stats::percent;

/// A fault with its strengths, the first of which is none at all.
struct Fault {
    name: &'static str,
    unit: &'static str,
    strengths: &'static [f32],
    /// The reason that names it; none where no gate is made for it.
    reason: Option<Reason>,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Gaussian,
    Motion,
    Light,
    SideLight,
    Noise,
    Jpeg,
    Covered,
    Worn(Cover),
    Size,
    Roll,
    Yaw,
}

const FAULTS: &[Fault] = &[
    fault(
        "Gaussian blur",
        "σ, pixels at 60 px eye distance",
        &[0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0],
        Some(Reason::HoldStill),
        Kind::Gaussian,
    ),
    fault(
        "motion blur",
        "pixels at 60 px eye distance",
        &[0.0, 2.0, 4.0, 6.0, 9.0, 12.0],
        Some(Reason::HoldStill),
        Kind::Motion,
    ),
    fault(
        "dark",
        "times less light",
        &[1.0, 2.0, 4.0, 6.0, 8.0, 12.0],
        Some(Reason::TooDark),
        Kind::Light,
    ),
    fault(
        "bright",
        "times more light",
        &[1.0, 1.5, 2.0, 2.5, 3.0, 4.0],
        Some(Reason::TooBright),
        Kind::Light,
    ),
    fault(
        "light from one side",
        "share lost across the face",
        &[0.0, 0.2, 0.4, 0.6, 0.8, 0.9],
        Some(Reason::UnevenLight),
        Kind::SideLight,
    ),
    fault(
        "noise",
        "σ of each channel, grey levels",
        &[0.0, 5.0, 10.0, 15.0, 20.0, 30.0],
        Some(Reason::NoisyPicture),
        Kind::Noise,
    ),
    fault(
        "JPEG",
        "100 − quality",
        &[8.0, 30.0, 50.0, 70.0, 80.0, 85.0, 90.0, 95.0],
        Some(Reason::CompressedPicture),
        Kind::Jpeg,
    ),
    fault(
        "cloth over the face",
        "share from chin to eyes",
        &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0],
        Some(Reason::FaceCovered),
        Kind::Covered,
    ),
    fault(
        "mask",
        "opacity",
        &[0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0],
        Some(Reason::FaceCovered),
        Kind::Worn(Cover::Mask),
    ),
    fault(
        "dark glasses",
        "opacity",
        &[0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0],
        Some(Reason::EyesCovered),
        Kind::Worn(Cover::DarkGlasses),
    ),
    fault(
        "size",
        "eye distance, pixels",
        &[84.0, 72.0, 66.0, 60.0, 54.0, 42.0, 30.0],
        Some(Reason::MoveCloser),
        Kind::Size,
    ),
    fault(
        "roll",
        "degrees",
        &[0.0, 6.0, 10.0, 12.0, 14.0, 18.0, 25.0],
        Some(Reason::StraightenHead),
        Kind::Roll,
    ),
    fault(
        "yaw",
        "degrees",
        &[0.0, 6.0, 10.0, 12.0, 14.0, 18.0, 25.0],
        Some(Reason::TurnRight),
        Kind::Yaw,
    ),
];

const fn fault(
    name: &'static str,
    unit: &'static str,
    strengths: &'static [f32],
    reason: Option<Reason>,
    kind: Kind,
) -> Fault {
    Fault { name, unit, strengths, reason, kind }
}

/// What became of one picture.
#[derive(Clone)]
struct Seen {
    seeds: Seeds,
    reasons: Vec<Reason>,
}

pub(crate) fn run(plan: &Plan, sitters: &[Sitter]) -> Section {
    let mut trials = Vec::new();
    for (index, fault) in FAULTS.iter().enumerate() {
        for strength in fault.strengths {
            trials.extend((0..plan.pictures).map(|picture| (index, *strength, picture)));
        }
    }
    let seen = spread("faults", trials.len(), EyesLook::OnlyCandidates, |examiner, index| {
        let (fault, strength, picture) = trials[index];
        let sitter = &sitters[picture % sitters.len()];
        let canvas = spoiled(&FAULTS[fault], strength, sitter, picture);
        Seen { seeds: Seeds::of(picture), reasons: reasons(examiner, &canvas) }
    });
    let mut text = INTRODUCTION.to_owned();
    let (mut panels, mut rest) = (Vec::new(), seen.as_slice());
    for fault in FAULTS {
        let (these, others) = rest.split_at(fault.strengths.len() * plan.pictures);
        rest = others;
        let by_strength: Vec<&[Seen]> = these.chunks(plan.pictures).collect();
        text += &table(fault, &by_strength);
        panels.push(panel(fault, &by_strength));
    }
    Section { title: "Faults by strength", text, curves: Some(("evaluation-faults.svg", panels)) }
}

const INTRODUCTION: &str = "\
Each portrait in a small variation of its own (size, place, a turn of up to 4°, light ± 10 %, noise σ ≤ 2, JPEG 88 to 94), with one
fault; gates of `standard`. *Named* is the share refused for this fault's own reason, *refused* for any; the first column is no
fault at all, so what is refused there is a false alarm.
";

fn reasons(examiner: &mut Examiner, canvas: &Canvas) -> Vec<Reason> {
    examiner.forget();
    examiner.examine_picture(canvas.picture(), 0, Moment::default()).unwrap().judged.reasons
}

/// A good picture of its own for each number, with this fault.
fn spoiled(fault: &Fault, strength: f32, sitter: &Sitter, picture: usize) -> Canvas {
    let mut chance = fastrand::Rng::with_seed(7_000 + picture as u64);
    let mut even = |from: f32, to: f32| from + (to - from) * chance.f32();
    let middle = sitter.middle();
    let mut scale = even(0.9, 1.0);
    if matches!(fault.kind, Kind::Size) {
        scale = strength / sitter.eye_distance;
    }
    let turned = if matches!(fault.kind, Kind::Yaw) { strength } else { even(-4.0, 4.0) };
    let stance = Stance {
        yaw: turned,
        pitch: even(-3.0, 3.0),
        roll: if matches!(fault.kind, Kind::Roll) { strength } else { even(-2.0, 2.0) },
        scale,
        at: Point::new(middle.x + even(-20.0, 20.0), middle.y + even(-10.0, 10.0)),
    };
    let mut lot = fastrand::Rng::with_seed(8_000 + picture as u64);
    let canvas = match fault.kind {
        Kind::Worn(cover) if strength > 0.0 => {
            cover::worn(sitter, cover, strength, &mut lot).rendered(&stance)
        }
        _ => sitter.rendered(&stance),
    };
    let eye_distance = sitter.eye_distance * scale;
    let unit = eye_distance / 60.0;
    let (brightness, grain, quality) = (even(0.9, 1.1), even(0.0, 2.0), even(88.0, 94.0) as u8);
    let eyes = (
        stance.at.x + (sitter.eyes.x - middle.x) * scale,
        stance.at.y + (sitter.eyes.y - middle.y) * scale,
    );
    let angle = even(0.0, std::f32::consts::PI);
    let canvas = match fault.kind {
        Kind::Gaussian => damage::gaussian(&canvas, strength * unit),
        Kind::Motion => damage::motion(&canvas, strength * unit, angle),
        Kind::Light if fault.reason == Some(Reason::TooDark) => {
            damage::light(canvas, 1.0 / strength)
        }
        Kind::Light => damage::light(canvas, strength),
        Kind::SideLight => damage::side_light(canvas, eyes.0, eye_distance, strength),
        Kind::Covered => damage::covered(canvas, eyes, eye_distance, strength),
        Kind::Worn(_) | Kind::Noise | Kind::Jpeg | Kind::Size | Kind::Roll | Kind::Yaw => canvas,
    };
    let grain = if matches!(fault.kind, Kind::Noise) { grain.max(strength) } else { grain };
    let quality = if matches!(fault.kind, Kind::Jpeg) { 100 - strength as u8 } else { quality };
    damage::noise(damage::light(canvas, brightness), grain, &mut chance).compressed(quality)
}

fn named(fault: &Fault, seen: &Seen) -> bool {
    fault.reason.is_some_and(|reason| seen.reasons.contains(&reason))
}

fn table(fault: &Fault, by_strength: &[&[Seen]]) -> String {
    let strengths: Vec<String> = fault.strengths.iter().map(|s| short(f64::from(*s))).collect();
    let mut text = format!("\n**{}** ({})\n\n", fault.name, fault.unit);
    let mut head = vec![""];
    head.extend(strengths.iter().map(String::as_str));
    text += &heading(&head);
    for seeds in Seeds::BOTH {
        let share = |holds: &dyn Fn(&Seen) -> bool| {
            let of = |seen: &&[Seen]| {
                let these = seen.iter().filter(|one| one.seeds == seeds);
                format!("{:.0} %", percent(these.map(holds)))
            };
            by_strength.iter().map(of).collect::<Vec<_>>()
        };
        if fault.reason.is_some() {
            let cells = share(&|seen| named(fault, seen));
            text += &row(&[vec![format!("named, {}", seeds.name())], cells].concat());
        }
        let cells = share(&|seen| !seen.reasons.is_empty());
        text += &row(&[vec![format!("refused, {}", seeds.name())], cells].concat());
    }
    text
}

fn panel(fault: &Fault, by_strength: &[&[Seen]]) -> Panel {
    let curve = |name: &str, holds: &dyn Fn(&Seen) -> bool| {
        let share = |seen: &&[Seen]| percent(seen.iter().map(holds));
        let points =
            fault.strengths.iter().map(|s| f64::from(*s)).zip(by_strength.iter().map(share));
        Curve { name: name.to_owned(), points: points.collect() }
    };
    let mut curves = vec![curve("refused %", &|seen| !seen.reasons.is_empty())];
    if fault.reason.is_some() {
        curves.push(curve("named %", &|seen| named(fault, seen)));
    }
    Panel { title: fault.name.to_owned(), x_label: fault.unit.to_owned(), curves, top: 100.0 }
}
