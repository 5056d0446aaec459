//! What bad input gets: what was found, what is allowed, the right exit code, and nothing half done.

use std::fs;

use crate::kiosk::{Done, Kiosk, fixture};

/// Refused with this code and these words, and nothing was queued.
fn refused(kiosk: &Kiosk, arguments: &[&str], code: i32, words: &[&str]) {
    let Done { code: found, out, err } = kiosk.run(arguments);
    assert_eq!(found, code, "{arguments:?}\n{out}{err}");
    for word in words {
        assert!(err.contains(word), "{arguments:?}: \"{word}\" is not in\n{err}");
    }
    assert!(err.lines().any(|line| line.starts_with("error: ")), "{err}");
    assert!(!err.contains("panicked"), "{err}");
    let queue = kiosk.run(&["queue", "list", "--json"]);
    assert!(queue.code != 0 || queue.out == "[]\n", "{}", queue.out);
}

fn with_source(source: &str) -> Kiosk {
    let mut kiosk = Kiosk::new();
    kiosk.set(format!("camera.source={source}"));
    kiosk
}

#[test]
fn sources_that_give_no_frames() {
    let empty = tempfile::tempdir().unwrap();
    let dir = empty.path().display();
    let enroll = ["enroll", "person_1"];
    refused(&with_source(&format!("frames:{dir}")), &enroll, 66, &["no file named", "hint:"]);
    refused(&with_source("frames:/no/such/folder"), &enroll, 66, &["/no/such/folder"]);
    refused(
        &with_source(&format!("frames:{dir}?speed=3")),
        &enroll,
        78,
        &["speed=3", "fps=NUMBER"],
    );
    refused(&with_source("frames:x?fps=999"), &enroll, 78, &["999", "120"]);
    refused(&with_source("a camera"), &enroll, 78, &["allowed are", "by-id"]);
    refused(&with_source("/dev/video250"), &enroll, 69, &["/dev/video250", "hint:"]);
    fs::write(empty.path().join("a.jpg"), "this is a text").unwrap();
    refused(&with_source(&format!("frames:{dir}")), &enroll, 66, &["no whole JPEG or PNG"]);
}

#[test]
fn damaged_frames_are_skipped_by_name_and_the_rest_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let good = fs::read(fixture("derived/hopper_frontal.jpg")).unwrap();
    for n in 10..40 {
        fs::write(dir.path().join(format!("{n}.jpg")), &good).unwrap();
    }
    fs::write(dir.path().join("20.jpg"), &good[..good.len() / 2]).unwrap();
    fs::write(dir.path().join("21.jpg"), "text").unwrap();
    let kiosk = with_source(&format!("frames:{}?once", dir.path().display()));
    let done = kiosk.run(&["enroll", "person_1", "--dry-run", "--json"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.err.contains("20.jpg") && done.err.contains("21.jpg"), "{}", done.err);
}

#[test]
fn pictures_that_are_none() {
    let kiosk = Kiosk::new();
    let file = |name: &str, bytes: &[u8]| {
        fs::write(kiosk.path(name), bytes).unwrap();
        kiosk.path(name).display().to_string()
    };
    let good = fs::read(fixture("derived/hopper_frontal.jpg")).unwrap();
    let cases = [
        (file("text.jpg", b"not a picture at all"), "JPEG and PNG"),
        (file("cut.jpg", &good[..good.len() / 2]), "cut.jpg"),
        (file("dot.png", &png(1, 1)), "1x1"),
        (file("huge.png", &png_header(12_000, 9_000)), "12000x9000"),
        (file("empty.jpg", b""), "empty.jpg"),
    ];
    for (path, words) in &cases {
        let done = kiosk.run(&["assess", path]);
        assert_eq!(done.code, 65, "{path}: {}{}", done.out, done.err);
        assert!(done.out.contains(words), "{path}: {}", done.out);
        let update = kiosk.run(&["update", "person_1", "--image", path]);
        assert_eq!(update.code, 65, "{path}: {}", update.err);
        assert!(update.err.contains("images: found"), "{}", update.err);
    }
    refused(&kiosk, &["assess", "/no/such/picture.jpg"], 66, &["/no/such/picture.jpg"]);
    refused(&kiosk, &["update", "p", "--image", "/no/such.jpg"], 66, &["/no/such.jpg"]);
}

#[test]
fn pictures_without_a_face_or_with_two_or_too_many() {
    let kiosk = Kiosk::new();
    let path = |name: &str| fixture(name).display().to_string();
    let (nobody, two) = (path("noface/rocket.jpg"), path("derived/two_people.jpg"));
    refused(&kiosk, &["update", "p", "--image", &nobody], 65, &["no face", "exactly one face"]);
    refused(&kiosk, &["update", "p", "--image", &two], 65, &["2 faces", "exactly one face"]);
    let one = path("derived/hopper_frontal.jpg");
    let four = ["update", "p", "--image", &one, &one, &one, &one];
    refused(&kiosk, &four, 65, &["4 pictures", "1 to 3"]);
}

