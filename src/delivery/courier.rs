//! Carries updates from the outbox to the persons API, one at a time, for as long as it is let.
//!
//! **Invariants**
//! - Every lease is settled before the next update goes (a flush keeps failed ones aside until its end), but
//!   for a few that were delivered: their settlement goes on meanwhile (see `unsettled`). One that the queue
//!   cannot keep is tried again until the agent stops.
//! - No fault ends the loop: not of the link, not of the server, not of the queue.
//! - At stop the update on its way has [`GRACE`] to finish, then it is released; what was delivered is settled.
//!
//! What is absent: decisions. They are in `policy` and `schedule`.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::sync::{Notify, broadcast, mpsc, watch};
use tokio::task::JoinHandle;
use tracing::error;

use crate::clock::{monotonic_now, wall_now};
use crate::domain::{
    Lease, Moment, PersonUpdate, Receipt, Settlement, UpdateId, Verdict, WallTime,
};

use super::backoff::patience;
use super::flush::FlushRequest;
use super::handle::CourierHandle;
use super::policy::{Answer, Sent, verdict};
use super::schedule::{Attempt, Flow, Next, Now, Schedule, ScheduleSettings};
use super::settling::Settling;
use super::status::{DeliveryStatus, Notices};
use super::unsettled::Delivered;
use super::{Outbox, OutboxError, PersonsApi, Shrink, TokenMark};

/// How long the update on its way may take after a stop; the whole stop is to stay below ten seconds.
const GRACE: Duration = Duration::from_secs(8);
/// How often a refused token's file is looked at.
const TOKEN_POLL: Duration = Duration::from_secs(2);
/// The longest sleep: the wall clock may be set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// The shortest sleep when nothing could be leased although something is due.
const SHORTEST_SLEEP: Duration = Duration::from_millis(200);
/// So often a command tries to settle what its update came to.
const TRIES_OF_A_COMMAND: u32 = 3;
/// How many events a slow listener may lag behind.
const EVENTS: usize = 256;

/// How the courier goes about it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CourierSettings {
    /// Waits, spread and rate.
    pub schedule: ScheduleSettings,
    /// Whether updates go from the start.
    pub flow: Flow,
}

/// Ends when the agent is to stop; may be waited for any number of times.
pub(super) type Stop = Shared<BoxFuture<'static, ()>>;

/// Carries updates; see the module.
pub struct Courier {
    pub(super) outbox: Arc<dyn Outbox>,
    api: Arc<dyn PersonsApi>,
    shrink: Option<Shrink>,
    pub(super) schedule: Schedule,
    pub(super) notices: Notices,
    settling: Settling,
    /// The queue reads the next update.
    ahead: Option<JoinHandle<()>>,
    /// The receipts of a flush that goes on.
    pub(super) receipts: Option<Vec<Receipt>>,
    token: TokenMark,
    flow: watch::Receiver<Flow>,
    requests: mpsc::Receiver<FlushRequest>,
    /// Keeps the channels above open when nobody holds a handle.
    _own_handle: CourierHandle,
}

impl Courier {
    /// A courier between `outbox` and `api`; nothing happens before [`run`](Self::run) or
    /// [`flush`](Self::flush).
    pub fn new(
        outbox: Arc<dyn Outbox>,
        api: Arc<dyn PersonsApi>,
        settings: CourierSettings,
        shrink: Option<Shrink>,
    ) -> (Self, CourierHandle) {
        let (status_sender, status) = watch::channel(DeliveryStatus::default());
        let (events, _) = broadcast::channel(EVENTS);
        let (flow_sender, flow) = watch::channel(settings.flow);
        let (requests_sender, requests) = mpsc::channel(4);
        let handle = CourierHandle {
            status,
            events: events.clone(),
            flow: flow_sender,
            requests: requests_sender,
        };
        let courier = Self {
            token: api.token_mark(),
            settling: Settling::new(Arc::clone(&outbox)),
            ahead: None,
            receipts: None,
            outbox,
            api,
            shrink,
            schedule: Schedule::new(settings.schedule, settings.flow, now()),
            notices: Notices::new(status_sender, events),
            flow,
            requests,
            _own_handle: handle.clone(),
        };
        (courier, handle)
    }

