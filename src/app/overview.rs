//! The one screen of a kiosk whose agent is not asked: all that files and a queue tell. The agent adds what it knows.

use super::post;
use crate::config::{Config, Paths};
use crate::web::wire::{DeliveryStatus, QueueStatus, ReceiptReport, StatusReport};

/// What can be told of a kiosk with this queue, whose newest receipt and number of unconfirmed ones are `receipts`.
pub fn overview(
    config: &Config,
    paths: &Paths,
    queue: QueueStatus,
    receipts: (Option<ReceiptReport>, usize),
) -> StatusReport {
    let (token_expires_at, token_days_left) = post::token_expiry(config, paths);
    let (last_receipt, unconfirmed) = receipts;
    StatusReport {
        kiosk: config.kiosk_id.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        agent: "not_running".into(),
        camera: None,
        enrollment: None,
        queue,
        delivery: DeliveryStatus {
            state: "unknown".into(),
            reason: Some("no agent delivers".into()),
            last_receipt,
            token_expires_at,
            token_days_left,
            token_renewal: None,
            unconfirmed,
        },
    }
}
