//! Connects the courier with the configuration, the queue and the wire's words.

use std::sync::Arc;
use std::time::Duration;

use super::outbox::QueueOutbox;
use crate::clock::{rfc3339, wall_now};
use crate::config::{Config, Paths};
use crate::delivery::{
    ClientCertificate, ClockGuard, Courier, CourierHandle, CourierSettings, DeliveryState, Flow,
    FlushFailure, Held, HttpPersonsApi, HttpSettings, Rate, ScheduleSettings, Shrink, TokenFile,
};
use crate::domain::{Confirmation, PersonUpdate, Portrait, PortraitFormat, UpdateDraft};
use crate::failure::{Exit, Failure};
use crate::queue::Queue;
use crate::vision::image;
use crate::web::wire::{FlushReport, ReceiptReport};

/// The file in the state directory that keeps the clock's floor.
const CLOCK_FLOOR: &str = "clock-floor";
/// JPEG quality of the second attempt when the server found a picture too large.
const SMALLER_QUALITY: u8 = 75;

/// A courier and what belongs to it.
pub struct Post {
    /// The courier; nothing happens before it runs.
    pub courier: Courier,
    /// How to talk to it.
    pub handle: CourierHandle,
    /// The floor under the clock; to be saved from time to time.
    pub clock: Arc<ClockGuard>,
    /// The client that the courier sends with.
    pub api: Arc<HttpPersonsApi>,
}

/// Builds a courier between the queue and the persons API.
///
/// # Errors
/// When the base URL, the CA file, the client certificate or the proxy settings cannot be used.
pub fn build(config: &Config, paths: &Paths, queue: Arc<Queue>) -> Result<Post, Failure> {
    let clock = Arc::new(load_clock(paths));
    let api = Arc::new(persons_api(config, paths, Arc::clone(&clock))?);
    let (count, per) = config.delivery.rate;
    let schedule = ScheduleSettings {
        backoff_min: config.delivery.backoff_min,
        backoff_max: config.delivery.backoff_max,
        spread: config.delivery.spread,
        rate: Rate::new(count, per).unwrap_or_default(),
        ..ScheduleSettings::default()
    };
    let outbox = Arc::new(QueueOutbox(queue));
    let settings = CourierSettings { schedule, flow: flow(config) };
    let shrink = Some(Arc::new(smaller) as Shrink);
    let (courier, handle) = Courier::new(outbox, Arc::clone(&api) as _, settings, shrink);
    Ok(Post { courier, handle, clock, api })
}

/// Whether the operator lets updates go.
pub const fn flow(config: &Config) -> Flow {
    if config.delivery.paused { Flow::Paused } else { Flow::Open }
}

/// A client of the persons API as the configuration wants it; nothing is sent yet.
///
/// # Errors
/// When the base URL, the CA file, the client certificate or the proxy settings cannot be used.
pub fn persons_api(
    config: &Config,
    paths: &Paths,
    clock: Arc<ClockGuard>,
) -> Result<HttpPersonsApi, Failure> {
    let token = Arc::new(TokenFile::new(Some(token_path(config, paths))));
    let settings = HttpSettings {
        base_url: config.verifik.base_url.clone(),
        ca_file: config.verifik.ca_file.clone(),
        client_certificate: config.verifik.client_certificate.clone().map(|files| {
            ClientCertificate { cert_file: files.cert_file, key_file: files.key_file }
        }),
        connect_timeout: config.verifik.connect_timeout,
        read_timeout: config.verifik.read_timeout,
        request_timeout: config.verifik.request_timeout,
    };
    HttpPersonsApi::new(&settings, token, clock)
        .map_err(|error| Failure::caused(Exit::Configuration, &error).hint(error.hint()))
}

/// The floor under the clock that was kept in the state directory.
pub fn load_clock(paths: &Paths) -> ClockGuard {
    ClockGuard::load(&paths.state.join(CLOCK_FLOOR))
}

/// Saves the clock's floor; a failure costs nothing but the floor.
pub fn save_clock(clock: &ClockGuard, paths: &Paths) {
    if let Err(error) = clock.save(&paths.state.join(CLOCK_FLOOR)) {
        tracing::warn!(%error, "the clock's floor could not be saved");
    }
}

