//! Keeps TLS usable on a device without a battery-backed clock, and says when the clock is in doubt.
//!
//! A Pi may boot years in the past. Certificates are then judged by a floor under the clock: the newest of the
//! build's time, the time kept on disk, and the server's own time seen over verified TLS. A clock that runs
//! *ahead* cannot be corrected this way; it is only called implausible.
//!
//! **Invariant:** the floor never goes back, and the system's clock is never set.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

use crate::clock::wall_now;
use crate::domain::WallTime;

use super::policy::ClockTrust;

/// How far the clock may lie from what else is known, before it counts as wrong.
const TOLERANCE: Duration = Duration::from_secs(86_400);

/// This file exists once systemd-timesyncd has set the clock.
const SYNCHRONIZED: &str = "/run/systemd/timesync/synchronized";

/// No build of these sources is older than 2026-07-01: the floor without a `SOURCE_DATE_EPOCH`.
const OLDEST_BUILD: i64 = 1_782_864_000;

/// A floor under the wall clock; shared by everything that judges certificates.
#[derive(Debug)]
pub struct ClockGuard {
    /// Milliseconds since the Unix epoch.
    floor: AtomicI64,
    /// A server's time agreed with the clock.
    confirmed: AtomicBool,
    /// A server's time contradicted the clock.
    contradicted: AtomicBool,
}

impl ClockGuard {
    /// A guard whose floor is the build's time, or `persisted` if that is newer.
    pub fn new(persisted: Option<WallTime>) -> Self {
        let floor = persisted.map_or(0, WallTime::unix_millis).max(build_millis());
        Self {
            floor: AtomicI64::new(floor),
            confirmed: AtomicBool::new(false),
            contradicted: AtomicBool::new(false),
        }
    }

    /// A guard with the floor that [`save`](Self::save) wrote; a missing or broken file counts for nothing.
    pub fn load(path: &Path) -> Self {
        let millis = fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok());
        Self::new(millis.map(WallTime::from_unix_millis))
    }

    /// Writes the floor, raised to the present time where a server has confirmed that.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        if self.trust() == ClockTrust::Plausible {
            self.raise(wall_now());
        }
        let temporary = path.with_extension("new");
        fs::write(&temporary, format!("{}\n", self.floor().unix_millis()))?;
        fs::rename(temporary, path)
    }

    /// The earliest time that it can be.
    pub fn floor(&self) -> WallTime {
        WallTime::from_unix_millis(self.floor.load(Ordering::Relaxed))
    }

    /// The time that certificates are judged by.
    pub fn time(&self) -> WallTime {
        wall_now().max(self.floor())
    }

    /// Whether this device's clock can be trusted now.
    pub fn trust(&self) -> ClockTrust {
        self.trust_at(wall_now(), Path::new(SYNCHRONIZED).exists())
    }

    /// Takes note of a server's time. Only for answers over verified TLS.
    pub fn saw_server_time(&self, at: WallTime) {
        self.compare(at, wall_now());
    }

    fn compare(&self, server: WallTime, now: WallTime) {
        let apart = server.since(now).max(now.since(server));
        let agrees = apart <= TOLERANCE;
        self.confirmed.store(agrees, Ordering::Relaxed);
        self.contradicted.store(!agrees, Ordering::Relaxed);
        self.raise(server);
    }

    fn raise(&self, at: WallTime) {
        self.floor.fetch_max(at.unix_millis(), Ordering::Relaxed);
    }

    fn trust_at(&self, now: WallTime, synchronized: bool) -> ClockTrust {
        let behind = self.floor().since(now) > TOLERANCE;
        let proven = synchronized || self.confirmed.load(Ordering::Relaxed);
        if behind || self.contradicted.load(Ordering::Relaxed) || !proven {
            ClockTrust::Implausible
        } else {
            ClockTrust::Plausible
        }
    }
}

impl TimeProvider for ClockGuard {
    fn current_time(&self) -> Option<UnixTime> {
        let millis = u64::try_from(self.time().unix_millis()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_millis(millis)))
    }
}

fn build_millis() -> i64 {
    let build = option_env!("SOURCE_DATE_EPOCH").and_then(|seconds| seconds.parse::<i64>().ok());
    build.unwrap_or(OLDEST_BUILD).max(OLDEST_BUILD).saturating_mul(1_000)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn later(days: u32) -> WallTime {
        WallTime::from_unix_millis(build_millis()) + DAY * days
    }

    #[test]
    fn a_clock_behind_the_floor_is_implausible_even_when_called_synchronized() {
        let guard = ClockGuard::new(Some(later(100)));
        let boot = WallTime::from_unix_millis(0);
        assert_eq!(guard.trust_at(boot, true), ClockTrust::Implausible);
        assert_eq!(guard.trust_at(later(100), true), ClockTrust::Plausible);
    }

    #[test]
    fn a_clock_that_nothing_confirms_is_in_doubt_until_a_server_agrees() {
        let guard = ClockGuard::new(None);
        let now = later(300);
        assert_eq!(guard.trust_at(now, false), ClockTrust::Implausible);
        guard.compare(now + Duration::from_secs(60), now);
        assert_eq!(guard.trust_at(now, false), ClockTrust::Plausible);
    }

    #[test]
    fn a_clock_that_runs_ahead_of_the_server_is_implausible() {
        let guard = ClockGuard::new(None);
        guard.compare(later(10), later(400));
        assert_eq!(guard.trust_at(later(400), true), ClockTrust::Implausible);
        assert_eq!(guard.floor(), later(10));
    }

    #[test]
    fn the_floor_never_goes_back() {
        let guard = ClockGuard::new(Some(later(20)));
        guard.compare(later(5), later(20));
        assert_eq!(guard.floor(), later(20));
        assert_eq!(ClockGuard::new(Some(WallTime::from_unix_millis(0))).floor(), later(0));
    }

    #[test]
    fn the_floor_survives_a_restart_and_a_broken_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clock");
        ClockGuard::new(Some(later(900))).save(&path).unwrap();
        assert_eq!(ClockGuard::load(&path).floor(), later(900));
        fs::write(&path, "nonsense").unwrap();
        assert_eq!(ClockGuard::load(&path).floor(), later(0));
    }
}
