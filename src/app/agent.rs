//! The running agent: one queue, one courier, one camera, one booth, and the local API over them.
//!
//! ```text
//! camera thread ──newest frame──▶ booth thread ──update──▶ queue ◀──lease── courier task ──PUT──▶
//!        └─state─┐                     └─events─┐            ▲                  └─events─┐
//!                └──────────────────────────────┴── local API (socket, loopback) ────────┘
//! ```
//!
//! Ready means: the configuration is valid and the queue is open. Neither camera nor network is waited for.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, broadcast, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::badge_watch::BadgeWatch;
use super::booth::Booth;
use super::keeper::QueueKeeper;
use super::loopback::Loopback;
use super::pulse::{self, Pulse};
use super::reload::Reload;
use super::renewal::Renewer;
use super::turn::Turn;
use super::upkeep::Upkeep;
use super::{
    Rig, eye, from_queue, intake, keep, open_own_queue, overview, post, queue_status, rig, seen,
};
use crate::clock;
use crate::config::{Config, Paths};
use crate::delivery::{CourierHandle, DeliveryEvent, DeliveryState};
use crate::domain::{Caller, UpdateId};
use crate::failure::{Exit, Failure};
use crate::queue::Queue;
use crate::service;
use crate::web::metrics::{Counts, Totals};
use crate::web::upkeep::{
    CarriedUpdate, ExportEnd, ExportMarked, ExportPlan, ExportRequest, ImportOutcome, VerifyReport,
};
use crate::web::wire::{
    DeliveryStatus, EnrollmentReport, Event, FlushReport, PersonRequest, QueueItem, QueueStatus,
    ReceiptReport, StatusReport, UpdateReport,
};
use crate::web::{Kiosk, server};

/// How many events a slow listener may lag behind.
const EVENTS: usize = 512;
/// How often the agent looks after itself where no watchdog asks for more.
const ROUND: Duration = Duration::from_secs(5);
/// How long the agent waits for a command that has the queue open.
const LOCK_WAIT: Duration = Duration::from_secs(10);
const LOCK_POLL: Duration = Duration::from_millis(250);

