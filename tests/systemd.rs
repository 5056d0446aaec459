//! Keeps the services as their promises need them: what systemd itself says about the units, where it is installed, and
//! the lines that everything else relies on.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// The highest exposure that `systemd-analyze security` may report, in tenths (0 is best, 100 worst).
const MOST_EXPOSURE: &str = "15";

#[test]
fn systemd_understands_every_line_of_the_units() {
    for (name, program) in [
        ("kiosk-enroll.service", "/usr/bin/kiosk-enroll"),
        ("kiosk-screen.service", "/usr/bin/cage"),
    ] {
        // The program is not installed where this runs, and verify asks for it.
        let unit = read(&format!("systemd/{name}"));
        assert!(unit.contains(program), "{name} starts no {program}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        fs::write(&file, unit.replace(program, "/bin/true")).unwrap();
        let Some(output) = analyze(&["verify", "--man=no", &file.to_string_lossy()]) else {
            return;
        };
        let said = words(&output);
        assert!(output.status.success(), "{said}");
        // An unknown key or value only warns; warnings on other units of this machine are not ours.
        assert!(!said.lines().any(|it| it.contains(name)), "{said}");
    }
}

#[test]
fn the_browser_reaches_this_kiosk_only_and_is_no_part_of_the_agent() {
    let screen = read("systemd/kiosk-screen.service");
    for line in ["IPAddressDeny=any", "IPAddressAllow=localhost", "User=kiosk-screen"] {
        assert!(screen.lines().any(|it| it == line), "the browser's unit lacks {line}");
    }
    let default = read("config/kiosk-enroll.toml");
    let page = default.lines().find_map(|it| it.strip_prefix("#listen = ")).unwrap();
    assert!(
        screen.contains(&format!("http://{}/", page.trim_matches('"'))),
        "it shows another page"
    );
}

#[test]
fn the_unit_exposes_little() {
    let file = root().join("systemd/kiosk-enroll.service");
    let threshold = format!("--threshold={MOST_EXPOSURE}");
    let arguments =
        ["security", "--offline=true", "--no-pager", &threshold, &file.to_string_lossy()];
    let Some(output) = analyze(&arguments) else { return };
    assert!(output.status.success(), "more than {MOST_EXPOSURE} tenths:\n{}", words(&output));
}

#[test]
fn a_wrong_configuration_is_not_restarted_and_everything_else_is() {
    assert_line("RestartPreventExitStatus=78");
    assert_line("Restart=always");
}

#[test]
fn automatic_restarts_never_reach_the_start_limit() {
    let restart_every = number("RestartSec=");
    let (interval, burst) = (number("StartLimitIntervalSec="), number("StartLimitBurst="));
    assert!(interval / restart_every < burst, "a kiosk would stay off until someone comes by");
}

#[test]
fn a_hung_agent_is_noticed() {
    assert_line("Type=notify");
    assert_line("WatchdogSec=60");
}

#[test]
fn a_stop_leaves_a_delivery_more_time_than_the_agent_gives_it() {
    // The agent waits 8 s for the delivery under way and 15 s for its courier.
    assert!(number("TimeoutStopSec=") > 15);
}

#[test]
fn faces_and_the_token_stay_with_the_agent() {
    for line in ["LimitCORE=0", "UMask=0077", "StateDirectoryMode=0700", "User=kiosk-enroll"] {
        assert_line(line);
    }
}

#[test]
fn the_camera_is_the_only_device() {
    assert_line("DevicePolicy=closed");
    assert_line("DeviceAllow=char-video4linux rw");
    assert_line("SupplementaryGroups=video");
    assert_eq!(unit().lines().filter(|it| it.starts_with("DeviceAllow=")).count(), 1);
}

#[test]
fn the_start_waits_for_neither_the_network_nor_the_time() {
    let unit = unit();
    let orders = unit
        .lines()
        .filter(|it| ["After=", "Wants=", "Requires="].iter().any(|key| it.starts_with(key)));
    for line in orders {
        assert!(!line.contains("network") && !line.contains("time-"), "{line}");
    }
}

#[test]
fn the_account_exists_wherever_it_is_named() {
    let accounts = read("systemd/kiosk-enroll.sysusers");
    assert!(accounts.lines().any(|it| it.starts_with("u kiosk-enroll ")));
    assert!(accounts.lines().any(|it| it == "m kiosk-enroll video"));
    let folders = read("systemd/kiosk-enroll.tmpfiles");
    let state: Vec<_> = folders
        .lines()
        .find(|it| it.contains(" /var/lib/kiosk-enroll "))
        .map(|it| it.split_whitespace().collect())
        .unwrap();
    assert_eq!(state[2..5], ["0700", "kiosk-enroll", "kiosk-enroll"]);
}

/// Runs `systemd-analyze`, or says that it is not here.
fn analyze(arguments: &[&str]) -> Option<Output> {
    match Command::new("systemd-analyze").args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("skipped: systemd-analyze cannot be run here ({error})");
            None
        }
    }
}

fn words(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn assert_line(wanted: &str) {
    assert!(unit().lines().any(|it| it == wanted), "the unit lacks {wanted}");
}

fn number(key: &str) -> u32 {
    unit().lines().find_map(|it| it.strip_prefix(key)).unwrap().parse().unwrap()
}

fn unit() -> String {
    read("systemd/kiosk-enroll.service")
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
