//! The courier between an outbox in memory and a scripted persons API.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod delivery_outbox;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use delivery_outbox::{MemoryOutbox, courier, note};
use futures_util::future::BoxFuture;
use kiosk_enroll::delivery::{
    Answer, AnsweredPerson, Body, ClockTrust, DeliveryEvent, DeliveryState, Flow, FlushFailure,
    LinkFault, MOST_UNSETTLED, PersonsApi, Response, Shrink, TokenMark,
};
use kiosk_enroll::domain::{Confirmation, Hold, PersonUpdate, Settlement, UpdateState};
use tokio::sync::{Notify, oneshot};

const SOON: Duration = Duration::from_secs(20);

type Script = Box<dyn Fn(&PersonUpdate, usize) -> Answer + Send + Sync>;

/// Answers by a script, which is given the update and the number of PUTs before.
struct Scripted {
    script: Script,
    sent: Mutex<Vec<(String, String)>>,
    token: AtomicU64,
    gate: Option<Arc<Notify>>,
    arrived: Notify,
}

impl Scripted {
    fn new(script: impl Fn(&PersonUpdate, usize) -> Answer + Send + Sync + 'static) -> Arc<Self> {
        Self::gated(script, None)
    }

    fn gated(
        script: impl Fn(&PersonUpdate, usize) -> Answer + Send + Sync + 'static,
        gate: Option<Arc<Notify>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            script: Box::new(script),
            sent: Mutex::new(Vec::new()),
            token: AtomicU64::new(1),
            gate,
            arrived: Notify::new(),
        })
    }

    fn sent(&self) -> Vec<(String, String)> {
        self.sent.lock().unwrap().clone()
    }
}

impl PersonsApi for Scripted {
    fn put(&self, update: Arc<PersonUpdate>) -> BoxFuture<'_, Answer> {
        Box::pin(async move {
            self.arrived.notify_one();
            if let Some(gate) = &self.gate {
                gate.notified().await;
            }
            let before = {
                let mut sent = self.sent.lock().unwrap();
                let notes = update.notes().unwrap_or_default().to_owned();
                sent.push((update.person_id().to_string(), notes));
                sent.len() - 1
            };
            (self.script)(&update, before)
        })
    }

    fn token_mark(&self) -> TokenMark {
        TokenMark(self.token.load(Ordering::Relaxed))
    }

    fn clock_trust(&self) -> ClockTrust {
        ClockTrust::Plausible
    }
}

fn accept(update: &PersonUpdate) -> Answer {
    respond(
        200,
        Body::Person(Box::new(AnsweredPerson {
            id: Some(update.person_id().to_string()),
            notes: update.notes().map(str::to_owned),
            ..Default::default()
        })),
    )
}

fn respond(status: u16, body: Body) -> Answer {
    Answer::Response(Response { status, retry_after: None, date: None, body })
}

fn say(status: u16) -> Answer {
    respond(status, Body::Words("no".into()))
}

fn pairs(sent: &[(String, String)]) -> Vec<(&str, &str)> {
    sent.iter().map(|(person, notes)| (person.as_str(), notes.as_str())).collect()
}

#[tokio::test]
async fn every_update_is_delivered_once_and_in_order() {
    let outbox = MemoryOutbox::holding([note("a", "1"), note("b", "1"), note("a", "2")]);
    let api = Scripted::new(|update, _| accept(update));
    let report = courier(&outbox, api.clone(), None).0.flush(SOON).await.unwrap();
    assert_eq!(report.delivered.len(), 3);
    assert_eq!((report.left, report.hold), (0, None));
    assert!(report.delivered.iter().all(|one| one.confirmation == Confirmation::Confirmed));
    assert_eq!(pairs(&api.sent()), [("a", "1"), ("b", "1"), ("a", "2")]);
}

