//! Writes the commented default file from the list of keys.

use std::fmt::Write as _;

use super::keys::KEYS;

const HEAD: &str = "\
# Configuration of kiosk-enroll. Every key stands here with its default; remove the '#' to change one.
# Laid over it: conf.d/*.toml beside this file, then KIOSK_ENROLL_<SECTION>__<KEY>, then --set KEY=VALUE.
# `kiosk-enroll config check` validates, `kiosk-enroll config show --origin` tells where each value comes from.
";

/// The commented default file: every key with its explanation and default, nothing set.
pub fn default_file(gate_keys: &[String]) -> String {
    let mut file = HEAD.to_owned();
    let mut section = "";
    for key in KEYS {
        let (this, name) = key.path.split_once('.').unwrap_or(("", key.path));
        if this != section {
            if section == "capture" {
                write_gates(&mut file, gate_keys);
            }
            section = this;
            let _ = write!(file, "\n[{section}]\n");
        }
        for line in key.doc.lines() {
            let _ = writeln!(file, "# {line}");
        }
        let _ = writeln!(file, "#{name} = {}\n", key.default);
    }
    let end = file.trim_end().len();
    file.truncate(end);
    file.push('\n');
    file
}

fn write_gates(file: &mut String, gate_keys: &[String]) {
    file.push_str(
        "\n# Limits that differ from the profile's, each in its measure's own unit; known are:\n",
    );
    for line in gate_keys.chunks(4) {
        let _ = writeln!(file, "#   {}", line.join(", "));
    }
    file.push_str("[capture.gates]\n#sharpness_max = 0.65\n");
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::super::{Config, Layers, Sources};
    use super::*;

    #[test]
    fn the_default_file_with_everything_uncommented_equals_the_built_in_defaults() {
        let gate_keys = vec!["sharpness_max".to_owned()];
        let text: String = default_file(&gate_keys)
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("all.toml");
        std::fs::write(&path, text).unwrap();
        let from_file =
            Layers::gather(&Sources { files: vec![path], gate_keys, ..Sources::default() });
        let from_file = Config::resolve(&from_file.unwrap()).unwrap();
        let built_in = Config::resolve(&Layers::gather(&Sources::default()).unwrap()).unwrap();
        let mut expected = built_in;
        expected.capture.gates.insert("sharpness_max".into(), 0.65);
        assert_eq!(format!("{from_file:?}"), format!("{expected:?}"));
    }
}
