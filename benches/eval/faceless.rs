//! How often a face is seen where none is.

use std::fs;
use std::path::Path;

use kiosk_enroll::app::examiner::EyesLook;
use kiosk_enroll::domain::{Moment, Reason, Size};
use kiosk_enroll::vision::Picture;

use crate::Plan;
use crate::crew::{Seeds, spread};
use crate::page::{Section, heading, row};

const PICTURES: [&str; 4] = ["brick.png", "chelsea.png", "horse.png", "rocket.jpg"];

/// What was seen in one crop.
struct Seen {
    seeds: Seeds,
    face: bool,
    accepted: bool,
}

pub(crate) fn run(plan: &Plan, root: &Path) -> Section {
    let load = |name: &&str| {
        let bytes = fs::read(root.join("tests/fixtures/noface").join(name)).unwrap();
        image::load_from_memory(&bytes).unwrap().to_rgb8()
    };
    let pictures: Vec<image::RgbImage> = PICTURES.iter().map(load).collect();
    let count = plan.crops * pictures.len();
    let seen = spread("no face", count, EyesLook::OnlyCandidates, |examiner, index| {
        let crop = crop(&pictures[index % pictures.len()], index);
        examiner.forget();
        let examined = examiner.examine_picture(crop, 0, Moment::default()).unwrap();
        Seen {
            seeds: Seeds::of(index),
            face: !examined.judged.reasons.contains(&Reason::NoFace),
            accepted: examined.judged.reasons.is_empty(),
        }
    });
    let mut text = "Crops of a brick wall, a cat, a horse and a rocket, of any place and size, brought to 640x480.\n\n".to_owned();
    text += &heading(&["seeds", "crops", "with a face, it was said", "accepted"]);
    for seeds in Seeds::BOTH {
        let these: Vec<&Seen> = seen.iter().filter(|one| one.seeds == seeds).collect();
        let count =
            |holds: fn(&Seen) -> bool| these.iter().filter(|one| holds(one)).count().to_string();
        text += &row(&[
            seeds.name().to_owned(),
            these.len().to_string(),
            count(|one| one.face),
            count(|one| one.accepted),
        ]);
    }
    Section { title: "Pictures without a face", text, curves: None }
}

fn crop(picture: &image::RgbImage, seed: usize) -> Picture {
    let mut chance = fastrand::Rng::with_seed(900 + seed as u64);
    let share = 0.25 + 0.75 * chance.f32();
    let width = ((picture.width() as f32 * share) as u32).max(32);
    let height = ((picture.height() as f32 * share) as u32).max(24);
    let x = chance.u32(0..=picture.width() - width);
    let y = chance.u32(0..=picture.height() - height);
    let part = image::imageops::crop_imm(picture, x, y, width, height).to_image();
    let filter = image::imageops::FilterType::Triangle;
    let whole = image::imageops::resize(&part, 640, 480, filter);
    Picture::from_rgb(Size::new(640, 480), whole.into_raw()).unwrap()
}