#[test]
fn person_ids_that_are_no_path_segment() {
    let kiosk = Kiosk::new();
    let long = "x".repeat(10_240);
    for bad in ["a/b", "a b", "a\tb", "..", "", long.as_str()] {
        refused(&kiosk, &["update", bad, "--name", "A"], 65, &["person_id", "1 to 128 bytes"]);
        refused(&kiosk, &["enroll", bad], 65, &["person_id"]);
    }
}

#[test]
fn fields_that_are_not_valid() {
    let kiosk = Kiosk::new();
    refused(&kiosk, &["update", "p"], 65, &["at least one of"]);
    refused(&kiosk, &["update", "p", "--gender", "MM"], 65, &["\"MM\"", "exactly \"M\" or \"F\""]);
    for date in ["1990-13-45", "2999-01-01", "tomorrow"] {
        refused(&kiosk, &["update", "p", "--date-of-birth", date], 65, &[date, "YYYY-MM-DD"]);
    }
    refused(&kiosk, &["update", "p", "--name", "  "], 65, &["name"]);
    let unknown = kiosk.run(&["update", "p", "--favourite-colour", "blue"]);
    assert_eq!(unknown.code, 64, "{}", unknown.err);
    assert!(unknown.err.contains("--favourite-colour"), "{}", unknown.err);
    assert_eq!(kiosk.run(&["queue", "show", "seventeen"]).code, 65);
    assert_eq!(kiosk.run(&["queue", "show", "u17"]).code, 66);
}

#[test]
fn configurations_that_cannot_be_used() {
    for (setting, words) in [
        ("verifik.base_url=http://api.verifik.co", "https://"),
        ("verifik.base_url=htps://api.verifik.co", "https://"),
        ("capture.profile=lenient", "\"standard\""),
        ("capture.gates.sharpnes_max=1", "did you mean \"capture.gates.sharpness_max\"?"),
        ("capture.gates.sharpness_max=nan", "a number"),
    ] {
        let mut kiosk = Kiosk::new();
        kiosk.set(setting);
        refused(&kiosk, &["config", "check"], 78, &[words, "hint:"]);
        assert_eq!(kiosk.run(&["run"]).code, 78, "{setting}");
    }
    let kiosk = Kiosk::new();
    fs::write(kiosk.path("empty.toml"), "[camera]\n\nsorce = \"auto\"\n").unwrap();
    refused(
        &kiosk,
        &["config", "check"],
        78,
        &["line 3", "camera.sorce", "did you mean \"camera.source\"?"],
    );
    let absent = kiosk.run(&["config", "check", "--config", "/no/such.toml"]);
    assert!(absent.code == 78 || absent.code == 64, "{}", absent.err);
}

#[test]
fn a_missing_or_empty_token_holds_the_delivery_and_loses_nothing() {
    let kiosk = Kiosk::new();
    for token in [None, Some("")] {
        match token {
            None => fs::remove_file(kiosk.path("state/token")).unwrap(),
            Some(text) => fs::write(kiosk.path("state/token"), text).unwrap(),
        }
        let id = kiosk.json(&["update", "person_1", "--notes", "kept"])["id"].clone();
        let flush = kiosk.run(&["flush", "--timeout", "10s"]);
        assert_eq!(flush.code, 75, "{}", flush.err);
        assert!(flush.err.contains("credential") && flush.err.contains("token"), "{}", flush.err);
        let queue = kiosk.json(&["queue", "list"]);
        assert_eq!((queue.as_array().unwrap().len(), &queue[0]["id"]), (1, &id));
        assert_eq!(queue[0]["attempts"], 0, "a missing token is not the update's fault");
    }
}

#[test]
fn an_unreachable_server_holds_the_delivery_and_loses_nothing() {
    let kiosk = Kiosk::new();
    kiosk.json(&["update", "person_1", "--notes", "kept"]);
    let flush = kiosk.run(&["flush", "--timeout", "10s"]);
    assert_eq!(flush.code, 75);
    assert!(flush.err.contains("1 updates wait (offline"), "{}", flush.err);
    assert_eq!(kiosk.json(&["queue", "list"]).as_array().unwrap().len(), 1);
}

/// A whole PNG of one colour.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let picture = image::RgbImage::from_pixel(width, height, image::Rgb([90, 90, 90]));
    let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    picture.write_with_encoder(encoder).unwrap();
    bytes
}

/// The beginning of a PNG that claims to be large; its pixels are missing.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png(64, 64);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0_u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

#[test]
fn a_command_makes_no_second_key_for_a_queue_whose_key_only_the_service_has() {
    let kiosk = Kiosk::new();
    kiosk.json(&["update", "person_1", "--notes", "sealed"]);
    let key = kiosk.path("state/device.key");
    let credential = kiosk.path("credential");
    fs::rename(&key, &credential).unwrap();
    for command in [&["queue", "list"][..], &["update", "person_2", "--notes", "later"]] {
        let done = kiosk.run(command);
        assert_eq!(done.code, 78, "{command:?}: {}", done.err);
        assert!(
            done.err.contains("hint: ") && done.err.contains("systemctl start"),
            "{}",
            done.err
        );
    }
    assert!(!key.exists(), "a key that fits nothing was made");
    fs::rename(credential, key).unwrap();
    assert_eq!(kiosk.json(&["queue", "list"]).as_array().unwrap().len(), 1);
}
