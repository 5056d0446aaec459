//! `run`: the agent.

use clap::Args;

use super::Globals;
use super::setting::{Setting, sources};
use crate::app::reload::Reload;
use crate::app::{agent, owner};
use crate::config::Layers;
use crate::failure::Failure;

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {}

pub(super) fn run(_args: &RunArgs, setting: &Setting, globals: &Globals) -> Result<(), Failure> {
    owner::act_as_owner(&setting.paths.state)?;
    let globals = globals.clone();
    let reread = move || Ok(Layers::gather(&sources(&globals)?)?);
    agent::run(&setting.config, &setting.paths, Reload::new(Box::new(reread))?)
}
