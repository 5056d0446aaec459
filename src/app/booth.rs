//! The booth: the one thread that looks at faces, one enrollment at a time.
//!
//! ```text
//! idle ──enroll──▶ capturing ──shots──▶ durable in the queue ──▶ idle
//!                      └─time-out, cancel, fault──▶ idle
//! ```
//!
//! Other threads talk to it through [`Booth`]; it tells what happens through events and keeps the last
//! enrollments' reports.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::broadcast;

use super::attention::{Attention, Seen};
use super::badge_watch::BadgeWatch;
use super::examiner::Examiner;
use super::eye::{CameraWatch, Eye};
use super::pulse::Pulse;
use super::visit::{End, Told, Visit};
use super::{Rig, intake};
use crate::camera::{Empty, Latest};
use crate::clock;
use crate::domain::Frame;
use crate::enrollment;
use crate::failure::{Exit, Failure};
use crate::web::wire::{EnrollmentReport, EnrollmentState, Event, PersonRequest, UpdateReport};

/// How many enrollments' reports are kept.
const KEPT_REPORTS: usize = 64;
/// How long the thread sleeps at most without a sign of life.
const REST: Duration = Duration::from_millis(250);
/// How long it waits for a frame before the session sees the time pass.
const FRAME_WAIT: Duration = Duration::from_millis(100);

/// Makes an update durable; called on the booth's thread.
pub type Keeper = Box<dyn Fn(crate::domain::PersonUpdate) -> Result<UpdateReport, Failure> + Send>;

enum Order {
    Enroll { id: String, request: Box<PersonRequest> },
    Cancel { id: String },
    Stop,
}

/// The other threads' end of the booth.
pub struct Booth {
    orders: Sender<Order>,
    reports: Arc<Reports>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for Booth {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Booth {
    /// Starts the thread. The nets are loaded on it, so that the agent is ready without waiting for them.
    pub fn start(
        rig: Rig,
        badges: Option<BadgeWatch>,
        eye: &Eye,
        keeper: Keeper,
        events: broadcast::Sender<Event>,
        pulse: Pulse,
    ) -> Result<Self, Failure> {
        let (orders, inbox) = channel();
        let reports = Arc::new(Reports::default());
        let worker = Worker {
            rig,
            frames: eye.frames(),
            camera: eye.watch(),
            keeper,
            events,
            pulse,
            inbox,
            reports: Arc::clone(&reports),
            current: None,
            badges,
        };
        let thread = thread::Builder::new()
            .name("booth".into())
            .spawn(move || worker.run())
            .map_err(|error| Failure::caused(Exit::Internal, &error))?;
        Ok(Self { orders, reports, thread: Some(thread) })
    }

    /// Orders an enrollment.
    ///
    /// # Errors
    /// When a field is not valid, or another enrollment is under way.
    pub fn enroll(&self, request: PersonRequest) -> Result<EnrollmentReport, Failure> {
        intake::check_enrollment(&request, clock::utc_date(clock::wall_now()))?;
        let report = self.reports.open(&request.person_id)?;
        let order = Order::Enroll { id: report.id.clone(), request: Box::new(request) };
        self.orders.send(order).map_err(|_| gone())?;
        Ok(report)
    }

    /// Tells where an enrollment stands.
    ///
    /// # Errors
    /// When there is none with this id.
    pub fn report(&self, id: &str) -> Result<EnrollmentReport, Failure> {
        self.reports.find(id)
    }

    /// The enrollment under way.
    pub fn current(&self) -> Option<EnrollmentReport> {
        self.reports.current()
    }

    /// Orders an enrollment to end.
    ///
    /// # Errors
    /// When there is none with this id.
    pub fn cancel(&self, id: &str) -> Result<EnrollmentReport, Failure> {
        let report = self.reports.find(id)?;
        self.orders.send(Order::Cancel { id: id.to_owned() }).map_err(|_| gone())?;
        Ok(report)
    }

    /// Ends the thread; an enrollment under way is cancelled.
    fn stop(&mut self) {
        let _ = self.orders.send(Order::Stop);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the booth's thread had panicked");
        }
    }
}

fn seen(told: &[Told]) -> Seen {
    let face = |told: &Told| matches!(told, Told::Judged(frame) if frame.bounds.is_some());
    if told.iter().any(face) { Seen::Somebody } else { Seen::Nobody }
}

fn gone() -> Failure {
    Failure::new(Exit::Internal, "the thread that looks at faces has ended")
        .hint("`systemctl restart kiosk-enroll`; the log tells why")
}

#[derive(Default)]
struct Reports {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    last: u64,
    reports: VecDeque<EnrollmentReport>,
}

impl Reports {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, person_id: &str) -> Result<EnrollmentReport, Failure> {
        let mut kept = self.lock();
        if let Some(busy) = kept.reports.iter().find(|r| r.state == EnrollmentState::Capturing) {
            let error = format!("enrollment {} is under way", busy.id);
            return Err(Failure::new(Exit::TryLater, error).hint("wait for its end, or cancel it"));
        }
        kept.last += 1;
        let report = EnrollmentReport {
            id: format!("e{}", kept.last),
            person_id: person_id.to_owned(),
            state: EnrollmentState::Capturing,
            guidance: None,
            considered: 0,
            rejected: std::collections::BTreeMap::new(),
            restarts: std::collections::BTreeMap::new(),
            capture: None,
            chosen: Vec::new(),
            update: None,
            failure: None,
        };
        kept.reports.push_back(report.clone());
        if kept.reports.len() > KEPT_REPORTS {
            kept.reports.pop_front();
        }
        Ok(report)
    }

