//! Faults of the line: nothing is charged for them, and all goes through when the line is whole again.

use std::time::Duration;

use kiosk_enroll::delivery::{Answer, Body, DeliveryState, LinkFault};
use kiosk_enroll::domain::Hold;

use crate::delivery_outbox::note;
use crate::proxy::Line;
use crate::server::{Reply, Request};
use crate::site::{Plan, SHORT, Site};

#[tokio::test]
async fn a_refused_connection_holds_everything_and_charges_nobody() {
    let mut site = Site::new(Plan { line: Line::Refuses, ..Plan::default() }).await;
    site.is_held(Hold::Offline, "no connection to the server").await;
    assert_eq!(site.server.connections(), 0);
    site.heals().await;
    assert_eq!(site.server.changes().len(), 3);
}

#[tokio::test]
async fn a_line_that_takes_connections_and_never_answers_is_an_outage() {
    let plan = Plan { line: Line::BlackHole, connect_timeout: SHORT, ..Plan::default() };
    let mut site = Site::new(plan).await;
    site.is_held(Hold::Offline, "no connection to the server").await;
    site.heals().await;
}

#[tokio::test]
async fn a_line_of_one_byte_a_second_is_an_outage() {
    let plan = Plan { line: Line::Trickles, connect_timeout: SHORT, ..Plan::default() };
    let mut site = Site::new(plan).await;
    site.is_held(Hold::Offline, "no connection to the server").await;
    site.heals().await;
}

#[tokio::test]
async fn a_reset_before_the_request_changes_nobody_and_charges_nobody() {
    let mut site = Site::new(Plan { line: Line::ResetsAtOnce, ..Plan::default() }).await;
    site.is_held(Hold::Offline, "").await;
    site.heals().await;
    assert_eq!(site.server.changes().len(), 3);
}

#[tokio::test]
async fn a_reset_in_the_middle_of_a_request_changes_nobody() {
    let mut site = Site::new(Plan { line: Line::ResetsDuring, ..Plan::default() }).await;
    // The first sent is the one with the picture; small ones pass below the line's limit.
    let report = site.flush().await;
    assert_eq!(site.asked()[0], "ada");
    assert!(!site.server.changes().iter().any(|(person, _)| person == "ada"), "it never arrived");
    assert_eq!(report.parked, []);
    assert_eq!(site.parked(), []);
    site.heals().await;
    assert_eq!(site.server.changes().len(), 3, "each person was changed once");
}

#[tokio::test]
async fn an_update_that_breaks_the_line_each_time_keeps_nobody_waiting() {
    let mut site = Site::new(Plan { line: Line::ResetsDuring, ..Plan::default() }).await;
    let courier = site.run();
    site.delivered(2).await;
    site.add(note("dee", "1"));
    site.delivered(3).await;
    let list = site.queue.list();
    let left: Vec<_> = list.iter().map(|head| head.person_id.as_str()).collect();
    assert_eq!(left, ["ada"], "and it is neither lost nor parked");
    site.heal();
    site.delivered(4).await;
    site.balances(&["ada", "bob", "cy", "dee"]);
    courier.abort();
}

#[tokio::test]
async fn a_reset_after_the_request_makes_a_second_put_and_one_receipt() {
    let mut site = Site::new(Plan { line: Line::ResetsAfter, ..Plan::default() }).await;
    site.server.answer(|request, _| Reply::accept(request).cut_to(0).and_hung());
    site.is_held(Hold::Offline, "the connection broke while sending").await;
    assert_eq!(site.last_answer(), Answer::Failed(LinkFault::Reset));
    assert!(!site.server.changes().is_empty(), "the server did it, and nobody heard");
    site.heals().await;
}

#[tokio::test]
async fn a_server_that_takes_the_request_and_never_answers_is_an_outage() {
    let mut site = Site::new(Plan { answer_timeout: SHORT, ..Plan::default() }).await;
    site.server.answer(|request, _| Reply::accept(request).cut_to(0).and_hung());
    site.is_held(Hold::Offline, "no answer in time").await;
    site.heals().await;
}

/// Answers that end too early, stop in the middle, or come too slowly.
fn broken(row: usize, request: &Request) -> Reply {
    let whole = Reply::accept(request);
    match row {
        0 => whole.with_length_off_by(40).and_closed(),
        1 => whole.with_length_off_by(40),
        2 => whole.with_length_off_by(-30),
        3 => whole.cut_to(120).and_closed(),
        4 => whole.dripping(Duration::from_secs(1)),
        _ => whole.dripping(Duration::from_millis(20)),
    }
}

#[tokio::test]
async fn an_answer_that_is_not_whole_deletes_nothing_and_is_asked_for_again() {
    for row in 0..6 {
        let mut site = Site::new(Plan { answer_timeout: SHORT, ..Plan::default() }).await;
        site.server.answer(move |request, _| broken(row, request));
        site.is_held(Hold::Offline, "").await;
        let answer = site.last_answer();
        let cut = matches!(&answer, Answer::Response(response) if response.body == Body::CutOff);
        let late = answer == Answer::Failed(LinkFault::TimedOut);
        assert!(cut || late, "{row}: {answer:?}");
        site.heals().await;
    }
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_confirms_nothing() {
    let mut site = Site::new(Plan::default()).await;
    // Behind the first answer stands another one, as if for the next request: a line out of step.
    site.server.answer(|request, before| match before {
        0 => {
            let unasked = r#"{"data":{"_id":"bob","notes":"1, and some more words"}}"#;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", unasked.len());
            Reply::accept(request).followed_by(&(head + unasked))
        }
        _ => Reply::accept(request),
    });
    for _ in 0..100 {
        if site.flush().await.left == 0 {
            break;
        }
    }
    site.balances(&["ada", "bob", "cy"]);
}

#[tokio::test]
async fn a_long_outage_is_knocked_at_with_the_smallest_and_ends_by_itself() {
    let mut site = Site::new(Plan { line: Line::Refuses, ..Plan::default() }).await;
    let courier = site.run();
    site.answers(40).await;
    let status = site.handle.status().borrow().clone();
    let DeliveryState::Hold(held) = &status.state else { panic!("{status:?}") };
    assert_eq!((held.hold, status.retried, status.parked), (Hold::Offline, 0, 0));
    assert!(held.next_probe.is_some());
    assert!(site.asked()[1..].iter().all(|person| person == "cy"), "{:?}", site.asked());
    assert!(site.attempts().values().all(|count| *count == 0));
    site.heal();
    site.delivered(3).await;
    site.balances(&["ada", "bob", "cy"]);
    assert_eq!(site.server.changes().len(), 3);
    courier.abort();
}

#[tokio::test]
async fn updates_made_during_an_outage_arrive_as_the_newest_state_of_each_person() {
    let mut site = Site::new(Plan { line: Line::Refuses, ..Plan::default() }).await;
    for round in 2..=9 {
        site.is_held(Hold::Offline, "").await;
        site.add(note("bob", &round.to_string()));
        site.add(note("cy", &round.to_string()));
    }
    site.heals().await;
    let last = |person: &str| {
        let changes = site.server.changes();
        changes.iter().rev().find(|(name, _)| name == person).unwrap().1.clone()
    };
    assert_eq!((last("bob").as_str(), last("cy").as_str()), ("9", "9"));
    assert_eq!(site.server.changes().len(), 3, "pending updates of one person became one");
}
