#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use super::*;
use crate::domain::Confirmation;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HALF: f64 = 0.5;

fn at(seconds: u64) -> Now {
    let since = Duration::from_secs(seconds);
    Now {
        moment: Moment::from_origin(since),
        wall: WallTime::from_unix_millis(1_795_000_000_000) + since,
    }
}

fn schedule() -> Schedule {
    Schedule::new(ScheduleSettings::default(), Flow::Open, at(0))
}

fn attempt(id: u64) -> Attempt {
    Attempt {
        id: UpdateId(id),
        person_id: PersonId::parse(&format!("person_{id}")).unwrap(),
        charged: 0,
        blame: Blame::Elsewhere,
    }
}

fn on_its_way(id: u64) -> Attempt {
    Attempt { blame: Blame::PerhapsUpdate, ..attempt(id) }
}

fn accepted() -> Verdict {
    Verdict::Accepted(Confirmation::Confirmed)
}

fn unknown() -> Verdict {
    Verdict::Park { reason: "404".into(), unknown_person: true }
}

fn retry(after: Option<Duration>) -> Verdict {
    Verdict::Retry { after, reason: "503".into() }
}

fn hold(hold: Hold) -> Verdict {
    Verdict::Hold { hold, after: None, reason: "why".into() }
}

fn held(schedule: &Schedule) -> Option<Hold> {
    schedule.held().map(|held| held.hold)
}

#[test]
fn an_outage_charges_nobody_and_ends_by_a_probe_with_the_smallest_update() {
    let mut schedule = schedule();
    let settled = schedule.answered(&attempt(1), hold(Hold::Offline), at(10), 1.0);
    assert_eq!(settled, Settlement::Release);
    assert_eq!(schedule.next(at(10).moment), Next::Wait(Some(at(11).moment)));
    assert_eq!(schedule.next(at(11).moment), Next::Probe);
    schedule.answered(&attempt(1), accepted(), at(11), 0.0);
    assert_eq!(held(&schedule), None);
}

#[test]
fn probes_come_less_often_the_longer_an_outage_lasts_and_never_less_than_the_cap() {
    let mut schedule = schedule();
    let mut now = 0;
    let mut waits = Vec::new();
    for _ in 0..12 {
        schedule.answered(&attempt(1), hold(Hold::Offline), at(now), 1.0);
        let Next::Wait(Some(until)) = schedule.next(at(now).moment) else { panic!("no wait") };
        waits.push(until.since(at(now).moment).as_secs());
        now = until.since_origin().as_secs();
    }
    assert_eq!(waits[..4], [1, 2, 4, 8]);
    assert_eq!(waits[10..], [900, 900]);
    assert_eq!(schedule.held().unwrap().since, at(0).wall, "one outage has one beginning");
}

#[test]
fn the_backlog_is_spread_after_an_outage_but_not_longer_than_it_lasted() {
    for (outage, random, wait) in [(3_600, 1.0, 120), (3_600, 0.25, 30), (4, 1.0, 4)] {
        let mut schedule = schedule();
        schedule.answered(&attempt(1), hold(Hold::Offline), at(0), HALF);
        schedule.answered(&attempt(1), accepted(), at(outage), random);
        let expected = Next::Wait(Some(at(outage + wait).moment));
        assert_eq!(schedule.next(at(outage).moment), expected, "{outage} {random}");
    }
}

#[test]
fn a_failed_update_is_charged_and_moved_back_while_others_go_on() {
    let mut schedule = schedule();
    let tried = Attempt { charged: 3, ..attempt(1) };
    let settled = schedule.answered(&tried, retry(None), at(0), 1.0);
    let expected = Settlement::Retry { not_before: at(8).wall, reason: "503".into() };
    assert_eq!(settled, expected);
    assert_eq!(schedule.next(at(0).moment), Next::Send);
}