    fn find(&self, id: &str) -> Result<EnrollmentReport, Failure> {
        self.lock().reports.iter().find(|report| report.id == id).cloned().ok_or_else(|| {
            let short: String = id.chars().take(40).collect();
            Failure::new(Exit::NoInput, format!("no enrollment \"{}\"", short.escape_debug()))
        })
    }

    fn current(&self) -> Option<EnrollmentReport> {
        self.lock().reports.iter().find(|r| r.state == EnrollmentState::Capturing).cloned()
    }

    fn change(
        &self,
        id: &str,
        change: impl FnOnce(&mut EnrollmentReport),
    ) -> Option<EnrollmentReport> {
        let mut kept = self.lock();
        let report = kept.reports.iter_mut().find(|report| report.id == id)?;
        change(report);
        Some(report.clone())
    }
}

struct Current {
    id: String,
    request: PersonRequest,
    visit: Visit,
    sight: Sight,
    attention: Attention,
}

/// Whether the session knows that the camera is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    Given,
    Lost,
}

struct Worker {
    rig: Rig,
    frames: Arc<Latest<Frame>>,
    keeper: Keeper,
    events: broadcast::Sender<Event>,
    camera: CameraWatch,
    pulse: Pulse,
    inbox: Receiver<Order>,
    reports: Arc<Reports>,
    current: Option<Current>,
    badges: Option<BadgeWatch>,
}

impl Worker {
    fn run(mut self) {
        let mut examiner = match self.rig.examiner() {
            Ok(examiner) => examiner,
            Err(failure) => {
                tracing::error!(%failure, "the nets cannot be loaded: nobody can be enrolled");
                return;
            }
        };
        loop {
            self.pulse.beat();
            self.camera.analysis().note_life();
            let order = if self.current.is_some() {
                self.inbox.try_recv().map_err(|error| error == TryRecvError::Disconnected)
            } else {
                self.inbox
                    .recv_timeout(REST)
                    .map_err(|error| error == RecvTimeoutError::Disconnected)
            };
            match order {
                Ok(Order::Stop) | Err(true) => break,
                Ok(Order::Enroll { id, request }) => self.begin(id, *request, &mut examiner),
                Ok(Order::Cancel { id }) => self.cancel(&id),
                Err(false) => {}
            }
            if self.current.is_some() {
                self.look(&mut examiner);
            } else {
                self.look_for_a_badge(&mut examiner);
            }
        }
        if let Some(current) = self.current.take() {
            self.close(&current.id, EnrollmentState::Cancelled, None, None);
        }
    }

    fn begin(&mut self, id: String, request: PersonRequest, examiner: &mut Examiner) {
        let now = clock::monotonic_now();
        examiner.forget();
        // What lies in the slot is from before the request.
        let _ = self.frames.take(Duration::ZERO);
        match crate::domain::PersonId::parse(&request.person_id) {
            Ok(person_id) => {
                let limit = request.timeout_s.map(Duration::from_secs);
                let (session, style) = (self.rig.session(limit), self.rig.style());
                let visit = Visit::start(person_id, session, style, self.rig.steps(), now);
                tracing::info!(enrollment = id, "an enrollment begins");
                if let Some(report) = self.reports.change(&id, |_| {}) {
                    self.tell(Event::Enrollment(report));
                }
                self.current = Some(Current {
                    id,
                    request,
                    visit,
                    sight: Sight::Given,
                    attention: Attention::begin(now),
                });
            }
            Err(error) => self.close(&id, EnrollmentState::Failed, None, Some(error.into())),
        }
    }

    /// Begins what a badge asks for, as if it had been ordered.
    fn look_for_a_badge(&mut self, examiner: &mut Examiner) {
        let Some(badges) = &mut self.badges else { return };
        let Some(asked) = badges.look(&self.frames, self.camera.analysis()) else { return };
        match self.reports.open(asked.person_id.as_str()) {
            Ok(report) => {
                let person_id = asked.person_id.to_string();
                let request = PersonRequest { person_id, ..PersonRequest::default() };
                self.begin(report.id, request, examiner);
            }
            Err(failure) => {
                tracing::info!(%failure, "a badge came at the wrong time");
                badges.session_ended();
            }
        }
    }

