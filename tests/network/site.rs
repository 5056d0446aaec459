//! A kiosk's delivery as it runs: the real queue on disk, the courier and the client, over a line that a test
//! breaks, to a server that a test scripts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use kiosk_enroll::app::outbox::QueueOutbox;
use kiosk_enroll::clock::{monotonic_now, wall_now};
use kiosk_enroll::delivery::{
    Answer, Body, ClockGuard, ClockTrust, Courier, CourierHandle, DeviceClock, FlushReport,
    HttpPersonsApi, HttpSettings, LinkFault, PersonsApi, Shrink, TokenFile, TokenMark,
};
use kiosk_enroll::domain::{
    Hold, Moment, PersonUpdate, QueuedUpdate, UpdateDraft, UpdateState, WallTime,
};
use kiosk_enroll::queue::{DeviceKey, Queue, QueueOptions};
use tempfile::TempDir;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::authority::{ALL_YEARS, Authority, Clients};
use crate::delivery_outbox::{impatient, note, picture, update};
use crate::proxy::{Line, Proxy};
use crate::server::{Reply, Server};

/// Longer than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(60);
/// A time-out for what never comes.
pub(crate) const SHORT: Duration = Duration::from_millis(300);

/// What a site begins with.
pub(crate) struct Plan {
    pub(crate) line: Line,
    pub(crate) connect_timeout: Duration,
    /// For each piece of an answer and for the whole exchange.
    pub(crate) answer_timeout: Duration,
    pub(crate) refused_probe: Duration,
    pub(crate) clock: Arc<SetClock>,
    pub(crate) floor: Option<WallTime>,
    pub(crate) shrink: Option<Shrink>,
    pub(crate) clients: Clients,
    pub(crate) certified: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            line: Line::Whole,
            connect_timeout: Duration::from_secs(20),
            answer_timeout: Duration::from_secs(20),
            refused_probe: Duration::from_secs(600),
            clock: Arc::default(),
            floor: None,
            shrink: None,
            clients: Clients::Anyone,
            certified: false,
        }
    }
}

/// The device's clocks, the wall clock wrong by as much as a test wants.
#[derive(Debug, Default)]
pub(crate) struct SetClock(AtomicI64);

impl SetClock {
    /// Sets the clock to a time; it goes on from there.
    pub(crate) fn set(&self, to: WallTime) {
        self.0.store(to.unix_millis() - wall_now().unix_millis(), Ordering::Relaxed);
    }

    pub(crate) fn set_right(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

impl DeviceClock for SetClock {
    fn wall(&self) -> WallTime {
        WallTime::from_unix_millis(wall_now().unix_millis() + self.0.load(Ordering::Relaxed))
    }

    fn moment(&self) -> Moment {
        monotonic_now()
    }

    fn is_synchronized(&self) -> bool {
        false
    }
}

/// Writes down what the client makes of each answer.
pub(crate) struct Witness {
    api: HttpPersonsApi,
    answers: Mutex<Vec<(String, Answer)>>,
    count: watch::Sender<usize>,
}

impl PersonsApi for Witness {
    fn put(&self, update: Arc<PersonUpdate>) -> BoxFuture<'_, Answer> {
        Box::pin(async move {
            let person = update.person_id().to_string();
            let answer = self.api.put(update).await;
            let mut answers = self.answers.lock().unwrap();
            answers.push((person, answer.clone()));
            self.count.send_replace(answers.len());
            answer
        })
    }

    fn token_mark(&self) -> TokenMark {
        self.api.token_mark()
    }

    fn clock_trust(&self) -> ClockTrust {
        self.api.clock_trust()
    }
}

/// See the module.
pub(crate) struct Site {
    pub(crate) authority: Authority,
    pub(crate) server: Server,
    pub(crate) proxy: Proxy,
    pub(crate) queue: Arc<Queue>,
    pub(crate) guard: Arc<ClockGuard>,
    pub(crate) handle: CourierHandle,
    pub(crate) folder: TempDir,
    courier: Option<Courier>,
    witness: Arc<Witness>,
    wake: Arc<Notify>,
}

impl Site {
    /// A site whose queue holds one update each of `ada`, with a picture, and of `bob` and `cy`, without; the
    /// smallest is `cy`'s.
    pub(crate) async fn new(plan: Plan) -> Self {
        let authority = Authority::new();
        let tls = authority.certify("localhost", ALL_YEARS, plan.clients, b"http/1.1");
        let server = Server::start(tls).await;
        let proxy = Proxy::new(server.address, server.arrived(), plan.line);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        std::fs::write(path.join("token"), "t0ken\n").unwrap();
        let settings = HttpSettings {
            base_url: format!("https://localhost:{}", proxy.port()),
            ca_file: Some(authority.write_to(path)),
            client_certificate: plan.certified.then(|| authority.client_certificate(path)),
            connect_timeout: plan.connect_timeout,
            read_timeout: plan.answer_timeout,
            request_timeout: plan.answer_timeout,
        };
        let token = Arc::new(TokenFile::new(Some(path.join("token"))));
        let guard = Arc::new(ClockGuard::reading(plan.clock, plan.floor));
        let api = HttpPersonsApi::new(&settings, token, Arc::clone(&guard)).unwrap();
        let witness =
            Arc::new(Witness { api, answers: Mutex::default(), count: watch::Sender::new(0) });
        let key = DeviceKey::load_or_create(&path.join("device.key")).unwrap();
        let options = QueueOptions { reserve_bytes: 0, ..QueueOptions::default() };
        let (queue, _) = Queue::open(&path.join("queue"), key, options, wall_now()).unwrap();
        let queue = Arc::new(queue);
        let mut settings = impatient();
        settings.schedule.refused_probe = plan.refused_probe;
        let outbox = Arc::new(QueueOutbox(Arc::clone(&queue)));
        let api = Arc::clone(&witness) as Arc<dyn PersonsApi>;
        let (courier, handle) = Courier::new(outbox, api, settings, plan.shrink);
        let courier = Some(courier);
        let wake = Arc::new(Notify::new());
        let site =
            Self { authority, server, proxy, queue, guard, handle, folder, courier, witness, wake };
        let photo = UpdateDraft {
            notes: Some("1".into()),
            images: Some(vec![picture(1, 150)]),
            ..UpdateDraft::default()
        };
        site.add(update("ada", photo));
        site.add(note("bob", "1, and some more words"));
        site.add(note("cy", "1"));
        site
    }

