//! The courier through real sockets to the stand-in, with each of its faults.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod delivery_outbox;

use std::sync::Arc;
use std::time::Duration;

use delivery_outbox::{MemoryOutbox, courier, note, picture, update};
use kiosk_enroll::delivery::{
    ClockGuard, Courier, CourierHandle, DeliveryState, FlushReport, HttpPersonsApi, HttpSettings,
    TokenFile,
};
use kiosk_enroll::domain::{Confirmation, Hold, Settlement, UpdateDraft, UpdateState};
use kiosk_enroll::stand_in::{FaultKind, StandIn, StandInHandle, StandInOptions};
use tempfile::TempDir;
use tokio::sync::Notify;

const SOON: Duration = Duration::from_secs(30);

struct Site {
    stand_in: StandInHandle,
    outbox: Arc<MemoryOutbox>,
    folder: TempDir,
}

impl Site {
    async fn new(fault: FaultKind) -> Self {
        let stand_in = StandIn::start(StandInOptions {
            fault,
            token: Some("t0ken".into()),
            slowness: Duration::from_millis(50),
            retry_after: Duration::from_secs(1),
            ..StandInOptions::default()
        });
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "t0ken\n").unwrap();
        let outbox = MemoryOutbox::holding([note("a", "1"), note("b", "1")]);
        Self { stand_in: stand_in.await.unwrap(), outbox, folder }
    }

    fn courier(&self) -> (Courier, CourierHandle) {
        let settings =
            HttpSettings { base_url: self.stand_in.base_url(), ..HttpSettings::default() };
        let token = Arc::new(TokenFile::new(Some(self.folder.path().join("token"))));
        let clock = Arc::new(ClockGuard::new(None));
        let api = HttpPersonsApi::new(&settings, token, clock).unwrap();
        courier(&self.outbox, Arc::new(api), None)
    }

    async fn flush(&self) -> FlushReport {
        self.courier().0.flush(SOON).await.unwrap()
    }

    /// That nothing was lost or charged, and that all goes through once the fault is gone.
    async fn held_back_and_then_delivered(&self, report: &FlushReport, hold: Hold) {
        assert_eq!(report.hold.as_ref().map(|held| held.hold), Some(hold));
        assert_eq!((report.delivered.len(), report.left), (0, 2));
        let released = |(_, what): &(_, Settlement)| *what == Settlement::Release;
        assert!(self.outbox.settlements().iter().all(released));
        self.stand_in.set_fault(FaultKind::None);
        assert_eq!(self.flush().await.delivered.len(), 2);
        assert_eq!(self.outbox.delivered(), [1, 2]);
    }
}

#[tokio::test]
async fn a_whole_person_arrives_confirmed_with_its_pictures() {
    let site = Site::new(FaultKind::None).await;
    let pictures = vec![picture(1, 200), picture(2, 200)];
    site.outbox.add(update(
        "c",
        UpdateDraft {
            name: Some("José 2".into()),
            gender: Some("F".into()),
            date_of_birth: Some("1990-01-15".into()),
            nationality: Some("CO".into()),
            collections: Some(vec!["x".into()]),
            notes: Some("VIP".into()),
            images: Some(pictures.clone()),
        },
    ));
    let report = site.flush().await;
    assert_eq!(report.delivered.len(), 3);
    assert_eq!(report.delivered[2].confirmation, Confirmation::Confirmed);
    for (number, picture) in pictures.iter().enumerate() {
        assert_eq!(site.stand_in.image("c", number).unwrap(), picture.bytes());
    }
    let seen = &site.stand_in.requests()[2];
    assert_eq!((seen.images, seen.status, seen.fields.len()), (2, 200, 7));
}

#[tokio::test]
async fn no_fault_of_line_or_token_loses_or_charges_anything() {
    for (fault, hold) in [
        (FaultKind::Down, Hold::Offline),
        (FaultKind::Portal, Hold::Offline),
        (FaultKind::Cut, Hold::Offline),
        (FaultKind::Expired, Hold::Credential),
        (FaultKind::Unauthorized, Hold::Credential),
    ] {
        let site = Site::new(fault).await;
        let report = site.flush().await;
        site.held_back_and_then_delivered(&report, hold).await;
    }
}

#[tokio::test]
async fn a_slow_server_is_waited_for() {
    let site = Site::new(FaultKind::Slow).await;
    assert_eq!(site.flush().await.delivered.len(), 2);
}