/// Runs the agent until it is asked to stop; a SIGHUP makes it `reload`.
///
/// # Errors
/// When the configuration, the queue or the sockets cannot be used.
pub fn run(config: &Config, paths: &Paths, reload: Reload) -> Result<(), Failure> {
    let rig = Rig::new(config)?;
    rig::camera_spec(config)?;
    let queue = Arc::new(open_queue_patiently(config, paths)?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("agent")
        .enable_all()
        .build()
        .map_err(|error| Failure::caused(Exit::Internal, &error))?;
    runtime.block_on(serve(config, paths, rig, queue, reload))
}

/// A command may have the queue open for a moment; nothing else keeps the agent from starting.
fn open_queue_patiently(config: &Config, paths: &Paths) -> Result<Queue, Failure> {
    let began = clock::monotonic_now();
    loop {
        match open_own_queue(config, paths) {
            Ok((queue, recovery)) => {
                tracing::info!(?recovery, "the queue is open");
                return Ok(queue);
            }
            Err(failure)
                if failure.exit == Exit::TryLater
                    && clock::monotonic_now().since(began) < LOCK_WAIT =>
            {
                std::thread::sleep(LOCK_POLL);
            }
            Err(failure) => return Err(failure),
        }
    }
}

async fn serve(
    config: &Config,
    paths: &Paths,
    rig: Rig,
    queue: Arc<Queue>,
    reload: Reload,
) -> Result<(), Failure> {
    let signals = Signals::listen()?;
    let (stop, stopped) = watch::channel(false);
    let (events, _) = broadcast::channel(EVENTS);
    let wake = Arc::new(Notify::new());
    let post = post::build(config, paths, Arc::clone(&queue))?;
    let socket = server::open_socket(&paths.socket).map_err(|error| {
        Failure::new(Exit::CannotCreate, format!("socket {}: {error}", paths.socket.display()))
    })?;
    let loopback = Loopback::open(config, paths).await?;
    let eye = eye::Eye::open(config, events.clone())?;
    let booth_pulse = Pulse::new("booth");
    let booth = Booth::start(
        rig.clone(),
        BadgeWatch::configured(config),
        &eye,
        Arc::new(QueueKeeper::new(&queue, &wake, &events)),
        events.clone(),
        booth_pulse.clone(),
    )?;
    let (renewer, renewal) =
        Renewer::new(config, paths, Arc::clone(&post.api), Arc::clone(&post.clock));
    let agent = Agent {
        inner: Arc::new(Inner {
            config: config.clone(),
            paths: paths.clone(),
            rig,
            queue,
            intake: Turn::default(),
            wake: Arc::clone(&wake),
            courier: post.handle.clone(),
            events: events.clone(),
            totals: Totals::default(),
            camera: eye.watch(),
            booth,
            pulses: vec![booth_pulse, eye.pulse()],
            renewal,
        }),
    };
    let courier = tokio::spawn(post.courier.run(raised(stopped.clone()), wake));
    let mut tasks = companions(&agent, &events, post.handle.events());
    tasks.spawn(renewer.run(raised(stopped.clone())));
    tasks.spawn(serve_all(agent.clone(), socket, loopback, stopped));
    service::ready(&agent.words());
    tracing::info!(kiosk = config.kiosk_id, socket = %paths.socket.display(), "ready");
    let ended =
        look_after(&agent, &eye, signals, reload, || post::save_clock(&post.clock, paths)).await;
    service::stopping();
    tracing::info!("stopping");
    let _ = stop.send(true);
    finish(courier).await;
    tasks.shutdown().await;
    agent.inner.booth.dismiss();
    eye.close();
    post::save_clock(&post.clock, paths);
    remove_socket(paths);
    drop(agent);
    ended
}

/// What counts, tells and writes down what the other rooms do, until the agent stops.
fn companions(
    agent: &Agent,
    events: &broadcast::Sender<Event>,
    deliveries: broadcast::Receiver<DeliveryEvent>,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(agent.inner.totals.clone().follow(events.subscribe()));
    tasks.spawn(pass_on_deliveries(agent.clone(), deliveries));
    let file = agent.inner.config.metrics_file.clone();
    tasks.spawn(super::metrics_file::keep(agent.clone(), file));
    tasks
}

fn remove_socket(paths: &Paths) {
    if let Err(error) = std::fs::remove_file(&paths.socket) {
        tracing::debug!(%error, "the socket could not be removed");
    }
}

/// The update on its way finishes or is released by the courier itself; this only guards against a bug there.
async fn finish(courier: JoinHandle<()>) {
    if tokio::time::timeout(Duration::from_secs(15), courier).await.is_err() {
        tracing::warn!("the courier did not end in time; its update stays queued");
    }
}

pub(super) async fn raised(mut stopped: watch::Receiver<bool>) {
    // A sender that has gone means the same.
    let _ = stopped.wait_for(|stop| *stop).await;
}

async fn serve_all(
    agent: Agent,
    socket: tokio::net::UnixListener,
    loopback: Option<Loopback>,
    stopped: watch::Receiver<bool>,
) {
    let on_socket = server::serve_socket(socket, agent.clone(), raised(stopped.clone()));
    let on_loopback = async {
        match loopback {
            Some(loopback) => loopback.serve(agent, stopped).await,
            None => Ok(()),
        }
    };
    let (socket, loopback) = tokio::join!(on_socket, on_loopback);
    for error in [socket, loopback].into_iter().filter_map(Result::err) {
        tracing::error!(%error, "the local API has ended");
    }
}

async fn pass_on_deliveries(agent: Agent, mut deliveries: broadcast::Receiver<DeliveryEvent>) {
    loop {
        let event = match deliveries.recv().await {
            Ok(DeliveryEvent::Delivered(receipt)) => {
                Event::Delivered(ReceiptReport::from(&receipt))
            }
            Ok(DeliveryEvent::HoldChanged(_)) => {
                let (state, reason) = agent.delivery_words();
                Event::Delivery { state, reason }
            }
            Ok(DeliveryEvent::Parked { .. }) | Err(broadcast::error::RecvError::Lagged(_)) => {
                Event::Queue(agent.queue_status())
            }
            Err(broadcast::error::RecvError::Closed) => return,
        };
        let _ = agent.inner.events.send(event);
        let _ = agent.inner.events.send(Event::Queue(agent.queue_status()));
    }
}

/// Feeds the watchdog, tells systemd the state and obeys signals, until one asks for the end or the camera
/// has failed for good.
async fn look_after(
    agent: &Agent,
    eye: &eye::Eye,
    mut signals: Signals,
    mut reload: Reload,
    save_clock: impl Fn(),
) -> Result<(), Failure> {
    let mut round =
        tokio::time::interval(service::watchdog_interval().map_or(ROUND, |w| w.min(ROUND)));
    let mut rounds = 0_u64;
    loop {
        tokio::select! {
            () = asked(&mut signals.terminate) => return Ok(()),
            () = asked(&mut signals.interrupt) => return Ok(()),
            () = asked(&mut signals.hang_up) => reload.again(&agent.inner.courier),
            _ = round.tick() => {}
        }
        let silent = pulse::silent(&agent.inner.pulses, clock::monotonic_now());
        if silent.is_empty() {
            service::feed_watchdog();
        } else {
            tracing::warn!(
                silent = silent.join(", "),
                "a loop shows no sign of life: the watchdog is not fed"
            );
        }
        service::status(&agent.words());
        eye.check()?;
        rounds += 1;
        if rounds.is_multiple_of(120) {
            save_clock();
        }
    }
}

/// What systemd and people send to the agent.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|error| Failure::caused(Exit::Internal, &error));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }
}

