//! Is the camera told what the configuration wishes, in the right order, and nothing else?

use std::path::Path;

use serde_json::Value;

use super::{Figures, ensure, plugged, streaming};
use crate::agent::{Outcome, StandIn, run};
use crate::camera::{Model, Setting, Written};

pub(super) fn set(_: &StandIn) -> Outcome<Figures> {
    let mut camera = plugged(Model::usual(), "red")?;
    let wishes = [
        "camera.exposure=8ms",
        "camera.gain=12",
        "camera.white_balance=4603",
        "camera.focus=35",
        "camera.power_line_frequency=60",
        "camera.brightness=-7",
        // Neither of these does the camera go along with.
        "camera.low_light=keep_rate",
        "camera.backlight_compensation=1",
    ];
    let agent = streaming("controls", &wishes)?;
    let wanted = [
        (Setting::PowerLine, 2),
        (Setting::ExposureMode, 1),
        (Setting::ExposureTime, 80),
        (Setting::Gain, 12),
        (Setting::WhiteBalanceAuto, 0),
        (Setting::WhiteBalance, 4_600),
        (Setting::FocusAuto, 0),
        (Setting::Focus, 35),
        (Setting::Brightness, -7),
    ]
    .map(|(setting, value)| Written { setting, value });
    let found = camera.written();
    ensure(found == wanted, || format!("the camera was told {found:?}"))?;

    camera.unplug();
    agent.camera_becomes("absent")?;
    camera.plug().map_err(|error| format!("plug: {error}"))?;
    agent.camera_becomes("streaming")?;
    let again = camera.written()[wanted.len()..].to_vec();
    ensure(again == wanted, || format!("after the replug the camera was told {again:?}"))?;

    let log = agent.log();
    for key in ["camera.low_light", "camera.backlight_compensation"] {
        let told = log.matches(key).count();
        ensure(told == 1, || format!("{key} was told {told} times: {log}"))?;
    }
    agent.stop()?;
    Ok(Vec::new())
}

pub(super) fn out_of_range(_: &StandIn) -> Outcome<Figures> {
    // Plugged in at once where another was, the kernel may take it for that one and restore its controls.
    let camera = plugged(Model::second(), "red")?;
    let wishes = ["camera.white_balance=9000", "camera.exposure=auto"];
    let agent = streaming("range", &wishes)?;
    let found = camera.written();
    let wanted = [Written { setting: Setting::ExposureMode, value: 8 }];
    ensure(found == wanted, || format!("the camera was told {found:?}"))?;
    let log = agent.log();
    ensure(log.contains("2800 to 6500 in steps of 10"), || log.clone())?;
    agent.stop()?;
    let (code, list) = run(Path::new("/tmp/list"), &[], &["camera", "list"])?;
    let controls = list["cameras"][0]["controls"].as_array().cloned().unwrap_or_default();
    let of = |key: &str| controls.iter().filter(|it| it["key"] == key).cloned().collect::<Vec<_>>();
    let balance = of("camera.white_balance");
    let temperature = balance.iter().find(|it| it["min"] == 2_800 && it["default"] == 4_600);
    ensure(code == 0 && temperature.is_some(), || list.to_string())?;
    let exposure = of("camera.exposure");
    let follows = exposure
        .iter()
        .any(|it| it["current"] == 3 && !it["choices"].as_array().is_none_or(Vec::is_empty));
    ensure(follows, || Value::Array(exposure.clone()).to_string())?;
    Ok(vec![("controls listed", controls.len().to_string())])
}
