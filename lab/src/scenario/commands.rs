//! Do `camera list` and `camera test` tell what the camera does?

use std::path::Path;

use super::{Figures, ensure, plugged};
use crate::agent::{Outcome, StandIn, run};
use crate::camera::Model;

pub(super) fn list_and_test(_: &StandIn) -> Outcome<Figures> {
    let state = Path::new("/tmp/commands");
    let (code, empty) = run(state, &[], &["camera", "list"])?;
    ensure(code == 69 && empty["cameras"].as_array().is_some_and(Vec::is_empty), || {
        format!("without a camera: {code} {empty}")
    })?;
    let _camera = plugged(Model::usual(), "red")?;
    let found = || run(state, &[], &["camera", "list"]).ok().filter(|(code, _)| *code == 0);
    let (_, list) = (0..100)
        .find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            found()
        })
        .ok_or("camera list does not find the camera")?;
    let camera = &list["cameras"][0];
    ensure(camera["product"] == "Lab Cam" && camera["node"] == "/dev/video0", || list.to_string())?;
    let modes = camera["modes"].as_array().map_or(0, Vec::len);
    ensure(modes == 3, || list.to_string())?;
    let others = list["others"].to_string();
    ensure(others.contains("/dev/video1"), || format!("the metadata node is no other: {list}"))?;
    let picture = "/tmp/test.jpg";
    let arguments = ["camera", "test", "--seconds", "4", "--out", picture];
    let (code, test) = run(state, &[], &arguments)?;
    ensure(code == 0 && !test["face"].is_null(), || format!("camera test: {code} {test}"))?;
    ensure(Path::new(picture).exists(), || "no picture was written".to_owned())?;
    let rate = test["rate"].to_string();
    Ok(vec![("frames a second in camera test", rate), ("listed", camera.to_string())])
}
