//! The booth: the one thread that looks at faces, one enrollment at a time.
//!
//! ```text
//! idle ──enroll──▶ capturing ──shots──▶ durable in the queue ──▶ idle
//!                      └─time-out, cancel, fault──▶ idle
//! ```
//!
//! Other threads talk to it through [`Booth`]; it tells what happens through events and keeps the last
//! enrollments. The person is thanked only once the update is durable.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use tokio::sync::broadcast;

use super::attention::{Attention, Seen};
use super::badge_watch::BadgeWatch;
use super::enrollments::{Commit, Enrollments};
use super::examiner::Examiner;
use super::eye::{CameraWatch, Eye};
use super::feed::Sight;
use super::keeper::Keeper;
use super::pulse::Pulse;
use super::visit::{End, Shot, Told, Visit};
use super::{Rig, intake};
use crate::camera::{Empty, Latest};
use crate::clock;
use crate::domain::{Frame, Guidance, PersonId};
use crate::enrollment;
use crate::failure::{Exit, Failure};
use crate::web::wire::{EnrollmentReport, EnrollmentState, Event, PersonRequest, UpdateReport};

/// How long the thread sleeps at most without a sign of life.
const REST: Duration = Duration::from_millis(250);
/// How long it waits for a frame before the session sees the time pass.
const FRAME_WAIT: Duration = Duration::from_millis(100);

enum Order {
    Enroll { id: String, request: Box<PersonRequest> },
    Cancel { id: String },
    Stop,
}

