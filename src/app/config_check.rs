//! What `config check` finds beyond the values themselves: files, their rights, the camera, gates that nothing passes.
//!
//! Nothing is started and nothing is written. A fault keeps the agent from its work; a note is worth a look.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Rig, cameras, rig};
use crate::camera::SourceSpec;
use crate::config::{Config, Layers, Paths, SecretRights};
use crate::failure::{Exit, Failure};
use crate::measure::MEASURES;

/// How much a remark weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The agent cannot do its work with it; the command ends with this code.
    Fault(Exit),
    /// Worth a look.
    Note,
}

/// Something about the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// How much it weighs.
    pub weight: Weight,
    /// The key that it is about.
    pub key: String,
    /// What was found.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl Remark {
    fn fault(key: &str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        let weight = Weight::Fault(Exit::Configuration);
        Self { weight, key: key.to_owned(), what: what.into(), remedy: remedy.into() }
    }

    fn note(key: &str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { weight: Weight::Note, ..Self::fault(key, what, remedy) }
    }

    /// A failure as a fault of this key.
    fn of(key: &str, failure: Failure) -> Self {
        let remedy = failure.hint.unwrap_or_else(|| "see `kiosk-enroll config default`".to_owned());
        Self::fault(key, failure.error, remedy)
    }
}

/// Looks at everything.
pub fn remarks(config: &Config, paths: &Paths) -> Vec<Remark> {
    let mut found = faults_of_values(config);
    found.extend(source_remarks(config));
    found.extend(secret_remarks(config, paths));
    found.extend(plan_remarks(config));
    found
}

/// Looks at gates, at the camera's name and at files, but at no device: what the doctor asks of a configuration.
pub fn faults_of_values(config: &Config) -> Vec<Remark> {
    let mut found = gate_remarks(config);
    let spec = rig::camera_spec(config).err();
    found.extend(spec.map(|failure| Remark::of("camera.source", failure)));
    found.extend(file_remarks(config));
    found.extend(metrics_remarks(config));
    found
}

/// Where the value of a remark's key stands, "built-in default" included; `None` for what is no key.
pub fn origin(remark: &Remark, layers: &Layers) -> Option<String> {
    layers.get(&remark.key).map(|(_, origin)| origin.to_string())
}

fn gate_remarks(config: &Config) -> Vec<Remark> {
    if let Err(failure) = Rig::new(config) {
        let named = config.capture.gates.keys().find(|key| {
            let measure = key.trim_end_matches("_min").trim_end_matches("_max");
            failure.error.contains(measure)
        });
        let key = named.map_or_else(|| "capture.profile".to_owned(), |key| gate_key(key));
        return vec![Remark::of(&key, failure)];
    }
    let set = config.capture.gates.iter();
    set.filter_map(|(key, value)| {
        let why = impossible(key, *value, config.camera.width)?;
        Some(Remark::fault(
            &gate_key(key),
            format!("{value}: {why}"),
            "remove the line to get the profile's own limit, or see docs/quality.md for the unit",
        ))
    })
    .collect()
}

fn gate_key(name: &str) -> String {
    format!("capture.gates.{name}")
}

/// Why no face of a person who looks straight ahead could pass this limit.
fn impossible(key: &str, value: f64, frame_width: u32) -> Option<String> {
    let (name, is_minimum) = match (key.strip_suffix("_min"), key.strip_suffix("_max")) {
        (Some(name), _) => (name, true),
        (_, Some(name)) => (name, false),
        _ => return None,
    };
    let unit = MEASURES.iter().find(|measure| measure.name.0 == name)?.unit;
    match (unit, is_minimum) {
        ("degrees", true) if value > 0.0 => Some("a straight head has 0 degrees".to_owned()),
        ("degrees", false) if value < 0.0 => Some("a straight head has 0 degrees".to_owned()),
        ("pixels", true) if value > f64::from(frame_width) / 2.0 => {
            Some(format!("a frame is only {frame_width} pixels wide"))
        }
        ("pixels", false) if value <= 0.0 => Some("nothing is so small".to_owned()),
        ("", true) if value > 1.0 && name != "head_position" => {
            Some("this ratio is never above 1".to_owned())
        }
        ("", false) if value < 0.0 => Some("this ratio is never below 0".to_owned()),
        _ => None,
    }
}

