//! One 1280x720 frame through every stage, one thread.

use std::fs;

use image::imageops::{FilterType, overlay, resize};
use kiosk_enroll::app::examiner::{Examiner, EyesLook};
use kiosk_enroll::domain::{Encoding, Eyes, Face, Frame, Moment, Profile};
use kiosk_enroll::measure;
use kiosk_enroll::vision::image::{self as pictures, FrameDecoder, Region};
use kiosk_enroll::vision::{FaceFinder, NetFaceFinder, Picture, Side};

use crate::table::{Times, budget, heading, row};
use crate::turbojpeg;

const ROUNDS: usize = 200;

/// Prints the table.
pub(crate) fn run() {
    let mut now = camera_clock();
    let Sitting { mut frame, picture, mut finder, face, eyes, gates, around } =
        Sitting::begin(&mut now);

    heading(&format!(
        "one frame of 1280x720 ({} kB JPEG), one thread, {ROUNDS} rounds",
        frame.bytes.len() / 1000
    ));
    decoding(&frame, around);
    row(
        "find: detector + mesh twice",
        &Times::of(ROUNDS, || {
            finder.forget();
            finder.observe(&picture, now()).unwrap()
        }),
    );
    row(
        "follow: mesh once, detector now and then",
        &Times::of(ROUNDS, || finder.observe(&picture, now()).unwrap()),
    );
    row(
        "eyes: iris twice (only frames that pass the rest)",
        &Times::of(ROUNDS, || finder.eyes(&picture, &face).unwrap()),
    );
    row(
        "one eye (in frames that follow one another)",
        &Times::of(ROUNDS, || finder.eye(&picture, &face, Side::Right).unwrap()),
    );
    row("measures and gates", &Times::of(ROUNDS, || judged(&picture, &face, &eyes, &gates)));
    row(
        "portrait: crop and JPEG (only candidates)",
        &Times::of(ROUNDS, || {
            let region =
                pictures::portrait_region(&face, picture.size(), pictures::Framing::Portrait);
            pictures::encode_portrait(&picture, region, 92).unwrap()
        }),
    );
    let mut examiner = Examiner::new(Box::new(finder), gates, EyesLook::OnlyCandidates);
    let whole = Times::of(ROUNDS, || {
        frame.captured = now();
        let examined = examiner.examine(&frame, frame.captured).unwrap();
        assert!(examined.observation.face.is_some());
        examiner.recycle(examined);
    });
    row("a tracked frame in all, decode to decision", &whole);
    budget("a tracked frame in all, p50", whole.millis(0.5), 10.0, "ms");
}

fn decoding(frame: &Frame, around: Option<Region>) {
    let mut spare = None;
    let mut whole = || {
        spare = Some(pictures::decode(frame, spare.take()).unwrap().into_rgb());
    };
    row("decode (strict, RGB)", &Times::of(ROUNDS, &mut whole));
    turbojpeg::compare(&frame.bytes, ROUNDS, whole);
    let mut decoder = FrameDecoder::default();
    row(
        "decode the part around a followed face",
        &Times::of(ROUNDS, || {
            let part = decoder.decode(frame, around).unwrap();
            decoder.recycle(part);
        }),
    );
}

pub(crate) fn judged(
    picture: &Picture,
    face: &Face,
    eyes: &Eyes,
    gates: &[kiosk_enroll::domain::Gate],
) -> Vec<kiosk_enroll::domain::Reason> {
    let pixels = measure::Pixels::new(picture.size(), picture.rgb()).unwrap();
    let subject = measure::Subject::new(pixels, face, &[]).with_eyes(eyes);
    measure::judge(&measure::assess(&subject), gates)
}

/// A frame whose face is followed, with all that the stages need of one another.
pub(crate) struct Sitting {
    pub(crate) frame: Frame,
    pub(crate) picture: Picture,
    pub(crate) finder: NetFaceFinder,
    pub(crate) face: Face,
    pub(crate) eyes: Eyes,
    pub(crate) gates: Vec<kiosk_enroll::domain::Gate>,
    /// The part around the face.
    pub(crate) around: Option<Region>,
}

impl Sitting {
    pub(crate) fn begin(now: &mut impl FnMut() -> Moment) -> Self {
        let frame = frame_720p();
        let picture = pictures::decode(&frame, None).unwrap();
        let mut finder = NetFaceFinder::load().unwrap();
        let gates = measure::gates(Profile::Standard, &std::collections::BTreeMap::new()).unwrap();
        let face = finder.observe(&picture, now()).unwrap().face.expect("the frame shows a face");
        let eyes = finder.eyes(&picture, &face).unwrap();
        let part = finder.expects(now());
        let around = part.and_then(|part| Region::touched_by(part, picture.size()));
        Self { frame, picture, finder, face, eyes, gates, around }
    }
}

/// The capture times of a camera with 30 frames a second.
pub(crate) fn camera_clock() -> impl FnMut() -> Moment {
    let mut millis = 0_u64;
    move || {
        millis += 33;
        Moment::from_origin(std::time::Duration::from_millis(millis))
    }
}

/// The clip's best frame, enlarged to the height of 720 and set on grey.
fn frame_720p() -> Frame {
    let bytes = fs::read("assets/walkup/035.jpg").unwrap();
    let small = image::load_from_memory(&bytes).unwrap().to_rgb8();
    let large = resize(&small, 960, 720, FilterType::CatmullRom);
    let mut canvas = image::RgbImage::from_pixel(1280, 720, image::Rgb([96, 96, 96]));
    overlay(&mut canvas, &large, 160, 0);
    let mut jpeg = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 85)
        .encode_image(&canvas)
        .unwrap();
    Frame {
        sequence: 0,
        captured: Moment::default(),
        encoding: Encoding::Jpeg,
        bytes: jpeg,
        path: None,
    }
}
