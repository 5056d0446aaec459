//! Certificates, of the server and of the kiosk, and clocks that are years away.

use std::sync::Arc;

use kiosk_enroll::clock::wall_now;
use kiosk_enroll::delivery::{ClockGuard, ClockTrust};
use kiosk_enroll::domain::{Hold, WallTime};

use crate::authority::{ALL_YEARS, Authority, Clients};
use crate::delivery_outbox::note;
use crate::site::{Plan, SetClock, Site};

const PROTOCOL: &[u8] = b"http/1.1";
/// Noon of the first day of these years.
const IN_1970: WallTime = WallTime::from_unix_millis(43_200_000);
const IN_2040: WallTime = WallTime::from_unix_millis(2_209_032_000_000);
const IN_2150: WallTime = WallTime::from_unix_millis(5_680_324_800_000);

#[tokio::test]
async fn a_certificate_for_another_name_holds_everything_and_keeps_the_token_here() {
    let mut site = Site::new(Plan::default()).await;
    site.server.certify(site.authority.certify(
        "other.example",
        ALL_YEARS,
        Clients::Anyone,
        PROTOCOL,
    ));
    site.is_held(Hold::Offline, "is for another name").await;
    assert_eq!(site.server.requests().len(), 0);
    let right = site.authority.certify("localhost", ALL_YEARS, Clients::Anyone, PROTOCOL);
    site.server.certify(right);
    site.heals().await;
}

#[tokio::test]
async fn a_certificate_of_another_authority_holds_everything_and_keeps_the_token_here() {
    let mut site = Site::new(Plan::default()).await;
    let stranger = Authority::new();
    let shown = stranger.certify("localhost", ALL_YEARS, Clients::Anyone, PROTOCOL);
    site.server.certify(shown);
    site.is_held(Hold::Offline, "an authority that is not trusted here").await;
    assert_eq!(site.server.requests().len(), 0);
    let right = site.authority.certify("localhost", ALL_YEARS, Clients::Anyone, PROTOCOL);
    site.server.certify(right);
    site.heals().await;
}

#[tokio::test]
async fn an_expired_certificate_is_the_servers_fault_only_where_the_clock_was_confirmed() {
    let mut site = Site::new(Plan::default()).await;
    let expired = || site.authority.certify("localhost", 1980..2001, Clients::Anyone, PROTOCOL);
    let (first, second) = (expired(), expired());
    site.server.certify(first);
    site.is_held(Hold::Clock, "the server's certificate has expired, but this device's clock")
        .await;
    let right = site.authority.certify("localhost", ALL_YEARS, Clients::Anyone, PROTOCOL);
    site.server.certify(right);
    site.heals().await;
    assert_eq!(site.guard.trust(), ClockTrust::Plausible, "the server's Date confirmed it");
    site.server.certify(second);
    site.proxy.hang_up();
    for person in ["dee", "eve", "fay"] {
        site.add(note(person, "1"));
    }
    site.is_held(Hold::Offline, "the server's certificate has expired").await;
}

#[tokio::test]
async fn a_clock_in_1970_delivers_all_the_same() {
    let clock = Arc::new(SetClock::default());
    clock.set(IN_1970);
    let mut site = Site::new(Plan { clock, ..Plan::default() }).await;
    let present = site.authority.certify("localhost", 2026..2190, Clients::Anyone, PROTOCOL);
    site.server.certify(present);
    let before = wall_now();
    let report = site.flush().await;
    assert_eq!((report.delivered.len(), report.left, report.hold), (3, 0, None));
    site.balances(&["ada", "bob", "cy"]);
    let second = std::time::Duration::from_secs(1);
    assert!(site.guard.floor() + second >= before, "the server's Date is the new floor");
    assert_eq!(site.guard.trust(), ClockTrust::Implausible);
}

#[tokio::test]
async fn a_clock_behind_a_new_certificate_says_that_it_is_the_clock() {
    let clock = Arc::new(SetClock::default());
    clock.set(IN_1970);
    let mut site = Site::new(Plan { clock: Arc::clone(&clock), ..Plan::default() }).await;
    let later = site.authority.certify("localhost", 2149..2190, Clients::Anyone, PROTOCOL);
    site.server.certify(later);
    site.is_held(Hold::Clock, "is not valid yet, but this device's clock is not confirmed").await;
    clock.set(IN_2150);
    site.heals().await;
}

#[tokio::test]
async fn a_clock_in_2040_says_that_it_is_the_clock_and_leaves_no_trace() {
    let clock = Arc::new(SetClock::default());
    clock.set(IN_2040);
    let mut site = Site::new(Plan { clock: Arc::clone(&clock), ..Plan::default() }).await;
    let present = site.authority.certify("localhost", 2020..2039, Clients::Anyone, PROTOCOL);
    site.server.certify(present);
    site.is_held(Hold::Clock, "has expired, but this device's clock is not confirmed").await;
    let kept = site.folder.path().join("clock-floor");
    site.guard.save(&kept).unwrap();
    assert!(ClockGuard::load(&kept).floor() < IN_2040, "or it could never be set right");
    clock.set_right();
    site.heals().await;
}

#[tokio::test]
async fn a_clock_that_jumps_to_2040_after_days_of_service_is_found_out() {
    let clock = Arc::new(SetClock::default());
    let mut site = Site::new(Plan { clock: Arc::clone(&clock), ..Plan::default() }).await;
    let present = || site.authority.certify("localhost", 2020..2039, Clients::Anyone, PROTOCOL);
    let present = present();
    site.server.certify(present);
    assert_eq!(site.flush().await.delivered.len(), 3);
    assert_eq!(site.guard.trust(), ClockTrust::Plausible);
    clock.set(IN_2040);
    site.proxy.hang_up();
    for person in ["ada", "bob", "cy"] {
        site.add(note(person, "2"));
    }
    site.is_held(Hold::Clock, "has expired, but this device's clock is not confirmed").await;
    let kept = site.folder.path().join("clock-floor");
    site.guard.save(&kept).unwrap();
    assert!(ClockGuard::load(&kept).floor() < IN_2040);
    clock.set_right();
    site.heals().await;
}

#[tokio::test]
async fn a_server_that_asks_for_a_client_certificate_gets_it() {
    let plan = Plan { clients: Clients::OnlyCertified, certified: true, ..Plan::default() };
    let mut site = Site::new(plan).await;
    let report = site.flush().await;
    assert_eq!((report.delivered.len(), report.left, report.hold), (3, 0, None));
    site.balances(&["ada", "bob", "cy"]);
}

#[tokio::test]
async fn a_server_that_gets_no_client_certificate_is_told_apart_and_nothing_is_lost() {
    let plan = Plan { clients: Clients::OnlyCertified, ..Plan::default() };
    let mut site = Site::new(plan).await;
    site.is_held(Hold::Offline, "accepts no certificate of this device").await;
    assert_eq!(site.server.requests().len(), 0);
    let open = site.authority.certify("localhost", ALL_YEARS, Clients::Anyone, PROTOCOL);
    site.server.certify(open);
    site.heals().await;
}