#[test]
fn a_failing_server_slows_everything_down() {
    let mut schedule = schedule();
    for id in 1..=5 {
        schedule.answered(&attempt(id), retry(None), at(0), 1.0);
    }
    assert_eq!(schedule.next(at(0).moment), Next::Wait(Some(at(4).moment)));
    schedule.answered(&attempt(6), accepted(), at(4), HALF);
    schedule.answered(&attempt(7), retry(None), at(4), 1.0);
    assert_eq!(schedule.next(at(4).moment), Next::Send);
}

#[test]
fn what_a_server_asks_for_is_kept_by_everyone_and_gets_jitter_on_top() {
    let mut schedule = schedule();
    let settled = schedule.answered(&attempt(1), retry(Some(MINUTE)), at(0), HALF);
    let expected = Settlement::Retry { not_before: at(63).wall, reason: "503".into() };
    assert_eq!(settled, expected);
    assert_eq!(schedule.next(at(0).moment), Next::Wait(Some(at(63).moment)));
}

#[test]
fn three_different_unknown_persons_in_a_row_hold_everything() {
    let mut schedule = schedule();
    let park = Settlement::Park { reason: "404".into() };
    assert_eq!(schedule.answered(&attempt(1), unknown(), at(0), HALF), park);
    assert_eq!(schedule.answered(&attempt(1), unknown(), at(1), HALF), park, "the same person");
    assert_eq!(schedule.answered(&attempt(2), unknown(), at(2), HALF), park);
    assert_eq!(schedule.answered(&attempt(3), unknown(), at(3), HALF), Settlement::Release);
    assert_eq!(held(&schedule), Some(Hold::Account));
}

#[test]
fn while_the_account_is_in_doubt_each_probe_asks_for_another_person() {
    let mut schedule = schedule();
    for id in 1..=3 {
        schedule.answered(&attempt(id), unknown(), at(id), HALF);
    }
    let settled = schedule.answered(&attempt(3), unknown(), at(1_000), HALF);
    assert!(matches!(settled, Settlement::Retry { .. }), "{settled:?}");
    schedule.answered(&attempt(4), accepted(), at(2_000), HALF);
    assert_eq!(held(&schedule), None);
    let settled = schedule.answered(&attempt(3), unknown(), at(2_001), HALF);
    assert_eq!(settled, Settlement::Park { reason: "404".into() });
}

#[test]
fn a_known_person_in_between_proves_the_account() {
    let mut schedule = schedule();
    for id in 1..=9 {
        let settled = schedule.answered(&attempt(id), unknown(), at(id), HALF);
        assert!(matches!(settled, Settlement::Park { .. }));
        schedule.answered(&attempt(100 + id), accepted(), at(id), HALF);
    }
    assert_eq!(held(&schedule), None);
}

#[test]
fn a_refused_token_is_tried_slowly_and_at_once_when_it_changes() {
    let mut schedule = schedule();
    let settled = schedule.answered(&attempt(1), hold(Hold::Credential), at(0), 0.0);
    assert_eq!(settled, Settlement::Release);
    assert_eq!(schedule.next(at(29).moment), Next::Wait(Some(at(30).moment)));
    assert!(schedule.waits_for_a_token());
    schedule.token_changed(at(5));
    assert_eq!(schedule.next(at(5).moment), Next::Probe);
}

#[test]
fn an_update_that_is_refused_while_others_pass_with_the_same_token_holds_nobody_up() {
    let mut schedule = schedule();
    let refused = schedule.answered(&attempt(1), hold(Hold::Credential), at(0), HALF);
    assert_eq!(refused, Settlement::Release);
    assert_eq!(schedule.poor_probes(), [UpdateId(1)], "the probe is to be another one");
    schedule.answered(&attempt(2), accepted(), at(60), HALF);
    let refused = schedule.answered(&attempt(1), hold(Hold::Credential), at(61), HALF);
    assert!(matches!(refused, Settlement::Retry { .. }), "{refused:?}");
    assert_eq!(held(&schedule), None);
    schedule.answered(&attempt(3), hold(Hold::Credential), at(62), HALF);
    assert_eq!(held(&schedule), Some(Hold::Credential), "another one says more");
    schedule.token_changed(at(63));
    assert_eq!(schedule.poor_probes(), []);
}