fn source_remarks(config: &Config) -> Vec<Remark> {
    let key = "camera.source";
    let Ok(source) = rig::camera_spec(config) else { return Vec::new() };
    let missing = match &source {
        SourceSpec::Frames(frames) if !frames.dir.is_dir() => {
            let what = format!("the folder {} does not exist", frames.dir.display());
            return vec![Remark::fault(key, what, "name a folder with JPEG or PNG files")];
        }
        SourceSpec::Frames(_) => return Vec::new(),
        SourceSpec::Auto => {
            cameras::list(config).cameras.is_empty().then(|| "no camera is there".to_owned())
        }
        SourceSpec::Index(index) => absent(Path::new(&format!("/dev/video{index}"))),
        SourceSpec::Path(path) => absent(path),
        SourceSpec::Name(name) => absent(&Path::new("/dev/v4l/by-id").join(name))
            .filter(|_| !Path::new("/dev/v4l/by-path").join(name).exists()),
        SourceSpec::Serial(_) => {
            let found = cameras::list(config).cameras;
            let named = source.to_string();
            let there = found.iter().any(|camera| camera.other_names.contains(&named));
            (!there).then(|| format!("{named} is not there"))
        }
    };
    let remedy = "plug it in; `kiosk-enroll camera list` shows the cameras that are there";
    missing
        .map(|what| Remark::note(key, format!("{what} at the moment"), remedy))
        .into_iter()
        .collect()
}

fn absent(path: &Path) -> Option<String> {
    (!path.exists()).then(|| format!("{} is not there", path.display()))
}

/// Files that must be there and readable.
fn file_remarks(config: &Config) -> Vec<Remark> {
    let client = config.verifik.client_certificate.as_ref();
    let files = [
        ("verifik.ca_file", config.verifik.ca_file.as_ref()),
        ("verifik.client_cert_file", client.map(|client| &client.cert_file)),
        ("verifik.client_key_file", client.map(|client| &client.key_file)),
        ("trigger.roster", config.trigger.roster.as_ref()),
        ("queue.key_file", config.queue.key_file.as_ref()),
    ];
    let named = files.into_iter().filter_map(|(key, file)| Some((key, file?)));
    named
        .filter_map(|(key, file)| {
            let error = fs::File::open(file).err()?;
            let (what, remedy) = if error.kind() == std::io::ErrorKind::NotFound {
                (format!("the file {} does not exist", file.display()), "put it there")
            } else {
                let what = format!("the file {} cannot be read: {error}", file.display());
                (what, "let the agent's user read it")
            };
            Some(Remark::fault(key, what, remedy))
        })
        .collect()
}

/// Where the figures go: a folder that is there.
fn metrics_remarks(config: &Config) -> Option<Remark> {
    let folder = config.metrics_file.as_deref()?.parent().unwrap_or(Path::new("/"));
    let what = || format!("the folder {} does not exist", folder.display());
    let remedy = "make it, and let the agent's user write to it (docs/operations.md)";
    (!folder.is_dir()).then(|| Remark::fault("web.metrics_file", what(), remedy))
}

/// Files with a secret: there, and for their owner alone.
fn secret_remarks(config: &Config, paths: &Paths) -> Vec<Remark> {
    let token = paths.token_file(config.verifik.token_file.as_deref());
    let mut found = Vec::new();
    if !token.exists() {
        let what = format!(
            "the token file {} does not exist: updates wait, unless the unit gives a token",
            token.display()
        );
        found.push(Remark::note("verifik.token_file", what, "kiosk-enroll token set TOKEN-FILE"));
    }
    let client = config.verifik.client_certificate.as_ref().map(|client| client.key_file.clone());
    let secrets: [(&str, Option<PathBuf>); 3] = [
        ("verifik.token_file", Some(token)),
        ("verifik.client_key_file", client),
        ("queue.key_file", Some(paths.key_file(config.queue.key_file.as_deref()))),
    ];
    for (key, path) in secrets.into_iter().filter_map(|(key, path)| Some((key, path?))) {
        let Some(rights) = SecretRights::of(&path) else { continue };
        if rights.is_open() {
            let what = format!("others can use {} (mode {:o})", path.display(), rights.mode);
            let remedy = format!("chmod {:o} {}", rights.wanted(), path.display());
            let weight = Weight::Fault(Exit::Permission);
            found.push(Remark { weight, ..Remark::fault(key, what, remedy) });
        }
    }
    found
}