async fn asked(signal: &mut Signal) {
    // `None` never comes while the runtime lives.
    let _ = signal.recv().await;
}

struct Inner {
    config: Config,
    paths: Paths,
    rig: Rig,
    queue: Arc<Queue>,
    /// In which updates are taken in.
    intake: Turn,
    wake: Arc<Notify>,
    courier: CourierHandle,
    events: broadcast::Sender<Event>,
    totals: Totals,
    camera: eye::CameraWatch,
    booth: Booth,
    pulses: Vec<Pulse>,
    renewal: watch::Receiver<Option<String>>,
}

/// What the local API talks to.
#[derive(Clone)]
pub struct Agent {
    inner: Arc<Inner>,
}

impl Agent {
    fn delivery_words(&self) -> (String, Option<String>) {
        post::state_words(&self.inner.courier.status().borrow().state)
    }

    fn queue_status(&self) -> QueueStatus {
        queue_status(&self.inner.queue, self.is_held())
    }

    fn is_held(&self) -> bool {
        matches!(self.inner.courier.status().borrow().state, DeliveryState::Hold(_))
    }

    /// Does something to the queue for somebody, off the threads that must not wait for the disk.
    async fn by_hand<T: Send + 'static>(
        &self,
        caller: Caller,
        act: impl FnOnce(&Upkeep) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let upkeep = Upkeep::new(Arc::clone(&self.inner.queue), &self.inner.paths, caller);
        let done = tokio::task::spawn_blocking(move || act(&upkeep))
            .await
            .map_err(|error| Failure::caused(Exit::Internal, &error))?;
        let _ = self.inner.events.send(Event::Queue(self.queue_status()));
        done
    }

    /// The state in one line, as `systemctl status` shows it.
    fn words(&self) -> String {
        let status = self.status();
        let waiting = status.queue.queued + status.queue.held + status.queue.in_flight;
        let camera = status.camera.map_or_else(|| "none".to_owned(), |camera| camera.state);
        format!(
            "camera {camera}; queue {waiting} waiting, {} parked; delivery {}",
            status.queue.parked, status.delivery.state
        )
    }
}

impl Kiosk for Agent {
    fn enroll(&self, request: PersonRequest) -> Result<EnrollmentReport, Failure> {
        self.inner.booth.enroll(request)
    }

    fn enrollment(&self, id: &str) -> Result<EnrollmentReport, Failure> {
        self.inner.booth.report(id)
    }

    fn cancel(&self, id: &str) -> Result<EnrollmentReport, Failure> {
        self.inner.booth.cancel(id)
    }

