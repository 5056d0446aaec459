//! `completions` and `man`: generated from the same definitions as `--help`.

use clap::Args;
use clap_complete::Shell;

use super::output::Output;
use crate::failure::{Exit, Failure};

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(super) fn completions(
    args: &CompletionsArgs,
    command: &mut clap::Command,
    output: &Output,
) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "kiosk-enroll", &mut script);
    output.raw(&script);
    Ok(())
}

pub(super) fn man(command: clap::Command, output: &Output) -> Result<(), Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error| Failure::caused(Exit::Internal, &error))?;
    output.raw(&page);
    Ok(())
}