/// The other threads' end of the booth.
pub struct Booth {
    orders: Sender<Order>,
    enrollments: Arc<Enrollments>,
    keeper: Arc<dyn Keeper>,
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
        keeper: Arc<dyn Keeper>,
        events: broadcast::Sender<Event>,
        pulse: Pulse,
    ) -> Result<Self, Failure> {
        let (orders, inbox) = channel();
        let enrollments = Arc::new(Enrollments::default());
        let worker = Worker {
            rig,
            frames: eye.frames(),
            camera: eye.watch(),
            keeper: Arc::clone(&keeper),
            events,
            pulse,
            inbox,
            enrollments: Arc::clone(&enrollments),
            current: None,
            badges,
        };
        let thread = thread::Builder::new()
            .name("booth".into())
            .spawn(move || worker.run())
            .map_err(|error| Failure::caused(Exit::Internal, &error))?;
        Ok(Self { orders, enrollments, keeper, thread: Some(thread) })
    }

    /// Orders an enrollment.
    ///
    /// # Errors
    /// When a field is not valid, the queue is full, or another enrollment is under way.
    pub fn enroll(&self, request: PersonRequest) -> Result<EnrollmentReport, Failure> {
        let today = clock::utc_date(clock::wall_now());
        let person_id = intake::check_enrollment(&request, today)?;
        self.keeper.room_for(&person_id)?;
        let report = self.enrollments.open(&request.person_id)?;
        let order = Order::Enroll { id: report.id.clone(), request: Box::new(request) };
        if self.orders.send(order).is_err() {
            self.enrollments.close(gone());
            return Err(gone());
        }
        Ok(report)
    }

    /// Tells where an enrollment stands.
    ///
    /// # Errors
    /// When there is none with this id.
    pub fn report(&self, id: &str) -> Result<EnrollmentReport, Failure> {
        self.enrollments.find(id)
    }

    /// The enrollment under way.
    pub fn current(&self) -> Option<EnrollmentReport> {
        self.enrollments.current()
    }

    /// Ends an enrollment without an update; one that has ended stays as it is.
    ///
    /// # Errors
    /// When there is none with this id, and when its shots are being queued.
    pub fn cancel(&self, id: &str) -> Result<EnrollmentReport, Failure> {
        let report = self.enrollments.call_off(id)?;
        // Where the thread has gone, nothing is left to be stopped.
        let _ = self.orders.send(Order::Cancel { id: id.to_owned() });
        Ok(report)
    }

    /// Cancels the enrollment under way, before the camera is closed: the end of the frames must not decide it.
    pub fn dismiss(&self) {
        if let Some(Err(failure)) = self.current().map(|report| self.cancel(&report.id)) {
            tracing::info!(%failure, "an enrollment ends with the agent");
        }
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

struct Current {
    id: String,
    request: PersonRequest,
    visit: Visit,
    sight: Sight,
    attention: Attention,
}

struct Worker {
    rig: Rig,
    frames: Arc<Latest<Frame>>,
    keeper: Arc<dyn Keeper>,
    events: broadcast::Sender<Event>,
    camera: CameraWatch,
    pulse: Pulse,
    inbox: Receiver<Order>,
    enrollments: Arc<Enrollments>,
    current: Option<Current>,
    badges: Option<BadgeWatch>,
}

/// However the thread ends, nobody waits for it in vain.
impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(report) = self.enrollments.current() {
            self.guide(&report.id, Guidance::NotSaved, None);
        }
        if let Some(report) = self.enrollments.close(gone()) {
            self.tell(Event::Enrollment(report));
        }
    }
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
        if let Some(before) = self.current.take() {
            // It was called off, else this one could not have been opened.
            self.close(&before.id, EnrollmentState::Cancelled, None, None);
        }
        let now = clock::monotonic_now();
        examiner.forget();
        // What lies in the slot is from before the request.
        let _ = self.frames.take(Duration::ZERO);
        match PersonId::parse(&request.person_id) {
            Ok(person_id) => {
                let limit = request.timeout_s.map(Duration::from_secs);
                let (session, style) = (self.rig.session(limit), self.rig.style());
                let visit = Visit::start(person_id, session, style, self.rig.steps(), now);
                tracing::info!(enrollment = id, "an enrollment begins");
                if let Ok(report) = self.enrollments.find(&id) {
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
        match self.enrollments.open(asked.person_id.as_str()) {
            Ok(report) => match self.keeper.room_for(&asked.person_id) {
                Ok(()) => {
                    let person_id = asked.person_id.to_string();
                    let request = PersonRequest { person_id, ..PersonRequest::default() };
                    self.begin(report.id, request, examiner);
                }
                Err(failure) => self.fail_to_keep(&report.id, failure),
            },
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
        let step = catch_unwind(AssertUnwindSafe(|| self.step(&mut current, examiner)));
        let told = step.unwrap_or_else(|_| {
            examiner.forget();
            Err(Failure::new(Exit::Internal, "the program failed while it looked at a frame")
                .hint("try again; the log tells more"))
        });
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
        if matches!(frame, Err(Empty::Closed)) {
            return current.visit.tell(enrollment::Event::NoMoreFrames, now);
        }
        let camera = self.camera.status();
        let mut told = match (camera.state.as_str(), current.sight) {
            ("streaming" | "ended", Sight::Lost) if frame.is_ok() => {
                current.sight = Sight::Given;
                current.visit.tell(enrollment::Event::CameraBack, now)?
            }
            ("streaming" | "opening" | "ended", Sight::Given) | (_, Sight::Lost) => Vec::new(),
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
                    self.guide(&current.id, guidance, centimetres);
                }
                Told::Over(end) => over = Some(end),
            }
        }
        let counts = current.visit.rejected();
        self.enrollments.change(&current.id, |report| {
            report.considered = current.visit.considered();
            report.restarts = current.visit.restarts();
            report.rejected =
                counts.iter().map(|(reason, count)| (reason.code().to_owned(), *count)).collect();
        });
        over
    }

    /// Shows an instruction.
    fn guide(&self, id: &str, guidance: Guidance, centimetres: Option<u32>) {
        let text = self.rig.text(guidance, centimetres).into_owned();
        let code = guidance.code().to_owned();
        self.enrollments.change(id, |report| {
            report.guidance = Some(code.clone());
            report.text = Some(text.clone());
        });
        self.tell(Event::Guidance { enrollment: id.to_owned(), code, text });
    }

    fn end(&mut self, current: Current, end: End) {
        match end {
            End::Cancelled => self.close(&current.id, EnrollmentState::Cancelled, None, None),
            End::Failed(failure) => {
                let told = current.visit.guidance();
                if !matches!(told, Some(Guidance::TimedOut | Guidance::NoCamera)) {
                    self.guide(&current.id, Guidance::NotSaved, None);
                }
                self.close(&current.id, EnrollmentState::Failed, None, Some(failure));
            }
            End::Chosen { shots, relaxed } => self.keep(current, shots, relaxed),
        }
    }

    /// Queues what was chosen; the person hears how that went.
    fn keep(&mut self, current: Current, shots: Vec<Shot>, relaxed: usize) {
        let id = current.id;
        if self.enrollments.commit(&id) == Commit::CalledOff {
            return self.close(&id, EnrollmentState::Cancelled, None, None);
        }
        let record = self.rig.record(relaxed);
        let (portraits, chosen) =
            shots.into_iter().map(|shot| (shot.portrait, shot.report)).unzip();
        self.enrollments.change(&id, |report| {
            report.chosen = chosen;
            report.capture = Some(record.into());
        });
        let today = clock::utc_date(clock::wall_now());
        let kept = intake::enrolled(current.request, portraits, record, today)
            .and_then(|update| self.keeper.keep(update));
        match kept {
            Ok(update) => {
                self.guide(&id, Guidance::Done, None);
                self.close(&id, EnrollmentState::Queued, Some(update), None);
            }
            Err(failure) => {
                tracing::error!(enrollment = id, %failure, "the shots could not be kept");
                self.fail_to_keep(&id, failure);
            }
        }
    }

    fn fail_to_keep(&mut self, id: &str, failure: Failure) {
        self.guide(id, Guidance::NotSaved, None);
        self.close(id, EnrollmentState::Failed, None, Some(failure));
    }

    fn close(
        &mut self,
        id: &str,
        state: EnrollmentState,
        update: Option<UpdateReport>,
        failure: Option<Failure>,
    ) {
        if let Some(badges) = &mut self.badges {
            badges.session_ended();
        }
        if let Some(report) = self.enrollments.end(id, state, update, failure) {
            tracing::info!(enrollment = id, state = ?report.state, "an enrollment ends");
            self.tell(Event::Enrollment(report));
        }
    }

    /// Nobody may be listening; that is fine.
    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }
}
