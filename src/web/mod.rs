//! Serves the local API, events and the page; and is the client that the commands use.
//!
//! The port is [`Kiosk`]: what the running agent can be asked. [`server`] puts it on the Unix socket and on
//! loopback, [`client`] asks it from another process, [`wire`] has the JSON.
//!
//! | who asks | may |
//! |---|---|
//! | the Unix socket (mode 0660) | everything: who can open it is trusted by the file system |
//! | loopback TCP | read; change state only with the local token, and never from another origin's page |

pub mod camera;
mod capture;
pub mod client;
pub mod metrics;
pub mod page;
pub mod server;
pub mod upkeep;
pub mod wire;

use std::future::Future;
use std::time::Duration;

use tokio::sync::broadcast;

use crate::domain::Caller;
use crate::failure::Failure;
use upkeep::{
    CarriedUpdate, ExportEnd, ExportMarked, ExportPlan, ExportRequest, ImportOutcome, VerifyReport,
};
use wire::{
    EnrollmentReport, Event, FlushReport, PersonRequest, QueueItem, ReceiptReport, StatusReport,
    UpdateReport,
};

/// What the running agent can be asked.
pub trait Kiosk: Clone + Send + Sync + 'static {
    /// Starts to capture a person.
    fn enroll(&self, request: PersonRequest) -> Result<EnrollmentReport, Failure>;

    /// Tells where an enrollment stands.
    fn enrollment(&self, id: &str) -> Result<EnrollmentReport, Failure>;

    /// Ends an enrollment without an update.
    fn cancel(&self, id: &str) -> Result<EnrollmentReport, Failure>;

    /// Queues an update; answers when it is durable.
    fn update(
        &self,
        request: PersonRequest,
    ) -> impl Future<Output = Result<UpdateReport, Failure>> + Send;

    /// Lists the queue, oldest first.
    fn queue(&self) -> Vec<QueueItem>;

    /// Shows one update.
    fn queued(&self, id: &str) -> Result<QueueItem, Failure>;

    /// Lists the receipts at hand, oldest first.
    fn receipts(&self) -> Vec<ReceiptReport>;

    /// Gives a parked update another try.
    fn retry(
        &self,
        id: &str,
        caller: Caller,
    ) -> impl Future<Output = Result<QueueItem, Failure>> + Send;

    /// Removes an update for good, and tells what it was.
    fn discard(
        &self,
        id: &str,
        caller: Caller,
    ) -> impl Future<Output = Result<QueueItem, Failure>> + Send;

    /// Checks the queue's files and index against each other; changes nothing.
    fn verify(&self, caller: Caller) -> impl Future<Output = Result<VerifyReport, Failure>> + Send;

    /// Says what an export is to hold, and parks it where it is to move.
    fn plan_export(
        &self,
        request: ExportRequest,
        caller: Caller,
    ) -> impl Future<Output = Result<ExportPlan, Failure>> + Send;

    /// Takes note that an export which moves its updates is finished.
    fn end_export(
        &self,
        end: ExportEnd,
        caller: Caller,
    ) -> impl Future<Output = Result<ExportMarked, Failure>> + Send;

    /// Hands out an update with its contents.
    fn carry(
        &self,
        id: &str,
        caller: Caller,
    ) -> impl Future<Output = Result<CarriedUpdate, Failure>> + Send;

    /// Takes in an update that another device exported.
    fn import(
        &self,
        carried: CarriedUpdate,
        caller: Caller,
    ) -> impl Future<Output = Result<ImportOutcome, Failure>> + Send;

    /// Delivers what can be delivered now.
    fn flush(&self, limit: Duration) -> impl Future<Output = Result<FlushReport, Failure>> + Send;

    /// Tells about the whole.
    fn status(&self) -> StatusReport;

    /// Whether every loop has shown a sign of life lately; never depends on the network.
    fn is_live(&self) -> bool;

    /// Whether the camera gives frames.
    fn is_ready(&self) -> bool;

    /// What happened since the start, counted.
    fn counts(&self) -> metrics::Counts;

    /// What happens from now on.
    fn events(&self) -> broadcast::Receiver<Event>;
}
