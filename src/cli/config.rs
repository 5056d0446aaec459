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
    /// Print the effective values, and the limits of the gates
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
    let config = Config::resolve(&layers)?;
    let given = layers.iter().map(|(key, raw, from)| {
        let value = raw.to_string();
        let parsed = serde_json::from_str(&value).unwrap_or_else(|_| value.clone().into());
        (key.to_owned(), value, parsed, from.to_string())
    });
    let profile = format!("profile {}", config.capture.profile.name());
    let left = profile_limits(config.capture.profile)
        .filter(|(key, _)| layers.iter().all(|(given, ..)| given != key))
        .map(|(key, limit)| (key, limit.to_string(), limit.into(), profile.clone()));
    let mut all = BTreeMap::new();
    for (key, value, parsed, from) in given.chain(left) {
        if origin {
            let from = output.paint(Tone::Faint, &format!("# {from}"));
            output.line(format!("{key} = {value}  {from}"));
        } else {
            output.line(format!("{key} = {value}"));
        }
        let parsed: serde_json::Value = parsed;
        all.insert(key, serde_json::json!({ "value": parsed, "origin": from }));
    }
    output.json(&all)
}

/// The limits that a profile sets, by the keys that override them.
fn profile_limits(profile: Profile) -> impl Iterator<Item = (String, f64)> {
    app::gate_keys().into_iter().filter_map(move |key| {
        let limit = limit_of(&key, profile)?;
        Some((format!("capture.gates.{key}"), limit))
    })
}

/// The limit that a profile sets under a key of `[capture.gates]`.
fn limit_of(key: &str, profile: Profile) -> Option<f64> {
    let name = key.strip_suffix("_min").or(key.strip_suffix("_max"))?;
    let measure = MEASURES.iter().find(|measure| measure.name.0 == name)?;
    let (min, max) = measure.limits.of(profile);
    if key.ends_with("_min") { min } else { max }
}

/// Each limit that `[capture.gates]` may hold, as a row of the page.
fn gate_rows() -> Vec<String> {
    let limit = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |it| it.to_string());
    let row = |key: &String| {
        let name = key.strip_suffix("_min").or(key.strip_suffix("_max"))?;
        let measure = MEASURES.iter().find(|measure| measure.name.0 == name)?;
        let [matching, standard, strict] =
            Profile::ALL.map(|profile| limit(limit_of(key, profile)));
        let unit = if measure.unit.is_empty() { "ratio" } else { measure.unit };
        Some(format!(
            "| `{key}` | {} | {unit} | {matching} | {standard} | {strict} |",
            measure.title
        ))
    };
    app::gate_keys().iter().filter_map(row).collect()
}
