//! `run`: the agent.

use clap::Args;

use super::setting::Setting;
use crate::app::agent;
use crate::failure::Failure;

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {}

pub(super) fn run(_args: &RunArgs, setting: &Setting) -> Result<(), Failure> {
    agent::run(&setting.config, &setting.paths)
}
