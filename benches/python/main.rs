//! `make bench-python`: a whole frame, decode to decision, beside a Python program of the kind a user would write.
//!
//! All programs are processes of one thread that get the same frames in turn, frame by frame, so that whatever
//! else the machine does falls on all of them. `judge.py` says what the Python ones do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark that cannot run must stop"
)]
#![allow(clippy::print_stdout, reason = "its table is its result")]
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Lines, Write as _, stdin};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use kiosk_enroll::app::examiner::{Examiner, EyesLook};
use kiosk_enroll::domain::{Encoding, Frame, Moment, Profile};
use kiosk_enroll::measure;
use kiosk_enroll::vision::NetFaceFinder;

/// From frame to frame, in milliseconds of the clip.
const STEP: u64 = 33;
const STARTS: usize = 7;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    match arguments.next().as_deref() {
        // `cargo test --benches` only asks whether it builds.
        None | Some("--test") => {}
        Some("judge") => judge(),
        Some(work) => {
            let rounds = arguments.next().map_or(3, |rounds| rounds.parse().unwrap());
            compare(Path::new(work), rounds);
        }
    }
}

/// Judges frames as the agent does; the protocol is that of `judge.py`.
fn judge() {
    let gates = measure::gates(Profile::Standard, &BTreeMap::new()).unwrap();
    let finder = Box::new(NetFaceFinder::load().unwrap());
    let mut examiner = Examiner::new(finder, gates, EyesLook::OnlyCandidates);
    println!("ready");
    for line in stdin().lines() {
        let line = line.unwrap();
        let Some((path, millis)) = line.split_once(' ') else {
            examiner.forget();
            continue;
        };
        let captured = Moment::from_origin(Duration::from_millis(millis.parse().unwrap()));
        let bytes = fs::read(path).unwrap();
        let frame = Frame { sequence: 0, captured, encoding: Encoding::Jpeg, bytes, path: None };
        let began = Instant::now();
        let examined = examiner.examine(&frame, captured).unwrap();
        let face = examined.observation.face.is_some();
        let passed = examined.judged.reasons.is_empty();
        examiner.recycle(examined);
        println!("{} {} {}", began.elapsed().as_nanos(), u8::from(face), u8::from(passed));
    }
}

/// One of the programs compared.
struct Program {
    name: &'static str,
    command: Vec<String>,
    seen: Vec<Seen>,
    resident: f64,
    starts: Vec<f64>,
}

/// What a program said about a frame.
#[derive(Clone, Copy)]
struct Seen {
    millis: f64,
    face: bool,
    passed: bool,
}

fn compare(work: &Path, rounds: usize) {
    let itself = std::env::current_exe().unwrap().display().to_string();
    let python = |mode: &[&str]| {
        let mut command = vec![work.join("venv/bin/python").display().to_string()];
        command.push("benches/python/judge.py".to_owned());
        command.push(work.display().to_string());
        command.extend(mode.iter().map(|word| (*word).to_owned()));
        command
    };
    let program = |name, command| Program {
        name,
        command,
        seen: Vec::new(),
        resident: 0.0,
        starts: Vec::new(),
    };
    let mut programs = [
        program("kiosk-enroll: follows, eyes by iris net", vec![itself, "judge".to_owned()]),
        program("Python: detects each frame, eyes by mesh", python(&["detect"])),
        program("Python: follows, eyes by mesh", python(&["track"])),
        program("Python: detects each frame, eyes by iris net", python(&["detect", "iris"])),
        program("Python: follows, eyes by iris net", python(&["track", "iris"])),
    ];
    let mut frames: Vec<PathBuf> =
        fs::read_dir(work.join("frames")).unwrap().map(|entry| entry.unwrap().path()).collect();
    frames.sort();
    for _ in 1..STARTS {
        for program in &mut programs {
            let running = Running::start(&program.command);
            program.starts.push(running.start);
        }
    }
    let mut running: Vec<Running> = programs.iter().map(|p| Running::start(&p.command)).collect();
    for round in 0..=rounds {
        running.iter_mut().for_each(Running::forget);
        for (number, frame) in frames.iter().enumerate() {
            let millis = (round * frames.len() + number) as u64 * STEP;
            for (program, running) in programs.iter_mut().zip(&mut running) {
                let seen = running.ask(frame, millis);
                // The first round warms up.
                if round > 0 {
                    program.seen.push(seen);
                }
            }
        }
    }
    for (program, running) in programs.iter_mut().zip(&running) {
        program.starts.push(running.start);
        program.resident = running.resident_mb();
    }
    print(&programs, frames.len(), rounds);
}