    /// Delivers until `stop` ends. `wake` says that something was queued.
    pub async fn run(mut self, stop: impl Future<Output = ()> + Send + 'static, wake: Arc<Notify>) {
        let stop: Stop = stop.boxed().shared();
        let mut queue_failures = 0;
        while stop.clone().now_or_never().is_none() {
            self.look_around();
            match self.turn(&stop).await {
                Ok(Turn::Done) => queue_failures = 0,
                Ok(Turn::Rest(until)) => {
                    queue_failures = 0;
                    self.rest(until, &stop, &wake).await;
                }
                Err(failure) => {
                    if queue_failures == 0 {
                        error!(error = &failure as &dyn std::error::Error, "delivery waits");
                    }
                    let until = now().moment + patience(queue_failures);
                    queue_failures = queue_failures.saturating_add(1);
                    self.rest(Some(until), &stop, &wake).await;
                }
            }
        }
        if let Err(failure) = self.settle_all(Some(&stop)).await {
            let error = &failure as &dyn std::error::Error;
            error!(error, "delivered updates are not settled: they will be sent again");
        }
    }

    /// Takes note of what others changed: the flow, the token.
    pub(super) fn look_around(&mut self) {
        let flow = *self.flow.borrow_and_update();
        self.schedule.set_flow(flow, now());
        let token = self.api.token_mark();
        if self.token != token {
            self.token = token;
            self.schedule.token_changed(now());
        }
        self.notices.resting(self.schedule.held());
    }

    async fn turn(&mut self, stop: &Stop) -> Result<Turn, OutboxError> {
        let wanted = match self.schedule.next(now().moment) {
            Next::Wait(until) => return Ok(Turn::Rest(until)),
            Next::Send => Wanted::Next,
            Next::Probe => Wanted::Smallest,
        };
        self.make_room(Some(stop)).await?;
        let Some(lease) = self.lease(wanted, wall_now()).await? else {
            if self.settle_all(Some(stop)).await? == Waited::Yes {
                // It may be the turn of a newer one of the same person now.
                return Ok(Turn::Done);
            }
            if wanted == Wanted::Smallest && self.queue(|outbox| outbox.waiting()).await? == 0 {
                self.schedule.nothing_waits();
                self.notices.resting(self.schedule.held());
            }
            let due = self.queue(|outbox| outbox.next_due(wall_now())).await?;
            let wait = due.map(|at| at.since(wall_now()).max(SHORTEST_SLEEP));
            return Ok(Turn::Rest(wait.map(|wait| now().moment + wait)));
        };
        let stop_and_grace = {
            let stop = stop.clone();
            async move {
                stop.await;
                tokio::time::sleep(GRACE).await;
            }
        };
        self.look_ahead(wall_now());
        self.deliver(lease, stop_and_grace, Some(stop)).await?;
        Ok(Turn::Done)
    }

    async fn rest(&mut self, until: Option<Moment>, stop: &Stop, wake: &Notify) {
        let mut sleep =
            until.map_or(LONGEST_SLEEP, |until| until.since(now().moment)).min(LONGEST_SLEEP);
        if self.schedule.waits_for_a_token() {
            sleep = sleep.min(TOKEN_POLL);
        }
        tokio::select! {
            settled = self.settling.step() => self.note(settled),
            () = stop.clone() => {}
            () = wake.notified() => {}
            _ = self.flow.changed() => {}
            () = tokio::time::sleep(sleep) => {}
            Some(FlushRequest { until, reply }) = self.requests.recv() => {
                let within = until.since(now().moment);
                if within > Duration::ZERO {
                    let report = self.flush_until(within, Some(stop)).await;
                    // Whoever asked may have gone; the updates are delivered all the same.
                    let _ = reply.send(report);
                }
            }
        }
    }