#[tokio::test]
async fn a_failing_or_busy_server_is_asked_again_until_it_works() {
    for fault in [FaultKind::Error, FaultKind::RateLimited] {
        let site = Site::new(fault).await;
        let (mut courier, _handle) = site.courier();
        let flushing = tokio::spawn(async move { courier.flush(SOON).await.unwrap() });
        while site.outbox.settlements().is_empty() {
            tokio::task::yield_now().await;
        }
        assert!(matches!(site.outbox.settlements()[0].1, Settlement::Retry { .. }));
        site.stand_in.set_fault(FaultKind::None);
        let report = flushing.await.unwrap();
        assert_eq!((report.delivered.len(), report.left), (2, 0), "{fault}");
    }
}

#[tokio::test]
async fn what_the_server_refuses_for_good_is_parked_with_its_reason() {
    for (fault, words) in
        [(FaultKind::NotFound, "404 PERSON_NOT_FOUND"), (FaultKind::TooLarge, "413")]
    {
        let site = Site::new(fault).await;
        let report = site.flush().await;
        assert_eq!((report.parked.len(), report.left), (2, 0));
        for head in site.outbox.heads() {
            assert_eq!(head.state, UpdateState::Parked);
            assert!(head.reason.unwrap().starts_with(words));
        }
    }
}

#[tokio::test]
async fn a_success_that_changed_nothing_is_delivered_but_not_confirmed() {
    let site = Site::new(FaultKind::Unconfirmed).await;
    for receipt in site.flush().await.delivered {
        let Confirmation::Unconfirmed(why) = receipt.confirmation else { panic!("{receipt:?}") };
        assert_eq!(why, "notes differs from what was sent");
    }
}

#[tokio::test]
async fn a_cut_answer_makes_a_second_put_and_one_receipt() {
    let site = Site::new(FaultKind::Cut).await;
    let report = site.flush().await;
    site.held_back_and_then_delivered(&report, Hold::Offline).await;
    assert!(site.stand_in.requests().len() > 2, "the server saw a PUT more than once");
    assert_eq!(site.stand_in.person("a").unwrap()["notes"], "1");
}

#[tokio::test]
async fn the_agent_goes_on_by_itself_when_the_tokens_file_is_replaced() {
    let site = Site::new(FaultKind::None).await;
    std::fs::write(site.folder.path().join("token"), "old").unwrap();
    let (courier, handle) = site.courier();
    let running = tokio::spawn(courier.run(std::future::pending(), Arc::new(Notify::new())));
    let held = |state: &DeliveryState| matches!(state, DeliveryState::Hold(_));
    handle.status().wait_for(|status| held(&status.state)).await.unwrap();
    let fresh = site.folder.path().join("token.new");
    std::fs::write(&fresh, "t0ken").unwrap();
    std::fs::rename(fresh, site.folder.path().join("token")).unwrap();
    handle.status().wait_for(|status| status.delivered == 2).await.unwrap();
    let statuses: Vec<_> = site.stand_in.requests().iter().map(|seen| seen.status).collect();
    assert_eq!(statuses, [401, 200, 200]);
    running.abort();
}

#[tokio::test]
async fn a_long_backlog_arrives_once_and_in_order() {
    let site = Site::new(FaultKind::Down).await;
    for round in 2..20 {
        site.outbox.add(note("a", &round.to_string()));
        site.outbox.add(note("b", &round.to_string()));
    }
    let (courier, handle) = site.courier();
    let running = tokio::spawn(courier.run(std::future::pending(), Arc::new(Notify::new())));
    let held = |state: &DeliveryState| matches!(state, DeliveryState::Hold(_));
    handle.status().wait_for(|status| held(&status.state)).await.unwrap();
    site.stand_in.set_fault(FaultKind::None);
    handle.status().wait_for(|status| status.delivered == 38).await.unwrap();
    for (person, parity) in [("a", 1), ("b", 0)] {
        let delivered = site.outbox.delivered();
        let lane: Vec<_> = delivered.into_iter().filter(|id| id % 2 == parity).collect();
        assert!(lane.len() == 19 && lane.is_sorted(), "{lane:?}");
        assert_eq!(site.stand_in.person(person).unwrap()["notes"], "19");
    }
    assert_eq!(site.stand_in.requests().len(), 38);
    running.abort();
}

/// Collects what is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_line_shows_a_person_a_field_or_the_token() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let site = Site::new(FaultKind::None).await;
    let secret = UpdateDraft { name: Some("Ada Lovelace".into()), ..Default::default() };
    site.outbox.add(update("person_ada", secret));
    for fault in FaultKind::ALL.into_iter().filter(|fault| *fault != FaultKind::Down) {
        site.stand_in.set_fault(fault);
        site.courier().0.flush(Duration::from_millis(200)).await.unwrap();
        site.outbox.add(note("person_ada", "confidential"));
    }
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("update delivered"), "{logged}");
    for secret in ["Lovelace", "person_ada", "confidential", "t0ken"] {
        assert!(!logged.contains(secret), "{secret} in {logged}");
    }
}
