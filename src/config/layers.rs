//! Gathers raw values from files, environment and command line, each with its origin.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::ConfigError;
use super::keys::{self, GATES, KEYS, Kind};

const ENV_PREFIX: &str = "KIOSK_ENROLL_";
/// Variables with the prefix that are not settings.
const ENV_OTHERS: [&str; 3] = ["KIOSK_ENROLL_CONFIG", "KIOSK_ENROLL_STATE_DIR", "KIOSK_ENROLL_LOG"];

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The built-in default.
    Default,
    /// A file and its line, from 1.
    File(PathBuf, usize),
    /// An environment variable.
    Environment(String),
    /// `--set` or another flag.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("built-in default"),
            Self::File(path, line) => write!(f, "{}, line {line}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// A value before it is parsed.
#[derive(Debug, Clone, PartialEq)]
pub enum Raw {
    /// A string.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// `true` or `false`.
    Switch(bool),
    /// Something that no key takes, as its TOML type.
    Other(String),
}

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => {
                let short: String = text.chars().take(80).collect();
                write!(f, "\"{}\"", short.escape_debug())
            }
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number}"),
            Self::Switch(on) => write!(f, "{on}"),
            Self::Other(kind) => f.write_str(kind),
        }
    }
}

/// Where to look for values.
#[derive(Debug, Default, Clone)]
pub struct Sources {
    /// Files in the order in which they are laid over each other; each must exist.
    pub files: Vec<PathBuf>,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// `KEY=VALUE` of `--set`, in order.
    pub settings: Vec<String>,
    /// The names of the gates' limits that `[capture.gates]` may hold.
    pub gate_keys: Vec<String>,
}

impl Sources {
    /// The main file, if it exists or was named by the user, then `conf.d/*.toml` beside it in name order.
    ///
    /// # Errors
    /// When `conf.d` exists but cannot be listed.
    pub fn with_files(main: &Path, named: bool) -> Result<Self, ConfigError> {
        let mut files = Vec::new();
        if named || main.exists() {
            files.push(main.to_owned());
        }
        let drop_in = main.with_file_name("conf.d");
        if drop_in.is_dir() {
            let read = |source| ConfigError::Read { path: drop_in.clone(), source };
            let mut found = Vec::new();
            for entry in fs::read_dir(&drop_in).map_err(read)? {
                let path = entry.map_err(read)?.path();
                if path.extension().is_some_and(|ext| ext == "toml") {
                    found.push(path);
                }
            }
            found.sort();
            files.append(&mut found);
        }
        Ok(Self { files, ..Self::default() })
    }
}

/// The effective raw value of every key, with its origin.
#[derive(Debug, Clone)]
pub struct Layers {
    values: BTreeMap<String, (Raw, Origin)>,
}

impl Layers {
    /// Reads every source.
    ///
    /// # Errors
    /// When a file cannot be read or parsed, or a key is unknown.
    pub fn gather(sources: &Sources) -> Result<Self, ConfigError> {
        let mut layers = Self { values: BTreeMap::new() };
        for key in KEYS {
            let raw = parse_literal(key.kind, key.default.trim_matches('"'));
            layers.values.insert(key.path.to_owned(), (raw, Origin::Default));
        }
        for path in &sources.files {
            layers.lay_file(path, &sources.gate_keys)?;
        }
        for (name, value) in &sources.environment {
            layers.lay_variable(name, value, &sources.gate_keys)?;
        }
        for setting in &sources.settings {
            layers.lay_setting(setting, &sources.gate_keys)?;
        }
        Ok(layers)
    }

    /// The effective value of a key that is in the list.
    pub fn get(&self, path: &str) -> Option<&(Raw, Origin)> {
        self.values.get(path)
    }

    /// Every value in the order of the list of keys, gates last.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Raw, &Origin)> {
        let listed = KEYS.iter().filter_map(|key| {
            self.values.get(key.path).map(|(raw, origin)| (key.path, raw, origin))
        });
        let gates = self
            .values
            .iter()
            .filter(|(path, _)| path.starts_with(GATES))
            .map(|(path, (raw, origin))| (path.as_str(), raw, origin));
        listed.chain(gates)
    }

    fn lay_file(&mut self, path: &Path, gate_keys: &[String]) -> Result<(), ConfigError> {
        let text = fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let table = DeTable::parse(&text).map_err(|error| ConfigError::Syntax {
            path: path.to_owned(),
            line: line_of(&text, error.span().map_or(0, |span| span.start)),
            what: error.message().to_owned(),
        })?;
        let mut found = Vec::new();
        flatten("", table.get_ref(), &mut found);
        for (key, value, at) in found {
            let origin = Origin::File(path.to_owned(), line_of(&text, at));
            self.lay(&key, value, origin, gate_keys)?;
        }
        Ok(())
    }

    fn lay_variable(
        &mut self,
        name: &str,
        value: &str,
        gate_keys: &[String],
    ) -> Result<(), ConfigError> {
        let Some(rest) = name.strip_prefix(ENV_PREFIX) else { return Ok(()) };
        if ENV_OTHERS.contains(&name) {
            return Ok(());
        }
        let key = rest.to_lowercase().replace("__", ".");
        let raw = parse_literal(kind_of(&key), value);
        self.lay(&key, raw, Origin::Environment(name.to_owned()), gate_keys)
    }

    fn lay_setting(&mut self, setting: &str, gate_keys: &[String]) -> Result<(), ConfigError> {
        let Some((key, value)) = setting.split_once('=') else {
            return Err(ConfigError::Value {
                key: "--set".into(),
                found: format!("\"{}\"", setting.escape_debug()),
                allowed: "KEY=VALUE, for example camera.source=auto".into(),
                origin: Origin::Flag,
            });
        };
        let key = key.trim();
        self.lay(key, parse_literal(kind_of(key), value.trim()), Origin::Flag, gate_keys)
    }

    fn lay(
        &mut self,
        key: &str,
        raw: Raw,
        origin: Origin,
        gate_keys: &[String],
    ) -> Result<(), ConfigError> {
        let gate = key.strip_prefix(GATES).and_then(|rest| rest.strip_prefix('.'));
        let known = match gate {
            Some(name) => gate_keys.iter().any(|known| known == name),
            None => keys::find(key).is_some(),
        };
        if !known {
            let nearest = keys::nearest(key, gate_keys);
            return Err(ConfigError::UnknownKey { key: key.to_owned(), origin, nearest });
        }
        self.values.insert(key.to_owned(), (raw, origin));
        Ok(())
    }
}