#[test]
fn an_update_that_a_firewall_answers_with_a_page_holds_nobody_up_either() {
    let mut schedule = schedule();
    schedule.answered(&attempt(1), hold(Hold::Account), at(0), HALF);
    assert_eq!(held(&schedule), Some(Hold::Account));
    schedule.answered(&attempt(2), accepted(), at(900), HALF);
    let refused = schedule.answered(&attempt(1), hold(Hold::Account), at(901), HALF);
    assert!(matches!(refused, Settlement::Retry { .. }), "{refused:?}");
    assert_eq!(held(&schedule), None);
}

#[test]
fn with_nothing_left_to_deliver_nothing_is_held() {
    for (which, first) in [(Hold::Offline, 1), (Hold::Credential, 60)] {
        let mut schedule = schedule();
        schedule.answered(&attempt(1), hold(which), at(0), HALF);
        schedule.nothing_waits();
        assert_eq!(held(&schedule), None);
        schedule.answered(&attempt(2), hold(which), at(9_000), 1.0);
        let Next::Wait(Some(until)) = schedule.next(at(9_000).moment) else { panic!("no wait") };
        assert!(until <= at(9_000 + first).moment, "a hold of its own");
    }
}

#[test]
fn another_token_does_not_end_an_outage() {
    let mut schedule = schedule();
    schedule.answered(&attempt(1), hold(Hold::Offline), at(0), 1.0);
    schedule.token_changed(at(0));
    assert_eq!(schedule.next(at(0).moment), Next::Wait(Some(at(1).moment)));
}

#[test]
fn an_update_that_breaks_the_link_alone_moves_back_in_line() {
    let mut schedule = schedule();
    for second in 0..2 {
        let settled = schedule.answered(&on_its_way(1), hold(Hold::Offline), at(second), HALF);
        assert_eq!(settled, Settlement::Release);
    }
    let settled = schedule.answered(&on_its_way(1), hold(Hold::Offline), at(2), 1.0);
    assert_eq!(settled, Settlement::Retry { not_before: at(10).wall, reason: "why".into() });
}

#[test]
fn a_dead_link_never_makes_a_suspect() {
    let mut schedule = schedule();
    for second in 0..50 {
        let settled = schedule.answered(&attempt(1), hold(Hold::Offline), at(second), HALF);
        assert_eq!(settled, Settlement::Release);
    }
}

#[test]
fn an_operators_pause_stands_before_everything_and_hides_nothing() {
    let mut schedule = schedule();
    schedule.answered(&attempt(1), hold(Hold::Credential), at(0), HALF);
    schedule.set_flow(Flow::Paused, at(1));
    assert_eq!(schedule.next(at(9_999).moment), Next::Wait(None));
    assert_eq!(held(&schedule), Some(Hold::Paused));
    schedule.set_flow(Flow::Open, at(2));
    assert_eq!(held(&schedule), Some(Hold::Credential));
}

#[test]
fn the_rate_is_kept_after_a_burst() {
    let mut schedule = schedule();
    for _ in 0..5 {
        assert_eq!(schedule.next(at(0).moment), Next::Send);
        schedule.sent(at(0).moment);
    }
    assert_eq!(schedule.next(at(0).moment), Next::Wait(Some(at(2).moment)));
}

#[test]
fn an_update_too_large_even_when_shrunk_is_parked() {
    let verdict = Verdict::TooLarge { reason: "413".into() };
    let settled = schedule().answered(&attempt(1), verdict, at(0), HALF);
    assert_eq!(settled, Settlement::Park { reason: "413".into() });
}

#[test]
fn a_server_may_ask_for_more_patience_during_a_hold() {
    let mut schedule = schedule();
    let verdict = Verdict::Hold { hold: Hold::Offline, after: Some(MINUTE), reason: String::new() };
    schedule.answered(&attempt(1), verdict, at(0), 0.0);
    assert_eq!(schedule.next(at(0).moment), Next::Wait(Some(at(60).moment)));
    assert_eq!(schedule.held().unwrap().next_probe, Some(at(59).wall + SECOND));
}
