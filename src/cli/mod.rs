//! The command line: one file per command group. The only room that prints.

mod assess;
mod calibrate;
mod camera;
mod config;
mod demo;
mod diag;
mod docs;
mod doctor;
mod enroll;
mod examples;
mod flush;
mod output;
mod person;
mod queue;
mod run;
mod secret;
mod setting;
mod stand_in;
mod status;
mod token;
mod update;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, Args, CommandFactory, FromArgMatches as _, Parser, Subcommand};

use crate::failure::{Exit, Failure};
use crate::telemetry::{self, Verbosity};
use output::Output;
use setting::Setting;

const AFTER_HELP: &str = "\
Exit codes: 0 done, 64 usage, 65 bad input data, 66 no such input, 69 camera or agent unavailable, 70 internal,
73 cannot create or queue full, 74 input/output, 75 try later (offline, held, busy), 77 permission, 78 configuration.

Start with `kiosk-enroll demo`: it needs no camera and no account.";

/// Face-enrollment agent for unattended camera kiosks.
#[derive(Debug, Parser)]
#[command(name = "kiosk-enroll", version, about, after_help = AFTER_HELP, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// What every command understands.
#[derive(Debug, Clone, Args)]
struct Globals {
    /// The configuration file [default: /etc/kiosk-enroll/kiosk-enroll.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE", env = "KIOSK_ENROLL_CONFIG")]
    config: Option<PathBuf>,
    /// Where queue, keys and receipts lie [default: /var/lib/kiosk-enroll, or the XDG state directory]
    #[arg(long, global = true, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Sets one configuration key, over files and environment; repeatable
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", action = ArgAction::Append)]
    settings: Vec<String>,
    /// One JSON document on standard output (JSON lines where it streams), and nothing else there
    #[arg(long, global = true)]
    json: bool,
    /// More log on standard error; twice for everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// Only errors on standard error
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tell the whole story on this machine, without camera and account
    Demo(demo::DemoArgs),
    /// Run the agent (what systemd starts)
    Run(run::RunArgs),
    /// Capture a person now, choose the shots and queue the update
    Enroll(enroll::EnrollArgs),
    /// Queue a partial update without a camera; only the fields given are changed
    Update(update::UpdateArgs),
    /// Deliver what is queued now
    Flush(flush::FlushArgs),
    /// Look after the queue
    #[command(subcommand)]
    Queue(queue::QueueCommand),
    /// See what cameras there are, and what one of them sees
    #[command(subcommand)]
    Camera(camera::CameraCommand),
    /// Measure pictures or folders: faces, pose, each quality measure, verdict, reasons
    Assess(assess::AssessArgs),
    /// Find everything that is wrong on this site, each fault with cause and remedy
    Doctor(doctor::DoctorArgs),
    /// Pack what the support needs into one file, without persons, pictures and tokens
    Diag(diag::DiagArgs),
    /// One screen: camera, queue, delivery, token, last receipts
    Status(status::StatusArgs),
    /// Look after the bearer token
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// The Verifik stand-in, for sites without an account and for tests
    StandIn(stand_in::StandInArgs),
    /// Check, show or print the configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Print the completions for a shell
    Completions(docs::CompletionsArgs),
    /// Print the manual page (roff)
    Man,
}

/// Parses the command line, runs the command and gives the process's exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let parsed = command_line().try_get_matches_from(arguments);
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return output::tell_usage(&error),
    };
    let output = Output::new(cli.globals.json, cli.globals.quiet);
    match run(cli, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.tell_failure(&failure);
            ExitCode::from(failure.exit.code())
        }
    }
}

/// The one definition of the command line: `--help`, manual and completions come from it.
fn command_line() -> clap::Command {
    examples::add(Cli::command())
}

fn run(cli: Cli, output: &Output) -> Result<(), Failure> {
    let default =
        if matches!(cli.command, Command::Run(_)) { Verbosity::Info } else { Verbosity::Warn };
    let verbosity = Verbosity::choose(default, cli.globals.verbose, cli.globals.quiet);
    telemetry::start(verbosity).map_err(|what| {
        Failure::new(Exit::Usage, what)
            .hint("KIOSK_ENROLL_LOG takes filters like \"info\" or \"kiosk_enroll=debug\"")
    })?;
    // These need no configuration: they must work where it is broken or absent.
    match cli.command {
        Command::Completions(args) => return docs::completions(&args, &mut command_line(), output),
        Command::Man => return docs::man(command_line(), output),
        Command::StandIn(args) => return stand_in::run(&args, output),
        Command::Demo(args) => return demo::run(&args, output),
        Command::Config(command) => return config::run(command, &cli.globals, output),
        Command::Doctor(args) => return doctor::run(&args, &cli.globals, output),
        Command::Diag(args) => return diag::run(&args, &cli.globals, output),
        _ => {}
    }
    let setting = Setting::load(&cli.globals)?;
    match cli.command {
        Command::Run(args) => run::run(&args, &setting, &cli.globals),
        Command::Enroll(args) => enroll::run(args, &setting, output),
        Command::Update(args) => update::run(args, &setting, output),
        Command::Flush(args) => flush::run(&args, &setting, output),
        Command::Queue(command) => queue::run(command, &setting, output),
        Command::Camera(command) => camera::run(command, &setting, output),
        Command::Assess(args) => assess::run(&args, &setting, output),
        Command::Status(args) => status::run(&args, &setting, output),
        Command::Token(command) => token::run(command, &setting, output),
        _ => Err(Failure::new(Exit::Internal, "a command was not dispatched")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command_line().debug_assert();
    }
}