    /// Lets the queue read the next update while one is on its way, where nothing speaks against sending it.
    pub(super) fn look_ahead(&mut self, at: WallTime) {
        if self.schedule.held().is_none() {
            let outbox = Arc::clone(&self.outbox);
            self.ahead = Some(tokio::task::spawn_blocking(move || outbox.look_ahead(at)));
        }
    }

    pub(super) async fn lease(
        &mut self,
        wanted: Wanted,
        at: WallTime,
    ) -> Result<Option<Lease>, OutboxError> {
        if let Some(ahead) = self.ahead.take() {
            // Whatever it came to: a lease goes without it, too.
            let _ = ahead.await;
        }
        if wanted == Wanted::Next
            && let Some(lease) = self.outbox.lease_at_hand(at)
        {
            return Ok(Some(lease));
        }
        let besides = self.schedule.poor_probes();
        self.queue(move |outbox| match wanted {
            Wanted::Next => outbox.lease(at),
            Wanted::Smallest => outbox.lease_smallest(&besides, at),
        })
        .await?
    }

    /// Sends one update and settles it. When `give_up` ends first, it is released.
    pub(super) async fn deliver(
        &mut self,
        lease: Lease,
        give_up: impl Future<Output = ()> + Send,
        stop: Option<&Stop>,
    ) -> Result<Settlement, OutboxError> {
        self.schedule.sent(now().moment);
        self.notices.delivering(self.schedule.held().as_ref());
        let Lease { head, update } = lease;
        let asked = ask(Arc::clone(&self.api), self.shrink.clone(), Arc::new(update));
        let answered = self.settle_while(asked, give_up).await;
        let settlement = match answered {
            None => Settlement::Release,
            Some((answer, verdict)) => {
                let attempt = Attempt {
                    id: head.id,
                    person_id: head.person_id.clone(),
                    charged: head.attempts,
                    blame: answer.blame(),
                };
                self.schedule.answered(&attempt, verdict, now(), fastrand::f64())
            }
        };
        match &settlement {
            Settlement::Delivered(confirmation) => {
                self.settling.take(Delivered { head, confirmation: confirmation.clone() });
            }
            other => {
                self.settle(head.id, other.clone(), stop).await?;
                self.notices.settled(&head, other, None);
            }
        }
        self.notices.resting(self.schedule.held());
        Ok(settlement)
    }

    /// Waits for an answer, and takes note of what is settled meanwhile; `None` when `give_up` ends first.
    async fn settle_while<T>(
        &mut self,
        asked: impl Future<Output = T> + Send,
        give_up: impl Future<Output = ()> + Send,
    ) -> Option<T> {
        let (mut asked, mut give_up) = (pin!(asked), pin!(give_up));
        loop {
            let settled = tokio::select! {
                answered = &mut asked => return Some(answered),
                () = &mut give_up => return None,
                settled = self.settling.step() => settled,
            };
            self.note(settled);
        }
    }

    fn note(&mut self, settled: Vec<(Delivered, Receipt)>) {
        for (Delivered { head, confirmation }, receipt) in settled {
            self.notices.settled(&head, &Settlement::Delivered(confirmation), Some(&receipt));
            if let Some(receipts) = &mut self.receipts {
                receipts.push(receipt);
            }
        }
    }

    /// Waits until another update may go.
    pub(super) async fn make_room(&mut self, stop: Option<&Stop>) -> Result<(), OutboxError> {
        while !self.settling.has_room() {
            self.settle_some(stop).await?;
        }
        Ok(())
    }

    /// Waits until all that was delivered is settled, and says whether there was anything.
    pub(super) async fn settle_all(&mut self, stop: Option<&Stop>) -> Result<Waited, OutboxError> {
        if self.settling.is_idle() {
            return Ok(Waited::No);
        }
        while !self.settling.is_idle() {
            self.settle_some(stop).await?;
        }
        Ok(Waited::Yes)
    }

