//! What the kiosk holds: asked of the running agent, or read from the state directory where none runs.

use crate::app::{self, post};
use crate::config::{Config, Paths};
use crate::failure::{Exit, Failure};
use crate::web::client::Client;
use crate::web::metrics::{Counts, exposition};
use crate::web::wire::{QueueItem, ReceiptReport, StatusReport};

/// What the kiosk holds and says about itself.
pub(super) struct Holdings {
    pub(super) status: StatusReport,
    pub(super) metrics: String,
    /// Oldest first.
    pub(super) queue: Vec<QueueItem>,
    /// Oldest first.
    pub(super) receipts: Vec<ReceiptReport>,
}

/// Asks the agent, or reads what it left.
pub(super) fn find(config: &Config, paths: &Paths) -> Result<Holdings, Failure> {
    match Client::connect(&paths.socket)? {
        Some(agent) => app::block_on(ask(&agent))?,
        None => read(config, paths),
    }
}

async fn ask(agent: &Client) -> Result<Holdings, Failure> {
    Ok(Holdings {
        status: agent.status().await?,
        metrics: agent.metrics().await?,
        queue: agent.queue().await?,
        receipts: agent.receipts().await?,
    })
}

fn read(config: &Config, paths: &Paths) -> Result<Holdings, Failure> {
    if !paths.queue().exists() {
        return Err(Failure::new(Exit::NoInput, "no agent runs, and there is no queue yet"));
    }
    let (queue, receipts) = {
        let (queue, _) = app::open_queue(config, paths)?;
        let items = queue.list().iter().map(QueueItem::from).collect();
        (items, post::all_receipts(&queue))
    };
    let status = app::status_alone(config, paths);
    let metrics = exposition(&status, &Counts::default());
    Ok(Holdings { status, metrics, queue, receipts })
}
