//! `run`: the agent.

use clap::Args;

use super::setting::Setting;
use crate::app::{agent, owner};
use crate::failure::Failure;

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {}

pub(super) fn run(_args: &RunArgs, setting: &Setting) -> Result<(), Failure> {
    owner::act_as_owner(&setting.paths.state)?;
    agent::run(&setting.config, &setting.paths)
}
