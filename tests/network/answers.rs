//! Answers of the server, or of something that stands in front of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kiosk_enroll::clock::wall_now;
use kiosk_enroll::delivery::{DeliveryState, Shrink};
use kiosk_enroll::domain::{Hold, UpdateState};

use crate::authority::{ALL_YEARS, Clients};
use crate::delivery_outbox::note;
use crate::server::{Patience, Reply, Request, Server};
use crate::site::{Plan, Site};

/// Answers so for `person`, and accepts the others.
fn only_for(person: &'static str, reply: Reply) -> impl Fn(&Request, usize) -> Reply {
    move |request, _| {
        if request.person == person { reply.clone() } else { Reply::accept(request) }
    }
}

#[tokio::test]
async fn a_web_page_with_status_200_is_a_login_page_of_the_network() {
    let mut site = Site::new(Plan::default()).await;
    let page = "<!DOCTYPE html><html><body>Welcome to the guest network</body></html>";
    site.server.answer(|_, _| Reply::say(200, "content-type: text/html\r\n", page));
    site.is_held(Hold::Offline, "a login page of the network").await;
    assert_eq!(site.server.changes(), []);
    site.heals().await;
}

#[tokio::test]
async fn a_redirect_to_elsewhere_holds_everything_and_the_token_does_not_travel() {
    for status in [301, 302, 303, 307, 308] {
        let mut site = Site::new(Plan::default()).await;
        let tls = site.authority.certify("localhost", ALL_YEARS, Clients::Anyone, b"http/1.1");
        let elsewhere = Server::start(tls).await;
        let location = format!("location: https://localhost:{}/\r\n", elsewhere.address.port());
        site.server.answer(move |_, _| Reply::say(status, &location, ""));
        let report = site.flush().await;
        assert_eq!((report.delivered.len(), report.parked.len(), report.left), (0, 0, 3));
        let held = report.hold.unwrap();
        assert_eq!(held.hold, Hold::Offline);
        assert!(held.reason.contains("never followed"), "{held:?}");
        assert_eq!(elsewhere.connections(), 0);
        site.server.answer(|request, _| Reply::accept(request));
        assert_eq!(site.flush().await.delivered.len(), 3);
    }
}

