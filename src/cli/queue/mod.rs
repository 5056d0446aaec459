//! `queue`: look after the queue.

mod acts;
mod carry;
mod hands;

use clap::Subcommand;

use super::output::{Output, Tone};
use super::setting::Setting;
use crate::app;
use crate::failure::Failure;
use crate::web::wire::QueueItem;

/// Subcommands of `queue`.
#[derive(Debug, Subcommand)]
pub(super) enum QueueCommand {
    /// List what waits, oldest first
    List,
    /// Show one update
    Show {
        /// Its id, as `queue list` shows it
        id: String,
    },
    /// Give parked updates another try
    Retry(acts::RetryArgs),
    /// Remove updates for good, without sending them
    Drop(acts::DropArgs),
    /// Check every file and the index against each other; changes nothing
    Verify,
    /// Write what waits to a sealed file, for a USB stick
    Export(carry::ExportArgs),
    /// Queue what another device exported, each update once
    Import(carry::ImportArgs),
}

pub(super) fn run(
    command: QueueCommand,
    setting: &Setting,
    output: &Output,
) -> Result<(), Failure> {
    match command {
        QueueCommand::List => {
            let items = list(setting)?;
            for item in &items {
                output.line(row(item, output));
            }
            if items.is_empty() {
                output.line("nothing is queued");
            }
            output.json(&items)
        }
        QueueCommand::Show { id } => {
            let item = show(setting, &id)?;
            tell(&item, output);
            output.json(&item)
        }
        QueueCommand::Retry(args) => acts::retry(&args, setting, output),
        QueueCommand::Drop(args) => acts::discard(&args, setting, output),
        QueueCommand::Verify => acts::verify(setting, output),
        QueueCommand::Export(args) => carry::export(&args, setting, output),
        QueueCommand::Import(args) => carry::import(&args, setting, output),
    }
}

fn list(setting: &Setting) -> Result<Vec<QueueItem>, Failure> {
    match setting.agent()? {
        Some(agent) => app::block_on(async { agent.queue().await })?,
        None => app::list_alone(&setting.config, &setting.paths),
    }
}

fn show(setting: &Setting, id: &str) -> Result<QueueItem, Failure> {
    let id: crate::domain::UpdateId = id.parse()?;
    match setting.agent()? {
        Some(agent) => app::block_on(async { agent.queued(&id.to_string()).await })?,
        None => app::show_alone(&setting.config, &setting.paths, id),
    }
}

fn row(item: &QueueItem, output: &Output) -> String {
    let tone = match item.state.as_str() {
        "parked" => Tone::Bad,
        "held" => Tone::Warning,
        _ => Tone::Good,
    };
    let reason = item.reason.as_deref().map(|reason| format!("  {reason}")).unwrap_or_default();
    format!(
        "{:<6} {}  {}  {:<24} {} ({} images, {}){reason}",
        item.id,
        output.paint(tone, &format!("{:<9}", item.state)),
        item.enqueued_at,
        item.person_id,
        item.fields.join(","),
        item.images,
        bytesize::ByteSize(item.bytes)
    )
}

fn tell(item: &QueueItem, output: &Output) {
    let rows = [
        ("id", item.id.clone()),
        ("person", item.person_id.clone()),
        ("state", item.state.clone()),
        ("fields", item.fields.join(", ")),
        ("images", item.images.to_string()),
        ("capture", item.capture.as_ref().map_or_else(|| "-".into(), ToString::to_string)),
        ("size", bytesize::ByteSize(item.bytes).to_string()),
        ("attempts", item.attempts.to_string()),
        ("enqueued", item.enqueued_at.clone()),
        ("not before", item.not_before.clone().unwrap_or_else(|| "-".into())),
        ("reason", item.reason.clone().unwrap_or_else(|| "-".into())),
    ];
    for (name, value) in rows {
        output.line(format!("{name:<11} {value}"));
    }
}
