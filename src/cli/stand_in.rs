//! `stand-in`: the persons API on this machine, with faults on request.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValue;

use super::output::Output;
use crate::app;
use crate::failure::{Exit, Failure};
use crate::stand_in::{FaultKind, KnownPersons, StandIn, StandInOptions};

/// Arguments of `stand-in`.
#[derive(Debug, Args)]
pub(super) struct StandInArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8481")]
    listen: SocketAddr,
    /// What goes wrong on purpose; can be changed with `PUT /_stand-in/fault {"fault": "..."}`
    #[arg(long, default_value = "none", value_parser = FaultParser)]
    fault: FaultKind,
    /// The file with the only token that is accepted [default: any token is]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Know only these persons; repeatable [default: an unknown person is made by the first PUT]
    #[arg(long = "person", value_name = "ID")]
    persons: Vec<String>,
    /// How late the fault `slow` answers
    #[arg(long, default_value = "5s", value_parser = humantime::parse_duration)]
    slowness: Duration,
    /// What the fault `rate-limited` asks for
    #[arg(long, default_value = "2s", value_parser = humantime::parse_duration)]
    retry_after: Duration,
}

pub(super) fn run(args: &StandInArgs, output: &Output) -> Result<(), Failure> {
    let token = args.token_file.as_ref().map(read_token).transpose()?;
    let known: BTreeSet<String> = args.persons.iter().cloned().collect();
    let options = StandInOptions {
        listen: args.listen,
        token,
        persons: if known.is_empty() { KnownPersons::Anyone } else { KnownPersons::Only(known) },
        fault: args.fault,
        slowness: args.slowness,
        retry_after: args.retry_after,
    };
    app::block_on(serve(options, output))?
}

async fn serve(options: StandInOptions, output: &Output) -> Result<(), Failure> {
    let fault = options.fault;
    let mut stand_in = StandIn::start(options)
        .await
        .map_err(|error| Failure::caused(Exit::Unavailable, &error).hint(error.hint()))?;
    let url = stand_in.base_url();
    output.line(format!("the persons API stands in at {url} (fault: {fault}); Ctrl-C ends"));
    output.line(format!("try: kiosk-enroll --set verifik.base_url={url} run; look: {url}/"));
    output.json(&serde_json::json!({ "base_url": url, "fault": fault.name() }))?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended.map_err(|error| Failure::caused(Exit::Internal, &error)),
        () = stand_in.wait() => Err(Failure::new(Exit::Internal, "the stand-in has ended by itself")),
    }
}

fn read_token(path: &PathBuf) -> Result<String, Failure> {
    fs::read_to_string(path).map(|text| text.trim().to_owned()).map_err(|error| {
        Failure::new(Exit::NoInput, format!("token file {}: {error}", path.display()))
    })
}

/// Reads a fault's name and lists all of them in `--help`.
#[derive(Debug, Clone)]
struct FaultParser;

impl clap::builder::TypedValueParser for FaultParser {
    type Value = FaultKind;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<FaultKind, clap::Error> {
        let names = clap::builder::PossibleValuesParser::new(FaultKind::ALL.map(FaultKind::name));
        let name = names.parse_ref(command, argument, value)?;
        FaultKind::from_name(&name)
            .ok_or_else(|| clap::Error::new(clap::error::ErrorKind::InvalidValue))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let described =
            |fault: FaultKind| PossibleValue::new(fault.name()).help(fault.description());
        Some(Box::new(FaultKind::ALL.into_iter().map(described)))
    }
}
