//! Delivers everything that can be delivered now, for someone who waits for it.
//!
//! Earlier back-off, rate and spread do not count here; holds and what the server asks for do. Each update
//! that fails is tried again when its own wait is over, as long as the time allows; meanwhile its lease is
//! kept aside, so that the queue hands out the others.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::domain::{Hold, Lease, Moment, Receipt, Settlement, UpdateId, WallTime};

use super::OutboxError;
use super::courier::{Courier, Stop, Waited, Wanted, now};
use super::schedule::{Held, Next};

/// Further ahead than any back-off or `Retry-After`: whatever waits for a time is due then.
const HORIZON: Duration = Duration::from_secs(366 * 86_400);
/// So many updates that keep failing end a flush.
const MAX_ASIDE: usize = 16;
/// So many link faults end a flush: the first may be a connection that had gone stale.
const MAX_LINK_FAULTS: u32 = 2;

/// What a flush came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlushReport {
    /// In the order of delivery.
    pub delivered: Vec<Receipt>,
    /// Refused by the server for good.
    pub parked: Vec<UpdateId>,
    /// How many updates still wait; parked ones are not counted.
    pub left: usize,
    /// Why nothing is sent, if nothing is.
    pub hold: Option<Held>,
}

/// Someone asks a running courier for a flush.
#[derive(Debug)]
pub(super) struct FlushRequest {
    pub(super) until: Moment,
    pub(super) reply: oneshot::Sender<Result<FlushReport, OutboxError>>,
}

/// What one flush knows.
#[derive(Debug)]
struct Flush {
    report: FlushReport,
    deadline: Moment,
    link_faults: u32,
    /// When the updates that failed here may go again.
    again: HashMap<UpdateId, WallTime>,
    /// Leases of such updates.
    aside: Vec<Lease>,
}

/// Whether a flush goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    On,
    End,
}

impl Courier {
    /// Delivers what can be delivered, one at a time, for at most `within`; an update on its way then is
    /// released.
    ///
    /// # Errors
    /// When the queue fails.
    pub async fn flush(&mut self, within: Duration) -> Result<FlushReport, OutboxError> {
        self.look_around();
        self.flush_until(within, None).await
    }

    pub(super) async fn flush_until(
        &mut self,
        within: Duration,
        stop: Option<&Stop>,
    ) -> Result<FlushReport, OutboxError> {
        self.schedule.probe_now(now());
        self.receipts = Some(Vec::new());
        let mut flush = Flush {
            report: FlushReport::default(),
            deadline: now().moment + within,
            link_faults: 0,
            again: HashMap::new(),
            aside: Vec::new(),
        };
        let went = self.flush_all(&mut flush, stop).await;
        let released = self.release(&mut flush, stop).await;
        let settled = self.settle_all(stop).await;
        let receipts = self.receipts.take().unwrap_or_default();
        went.and(released).and(settled)?;
        let mut report = flush.report;
        report.delivered = receipts;
        report.left = self.queue(|outbox| outbox.waiting()).await?;
        report.hold = self.schedule.held();
        Ok(report)
    }

    async fn flush_all(
        &mut self,
        flush: &mut Flush,
        stop: Option<&Stop>,
    ) -> Result<(), OutboxError> {
        loop {
            let step = match self.schedule.next_in_a_hurry(now().moment) {
                Next::Wait(until) => wait(until, flush.deadline, stop).await,
                Next::Send => self.flush_one(flush, Wanted::Next, stop).await?,
                Next::Probe => self.flush_one(flush, Wanted::Smallest, stop).await?,
            };
            if step == Step::End || now().moment >= flush.deadline {
                return Ok(());
            }
        }
    }

    async fn flush_one(
        &mut self,
        flush: &mut Flush,
        wanted: Wanted,
        stop: Option<&Stop>,
    ) -> Result<Step, OutboxError> {
        self.make_room(stop).await?;
        let at = now().wall + HORIZON;
        let Some(lease) = self.lease(wanted, at).await? else {
            if self.settle_all(stop).await? == Waited::Yes {
                return Ok(Step::On);
            }
            self.release(flush, stop).await?;
            return Ok(flush.wait_for_the_failed(stop).await);
        };
        if flush.again.get(&lease.head.id).is_some_and(|at| *at > now().wall) {
            flush.aside.push(lease);
            return Ok(if flush.aside.len() < MAX_ASIDE { Step::On } else { Step::End });
        }
        let id = lease.head.id;
        let left = flush.deadline.since(now().moment);
        let give_up = async move {
            match stop {
                None => tokio::time::sleep(left).await,
                Some(stop) => tokio::select! {
                    () = stop.clone() => {}
                    () = tokio::time::sleep(left) => {}
                },
            }
        };
        self.look_ahead(at);
        let settlement = self.deliver(lease, give_up, stop).await?;
        Ok(flush.note(id, settlement, self.schedule.held().as_ref()))
    }

    async fn release(&mut self, flush: &mut Flush, stop: Option<&Stop>) -> Result<(), OutboxError> {
        while let Some(lease) = flush.aside.pop() {
            self.settle(lease.head.id, Settlement::Release, stop).await?;
        }
        Ok(())
    }
}

impl Flush {
    fn note(&mut self, id: UpdateId, settlement: Settlement, held: Option<&Held>) -> Step {
        match settlement {
            Settlement::Delivered(_) => self.link_faults = 0,
            Settlement::Park { .. } => self.report.parked.push(id),
            Settlement::Retry { not_before, .. } => {
                self.again.insert(id, not_before);
            }
            Settlement::Release => self.link_faults += 1,
        }
        match held {
            None => Step::On,
            Some(held) if held.hold == Hold::Offline && self.link_faults < MAX_LINK_FAULTS => {
                Step::On
            }
            Some(_) => Step::End,
        }
    }

    /// Sleeps until the first of the failed updates may go again, if the time allows it.
    async fn wait_for_the_failed(&mut self, stop: Option<&Stop>) -> Step {
        let Some(first) = self.again.values().min().copied() else { return Step::End };
        let until = now().moment + first.since(now().wall);
        let step = wait(Some(until), self.deadline, stop).await;
        let due = now().wall.max(first);
        self.again.retain(|_, at| *at > due);
        step
    }
}

/// Sleeps until a moment; ends the flush where that lies behind the deadline, or at stop.
async fn wait(until: Option<Moment>, deadline: Moment, stop: Option<&Stop>) -> Step {
    let Some(until) = until.filter(|until| *until < deadline) else { return Step::End };
    let sleep = tokio::time::sleep(until.since(now().moment));
    match stop {
        None => sleep.await,
        Some(stop) => tokio::select! {
            () = stop.clone() => return Step::End,
            () = sleep => {}
        },
    }
    Step::On
}