/// What is allowed but seldom meant.
fn plan_remarks(config: &Config) -> Vec<Remark> {
    let mut found = Vec::new();
    if config.delivery.paused {
        let what = "the delivery is paused: nothing is sent";
        found.push(Remark::note("delivery.paused", what, "set it to false when that is over"));
    }
    if config.trigger.roster.is_some() && !config.trigger.qr {
        let what = "there is a roster, but badges are not read";
        found.push(Remark::note("trigger.roster", what, "set trigger.qr = true, or leave it out"));
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::{PathOverrides, Sources};

    fn found(settings: &[&str], state: &Path) -> Vec<(String, Weight)> {
        let settings = settings.iter().map(|it| (*it).to_owned()).collect();
        let gate_keys = crate::app::gate_keys();
        let layers = Layers::gather(&Sources { settings, gate_keys, ..Sources::default() });
        let config = Config::resolve(&layers.unwrap()).unwrap();
        let overrides = PathOverrides { state_dir: Some(state.to_owned()) };
        let paths = Paths::decide(&overrides, &[], false, false);
        let all = remarks(&config, &paths).into_iter();
        all.filter(|it| it.key != "camera.source").map(|it| (it.key, it.weight)).collect()
    }

    #[test]
    fn each_fault_is_told_with_its_key_and_weight() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path();
        let write = |name: &str, mode| {
            fs::write(state.join(name), "x").unwrap();
            fs::set_permissions(state.join(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        let configured = Weight::Fault(Exit::Configuration);
        assert_eq!(found(&[], state), [("verifik.token_file".into(), Weight::Note)]);
        write("token", 0o600);
        assert_eq!(found(&[], state), []);
        for (settings, key, weight) in [
            (&["verifik.ca_file=/none.pem"][..], "verifik.ca_file", configured),
            (&["queue.key_file=/none.key"], "queue.key_file", configured),
            (&["trigger.qr=true", "trigger.roster=/none"], "trigger.roster", configured),
            (&["capture.gates.sharpness_max=-1"], "capture.gates.sharpness_max", configured),
            (
                &["capture.gates.luminance_mean_min=0.9"],
                "capture.gates.luminance_mean_min",
                configured,
            ),
            (&["web.metrics_file=/no/such/x.prom"], "web.metrics_file", configured),
            (&["delivery.paused=true"], "delivery.paused", Weight::Note),
        ] {
            assert_eq!(found(settings, state), [(key.to_owned(), weight)], "{settings:?}");
        }
        write("token", 0o644);
        write("device.key", 0o604);
        let open = Weight::Fault(Exit::Permission);
        let wanted = [("verifik.token_file".into(), open), ("queue.key_file".into(), open)];
        assert_eq!(found(&[], state), wanted);
    }

    #[test]
    fn a_limit_that_no_straight_face_can_pass_is_told_apart_from_a_hard_one() {
        for (key, value, possible) in [
            ("head_pose_yaw_min", -8.0, true),
            ("head_pose_yaw_min", 3.0, false),
            ("head_pose_pitch_max", -1.0, false),
            ("inter_eye_distance_min", 120.0, true),
            ("inter_eye_distance_min", 900.0, false),
            ("eyes_open_min", 0.4, true),
            ("eyes_open_min", 26.0, false),
            ("over_exposure_max", 0.0, true),
            ("no_such_measure_max", -5.0, true),
        ] {
            assert_eq!(impossible(key, value, 1280).is_none(), possible, "{key} = {value}");
        }
    }

    #[test]
    fn a_camera_that_is_not_there_is_a_note_and_a_folder_that_is_not_a_fault() {
        let told = |source: &str| {
            let settings = vec![format!("camera.source={source}")];
            let layers = Layers::gather(&Sources { settings, ..Sources::default() }).unwrap();
            let told = source_remarks(&Config::resolve(&layers).unwrap());
            told.first().map(|remark| remark.weight)
        };
        assert_eq!(told("/dev/video250"), Some(Weight::Note));
        assert_eq!(told("no-such-camera"), Some(Weight::Note));
        assert_eq!(told("frames:/no/such/folder"), Some(Weight::Fault(Exit::Configuration)));
        assert_eq!(told("frames:/"), None);
    }
}
