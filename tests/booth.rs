//! Does the person hear from the booth what really became of the shots?
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use kiosk_enroll::app::Rig;
use kiosk_enroll::app::booth::Booth;
use kiosk_enroll::app::eye::Eye;
use kiosk_enroll::app::keeper::Keeper;
use kiosk_enroll::app::pulse::Pulse;
use kiosk_enroll::config::{Config, Layers, Sources};
use kiosk_enroll::domain::{PersonId, PersonUpdate};
use kiosk_enroll::failure::{Exit, Failure};
use kiosk_enroll::web::wire::{
    EnrollmentReport, EnrollmentState, Event, PersonRequest, UpdateReport,
};
use tokio::sync::broadcast::{Receiver, Sender, channel, error::TryRecvError};

const LONG: Duration = Duration::from_secs(120);

fn full() -> Failure {
    Failure::new(Exit::CannotCreate, "the queue is full")
}

/// A disk that fills up while the person stands there.
struct FillsUp;

impl Keeper for FillsUp {
    fn room_for(&self, person_id: &PersonId) -> Result<(), Failure> {
        if person_id.as_str() == "too_late" { Err(full()) } else { Ok(()) }
    }

    fn keep(&self, _: PersonUpdate) -> Result<UpdateReport, Failure> {
        Err(full())
    }
}

fn request(person_id: &str) -> PersonRequest {
    PersonRequest { person_id: person_id.into(), ..PersonRequest::default() }
}

/// The codes that were shown until the enrollment's end, and the end.
fn end(events: &mut Receiver<Event>, id: &str) -> (Vec<String>, EnrollmentReport) {
    let (began, mut shown) = (Instant::now(), Vec::new());
    loop {
        assert!(began.elapsed() < LONG, "{shown:?}");
        match events.try_recv() {
            Ok(Event::Guidance { enrollment, code, .. }) if enrollment == id => shown.push(code),
            Ok(Event::Enrollment(report))
                if report.id == id && report.state != EnrollmentState::Capturing =>
            {
                return (shown, report);
            }
            Err(TryRecvError::Empty) => std::thread::sleep(Duration::from_millis(10)),
            _ => {}
        }
    }
}

#[test]
fn nobody_is_thanked_for_what_is_not_kept_and_the_end_of_the_frames_is_no_lost_camera() {
    let settings = vec!["camera.source=frames:assets/walkup?fps=10&once".to_owned()];
    let layers = Layers::gather(&Sources { settings, ..Sources::default() }).unwrap();
    let config = Config::resolve(&layers).unwrap();
    let (events, mut heard): (Sender<Event>, _) = channel(4_096);
    let eye = Eye::open(&config, events.clone()).unwrap();
    let rig = Rig::new(&config).unwrap();
    let booth =
        Booth::start(rig, None, &eye, Arc::new(FillsUp), events, Pulse::new("booth")).unwrap();

    assert_eq!(
        booth.enroll(request("too_late")).unwrap_err(),
        full(),
        "before anybody stands there"
    );
    let first = booth.enroll(request("p")).unwrap();
    let (shown, report) = end(&mut heard, &first.id);
    assert_eq!((report.state, report.failure), (EnrollmentState::Failed, Some(full())));
    assert_eq!(shown.last().map(String::as_str), Some("not_saved"), "{shown:?}");
    assert!(!shown.iter().any(|code| code == "done"), "{shown:?}");
    assert_eq!(report.guidance.as_deref(), Some("not_saved"));
    assert!(report.text.is_some_and(|text| text.len() > 10));

    let began = Instant::now();
    while eye.watch().status().state != "ended" {
        assert!(began.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(50));
    }
    let second = booth.enroll(request("q")).unwrap();
    let (shown, report) = end(&mut heard, &second.id);
    assert_eq!(shown, ["timed_out"]);
    let failure = report.failure.unwrap();
    assert!(
        failure.exit == Exit::TryLater && failure.error.contains("no frames came"),
        "{failure}"
    );
    booth.dismiss();
}