/// The kind of a key; limits of gates are numbers and unknown keys are told apart later.
fn kind_of(path: &str) -> Kind {
    keys::find(path).map_or(Kind::Integer, |key| key.kind)
}

/// Reads a value that has no TOML quotes, as environment and command line give it.
fn parse_literal(kind: Kind, text: &str) -> Raw {
    match kind {
        Kind::Text => Raw::Text(text.to_owned()),
        Kind::Switch => text.parse().map_or_else(|_| Raw::Text(text.to_owned()), Raw::Switch),
        Kind::Integer | Kind::NumberOrWord => text
            .parse()
            .map(Raw::Integer)
            .or_else(|_| text.parse().map(Raw::Float))
            .unwrap_or_else(|_| Raw::Text(text.to_owned())),
    }
}

/// Lists the leaves of a table with their dotted paths and byte offsets.
fn flatten(prefix: &str, table: &DeTable<'_>, found: &mut Vec<(String, Raw, usize)>) {
    for (name, value) in table {
        let path = if prefix.is_empty() {
            name.get_ref().to_string()
        } else {
            format!("{prefix}.{}", name.get_ref())
        };
        let raw = match value.get_ref() {
            DeValue::Table(inner) => {
                flatten(&path, inner, found);
                continue;
            }
            DeValue::String(text) => Raw::Text(text.to_string()),
            DeValue::Boolean(on) => Raw::Switch(*on),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or_else(|_| Raw::Other("an integer out of range".into()), Raw::Integer),
            DeValue::Float(number) => number
                .as_str()
                .parse()
                .map_or_else(|_| Raw::Other("a number out of range".into()), Raw::Float),
            other => Raw::Other(format!("a TOML {}", other.type_str())),
        };
        found.push((path, raw, name.span().start));
    }
}

/// The line, from 1, on which the byte at `offset` stands.
fn line_of(text: &str, offset: usize) -> usize {
    let end = offset.min(text.len());
    1 + text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    fn gather(
        text: &str,
        environment: &[(&str, &str)],
        settings: &[&str],
    ) -> Result<Layers, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kiosk-enroll.toml");
        fs::write(&path, text).unwrap();
        Layers::gather(&Sources {
            files: vec![path],
            environment: environment.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            settings: settings.iter().map(|s| (*s).into()).collect(),
            gate_keys: vec!["sharpness_max".into()],
        })
    }

    #[test]
    fn flags_beat_environment_beats_files_beats_defaults() {
        let file = "[camera]\nwidth = 640\nheight = 480\nfps = 15\n";
        let env = [("KIOSK_ENROLL_CAMERA__HEIGHT", "600"), ("KIOSK_ENROLL_CAMERA__FPS", "20")];
        let layers = gather(file, &env, &["camera.fps=25"]).unwrap();
        let value = |path: &str| layers.get(path).unwrap().0.clone();
        assert_eq!(value("camera.width"), Raw::Integer(640));
        assert_eq!(value("camera.height"), Raw::Integer(600));
        assert_eq!(value("camera.fps"), Raw::Integer(25));
        assert_eq!(value("camera.source"), Raw::Text("auto".into()));
    }

    #[test]
    fn an_unknown_key_names_file_line_and_nearest_key() {
        let error = gather("[camera]\nwidth = 640\n\nsorce = \"auto\"\n", &[], &[]).unwrap_err();
        assert!(error.to_string().contains("line 4: unknown key \"camera.sorce\""), "{error}");
        assert_eq!(error.hint(), "did you mean \"camera.source\"?");
    }

    #[test]
    fn unknown_variables_and_flags_are_errors_too() {
        let error = gather("", &[("KIOSK_ENROLL_CAMERA__FSP", "3")], &[]).unwrap_err();
        assert!(error.to_string().contains("KIOSK_ENROLL_CAMERA__FSP"), "{error}");
        assert!(gather("", &[], &["camera.source"]).is_err());
        assert!(gather("", &[("KIOSK_ENROLL_LOG", "debug")], &[]).is_ok());
    }

    #[test]
    fn broken_toml_names_its_line() {
        let error = gather("[camera]\nwidth = = 1\n", &[], &[]).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }

    #[test]
    fn only_known_gates_can_be_set() {
        assert!(gather("[capture.gates]\nsharpness_max = 0.6\n", &[], &[]).is_ok());
        let error = gather("[capture.gates]\nsharpness_mix = 0.6\n", &[], &[]).unwrap_err();
        assert_eq!(error.hint(), "did you mean \"capture.gates.sharpness_max\"?");
    }
}