    /// Waits for a group; while the queue fails gives up at stop, or in a flush after a few times.
    async fn settle_some(&mut self, stop: Option<&Stop>) -> Result<(), OutboxError> {
        let failures = self.settling.failures();
        if stop.is_none() && failures >= TRIES_OF_A_COMMAND {
            return Err(self.settling.take_failure());
        }
        let give_up = async {
            match stop {
                Some(stop) if failures > 0 => stop.clone().await,
                _ => std::future::pending().await,
            }
        };
        let settled = tokio::select! {
            settled = self.settling.step() => settled,
            () = give_up => return Err(self.settling.take_failure()),
        };
        self.note(settled);
        Ok(())
    }

    /// Settles a lease, however often it takes; gives up at stop, in a flush after a few times, and where the lease
    /// stands no more.
    pub(super) async fn settle(
        &self,
        id: UpdateId,
        settlement: Settlement,
        stop: Option<&Stop>,
    ) -> Result<(), OutboxError> {
        let mut failures = 0;
        loop {
            let what = settlement.clone();
            let settled = self.queue(move |outbox| outbox.settle(id, what, wall_now())).await;
            let failure = match settled.and_then(|settled| settled) {
                Ok(_) => return Ok(()),
                Err(failure) => failure,
            };
            if failures == 0 {
                let error = &failure as &dyn std::error::Error;
                error!(update = %id, error, "an update cannot be settled");
            }
            if !failure.lease_stands {
                return Err(failure);
            }
            let wait = patience(failures);
            failures += 1;
            match stop {
                None if failures >= TRIES_OF_A_COMMAND => return Err(failure),
                None => tokio::time::sleep(wait).await,
                Some(stop) => tokio::select! {
                    () = stop.clone() => return Err(failure),
                    () = tokio::time::sleep(wait) => {}
                },
            }
        }
    }

    /// Asks the queue on a thread that may block.
    pub(super) async fn queue<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn Outbox) -> T + Send + 'static,
    ) -> Result<T, OutboxError> {
        let outbox = Arc::clone(&self.outbox);
        tokio::task::spawn_blocking(move || ask(outbox.as_ref())).await.map_err(|source| {
            OutboxError { what: "answer", lease_stands: true, source: source.into() }
        })
    }
}

/// Which update is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Next,
    Smallest,
}

/// What became of one turn of the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// An update was settled.
    Done,
    /// There is nothing to do before this moment.
    Rest(Option<Moment>),
}

/// Whether there was something to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    Yes,
    No,
}

/// Sends an update, and once more in a smaller form if the server found it too large.
async fn ask(
    api: Arc<dyn PersonsApi>,
    shrink: Option<Shrink>,
    update: Arc<PersonUpdate>,
) -> (Answer, Verdict) {
    let (answer, verdict) = ask_once(api.as_ref(), Arc::clone(&update)).await;
    if !matches!(verdict, Verdict::TooLarge { .. }) {
        return (answer, verdict);
    }
    let Some(shrink) = shrink else { return (answer, verdict) };
    match tokio::task::spawn_blocking(move || shrink(&update)).await {
        Ok(Some(smaller)) => ask_once(api.as_ref(), Arc::new(smaller)).await,
        Ok(None) | Err(_) => (answer, verdict),
    }
}

async fn ask_once(api: &dyn PersonsApi, update: Arc<PersonUpdate>) -> (Answer, Verdict) {
    let answer = api.put(Arc::clone(&update)).await;
    let clock = api.clock_trust();
    let verdict = verdict(&answer, &Sent { update: &update, now: wall_now(), clock });
    (answer, verdict)
}

/// Reads both clocks.
pub(super) fn now() -> Now {
    Now { moment: monotonic_now(), wall: wall_now() }
}
