//! Proves the promises of queue and delivery against kills, power cuts, damage, a full disk and a backlog.
//!
//! `cargo test` runs the short form of what needs no root. The long form of everything is `make proof-queue`;
//! docs/proofs.md says what each proof shows, what it found, and how to repeat a run.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap fails the proof")]
#![allow(clippy::print_stdout, reason = "a proof prints its seed and its figures")]

mod agent;
mod backlog;
mod cost;
mod damage;
mod disk;
mod ext4;
mod kill;
mod ledger;
mod numbers;
mod plan;
mod power;
mod privacy;
mod recorder;
mod writer;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use plan::{Asked, Figures, Outcome, Plan};

/// One promise and the program that tries to break it.
struct Proof {
    name: &'static str,
    /// Rounds of the long form.
    rounds: u32,
    /// Rounds in `cargo test`; 0 leaves it out.
    quick: u32,
    run: fn(&mut Plan) -> Outcome,
}

const PROOFS: [Proof; 7] = [
    Proof { name: "kill", rounds: 50, quick: 3, run: kill::run },
    Proof { name: "power", rounds: 50, quick: 0, run: power::run },
    Proof { name: "damage", rounds: 200, quick: 12, run: damage::run },
    Proof { name: "disk", rounds: 3, quick: 0, run: disk::run },
    Proof { name: "privacy", rounds: 5, quick: 0, run: privacy::run },
    Proof { name: "backlog", rounds: 10_000, quick: 0, run: backlog::run },
    Proof { name: "cost", rounds: 300, quick: 0, run: cost::run },
];

fn main() -> ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match Asked::parse(&arguments) {
        Asked::Nothing => ExitCode::SUCCESS,
        Asked::Writer { dir, seed, from } => {
            writer::run(&dir, seed, from);
            ExitCode::SUCCESS
        }
        Asked::Quick { filter } => {
            let wanted = |name: &str| filter.iter().all(|word| name.contains(word.as_str()));
            let chosen = PROOFS.iter().filter(|proof| proof.quick > 0 && wanted(proof.name));
            all(chosen.map(|proof| (proof, Plan::new(proof.quick, None))))
        }
        Asked::Proofs { name, rounds, seed } => {
            let chosen = PROOFS.iter().filter(|proof| name == "all" || name == proof.name);
            all(chosen.map(|proof| (proof, Plan::new(rounds.unwrap_or(proof.rounds), seed))))
        }
    }
}

fn all<'a>(proofs: impl Iterator<Item = (&'a Proof, Plan)>) -> ExitCode {
    let (mut run, mut failed) = (0, 0);
    for (proof, plan) in proofs {
        run += 1;
        failed += u32::from(!holds(proof, plan));
    }
    if run == 0 {
        println!("no such proof: {}", PROOFS.map(|proof| proof.name).join(", "));
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn holds(proof: &Proof, mut plan: Plan) -> bool {
    let name = proof.name;
    let again = format!("PROOF={name} ROUNDS={} SEED={}", plan.rounds, plan.seed);
    if !plan::is_inside() {
        println!("\n{name}: {again}");
    }
    let began = Instant::now();
    match catch_unwind(AssertUnwindSafe(|| (proof.run)(&mut plan))) {
        Ok(Outcome::Held(figures)) => {
            tell(&figures);
            println!("  {name} holds ({:.0} s)", began.elapsed().as_secs_f64());
            true
        }
        Ok(Outcome::Missed(figures, missed)) => {
            tell(&figures);
            println!(
                "  {name} DOES NOT HOLD: {}; again: make proof-queue {again}",
                missed.join(", ")
            );
            false
        }
        Ok(Outcome::HeldInside) => true,
        Ok(Outcome::Skipped(why)) => {
            println!("  skipped: {why}");
            true
        }
        // The panic has said what was broken, and the process outside says the rest.
        Err(_) if plan::is_inside() => false,
        Err(_) => {
            println!("  {name} DOES NOT HOLD; again: make proof-queue {again}");
            false
        }
    }
}

fn tell(figures: &Figures) {
    for (what, figure) in figures {
        println!("  {what:<58} {figure}");
    }
}