    fn cancel(&mut self, id: &str) {
        if self.current.as_ref().is_some_and(|current| current.id == id) {
            self.current = None;
            self.close(id, EnrollmentState::Cancelled, None, None);
        }
    }

    fn look(&mut self, examiner: &mut Examiner) {
        let Some(mut current) = self.current.take() else { return };
        let told = self.step(&mut current, examiner);
        match told {
            Ok(told) => {
                if let Some(end) = self.pass_on(&current, told) {
                    self.end(current, end);
                } else {
                    self.current = Some(current);
                }
            }
            Err(failure) => {
                tracing::warn!(%failure, "a frame could not be examined");
                self.end(current, End::Failed(failure));
            }
        }
    }

    fn step(&self, current: &mut Current, examiner: &mut Examiner) -> Result<Vec<Told>, Failure> {
        let frame = self.next_frame(current.attention);
        let now = clock::monotonic_now();
        let camera = self.camera.status();
        let mut told = match (camera.state.as_str(), current.sight) {
            ("streaming" | "opening", Sight::Given) | (_, Sight::Lost) if frame.is_err() => {
                Vec::new()
            }
            ("streaming", Sight::Lost) => {
                current.sight = Sight::Given;
                current.visit.tell(enrollment::Event::CameraBack, now)?
            }
            ("streaming" | "opening", Sight::Given) | (_, Sight::Lost) => Vec::new(),
            (_, Sight::Given) => {
                current.sight = Sight::Lost;
                let reason = camera.reason.unwrap_or(camera.state);
                current.visit.tell(enrollment::Event::CameraLost { reason }, now)?
            }
        };
        told.extend(match frame {
            Ok(frame) if current.sight == Sight::Given => {
                let told = current.visit.take(&frame, examiner, now)?;
                self.camera.analysis().note_frame();
                current.attention.looked(seen(&told), now, clock::monotonic_now());
                told
            }
            _ => current.visit.tell(enrollment::Event::Tick, now)?,
        });
        Ok(told)
    }

    /// The newest frame, unless none is wanted yet.
    fn next_frame(&self, attention: Attention) -> Result<Frame, Empty> {
        let rest = attention.rest(clock::monotonic_now());
        thread::sleep(rest.min(FRAME_WAIT));
        if rest > FRAME_WAIT { Err(Empty::TimedOut) } else { self.frames.take(FRAME_WAIT) }
    }

    fn pass_on(&self, current: &Current, told: Vec<Told>) -> Option<End> {
        let mut over = None;
        for told in told {
            match told {
                Told::Judged(frame) => {
                    self.tell(Event::Frame { enrollment: current.id.clone(), frame });
                }
                Told::Guidance { guidance, centimetres } => {
                    let text = self.rig.text(guidance, centimetres).into_owned();
                    let code = guidance.code().to_owned();
                    self.tell(Event::Guidance { enrollment: current.id.clone(), code, text });
                }
                Told::Over(end) => over = Some(end),
            }
        }
        let counts = current.visit.rejected();
        self.reports.change(&current.id, |report| {
            report.guidance = current.visit.guidance().map(|guidance| guidance.code().to_owned());
            report.considered = current.visit.considered();
            report.restarts = current.visit.restarts();
            report.rejected =
                counts.iter().map(|(reason, count)| (reason.code().to_owned(), *count)).collect();
        });
        over
    }

    fn end(&mut self, current: Current, end: End) {
        let id = current.id;
        match end {
            End::Cancelled => self.close(&id, EnrollmentState::Cancelled, None, None),
            End::Failed(failure) => self.close(&id, EnrollmentState::Failed, None, Some(failure)),
            End::Chosen { shots, relaxed } => {
                let record = self.rig.record(relaxed);
                let (portraits, chosen) =
                    shots.into_iter().map(|shot| (shot.portrait, shot.report)).unzip();
                self.reports.change(&id, |report| {
                    report.chosen = chosen;
                    report.capture = Some(record.into());
                });
                let today = clock::utc_date(clock::wall_now());
                let kept = intake::enrolled(current.request, portraits, record, today)
                    .and_then(|update| (self.keeper)(update));
                match kept {
                    Ok(update) => self.close(&id, EnrollmentState::Queued, Some(update), None),
                    Err(failure) => {
                        tracing::error!(enrollment = id, %failure, "the shots could not be kept");
                        self.close(&id, EnrollmentState::Failed, None, Some(failure));
                    }
                }
            }
        }
    }

    fn close(
        &mut self,
        id: &str,
        state: EnrollmentState,
        update: Option<UpdateReport>,
        failure: Option<Failure>,
    ) {
        tracing::info!(enrollment = id, ?state, "an enrollment ends");
        if let Some(badges) = &mut self.badges {
            badges.session_ended();
        }
        let report = self.reports.change(id, |report| {
            report.state = state;
            report.update = update;
            report.failure = failure;
        });
        if let Some(report) = report {
            self.tell(Event::Enrollment(report));
        }
    }

    /// Nobody may be listening; that is fine.
    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }
}