#[tokio::test]
async fn while_delivered_ones_are_settled_others_go_but_none_of_the_same_person() {
    let last = "b";
    let updates = [note("a", "1"), note("a", "2"), note(last, "1")];
    let outbox = MemoryOutbox::holding(updates);
    let gate = outbox.gate_settlements();
    let api = Scripted::new(|update, _| accept(update));
    let (courier, handle) = courier(&outbox, api.clone(), None);
    let running = tokio::spawn(courier.run(std::future::pending(), Arc::new(Notify::new())));
    while api.sent().len() < 2 {
        api.arrived.notified().await;
        tokio::task::yield_now().await;
    }
    assert_eq!(outbox.delivered(), [0_u64; 0], "nothing is settled yet");
    assert_eq!(pairs(&api.sent()), [("a", "1"), ("b", "1")], "the second of a waits");
    drop(gate);
    handle.status().wait_for(|status| status.delivered == 3).await.unwrap();
    assert_eq!(pairs(&api.sent()), [("a", "1"), ("b", "1"), ("a", "2")]);
    running.abort();
}

#[tokio::test]
async fn no_more_than_a_few_are_delivered_and_not_settled() {
    let outbox = MemoryOutbox::holding((0..50).map(|number| note(&format!("p{number}"), "1")));
    let gate = outbox.gate_settlements();
    let api = Scripted::new(|update, _| accept(update));
    let (courier, handle) = courier(&outbox, api.clone(), None);
    let running = tokio::spawn(courier.run(std::future::pending(), Arc::new(Notify::new())));
    while api.sent().len() < MOST_UNSETTLED {
        api.arrived.notified().await;
        tokio::task::yield_now().await;
    }
    // Whatever could still go would go now.
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(api.sent().len(), MOST_UNSETTLED);
    drop(gate);
    handle.status().wait_for(|status| status.delivered == 50).await.unwrap();
    running.abort();
}

#[tokio::test]
async fn what_was_delivered_is_settled_before_the_courier_stops() {
    let outbox = MemoryOutbox::holding([note("a", "1")]);
    let gate = outbox.gate_settlements();
    let api = Scripted::new(|update, _| accept(update));
    let (courier, _handle) = courier(&outbox, api.clone(), None);
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async {
        let _ = stopped.await;
    };
    let running = tokio::spawn(courier.run(stopped, Arc::new(Notify::new())));
    api.arrived.notified().await;
    stop.send(()).unwrap();
    assert_eq!(outbox.delivered(), [0_u64; 0]);
    drop(gate);
    running.await.unwrap();
    assert_eq!(outbox.delivered(), [1]);
}

#[tokio::test]
async fn a_poisoned_update_never_blocks_the_next_person_nor_its_own_lane() {
    let outbox = MemoryOutbox::holding([note("a", "bad"), note("a", "good"), note("b", "1")]);
    let api = Scripted::new(
        |update, _| {
            if update.notes() == Some("bad") { say(409) } else { accept(update) }
        },
    );
    let report = courier(&outbox, api, None).0.flush(SOON).await.unwrap();
    assert_eq!(report.parked.len(), 1);
    assert_eq!(outbox.delivered(), [2, 3]);
    let head = &outbox.heads()[0];
    assert_eq!((head.state, head.reason.as_deref()), (UpdateState::Parked, Some("409 no")));
}

#[tokio::test]
async fn an_update_that_fails_waits_while_others_pass_and_never_overtakes_in_its_lane() {
    let outbox = MemoryOutbox::holding([note("a", "1"), note("a", "2"), note("b", "1")]);
    let api = Scripted::new(|update, before| if before == 0 { say(500) } else { accept(update) });
    let report = courier(&outbox, api.clone(), None).0.flush(SOON).await.unwrap();
    assert_eq!(report.delivered.len(), 3);
    let sent = api.sent();
    let of_a: Vec<_> = sent.iter().filter(|(person, _)| person == "a").collect();
    assert_eq!(of_a.iter().map(|(_, notes)| notes.as_str()).collect::<Vec<_>>(), ["1", "1", "2"]);
}

