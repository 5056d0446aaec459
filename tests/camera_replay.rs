//! Does a folder of pictures behave like a camera?
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::path::Path;
use std::time::Duration;

use kiosk_enroll::camera::{
    CameraError, FrameSource, FramesSpec, Pace, Remedy, Replay, SourceSpec, StopSignal,
};
use kiosk_enroll::domain::{Encoding, Moment, Size};
use kiosk_enroll::vision::Picture;
use kiosk_enroll::vision::image::{decode, encode_jpeg, encode_png};

const STEPPED: Pace = Pace::Stepped { start: Moment::from_origin(Duration::from_secs(100)) };

fn picture(grey: u8) -> Picture {
    Picture::from_rgb(Size::new(32, 32), vec![grey; 32 * 32 * 3]).unwrap()
}

fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn spec(folder: &Path, options: &str) -> FramesSpec {
    match SourceSpec::parse(&format!("frames:{}{options}", folder.display())).unwrap() {
        SourceSpec::Frames(frames) => frames,
        other => panic!("{other:?}"),
    }
}

fn open(folder: &Path, options: &str) -> Result<Replay, CameraError> {
    Replay::open(&spec(folder, options), STEPPED, StopSignal::default())
}

fn three() -> tempfile::TempDir {
    folder(&[
        ("f10.png", encode_png(&picture(30)).unwrap()),
        ("f9.jpg", encode_jpeg(&picture(20), 95).unwrap()),
        ("f1.JPEG", encode_jpeg(&picture(10), 95).unwrap()),
        ("notes.txt", b"not a picture".to_vec()),
    ])
}

#[test]
fn files_come_in_natural_order_with_exact_times_and_their_paths() {
    let folder = three();
    let mut replay = open(folder.path(), "?fps=4&once").unwrap();
    let mut seen = Vec::new();
    let end = loop {
        match replay.next() {
            Ok(frame) => seen.push(frame),
            Err(error) => break error,
        }
    };
    assert_eq!(end.remedy(), Remedy::Finish);
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let names: Vec<String> = seen.iter().map(|f| name(f.path.as_deref().unwrap())).collect();
    assert_eq!(names, ["f1.JPEG", "f9.jpg", "f10.png"]);
    assert_eq!(seen.iter().map(|f| f.sequence).collect::<Vec<_>>(), [0, 1, 2]);
    let millis = |f: &kiosk_enroll::domain::Frame| f.captured.since_origin().as_millis();
    assert_eq!(seen.iter().map(millis).collect::<Vec<_>>(), [100_000, 100_250, 100_500]);
    assert_eq!(seen[2].encoding, Encoding::Png);
    let grey: Vec<u8> = seen.iter().map(|f| decode(f, None).unwrap().rgb()[0]).collect();
    assert_eq!(grey, [10, 20, 30]);
}

#[test]
fn without_once_the_folder_begins_anew_and_the_numbers_go_on() {
    let folder = three();
    let mut replay = open(folder.path(), "").unwrap();
    let sequences: Vec<u64> = (0..7).map(|_| replay.next().unwrap().sequence).collect();
    assert_eq!(sequences, [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn bad_files_are_passed_over() {
    let whole = encode_jpeg(&picture(50), 95).unwrap();
    let folder = folder(&[
        ("1.jpg", b"a text file that calls itself a picture".to_vec()),
        ("2.jpg", Vec::new()),
        ("3.jpg", whole[..whole.len() - 2].to_vec()),
        ("4.jpg", whole),
        ("5.png", b"\x89PNG\r\n\x1a\n and then nothing".to_vec()),
    ]);
    let mut replay = open(folder.path(), "?once").unwrap();
    assert!(replay.next().unwrap().path.unwrap().ends_with("4.jpg"));
    assert!(matches!(replay.next(), Err(CameraError::Ended { .. })));
}

#[test]
fn a_folder_that_gives_nothing_is_an_error_that_says_what_was_found() {
    let empty = tempfile::tempdir().unwrap();
    let texts = folder(&[("a.jpg", b"text".to_vec()), ("b.png", b"text".to_vec())]);
    let missing = empty.path().join("missing");
    for (path, told) in [
        (empty.path(), "no file named .jpg, .jpeg or .png"),
        (texts.path(), "found 2 files but no whole JPEG or PNG among them"),
        (&missing, "cannot be read"),
    ] {
        let error = open(path, "").unwrap_err();
        assert_eq!(error.remedy(), Remedy::Configure);
        assert!(error.to_string().contains(told), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}

#[test]
fn in_real_time_the_capture_times_rise_and_a_stop_ends_the_wait() {
    let folder = three();
    let stop = StopSignal::default();
    let frames = spec(folder.path(), "?fps=120");
    let mut replay = Replay::open(&frames, Pace::RealTime, stop.clone()).unwrap();
    let times: Vec<Moment> = (0..4).map(|_| replay.next().unwrap().captured).collect();
    assert!(times.is_sorted_by(|a, b| a < b));

    let slow = spec(folder.path(), "?fps=0.1");
    let mut replay = Replay::open(&slow, Pace::RealTime, stop.clone()).unwrap();
    replay.next().unwrap();
    stop.stop();
    assert!(matches!(replay.next(), Err(CameraError::Ended { .. })));
}
