//! `assess` over folders as people have them: every file is answered, whatever it is and is called.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::kiosk::{Kiosk, fixture};

const HOSTILE: &str = "<img src=x onerror=alert(1)>\u{1b}[31m\n'&\".jpg";

/// A folder with good pictures, odd names and things that are no pictures.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let good = fs::read(fixture("derived/hopper_frontal.jpg")).unwrap();
    for name in ["good.jpg", "-dash.JPG", "blank name.jpeg", HOSTILE] {
        fs::write(path(name), &good).unwrap();
    }
    fs::write(dir.path().join(OsStr::from_bytes(b"caf\xE9.jpg")), &good).unwrap();
    fs::write(path("empty.jpg"), b"").unwrap();
    fs::write(path("cut.jpg"), &good[..good.len() / 3]).unwrap();
    fs::copy(fixture("noface/rocket.jpg"), path("rocket.jpg")).unwrap();
    fs::write(path("notes.txt"), "not looked at").unwrap();
    fs::create_dir(path("folder.jpg")).unwrap();
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe.jpg"), mode).unwrap();
    symlink("loop.jpg", path("loop.jpg")).unwrap();
    symlink("/no/such/file", path("dangling.jpg")).unwrap();
    symlink("/dev/zero", path("endless.jpg")).unwrap();
    dir
}

#[test]
fn every_file_of_a_folder_is_answered_whatever_it_is() {
    let dir = folder();
    let page = dir.path().join("page.html");
    let arguments =
        ["assess", "--json", "--html", page.to_str().unwrap(), dir.path().to_str().unwrap()];
    let done = Kiosk::new().run(&arguments);
    assert_eq!(done.code, 65, "{}", done.err);
    let answers: BTreeMap<String, Value> = done
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| {
            let path = line["path"].as_str().unwrap().to_owned();
            (path.rsplit('/').next().unwrap().to_owned(), line)
        })
        .collect();
    let error = |name: &str| answers[name]["error"].as_str().unwrap_or_default().to_owned();
    assert_eq!(answers.len(), 12, "{:?}", answers.keys());
    for name in ["good.jpg", "-dash.JPG", "blank name.jpeg", HOSTILE] {
        assert_eq!(answers[name]["verdict"], "accept", "{name}");
    }
    assert_eq!(answers["rocket.jpg"]["reasons"], serde_json::json!(["no_face"]));
    assert!(error("empty.jpg").contains("no bytes"));
    assert!(error("cut.jpg").contains("cut short"));
    assert!(error("pipe.jpg").contains("allowed are files"));
    assert!(error("endless.jpg").contains("allowed are files"));
    assert!(error("loop.jpg").contains("symbolic links"), "{}", error("loop.jpg"));
    assert!(error("dangling.jpg").contains("No such file"));

    let page = fs::read_to_string(&page).unwrap();
    assert_eq!(page.matches("<article").count(), 12);
    assert!(!page.contains("<img") && !page.contains('\u{1b}') && !page.contains("<script"));
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"));
    assert!(!page.contains("http:") && !page.contains("https:"));
}

#[test]
fn what_a_terminal_shows_has_no_control_characters_of_a_name() {
    let dir = folder();
    let done = Kiosk::new().run(&["assess", dir.path().to_str().unwrap()]);
    assert!(!done.out.contains('\u{1b}'), "{}", done.out);
    assert!(done.out.contains("sharpness") && done.out.contains("≤ 0.65"), "{}", done.out);
}

#[test]
fn a_page_that_cannot_be_written_is_said_before_anything_is_measured() {
    let good = fixture("derived/hopper_frontal.jpg").display().to_string();
    let done = Kiosk::new().run(&["assess", "--html", "/no/such/folder/page.html", &good]);
    assert_eq!((done.code, done.out.as_str()), (73, ""), "{}", done.err);
    assert!(done.err.contains("/no/such/folder") && done.err.contains("hint:"), "{}", done.err);
}
