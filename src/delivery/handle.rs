//! What others hold of a running courier.

use std::time::Duration;

use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::clock::monotonic_now;

use super::OutboxError;
use super::flush::{FlushReport, FlushRequest};
use super::schedule::Flow;
use super::status::{DeliveryEvent, DeliveryStatus};

/// How long a flush may take to put in order what it has left when its time is over.
const TO_SETTLE: Duration = Duration::from_secs(3);

/// Why a running courier did not flush.
#[derive(Debug, thiserror::Error)]
pub enum FlushFailure {
    /// No courier runs any more.
    #[error("the agent is stopping")]
    Stopped,
    /// An update was on its way all the time.
    #[error("the delivery under way took all the time that the flush had")]
    Busy,
    /// The queue failed.
    #[error(transparent)]
    Queue(OutboxError),
}

/// Speaks to a courier and listens to it.
#[derive(Debug, Clone)]
pub struct CourierHandle {
    pub(super) status: watch::Receiver<DeliveryStatus>,
    pub(super) events: broadcast::Sender<DeliveryEvent>,
    pub(super) flow: watch::Sender<Flow>,
    pub(super) requests: mpsc::Sender<FlushRequest>,
}

impl CourierHandle {
    /// The courier's status and its changes.
    pub fn status(&self) -> watch::Receiver<DeliveryStatus> {
        self.status.clone()
    }

    /// What happens from now on.
    pub fn events(&self) -> broadcast::Receiver<DeliveryEvent> {
        self.events.subscribe()
    }

    /// Lets updates go, or stops them.
    pub fn set_flow(&self, flow: Flow) {
        self.flow.send_replace(flow);
    }

    /// Asks the running courier to deliver everything now, see [`Courier::flush`](super::Courier::flush).
    ///
    /// # Errors
    /// When no courier runs, when it is busy with something else for as long as that, and when the queue fails.
    pub async fn flush(&self, within: Duration) -> Result<FlushReport, FlushFailure> {
        let (reply, answer) = oneshot::channel();
        let request = FlushRequest { until: monotonic_now() + within, reply };
        let unread = || match self.requests.is_closed() {
            true => FlushFailure::Stopped,
            false => FlushFailure::Busy,
        };
        let answered = async {
            self.requests.send(request).await.map_err(|_| FlushFailure::Stopped)?;
            answer.await.map_err(|_| unread())?.map_err(FlushFailure::Queue)
        };
        tokio::time::timeout(within + TO_SETTLE, answered).await.unwrap_or(Err(FlushFailure::Busy))
    }
}