#[tokio::test]
async fn a_refused_token_sends_nothing_more_until_there_is_another() {
    let mut site = Site::new(Plan::default()).await;
    site.server.answer(|request, _| match request.token.as_str() {
        "fresh" => Reply::accept(request),
        _ => Reply::say(401, "", r#"{"message":"UNAUTHORIZED","code":"Unauthorized"}"#),
    });
    let courier = site.run();
    let held = |state: &DeliveryState| match state {
        DeliveryState::Hold(held) => held.hold == Hold::Credential,
        _ => false,
    };
    site.handle.status().wait_for(|status| held(&status.state)).await.unwrap();
    assert_eq!(site.server.requests().len(), 1);
    assert!(site.attempts().values().all(|count| *count == 0));
    std::fs::write(site.folder.path().join("new"), "fresh").unwrap();
    std::fs::rename(site.folder.path().join("new"), site.folder.path().join("token")).unwrap();
    site.wake();
    site.delivered(3).await;
    site.balances(&["ada", "bob", "cy"]);
    assert_eq!(site.server.requests().len(), 4);
    courier.abort();
}

#[tokio::test]
async fn an_expired_token_is_waited_out_for_hours_and_costs_no_update_anything() {
    let mut site =
        Site::new(Plan { refused_probe: Duration::from_millis(5), ..Plan::default() }).await;
    let expired = r#"{"message":"token_expired","code":"FORBIDDEN"}"#;
    site.server.answer(|_, _| Reply::say(403, "", expired));
    let courier = site.run();
    // 60 probes: fifteen hours at the usual quarter of an hour.
    site.answers(60).await;
    let status = site.handle.status().borrow().clone();
    let DeliveryState::Hold(held) = &status.state else { panic!("{status:?}") };
    assert_eq!(held.hold, Hold::Credential);
    assert!(held.reason.contains("token_expired"), "{}", held.reason);
    assert_eq!((status.delivered, status.parked, status.retried), (0, 0, 0));
    assert!(site.attempts().values().all(|count| *count == 0));
    let asked = site.asked();
    let first: BTreeSet<_> = asked[..3].iter().collect();
    assert_eq!((first.len(), asked[1].as_str()), (3, "cy"), "each asks once, the smallest first");
    assert!(asked[3..].iter().all(|person| person == "cy"), "then the smallest");
    site.add(note("dee", "1"));
    site.heal();
    site.delivered(4).await;
    site.balances(&["ada", "bob", "cy", "dee"]);
    courier.abort();
}

#[tokio::test]
async fn a_person_whom_the_server_forbids_holds_nobody_else_up() {
    let words = r#"{"message":"not this one","code":"FORBIDDEN"}"#;
    let page = "<html><body>Request blocked</body></html>";
    for (forbidden, fields, body) in
        [("ada", "", words), ("bob", "", words), ("ada", "content-type: text/html\r\n", page)]
    {
        let mut site =
            Site::new(Plan { refused_probe: Duration::from_millis(5), ..Plan::default() }).await;
        site.server.answer(only_for(forbidden, Reply::say(403, fields, body)));
        let courier = site.run();
        site.delivered(2).await;
        site.handle.status().wait_for(|status| status.retried > 0).await.unwrap();
        let status = site.handle.status().borrow().clone();
        assert_eq!((status.delivered, status.parked), (2, 0));
        site.heal();
        site.delivered(3).await;
        courier.abort();
    }
}

#[tokio::test]
async fn a_relay_that_answers_with_a_page_parks_nobody() {
    let mut site = Site::new(Plan::default()).await;
    let page = "<html><head><title>400 No required SSL certificate was sent</title></head></html>";
    site.server.answer(move |_, _| Reply::say(400, "content-type: text/html\r\n", page));
    site.is_held(Hold::Account, "verifik.client_cert_file").await;
    site.heals().await;
}

#[tokio::test]
async fn without_a_token_file_nothing_is_sent_and_the_operator_reads_its_name() {
    let mut site = Site::new(Plan::default()).await;
    let token = site.folder.path().join("token");
    std::fs::remove_file(&token).unwrap();
    site.is_held(Hold::Credential, "token is not there; put the token there").await;
    assert_eq!(site.server.connections(), 0);
    std::fs::write(token, "t0ken").unwrap();
    site.heals().await;
}

#[tokio::test]
async fn an_answer_about_somebody_else_proves_nothing_and_is_asked_for_again() {
    let mut site = Site::new(Plan::default()).await;
    site.server.answer(|request, before| match before {
        0 => Reply::say(200, "", r#"{"id":"x","data":{"_id":"eve","notes":"1"}}"#),
        _ => Reply::accept(request),
    });
    let report = site.flush().await;
    assert_eq!((report.delivered.len(), report.left), (3, 0));
    assert_eq!(report.delivered.last().unwrap().attempts, 2, "ada goes last, charged once");
    site.balances(&["ada", "bob", "cy"]);
}

#[tokio::test]
async fn one_unknown_person_is_parked_and_the_others_pass() {
    let mut site = Site::new(Plan::default()).await;
    let unknown = r#"{"message":"PERSON_NOT_FOUND","code":"NotFound"}"#;
    site.server.answer(only_for("bob", Reply::say(404, "", unknown)));
    let report = site.flush().await;
    assert_eq!((report.delivered.len(), report.left, report.hold), (2, 0, None));
    let expected = ("bob".to_owned(), "404 NotFound: PERSON_NOT_FOUND".to_owned());
    assert_eq!(site.parked(), [expected]);
    site.queue.requeue(site.item("bob").unwrap().id).unwrap();
    site.heals().await;
}

#[tokio::test]
async fn three_unknown_persons_in_a_row_hold_everything_as_the_wrong_account() {
    let mut site = Site::new(Plan::default()).await;
    site.add(note("dee", "1"));
    site.server.answer(|_, _| Reply::say(404, "", r#"{"message":"PERSON_NOT_FOUND"}"#));
    let report = site.flush().await;
    let held = report.hold.expect("a hold");
    assert_eq!(held.hold, Hold::Account);
    assert!(held.reason.contains("another account"), "{}", held.reason);
    assert_eq!((report.parked.len(), report.left), (2, 2), "the third and the rest wait");
    for (person, _) in site.parked() {
        site.queue.requeue(site.item(&person).unwrap().id).unwrap();
    }
    site.heals().await;
    site.balances(&["dee"]);
}

#[tokio::test]
async fn what_the_server_finds_invalid_is_parked_with_its_words_and_the_others_pass() {
    for (status, body, words) in [
        (409, r#"{"message":"missing gender","code":"MissingParameter"}"#, "missing gender"),
        (412, r#"{"message":"only_images_in_base64"}"#, "only_images_in_base64"),
        (422, r#"{"detail":[{"loc":["body"],"msg":"too short"}]}"#, "too short"),
    ] {
        let mut site = Site::new(Plan::default()).await;
        site.server.answer(only_for("ada", Reply::say(status, "", body)));
        let report = site.flush().await;
        assert_eq!((report.delivered.len(), report.left, report.hold), (2, 0, None));
        let parked = site.parked();
        assert!(parked.len() == 1 && parked[0].0 == "ada", "{parked:?}");
        assert!(parked[0].1.contains(words) && parked[0].1.contains(&status.to_string()));
        assert_eq!(site.attempts()["ada"], 1);
    }
}

/// Makes ada's update one of notes alone.
fn to_notes() -> Shrink {
    Arc::new(|update| update.images().map(|_| note(update.person_id().as_str(), "1")))
}

#[tokio::test]
async fn an_update_too_large_is_sent_smaller_once_and_parked_if_that_does_not_help() {
    for patience in [Patience::WholeRequest, Patience::HeadOnly] {
        let plan = Plan { shrink: Some(to_notes()), ..Plan::default() };
        let mut site = Site::new(plan).await;
        site.server.set_patience(patience);
        site.server.answer(|request, _| {
            let large = || Reply::say(413, "", "<html>413 Request Entity Too Large</html>");
            if request.length > 10_000 { large() } else { Reply::say(409, "", "{}") }
        });
        let report = site.flush().await;
        assert_eq!((report.parked.len(), report.left), (3, 0), "{patience:?} {report:?}");
        assert_eq!(site.asked()[..2], ["ada", "ada"], "{patience:?}");
    }
    let mut site = Site::new(Plan { shrink: Some(to_notes()), ..Plan::default() }).await;
    site.server.answer(|request, _| {
        if request.length > 10_000 { Reply::say(413, "", "") } else { Reply::accept(request) }
    });
    site.flush().await;
    assert_eq!(site.queue.list(), []);
    site.balances(&["ada", "bob", "cy"]);
}

#[tokio::test]
async fn a_busy_server_is_waited_for_as_long_as_it_asks_in_both_forms() {
    const ASKED: Duration = Duration::from_secs(1_800);
    // The server's clock is years from the kiosk's: a date counts from the Date beside it.
    let date = |after: Duration| {
        let at = std::time::UNIX_EPOCH + Duration::from_secs(2_000_000_000) + after;
        httpdate::fmt_http_date(at)
    };
    let by_date = format!(
        "HTTP/1.1 429 X\r\ndate: {}\r\nretry-after: {}\r\ncontent-length: 0\r\n\r\n",
        date(Duration::ZERO),
        date(ASKED)
    );
    for reply in [Reply::say(429, "retry-after: 1800\r\n", ""), Reply::raw(by_date)] {
        let mut site = Site::new(Plan::default()).await;
        site.server.answer(move |_, _| reply.clone());
        let before = wall_now();
        let report = site.flush().await;
        let after = wall_now();
        assert_eq!((report.delivered.len(), report.left, report.hold), (0, 3, None));
        assert_eq!(site.server.requests().len(), 1, "nobody else asks either");
        let ada = site.item("ada").unwrap();
        assert_eq!((ada.attempts, ada.state), (1, UpdateState::Queued));
        assert_eq!(ada.reason.as_deref(), Some("429 too many requests"));
        let not_before = ada.not_before.unwrap();
        assert!(not_before >= before + ASKED && not_before <= after + ASKED + ASKED / 10);
        site.heals().await;
    }
}

#[tokio::test]
async fn the_agent_itself_keeps_the_time_that_a_busy_server_asked_for() {
    let mut site = Site::new(Plan::default()).await;
    site.server.answer(|request, before| match before {
        0 => Reply::say(503, "retry-after: 1\r\n", ""),
        _ => Reply::accept(request),
    });
    let courier = site.run();
    site.delivered(3).await;
    let requests = site.server.requests();
    assert!(requests[1].at - requests[0].at >= Duration::from_secs(1));
    assert_eq!(requests.len(), 4);
    site.balances(&["ada", "bob", "cy"]);
    courier.abort();
}

#[tokio::test]
async fn a_busy_server_that_asks_for_nothing_is_backed_off_from() {
    let mut site = Site::new(Plan::default()).await;
    site.server.answer(|request, before| match before {
        0 => Reply::say(429, "", r#"{"message":"slow down"}"#),
        _ => Reply::accept(request),
    });
    let report = site.flush().await;
    assert_eq!((report.delivered.len(), report.left), (3, 0));
    let of_ada = report.delivered.iter().find(|receipt| receipt.person_id.as_str() == "ada");
    assert_eq!(of_ada.unwrap().attempts, 2);
    site.balances(&["ada", "bob", "cy"]);
}

#[tokio::test]
async fn an_update_that_the_server_fails_on_waits_alone_and_is_never_given_up() {
    let mut site = Site::new(Plan::default()).await;
    let failed = r#"{"message":"internal_error","code":"ERROR"}"#;
    site.server.answer(only_for("bob", Reply::say(500, "", failed)));
    let courier = site.run();
    site.delivered(2).await;
    while site.item("bob").unwrap().attempts < 5 {
        site.answers(site.asked().len() + 1).await;
    }
    site.add(note("dee", "1"));
    site.delivered(3).await;
    let bob = site.item("bob").unwrap();
    assert_ne!(bob.state, UpdateState::Parked);
    assert_eq!(bob.reason.as_deref(), Some("500 ERROR: internal_error"));
    let status = site.handle.status().borrow().clone();
    assert!(!matches!(status.state, DeliveryState::Hold(_)), "{status:?}");
    site.heal();
    site.delivered(4).await;
    site.balances(&["ada", "bob", "cy", "dee"]);
    assert_eq!(site.server.changes().len(), 4);
    courier.abort();
}

#[tokio::test]
async fn a_server_that_fails_for_everybody_loses_and_parks_nobody() {
    for status in [500, 502, 503, 504] {
        let mut site = Site::new(Plan::default()).await;
        site.server.answer(move |_, _| Reply::say(status, "", "<html>Bad Gateway</html>"));
        let courier = site.run();
        while site.attempts().values().any(|count| *count < 3) {
            site.answers(site.asked().len() + 1).await;
        }
        assert_eq!((site.parked(), site.queue.list().len()), (Vec::new(), 3));
        site.heal();
        site.delivered(3).await;
        site.balances(&["ada", "bob", "cy"]);
        assert_eq!(site.server.changes().len(), 3);
        courier.abort();
    }
}

#[tokio::test]
async fn a_failure_after_the_work_was_done_is_sent_again_and_harms_nothing() {
    let mut site = Site::new(Plan::default()).await;
    site.server.answer(|request, before| match before {
        0 => Reply::say(500, "", "").but_done(),
        _ => Reply::accept(request),
    });
    let report = site.flush().await;
    assert_eq!((report.delivered.len(), report.left), (3, 0));
    let of_ada = site.server.changes().into_iter().filter(|(person, _)| person == "ada");
    assert_eq!(of_ada.count(), 2, "a PUT may be repeated");
    assert_eq!(site.queue.receipts().len(), 3);
}
