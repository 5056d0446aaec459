//! `config check|show|default`.

use std::collections::BTreeMap;

use clap::Subcommand;

use super::Globals;
use super::output::{Output, Tone};
use super::setting::{Setting, sources};
use crate::app;
use crate::config::{Layers, default_file};
use crate::failure::Failure;

/// Subcommands of `config`.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Validate files, environment and flags
    Check,
    /// Print the effective values
    Show {
        /// Also where each value comes from
        #[arg(long)]
        origin: bool,
    },
    /// Print the commented default file
    Default,
}

pub(super) fn run(
    command: ConfigCommand,
    globals: &Globals,
    output: &Output,
) -> Result<(), Failure> {
    match command {
        ConfigCommand::Check => check(globals, output),
        ConfigCommand::Show { origin } => show(globals, origin, output),
        ConfigCommand::Default => {
            output.raw(default_file(&app::gate_keys()).as_bytes());
            Ok(())
        }
    }
}

fn check(globals: &Globals, output: &Output) -> Result<(), Failure> {
    let setting = Setting::load(globals)?;
    let notes = app::check(&setting.config, &setting.paths)?;
    for note in &notes {
        output.line(format!("{}: {note}", output.paint(Tone::Warning, "note")));
    }
    output.line(output.paint(Tone::Good, "the configuration is valid"));
    output.json(&serde_json::json!({ "valid": true, "notes": notes }))
}

fn show(globals: &Globals, origin: bool, output: &Output) -> Result<(), Failure> {
    let layers = Layers::gather(&sources(globals)?)?;
    crate::config::Config::resolve(&layers)?;
    let mut all = BTreeMap::new();
    for (key, raw, from) in layers.iter() {
        let value = raw.to_string();
        if origin {
            output.line(format!(
                "{key} = {value}  {}",
                output.paint(Tone::Faint, &format!("# {from}"))
            ));
        } else {
            output.line(format!("{key} = {value}"));
        }
        let value: serde_json::Value = serde_json::from_str(&value).unwrap_or(value.into());
        all.insert(
            key.to_owned(),
            serde_json::json!({ "value": value, "origin": from.to_string() }),
        );
    }
    output.json(&all)
}