/// Delivers what can be delivered now, without an agent.
///
/// # Errors
/// When the client cannot be built or the queue fails.
pub async fn flush_once(
    config: &Config,
    paths: &Paths,
    queue: Arc<Queue>,
    limit: Duration,
) -> Result<FlushReport, Failure> {
    let mut post = build(config, paths, Arc::clone(&queue))?;
    let report = post.courier.flush(limit).await;
    save_clock(&post.clock, paths);
    flush_report(&report.map_err(|error| Failure::caused(Exit::Io, &error))?, &queue)
}

/// A flush in the wire's words.
///
/// # Errors
/// Never by itself; the signature is that of its callers.
pub fn flush_report(
    report: &crate::delivery::FlushReport,
    queue: &Queue,
) -> Result<FlushReport, Failure> {
    let summary = queue.summary(wall_now());
    Ok(FlushReport {
        delivered: report.delivered.iter().map(ReceiptReport::from).collect(),
        left: report.left,
        parked: summary.parked,
        foreign: summary.foreign,
        hold: report.hold.as_ref().map(|held| held.hold.name().to_owned()),
        reason: report.hold.as_ref().map(|held| held.reason.clone()),
    })
}

/// Why the running agent did not flush.
pub fn not_flushed(why: &FlushFailure) -> Failure {
    match why {
        FlushFailure::Stopped => {
            Failure::caused(Exit::Unavailable, why).hint("try again in a moment")
        }
        FlushFailure::Busy => Failure::caused(Exit::TryLater, why)
            .hint("the agent goes on by itself; `kiosk-enroll status` tells how it stands"),
        FlushFailure::Queue(error) => Failure::caused(Exit::Io, error),
    }
}

/// The newest receipt, and how many at hand are unconfirmed.
pub fn receipts(queue: &Queue) -> (Option<ReceiptReport>, usize) {
    let receipts = queue.receipts();
    let unconfirmed = receipts
        .iter()
        .filter(|receipt| matches!(receipt.confirmation, Confirmation::Unconfirmed(_)))
        .count();
    let newest = receipts.iter().max_by_key(|receipt| (receipt.delivered_at, receipt.id));
    (newest.map(ReceiptReport::from), unconfirmed)
}

/// Every receipt at hand, the oldest first.
pub fn all_receipts(queue: &Queue) -> Vec<ReceiptReport> {
    let mut receipts = queue.receipts();
    receipts.sort_by_key(|receipt| (receipt.delivered_at, receipt.id));
    receipts.iter().map(ReceiptReport::from).collect()
}

/// When the token expires and how many days are left, as far as it can be read locally.
pub fn token_expiry(config: &Config, paths: &Paths) -> (Option<String>, Option<u64>) {
    match TokenFile::new(Some(token_path(config, paths))).read() {
        Ok(token) => (token.expires_at().map(rfc3339), token.days_left(wall_now())),
        Err(_) => (None, None),
    }
}

/// The delivery's state as a name and in words.
pub fn state_words(state: &DeliveryState) -> (String, Option<String>) {
    match state {
        DeliveryState::Idle => ("idle".into(), None),
        DeliveryState::Delivering => ("delivering".into(), None),
        DeliveryState::Hold(held) => (held.hold.name().into(), Some(held_words(held))),
    }
}

fn held_words(held: &Held) -> String {
    let probe = held.next_probe.map(|at| format!("; next attempt {}", rfc3339(at)));
    format!("{}{}", held.reason, probe.unwrap_or_default())
}

/// The token's file.
pub(super) fn token_path(config: &Config, paths: &Paths) -> std::path::PathBuf {
    paths.token_file(config.verifik.token_file.as_deref())
}

/// The update with its pictures encoded anew, smaller; `None` if that does not help.
fn smaller(update: &PersonUpdate) -> Option<PersonUpdate> {
    let images = update.images()?;
    let encoded: Option<Vec<Portrait>> = images
        .iter()
        .map(|portrait| {
            let picture = image::decode_bytes(portrait.bytes()).ok()?;
            let bytes = image::encode_jpeg(&picture, SMALLER_QUALITY).ok()?;
            Portrait::from_decoded(PortraitFormat::Jpeg, picture.size(), bytes).ok()
        })
        .collect();
    let encoded = encoded?;
    let size = |portraits: &[Portrait]| portraits.iter().map(|p| p.bytes().len()).sum::<usize>();
    if size(&encoded) >= size(images) {
        return None;
    }
    let draft = UpdateDraft { images: Some(encoded), ..UpdateDraft::default() };
    let today = crate::clock::utc_date(wall_now());
    let pictures = PersonUpdate::parse(update.person_id().clone(), draft, today).ok()?;
    Some(update.clone().overlaid_by(pictures))
}