    async fn update(&self, mut request: PersonRequest) -> Result<UpdateReport, Failure> {
        let inner = Arc::clone(&self.inner);
        let take_in = move || {
            let images = match request.images.take() {
                None => None,
                // Nets of their own, for a moment: the booth's follow a face and must not be disturbed.
                Some(encoded) => Some(intake::pictures(&encoded, inner.rig.finder()?.as_mut())?),
            };
            if request.timeout_s.is_some() {
                let error = crate::domain::FieldError::new(
                    "timeout_s",
                    "a value",
                    "none: only enrollments have a time-out",
                );
                return Err(error.into());
            }
            let update = intake::parse(request, images, clock::utc_date(clock::wall_now()))?;
            keep(&inner.queue, update)
        };
        let kept = self.inner.intake.take(take_in).await??;
        self.inner.wake.notify_one();
        let _ = self.inner.events.send(Event::Queue(self.queue_status()));
        Ok(kept)
    }

    fn queue(&self) -> Vec<QueueItem> {
        let held = self.is_held();
        let all = self.inner.queue.list().into_iter();
        all.map(|update| QueueItem::from(&seen(update, held))).collect()
    }

    fn receipts(&self) -> Vec<ReceiptReport> {
        post::all_receipts(&self.inner.queue)
    }

    fn queued(&self, id: &str) -> Result<QueueItem, Failure> {
        let head = self.inner.queue.head(id.parse()?).map_err(from_queue)?;
        Ok(QueueItem::from(&seen(head, self.is_held())))
    }

    async fn retry(&self, id: &str, caller: Caller) -> Result<QueueItem, Failure> {
        let id: UpdateId = id.parse()?;
        let item = self.by_hand(caller, move |upkeep| upkeep.retry(id)).await?;
        self.inner.wake.notify_one();
        Ok(item)
    }

    async fn discard(&self, id: &str, caller: Caller) -> Result<QueueItem, Failure> {
        let id: UpdateId = id.parse()?;
        self.by_hand(caller, move |upkeep| upkeep.discard(id)).await
    }

    async fn verify(&self, caller: Caller) -> Result<VerifyReport, Failure> {
        self.by_hand(caller, Upkeep::verify).await
    }

    async fn plan_export(
        &self,
        request: ExportRequest,
        caller: Caller,
    ) -> Result<ExportPlan, Failure> {
        self.by_hand(caller, move |upkeep| upkeep.plan_export(&request)).await
    }

    async fn end_export(&self, end: ExportEnd, caller: Caller) -> Result<ExportMarked, Failure> {
        self.by_hand(caller, move |upkeep| upkeep.end_export(&end)).await
    }

    async fn carry(&self, id: &str, caller: Caller) -> Result<CarriedUpdate, Failure> {
        let id: UpdateId = id.parse()?;
        self.by_hand(caller, move |upkeep| upkeep.carry(id)).await
    }

    async fn import(
        &self,
        carried: CarriedUpdate,
        caller: Caller,
    ) -> Result<ImportOutcome, Failure> {
        let outcome = self.by_hand(caller, move |upkeep| upkeep.import(carried)).await?;
        self.inner.wake.notify_one();
        Ok(outcome)
    }

    async fn flush(&self, limit: Duration) -> Result<FlushReport, Failure> {
        let report =
            self.inner.courier.flush(limit).await.map_err(|why| post::not_flushed(&why))?;
        post::flush_report(&report, &self.inner.queue)
    }

    fn status(&self) -> StatusReport {
        let inner = &self.inner;
        let (state, reason) = self.delivery_words();
        let receipts = post::receipts(&inner.queue);
        let known = overview(&inner.config, &inner.paths, self.queue_status(), receipts);
        let token_renewal = inner.renewal.borrow().clone();
        StatusReport {
            agent: "running".into(),
            camera: Some(inner.camera.status()),
            enrollment: inner.booth.current(),
            delivery: DeliveryStatus { state, reason, token_renewal, ..known.delivery },
            ..known
        }
    }

    fn is_live(&self) -> bool {
        pulse::silent(&self.inner.pulses, clock::monotonic_now()).is_empty()
    }

    fn is_ready(&self) -> bool {
        self.inner.camera.status().state == "streaming"
    }

    fn counts(&self) -> Counts {
        self.inner.totals.counts()
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
    }
}