    pub(crate) fn add(&self, update: PersonUpdate) {
        self.queue.enqueue(update, wall_now()).unwrap();
        self.wake.notify_one();
    }

    /// Delivers what can be delivered now, as `kiosk-enroll flush` does.
    pub(crate) async fn flush(&mut self) -> FlushReport {
        self.courier.as_mut().unwrap().flush(LONG).await.unwrap()
    }

    /// Lets the courier go by itself, as the agent does.
    pub(crate) fn run(&mut self) -> JoinHandle<()> {
        let courier = self.courier.take().unwrap();
        tokio::spawn(courier.run(std::future::pending(), Arc::clone(&self.wake)))
    }

    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits until the client has had so many answers.
    pub(crate) async fn answers(&self, count: usize) {
        self.witness.count.subscribe().wait_for(|seen| *seen >= count).await.unwrap();
    }

    /// Waits until the courier has delivered so many updates.
    pub(crate) async fn delivered(&self, count: u64) {
        self.handle.status().wait_for(|status| status.delivered >= count).await.unwrap();
    }

    /// The persons of the answers so far, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.witness.answers.lock().unwrap().iter().map(|(person, _)| person.clone()).collect()
    }

    pub(crate) fn last_answer(&self) -> Answer {
        self.witness.answers.lock().unwrap().last().unwrap().1.clone()
    }

    pub(crate) fn item(&self, person: &str) -> Option<QueuedUpdate> {
        self.queue.list().into_iter().find(|head| head.person_id.as_str() == person)
    }

    pub(crate) fn attempts(&self) -> BTreeMap<String, u32> {
        let list = self.queue.list().into_iter();
        list.map(|head| (head.person_id.to_string(), head.attempts)).collect()
    }

    /// What is parked: person, and the words that the operator reads.
    pub(crate) fn parked(&self) -> Vec<(String, String)> {
        let list = self.queue.list().into_iter();
        list.filter(|head| head.state == UpdateState::Parked)
            .map(|head| (head.person_id.to_string(), head.reason.unwrap_or_default()))
            .collect()
    }

    /// Takes every fault away.
    pub(crate) fn heal(&mut self) {
        self.server.answer(|request, _| Reply::accept(request));
        self.proxy.set(Line::Whole);
    }

    /// Asserts that a flush met this hold, told by these words, and that nobody was charged, parked or lost.
    pub(crate) async fn is_held(&mut self, hold: Hold, words: &str) {
        let report = self.flush().await;
        let held = report.hold.expect("a hold");
        assert_eq!(held.hold, hold, "{}", held.reason);
        assert!(held.reason.contains(words), "{}", held.reason);
        assert_eq!((report.delivered.len(), report.parked.len(), report.left), (0, 0, 3));
        assert!(self.attempts().values().all(|count| *count == 0), "{:?}", self.attempts());
    }

    /// Takes every fault away and flushes until all is delivered; then looks whether all is as it should be.
    pub(crate) async fn heals(&mut self) {
        self.heal();
        // On a busy machine a short time-out may strike once more.
        for _ in 0..100 {
            if self.flush().await.left == 0 {
                break;
            }
        }
        assert_eq!(self.queue.list(), []);
        self.balances(&["ada", "bob", "cy"]);
    }

    /// Asserts that the server has the newest notes of each of these persons and one receipt exists for each
    /// update, and that it changed nobody more often than answers were unknown.
    pub(crate) fn balances(&self, persons: &[&str]) {
        let changes = self.server.changes();
        let answers = self.witness.answers.lock().unwrap();
        let receipts = self.queue.receipts();
        for person in persons {
            let of = |name: &String| name == person;
            let changed = changes.iter().filter(|(name, _)| of(name)).count();
            let unknown = answers.iter().filter(|(name, answer)| of(name) && is_unknown(answer));
            let got = receipts.iter().filter(|receipt| receipt.person_id.as_str() == *person);
            let (got, unknown) = (got.count(), unknown.count());
            assert!(got >= 1, "{person} has no receipt");
            assert!(
                (got..=got + unknown).contains(&changed),
                "{person}: {changed} {got} {unknown}"
            );
        }
        let mut ids: Vec<_> = receipts.iter().map(|receipt| receipt.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), receipts.len(), "an update has two receipts");
    }
}

/// Whether nobody can say if the server did it.
fn is_unknown(answer: &Answer) -> bool {
    match answer {
        Answer::Failed(fault) => matches!(fault, LinkFault::Reset | LinkFault::TimedOut),
        Answer::Response(response) => response.body == Body::CutOff,
        Answer::NoToken { .. } => false,
    }
}
