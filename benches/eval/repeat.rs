//! What compressing and scaling a picture again does to the values that were read from it.

use std::collections::BTreeMap;

use kiosk_enroll::app::examiner::{Examiner, EyesLook};
use kiosk_enroll::domain::{Assessment, MeasureName, Moment, Point};
use kiosk_enroll::measure::MEASURES;

use crate::Plan;
use crate::canvas::Canvas;
use crate::crew::spread;
use crate::page::{Section, heading, row};
use crate::sitter::{Sitter, Stance};
use crate::stats::mean;

/// The same picture, treated in ways that change nobody's mind about it.
const TREATMENTS: [(&str, f32, u8); 6] = [
    ("JPEG 95", 1.0, 95),
    ("JPEG 85", 1.0, 85),
    ("JPEG 70", 1.0, 70),
    ("x 0.85", 0.85, 95),
    ("x 1.25", 1.25, 95),
    ("x 1.5", 1.5, 95),
];

/// What was read of one picture, untreated first.
struct Readings {
    all: Vec<(Assessment, bool)>,
}

pub(crate) fn run(plan: &Plan, sitters: &[Sitter]) -> Section {
    let count = plan.pictures;
    let readings = spread("repeatability", count, EyesLook::Always, |examiner, index| {
        let canvas = plain(&sitters[index % sitters.len()], index);
        let mut all = vec![read(examiner, &canvas)];
        for (_, factor, quality) in TREATMENTS {
            let scaled = if factor == 1.0 { canvas.clone() } else { canvas.resized(factor) };
            all.push(read(examiner, &scaled.compressed(quality)));
        }
        Readings { all }
    });
    Section { title: "Repeatability", text: text(&readings), curves: None }
}

fn plain(sitter: &Sitter, index: usize) -> Canvas {
    let mut chance = fastrand::Rng::with_seed(31_000 + index as u64);
    let mut even = |from: f32, to: f32| from + (to - from) * chance.f32();
    let middle = sitter.middle();
    sitter.rendered(&Stance {
        yaw: even(-8.0, 8.0),
        pitch: even(-6.0, 6.0),
        roll: even(-6.0, 6.0),
        scale: even(0.9, 1.0),
        at: Point::new(middle.x + even(-20.0, 20.0), middle.y + even(-10.0, 10.0)),
    })
}

fn read(examiner: &mut Examiner, canvas: &Canvas) -> (Assessment, bool) {
    examiner.forget();
    let examined = examiner.examine_picture(canvas.picture(), 0, Moment::default()).unwrap();
    (examined.assessment, examined.judged.reasons.is_empty())
}

fn text(readings: &[Readings]) -> String {
    let mut text = "Mean change of the native value against the untreated picture. Sizes in pixels change with the scale, as they must.\n\n".to_owned();
    let mut head = vec!["measure"];
    head.extend(TREATMENTS.map(|(name, ..)| name));
    text += &heading(&head);
    for measure in MEASURES {
        let changes = (1..=TREATMENTS.len()).map(|treatment| {
            let changes: Vec<f64> =
                readings.iter().filter_map(|r| change(r, treatment, measure.name)).collect();
            if changes.is_empty() { "–".to_owned() } else { format!("{:.3}", mean(&changes)) }
        });
        text += &row(&std::iter::once(format!("`{}`", measure.name))
            .chain(changes)
            .collect::<Vec<_>>());
    }
    let flips = (1..=TREATMENTS.len()).map(|treatment| {
        let flipped = readings.iter().filter(|r| r.all[treatment].1 != r.all[0].1).count();
        format!("{flipped} of {}", readings.len())
    });
    text +=
        &row(&std::iter::once("**verdict changed**".to_owned()).chain(flips).collect::<Vec<_>>());
    text
}

fn change(readings: &Readings, treatment: usize, name: MeasureName) -> Option<f64> {
    let native = |index: usize| {
        let by_name: BTreeMap<_, _> = readings.all[index].0.readings.iter().copied().collect();
        by_name.get(&name)?.native()
    };
    Some((native(treatment)? - native(0)?).abs())
}
