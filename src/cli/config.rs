//! `config check|show|default`, and the page of all keys.

use std::collections::BTreeMap;

use clap::Subcommand;
use serde::Serialize;

use super::Globals;
use super::output::{Output, Tone};
use super::setting::{paths, sources};
use crate::app;
use crate::app::config_check::{self, Remark, Weight};
use crate::config::{Config, Layers, default_file, reference};
use crate::domain::Profile;
use crate::failure::Failure;
use crate::measure::MEASURES;

/// Subcommands of `config`.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Validate files, environment and flags: values, files and their rights, the camera, the gates
    Check,
    /// Print the effective values
    Show {
        /// Also where each value comes from
        #[arg(long)]
        origin: bool,
    },
    /// Print the commented default file
    Default,
    /// Print docs/configuration.md
    #[command(hide = true)]
    Reference,
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
        ConfigCommand::Reference => {
            output.raw(reference(&gate_rows()).as_bytes());
            Ok(())
        }
    }
}

#[derive(Serialize)]
struct RemarkReport {
    level: &'static str,
    key: String,
    what: String,
    remedy: String,
    /// Where the key's value stands.
    origin: Option<String>,
}

fn check(globals: &Globals, output: &Output) -> Result<(), Failure> {
    let layers = Layers::gather(&sources(globals)?)?;
    let config = Config::resolve(&layers)?;
    let paths = paths(globals);
    // The agent's user must be able to read what is named, not this one.
    if let Err(failure) = app::owner::act_as_owner(&paths.state) {
        tracing::warn!(%failure, "files are looked at as this user");
    }
    let remarks = config_check::remarks(&config, &paths);
    for remark in &remarks {
        let (tone, level) = match remark.weight {
            Weight::Fault(_) => (Tone::Bad, "fault"),
            Weight::Note => (Tone::Warning, "note"),
        };
        let at = config_check::origin(remark, &layers).unwrap_or_default();
        let level = output.paint(tone, level);
        output.line(format!("{level}: {}: {}: {}", at, remark.key, remark.what));
        output.line(format!("    {}", output.paint(Tone::Strong, &remark.remedy)));
    }
    let fault = remarks.iter().find_map(|remark| match remark.weight {
        Weight::Fault(exit) => Some((exit, remark)),
        Weight::Note => None,
    });
    if fault.is_none() {
        output.line(output.paint(Tone::Good, "the configuration is valid"));
    }
    let reports: Vec<RemarkReport> = remarks.iter().map(|it| report(it, &layers)).collect();
    output.json(&serde_json::json!({ "valid": fault.is_none(), "remarks": reports }))?;
    match fault {
        Some((exit, Remark { key, what, remedy, .. })) => {
            Err(Failure::new(exit, format!("{key}: {what}")).hint(remedy.clone()))
        }
        None => Ok(()),
    }
}

fn report(remark: &Remark, layers: &Layers) -> RemarkReport {
    RemarkReport {
        level: if remark.weight == Weight::Note { "note" } else { "fault" },
        key: remark.key.clone(),
        what: remark.what.clone(),
        remedy: remark.remedy.clone(),
        origin: config_check::origin(remark, layers),
    }
}

fn show(globals: &Globals, origin: bool, output: &Output) -> Result<(), Failure> {
    let layers = Layers::gather(&sources(globals)?)?;
    Config::resolve(&layers)?;
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

/// Each limit that `[capture.gates]` may hold, as a row of the page.
fn gate_rows() -> Vec<String> {
    let limit = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |it| it.to_string());
    let row = |key: &String| {
        let name = key.strip_suffix("_min").or(key.strip_suffix("_max"))?;
        let measure = MEASURES.iter().find(|measure| measure.name.0 == name)?;
        let of = |profile| {
            let (min, max) = measure.limits.of(profile);
            limit(if key.ends_with("_min") { min } else { max })
        };
        let [matching, standard, strict] = Profile::ALL.map(of);
        let unit = if measure.unit.is_empty() { "ratio" } else { measure.unit };
        Some(format!(
            "| `{key}` | {} | {unit} | {matching} | {standard} | {strict} |",
            measure.title
        ))
    };
    app::gate_keys().iter().filter_map(row).collect()
}
