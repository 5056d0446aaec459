//! Writes docs/configuration.md from the list of keys: what is in the program is what is in the page.

use std::fmt::Write as _;

use super::keys::{KEYS, Key, Kind};

/// The keys that a running agent takes up on SIGHUP; every other one waits for its next start.
pub const LIVE: [&str; 1] = ["delivery.paused"];

const HEAD: &str = "\
# Configuration

Every key, written by `kiosk-enroll config reference` from the program itself. `kiosk-enroll config default` prints the same
as a commented file; the package installs it as `/etc/kiosk-enroll/kiosk-enroll.toml`.

## Where values come from

Each layer beats those above it:

1. the built-in defaults below;
2. `/etc/kiosk-enroll/kiosk-enroll.toml`, or the file that `--config` or `KIOSK_ENROLL_CONFIG` names;
3. `conf.d/*.toml` beside that file, by name;
4. environment variables, `KIOSK_ENROLL_<SECTION>__<KEY>`: `KIOSK_ENROLL_CAMERA__WIDTH=640` is `camera.width`;
5. `--set KEY=VALUE` on the command line, which may stand several times.

```sh
kiosk-enroll config check          # values, files and their rights, the camera, gates that nothing passes
kiosk-enroll config show --origin  # every effective value and the file and line, variable or flag it comes from
kiosk-enroll --set capture.profile=strict config show
```

A key that does not exist is an error that names the file, the line and the nearest key that does. A wrong configuration ends
the agent with 78, and systemd does not start it again until somebody does.

Three variables are no keys: `KIOSK_ENROLL_CONFIG` (the file), `KIOSK_ENROLL_STATE_DIR` (the state directory; `--state-dir`
beats it) and `KIOSK_ENROLL_LOG` (what is logged, for example `info` or `kiosk_enroll=debug`).

Durations are written like `\"500ms\"`, `\"10s\"`, `\"15m\"`, `\"90d\"`, sizes like `\"512MiB\"` or `\"2GiB\"`.

## What a reload takes up

`systemctl reload kiosk-enroll` (SIGHUP) reads all layers again. ";

/// The page; `gates` are the rows of the table of limits.
pub fn reference(gates: &[String]) -> String {
    let mut page = HEAD.to_owned();
    let live = LIVE.map(|key| format!("`{key}`")).join(", ");
    let _ = writeln!(
        page,
        "A running agent takes up {live}; every other key that\nhas changed is named in the log as one that \
         needs `systemctl restart kiosk-enroll`. A configuration that cannot be used\nchanges nothing. \
         The token and the roster are no matter of a reload: their files are looked at all the time."
    );
    let mut section = "";
    for key in KEYS {
        let (this, _) = key.path.split_once('.').unwrap_or(("", key.path));
        if this != section {
            if section == "capture" {
                write_gates(&mut page, gates);
            }
            section = this;
            let _ = write!(page, "\n## [{section}]\n");
        }
        write_key(&mut page, key);
    }
    page
}

fn write_key(page: &mut String, key: &Key) {
    let kind = match key.kind {
        Kind::Text => "text",
        Kind::Integer => "whole number",
        Kind::NumberOrWord => "number or word",
        Kind::Switch => "`true` or `false`",
    };
    let name = key.path.replace('.', "__").to_uppercase();
    let when = if LIVE.contains(&key.path) { "reload" } else { "restart" };
    let doc = key.doc.replace('\n', " ");
    let _ = write!(
        page,
        "\n### {}\n\n{doc}\n\n{kind}, default `{}` · `KIOSK_ENROLL_{name}` · taken up by a {when}\n",
        key.path, key.default
    );
}

fn write_gates(page: &mut String, gates: &[String]) {
    page.push_str(
        "\n## [capture.gates]\n\nLimits that differ from the profile's. Each stands in its measure's own unit; \
         [quality.md](quality.md) explains the measures.\nA lower limit above the upper one, and a limit that no \
         face can pass, are refused. Taken up by a restart.\n\n\
         | key | limits | unit | matching | standard | strict |\n|---|---|---|---|---|---|\n",
    );
    for row in gates {
        let _ = writeln!(page, "{row}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_stands_on_the_page_with_default_variable_and_what_takes_it_up() {
        let page = reference(&["| `a_max` |".to_owned()]);
        for key in KEYS {
            assert!(page.contains(&format!("### {}\n", key.path)), "{}", key.path);
            assert!(page.contains(&format!("default `{}`", key.default)), "{}", key.path);
        }
        assert!(page.contains("`KIOSK_ENROLL_VERIFIK__BASE_URL` · taken up by a restart"));
        assert!(page.contains("`KIOSK_ENROLL_DELIVERY__PAUSED` · taken up by a reload"));
        assert!(page.contains("| `a_max` |"));
    }

    #[test]
    fn what_is_live_is_a_key() {
        assert!(LIVE.iter().all(|path| super::super::keys::find(path).is_some()));
    }
}
