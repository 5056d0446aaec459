//! The camera lab: the real `kiosk-enroll` on the stock driver `uvcvideo`, without hardware.
//!
//! ```text
//! host: camera-lab pictures ROOT OUT ──▶ files of the machine's memory disk
//! machine: /init ──▶ camera-lab scenarios [--quick] [NAME…] ──lines──▶ serial console ──▶ host
//!                         ├─ a USB camera in user space (see `camera`)
//!                         └─ kiosk-enroll run, enroll, status, stand-in (see `agent`)
//! ```
//!
//! What it does not prove: USB's real timing, bandwidth and interference, real firmware, suspend.

mod agent;
mod camera;
mod clock;
mod http;
mod pictures;
mod scenario;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use agent::StandIn;
use clock::now;
use scenario::{Scenario, Set};

const USAGE: &str =
    "camera-lab pictures ROOT OUT | camera-lab scenarios [--quick] [PART OF A NAME]...";

/// How often the host is shown that the machine lives.
const TICK: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["pictures", root, out] => match pictures::make(Path::new(root), Path::new(out)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: the pictures of the lab: {error}");
                ExitCode::FAILURE
            }
        },
        ["scenarios", wanted @ ..] => scenarios(wanted),
        _ => {
            eprintln!("usage: {USAGE}");
            ExitCode::from(64)
        }
    }
}

/// Whether a scenario was asked for: by a part of its name, as one of the quick ones, or because all are.
fn is_wanted(scenario: &Scenario, wanted: &[&str]) -> bool {
    let (options, parts): (Vec<&str>, Vec<&str>) =
        wanted.iter().partition(|word| word.starts_with("--"));
    let quick = options.is_empty() || scenario.set == Set::Quick;
    quick && (parts.is_empty() || parts.iter().any(|part| scenario.name.contains(part)))
}

/// Runs the scenarios that were asked for.
fn scenarios(wanted: &[&str]) -> ExitCode {
    std::thread::spawn(|| {
        loop {
            std::thread::sleep(TICK);
            println!("TICK");
        }
    });
    let server = match StandIn::start() {
        Ok(server) => server,
        Err(error) => {
            println!("LAB FAILED {error}");
            return ExitCode::FAILURE;
        }
    };
    let (mut passed, mut failed) = (0, 0);
    let soak = scenario::endurance::wished().map(|_| &scenario::SOAK);
    for scenario in scenario::ALL.iter().chain(soak) {
        if !is_wanted(scenario, wanted) {
            continue;
        }
        println!("BEGIN {}", scenario.name);
        let began = now();
        let outcome = (scenario.run)(&server);
        let took = now().saturating_since(began).as_secs_f64();
        match outcome {
            Ok(figures) => {
                passed += 1;
                println!("LAB ok {} ({took:.1} s)", scenario.name);
                for (name, value) in figures {
                    println!("LAB     {name}: {value}");
                }
            }
            Err(error) => {
                failed += 1;
                println!("LAB FAILED {} ({took:.1} s): {error}", scenario.name);
            }
        }
    }
    println!("LAB END {passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