#[tokio::test]
async fn a_flush_ends_when_the_link_is_dead_and_charges_nobody() {
    let outbox = MemoryOutbox::holding([note("a", "1"), note("b", "1")]);
    let api = Scripted::new(|_, _| Answer::Failed(LinkFault::Connect));
    let report = courier(&outbox, api.clone(), None).0.flush(SOON).await.unwrap();
    assert_eq!(report.hold.map(|held| held.hold), Some(Hold::Offline));
    assert_eq!((report.left, api.sent().len()), (2, 2));
    assert!(outbox.settlements().iter().all(|(_, what)| *what == Settlement::Release));
    assert!(outbox.heads().iter().all(|head| head.attempts == 0));
}

#[tokio::test]
async fn a_flush_gives_one_stale_connection_another_chance() {
    let outbox = MemoryOutbox::holding([note("a", "1")]);
    let api = Scripted::new(|update, before| match before {
        0 => Answer::Failed(LinkFault::Reset),
        _ => accept(update),
    });
    let report = courier(&outbox, api, None).0.flush(SOON).await.unwrap();
    assert_eq!((report.delivered.len(), report.hold), (1, None));
}

#[tokio::test]
async fn an_update_on_its_way_at_the_deadline_is_released() {
    let outbox = MemoryOutbox::holding([note("a", "1")]);
    let api = Scripted::gated(|update, _| accept(update), Some(Arc::new(Notify::new())));
    let report = courier(&outbox, api, None).0.flush(Duration::from_millis(20)).await.unwrap();
    assert_eq!((report.delivered.len(), report.left), (0, 1));
    assert_eq!(outbox.settlements()[0].1, Settlement::Release);
}

#[tokio::test]
async fn a_flush_is_over_in_its_time_though_an_update_stays_on_its_way() {
    let outbox = MemoryOutbox::holding([note("a", "1")]);
    let never = Arc::new(Notify::new());
    let api = Scripted::gated(|update, _| accept(update), Some(never));
    let (courier, handle) = courier(&outbox, api.clone(), None);
    let running = tokio::spawn(courier.run(std::future::pending(), Arc::new(Notify::new())));
    api.arrived.notified().await;
    let flush = tokio::time::timeout(SOON, handle.flush(Duration::from_millis(20))).await;
    assert!(matches!(flush.unwrap(), Err(FlushFailure::Busy)));
    running.abort();
    let _ = running.await;
}

#[tokio::test]
async fn an_update_on_its_way_at_stop_may_finish() {
    let outbox = MemoryOutbox::holding([note("a", "1"), note("b", "1")]);
    let gate = Arc::new(Notify::new());
    let api = Scripted::gated(|update, _| accept(update), Some(Arc::clone(&gate)));
    let (courier, _handle) = courier(&outbox, api.clone(), None);
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(courier.run(
        async {
            let _ = stopped.await;
        },
        Arc::new(Notify::new()),
    ));
    api.arrived.notified().await;
    stop.send(()).unwrap();
    gate.notify_one();
    running.await.unwrap();
    assert_eq!(outbox.delivered(), [1], "the first finishes, the second is not begun");
}

#[tokio::test]
async fn a_new_token_ends_the_hold_of_a_refused_one() {
    let outbox = MemoryOutbox::holding([note("a", "1"), note("b", "1")]);
    let api = Scripted::new(|update, before| if before == 0 { say(403) } else { accept(update) });
    let (courier, handle) = courier(&outbox, api.clone(), None);
    let mut status = handle.status();
    let wake = Arc::new(Notify::new());
    let running = tokio::spawn(courier.run(std::future::pending(), Arc::clone(&wake)));
    let held = |state: &DeliveryState| match state {
        DeliveryState::Hold(held) => held.hold == Hold::Credential,
        _ => false,
    };
    status.wait_for(|status| held(&status.state)).await.unwrap();
    assert_eq!(api.sent().len(), 1, "nothing more is sent with a refused token");
    api.token.store(2, Ordering::Relaxed);
    wake.notify_one();
    status.wait_for(|status| status.delivered == 2).await.unwrap();
    status.wait_for(|status| status.state == DeliveryState::Idle).await.unwrap();
    assert_eq!(outbox.delivered(), [1, 2]);
    running.abort();
}

