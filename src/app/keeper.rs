//! Where the booth's shots go: into the queue, whose courier is woken.

use std::sync::Arc;

use tokio::sync::{Notify, broadcast};

use super::{from_queue, keep, queue_status};
use crate::clock;
use crate::domain::{PersonId, PersonUpdate};
use crate::failure::Failure;
use crate::queue::Queue;
use crate::web::wire::{Event, UpdateReport};

/// What the least of enrollments adds to the queue.
const ONE_SHOT: u64 = 32 << 10;

/// Makes updates durable; called on the booth's thread.
pub trait Keeper: Send + Sync {
    /// Says whether an update of this person would be taken now: asked before the person stands there.
    ///
    /// # Errors
    /// When it would be refused.
    fn room_for(&self, person_id: &PersonId) -> Result<(), Failure>;

    /// Makes an update durable.
    ///
    /// # Errors
    /// When nothing of it is kept.
    fn keep(&self, update: PersonUpdate) -> Result<UpdateReport, Failure>;
}

/// The agent's queue.
pub(super) struct QueueKeeper {
    queue: Arc<Queue>,
    wake: Arc<Notify>,
    events: broadcast::Sender<Event>,
}

impl QueueKeeper {
    pub(super) fn new(
        queue: &Arc<Queue>,
        wake: &Arc<Notify>,
        events: &broadcast::Sender<Event>,
    ) -> Self {
        Self { queue: Arc::clone(queue), wake: Arc::clone(wake), events: events.clone() }
    }
}

impl Keeper for QueueKeeper {
    fn room_for(&self, person_id: &PersonId) -> Result<(), Failure> {
        room_for(&self.queue, person_id)
    }

    fn keep(&self, update: PersonUpdate) -> Result<UpdateReport, Failure> {
        let report = keep(&self.queue, update)?;
        self.wake.notify_one();
        let _ = self.events.send(Event::Queue(queue_status(&self.queue, false)));
        Ok(report)
    }
}

/// Says whether the queue would take an enrollment of this person now.
///
/// # Errors
/// When it is full.
pub(super) fn room_for(queue: &Queue, person_id: &PersonId) -> Result<(), Failure> {
    queue.room_for(person_id, ONE_SHOT, clock::wall_now()).map_err(from_queue)
}
