//! How often what covers a face is named, and how often what only looks like it.

use kiosk_enroll::app::examiner::EyesLook;
use kiosk_enroll::domain::{Moment, Point, Reason};

use crate::Plan;
use crate::canvas::Canvas;
use crate::cover::{self, Cover};
use crate::crew::{Seeds, spread};
use crate::damage;
use crate::page::{Section, heading, row};
use crate::sitter::{Sitter, Stance};
use crate::stats::percent;

/// What is worn, and what should be said about it.
const WORN: [(&str, Option<Cover>, Option<Reason>); 9] = [
    ("mask", Some(Cover::Mask), Some(Reason::FaceCovered)),
    ("scarf up to the nose", Some(Cover::Scarf), Some(Reason::FaceCovered)),
    ("hand before the mouth", Some(Cover::Hand), Some(Reason::FaceCovered)),
    ("dark glasses", Some(Cover::DarkGlasses), Some(Reason::EyesCovered)),
    ("mirroring glasses", Some(Cover::MirrorGlasses), Some(Reason::EyesCovered)),
    ("tinted glasses, eyes seen", Some(Cover::TintedGlasses), None),
    ("clear glasses", Some(Cover::ClearGlasses), None),
    ("beard", Some(Cover::Beard), None),
    ("nothing", None, None),
];

struct Seen {
    seeds: Seeds,
    reasons: Vec<Reason>,
}

pub(crate) fn run(plan: &Plan, sitters: &[Sitter]) -> Section {
    let each = plan.pictures * 2;
    let count = WORN.len() * each;
    let seen = spread("covers", count, EyesLook::OnlyCandidates, |examiner, index| {
        let (kind, picture) = (index / each, index % each);
        let canvas = dressed(&sitters[picture % sitters.len()], WORN[kind].1, picture);
        examiner.forget();
        let examined = examiner.examine_picture(canvas.picture(), 0, Moment::default()).unwrap();
        Seen { seeds: Seeds::of(picture), reasons: examined.judged.reasons }
    });
    let mut text = INTRODUCTION.to_owned();
    text += &heading(&[
        "before the face",
        "seeds",
        "pictures",
        "`face_covered`",
        "`eyes_covered`",
        "no face found",
        "refused",
    ]);
    for (kind, (name, ..)) in WORN.iter().enumerate() {
        for seeds in Seeds::BOTH {
            let all = &seen[kind * each..(kind + 1) * each];
            let these: Vec<&Seen> = all.iter().filter(|one| one.seeds == seeds).collect();
            let share = |holds: &dyn Fn(&Seen) -> bool| {
                format!("{:.0} %", percent(these.iter().map(|seen| holds(seen))))
            };
            text += &row(&[
                (*name).to_owned(),
                seeds.name().to_owned(),
                these.len().to_string(),
                share(&|seen| seen.reasons.contains(&Reason::FaceCovered)),
                share(&|seen| seen.reasons.contains(&Reason::EyesCovered)),
                share(&|seen| seen.reasons.contains(&Reason::NoFace)),
                share(&|seen| !seen.reasons.is_empty()),
            ]);
        }
    }
    let wrong = seen.iter().enumerate().filter(|(index, seen)| {
        let wanted = WORN[index / each].2;
        let covers = [Reason::FaceCovered, Reason::EyesCovered];
        seen.reasons.iter().any(|reason| covers.contains(reason) && Some(*reason) != wanted)
    });
    text += &format!("\nSaid of a face without such a cover: {} of {count}.\n", wrong.count());
    Section { title: "Covered faces", text, curves: None }
}

const INTRODUCTION: &str = "\
Masks and scarves in eight colours (one of them that of skin) and four weaves, four fingers in the colour of the cheek, lenses of many
shapes, and what must not be called a cover: clear glasses, lightly tinted ones, beards. Gates of `standard`.

";

/// A portrait of its own for each number, with this before the face.
fn dressed(sitter: &Sitter, worn: Option<Cover>, picture: usize) -> Canvas {
    let mut chance = fastrand::Rng::with_seed(63_000 + picture as u64);
    let sitter =
        worn.map_or_else(|| sitter.clone(), |it| cover::worn(sitter, it, 1.0, &mut chance));
    let mut even = |from: f32, to: f32| from + (to - from) * chance.f32();
    let middle = sitter.middle();
    let canvas = sitter.rendered(&Stance {
        yaw: even(-8.0, 8.0),
        pitch: even(-6.0, 6.0),
        roll: even(-5.0, 5.0),
        scale: even(0.8, 1.0),
        at: Point::new(middle.x + even(-20.0, 20.0), middle.y + even(-10.0, 10.0)),
    });
    let (light, blur, grain, quality) =
        (even(0.6, 1.4), even(0.0, 0.8), even(0.0, 4.0), even(80.0, 94.0) as u8);
    let canvas = damage::light(damage::gaussian(&canvas, blur), light);
    damage::noise(canvas, grain, &mut chance).compressed(quality)
}