#[tokio::test]
async fn a_pause_holds_and_an_opened_flow_goes_on() {
    let outbox = MemoryOutbox::holding([note("a", "1")]);
    let api = Scripted::new(|update, _| accept(update));
    let (mut courier, handle) = courier(&outbox, api, None);
    let mut events = handle.events();
    handle.set_flow(Flow::Paused);
    let report = courier.flush(SOON).await.unwrap();
    assert_eq!(report.hold.map(|held| held.hold), Some(Hold::Paused));
    assert_eq!(report.left, 1);
    handle.set_flow(Flow::Open);
    assert_eq!(courier.flush(SOON).await.unwrap().delivered.len(), 1);
    let paused = events.recv().await.unwrap();
    assert!(matches!(paused, DeliveryEvent::HoldChanged(Some(held)) if held.hold == Hold::Paused));
    assert!(matches!(events.recv().await.unwrap(), DeliveryEvent::HoldChanged(None)));
    assert!(matches!(events.recv().await.unwrap(), DeliveryEvent::Delivered(_)));
}

#[tokio::test]
async fn an_update_too_large_is_shrunk_once_and_then_parked() {
    let shrink: Shrink = Arc::new(|update| {
        (update.notes() == Some("large")).then(|| note(update.person_id().as_str(), "small"))
    });
    let outbox = MemoryOutbox::holding([note("a", "large"), note("b", "huge")]);
    let api =
        Scripted::new(
            |update, _| {
                if update.notes() == Some("small") { accept(update) } else { say(413) }
            },
        );
    let report = courier(&outbox, api.clone(), Some(shrink)).0.flush(SOON).await.unwrap();
    assert_eq!((report.delivered.len(), report.parked.len()), (1, 1));
    assert_eq!(pairs(&api.sent()), [("a", "large"), ("a", "small"), ("b", "huge")]);
}

#[tokio::test]
async fn a_queue_that_fails_for_a_while_loses_nothing_and_sends_nothing_twice() {
    let outbox = MemoryOutbox::holding([note("a", "1")]);
    outbox.fail_first(1, 1);
    let api = Scripted::new(|update, _| accept(update));
    let (courier, handle) = courier(&outbox, api.clone(), None);
    let running = tokio::spawn(courier.run(std::future::pending(), Arc::new(Notify::new())));
    handle.status().wait_for(|status| status.delivered == 1).await.unwrap();
    assert_eq!(api.sent().len(), 1);
    running.abort();
}

#[tokio::test]
async fn an_update_that_cannot_be_parked_holds_nobody_up() {
    let outbox = MemoryOutbox::holding([note("a", "bad"), note("b", "1")]);
    outbox.fail_first_park();
    let api = Scripted::new(
        |update, _| {
            if update.notes() == Some("bad") { say(409) } else { accept(update) }
        },
    );
    let (courier, handle) = courier(&outbox, api.clone(), None);
    let running = tokio::spawn(courier.run(std::future::pending(), Arc::new(Notify::new())));
    let status = handle.status().wait_for(|status| status.delivered == 1).await.unwrap().clone();
    assert_eq!(status.parked, 0, "it is not told as parked");
    assert_eq!(outbox.heads()[0].state, UpdateState::Queued, "nor lost");
    running.abort();
}

#[tokio::test]
async fn whoever_asks_a_running_courier_for_a_flush_gets_a_report() {
    let outbox = MemoryOutbox::holding([note("a", "1")]);
    let api = Scripted::new(|update, before| match before {
        0 => say(401),
        _ => accept(update),
    });
    let (courier, handle) = courier(&outbox, api, None);
    let running = tokio::spawn(courier.run(std::future::pending(), Arc::new(Notify::new())));
    let held = |state: &DeliveryState| matches!(state, DeliveryState::Hold(_));
    handle.status().wait_for(|status| held(&status.state)).await.unwrap();
    let report = handle.flush(SOON).await.unwrap();
    assert_eq!((report.delivered.len(), report.hold), (1, None));
    running.abort();
    let _ = running.await;
    assert!(matches!(handle.flush(SOON).await, Err(FlushFailure::Stopped)), "nobody runs any more");
}