fn print(programs: &[Program], frames: usize, rounds: usize) {
    let with_face = |index: &usize| programs.iter().all(|program| program.seen[*index].face);
    let tracked: Vec<usize> = (0..programs[0].seen.len()).filter(with_face).collect();
    println!(
        "\n{rounds} rounds of {frames} frames of 1280x720, {} with a face for every program; one thread each, in turns",
        tracked.len()
    );
    println!(
        "  {:<46} {:>9} {:>9} {:>8} {:>7} {:>8} {:>9}",
        "", "p50 ms", "p99 ms", "of ours", "passed", "start s", "RSS MB"
    );
    let ours = quantile(&millis(&programs[0], &tracked, |_| true), 0.5);
    for program in programs {
        let times = millis(program, &tracked, |_| true);
        let passed = tracked.iter().filter(|index| program.seen[**index].passed).count();
        println!(
            "  {:<46} {:>9.2} {:>9.2} {:>8.2} {passed:>7} {:>8.2} {:>9.1}",
            program.name,
            quantile(&times, 0.5),
            quantile(&times, 0.99),
            ours / quantile(&times, 0.5),
            quantile(&program.starts, 0.5),
            program.resident,
        );
    }
    for (name, wanted) in
        [("frames that pass, with the look at the eyes", true), ("all others", false)]
    {
        let times = millis(&programs[0], &tracked, |seen| seen.passed == wanted);
        if !times.is_empty() {
            let (middle, late) = (quantile(&times, 0.5), quantile(&times, 0.99));
            println!("  kiosk-enroll, {name:<44} p50 {middle:.2} ms, p99 {late:.2} ms");
        }
    }
}

fn millis(program: &Program, indices: &[usize], wanted: impl Fn(&Seen) -> bool) -> Vec<f64> {
    let seen = indices.iter().map(|index| program.seen[*index]);
    seen.filter(|seen| wanted(seen)).map(|seen| seen.millis).collect()
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small index")]
    let index = ((sorted.len().max(1) - 1) as f64 * share).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

/// A running program.
struct Running {
    child: Child,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    /// Seconds from the start to being ready.
    start: f64,
}

impl Running {
    fn start(command: &[String]) -> Self {
        let began = Instant::now();
        let mut child = Command::new(&command[0])
            .args(&command[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let questions = child.stdin.take().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(answers.next().expect("the program ended").unwrap(), "ready");
        Self { child, questions, answers, start: began.elapsed().as_secs_f64() }
    }

    fn forget(&mut self) {
        writeln!(self.questions, "forget").unwrap();
    }

    fn ask(&mut self, frame: &Path, millis: u64) -> Seen {
        writeln!(self.questions, "{} {millis}", frame.display()).unwrap();
        let answer = self.answers.next().expect("the program ended").unwrap();
        let words: Vec<&str> = answer.split(' ').collect();
        let [nanos, face, passed] = words[..] else { panic!("{answer}") };
        let millis = nanos.parse::<f64>().unwrap() / 1e6;
        Seen { millis, face: face == "1", passed: passed == "1" }
    }

    /// `VmRSS` in MB.
    fn resident_mb(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1000.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
