//! Keeps TLS usable on a device without a battery-backed clock, and says when the clock is in doubt.
//!
//! A Pi may boot years in the past. Certificates are then judged by a floor under the clock: the newest of the
//! build's time, the time kept on disk, and the server's own time seen over verified TLS. A clock that runs
//! *ahead* cannot be corrected this way; it is only called implausible.
//!
//! **Invariants**
//! - The floor never goes back, and the system's clock is never set.
//! - This device's clock never raises the floor: if it ran ahead, it could not be lowered again.

use std::fmt::Debug;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

use crate::clock::{monotonic_now, wall_now};
use crate::domain::{Moment, WallTime};

use super::policy::ClockTrust;

/// How far the clock may lie from what else is known, before it counts as wrong.
const TOLERANCE: Duration = Duration::from_secs(86_400);

/// A server that is further ahead of the floor is wrong, rather than this device so long out of use.
const FARTHEST: Duration = Duration::from_secs(20 * 366 * 86_400);

/// This file exists once systemd-timesyncd has set the clock.
const SYNCHRONIZED: &str = "/run/systemd/timesync/synchronized";

/// No build of these sources is older than 2026-07-01: the floor without a `SOURCE_DATE_EPOCH`.
const OLDEST_BUILD: i64 = 1_782_864_000;

/// The clocks of the device that a guard looks at.
pub trait DeviceClock: Debug + Send + Sync {
    /// The wall clock, right or wrong.
    fn wall(&self) -> WallTime;

    /// The monotonic clock, which nobody sets.
    fn moment(&self) -> Moment;

    /// Whether the system says that a time server has set the wall clock.
    fn is_synchronized(&self) -> bool;
}

/// The clocks of the running system.
#[derive(Debug)]
struct SystemClock;

impl DeviceClock for SystemClock {
    fn wall(&self) -> WallTime {
        wall_now()
    }

    fn moment(&self) -> Moment {
        monotonic_now()
    }

    fn is_synchronized(&self) -> bool {
        Path::new(SYNCHRONIZED).exists()
    }
}

/// A floor under the wall clock; shared by everything that judges certificates.
#[derive(Debug)]
pub struct ClockGuard {
    clock: Arc<dyn DeviceClock>,
    /// Milliseconds since the Unix epoch.
    floor: AtomicI64,
    /// The last time that a server told, and when it told it.
    told: Mutex<Option<(WallTime, Moment)>>,
}

impl ClockGuard {
    /// A guard whose floor is the build's time, or `persisted` if that is newer.
    pub fn new(persisted: Option<WallTime>) -> Self {
        Self::reading(Arc::new(SystemClock), persisted)
    }

    /// The same over other clocks than the system's.
    pub fn reading(clock: Arc<dyn DeviceClock>, persisted: Option<WallTime>) -> Self {
        let floor = persisted.map_or(0, WallTime::unix_millis).max(build_millis());
        Self { clock, floor: AtomicI64::new(floor), told: Mutex::new(None) }
    }

    /// A guard with the floor that [`save`](Self::save) wrote; a missing or broken file counts for nothing.
    pub fn load(path: &Path) -> Self {
        let millis = fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok());
        Self::new(millis.map(WallTime::from_unix_millis))
    }

    /// Writes the floor, raised to what a server's clock shows now. The device's own clock never raises it: even one
    /// that a time server has set may have been set wrong.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        if let Some(told) = self.told() {
            self.raise(told);
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
        self.clock.wall().max(self.floor())
    }

    /// Whether this device's clock can be trusted now.
    pub fn trust(&self) -> ClockTrust {
        let now = self.clock.wall();
        let agrees = match self.told() {
            Some(told) => told.since(now).max(now.since(told)) <= TOLERANCE,
            None => self.clock.is_synchronized(),
        };
        let behind = self.floor().since(now) > TOLERANCE;
        if agrees && !behind { ClockTrust::Plausible } else { ClockTrust::Implausible }
    }

    /// Takes note of a server's time, unless it is absurd. Only for answers over verified TLS.
    pub fn saw_server_time(&self, at: WallTime) {
        if at.since(self.floor()) > FARTHEST {
            return;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        *told = Some((at, self.clock.moment()));
        drop(told);
        self.raise(at);
    }

    /// What a server's clock shows now, as far as one has told.
    fn told(&self) -> Option<WallTime> {
        let told = *self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.map(|(at, when)| at + self.clock.moment().since(when))
    }

    fn raise(&self, at: WallTime) {
        self.floor.fetch_max(at.unix_millis(), Ordering::Relaxed);
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

    /// Clocks that stand where a test puts them.
    #[derive(Debug, Default)]
    struct Set {
        wall: AtomicI64,
        days_up: AtomicI64,
        synchronized: bool,
    }

    impl Set {
        fn at(wall: WallTime, synchronized: bool) -> Arc<Self> {
            let set = Self { synchronized, ..Self::default() };
            set.put(wall);
            Arc::new(set)
        }

        fn put(&self, wall: WallTime) {
            self.wall.store(wall.unix_millis(), Ordering::Relaxed);
        }
    }

    impl DeviceClock for Set {
        fn wall(&self) -> WallTime {
            WallTime::from_unix_millis(self.wall.load(Ordering::Relaxed))
        }

        fn moment(&self) -> Moment {
            let days = self.days_up.load(Ordering::Relaxed).unsigned_abs();
            Moment::from_origin(Duration::from_secs(days * 86_400))
        }

        fn is_synchronized(&self) -> bool {
            self.synchronized
        }
    }

    fn later(days: u32) -> WallTime {
        WallTime::from_unix_millis(build_millis()) + DAY * days
    }

    #[test]
    fn a_clock_behind_the_floor_is_implausible_even_when_called_synchronized() {
        let clock = Set::at(WallTime::from_unix_millis(0), true);
        let guard = ClockGuard::reading(clock.clone(), Some(later(100)));
        assert_eq!(guard.trust(), ClockTrust::Implausible);
        clock.put(later(100));
        assert_eq!(guard.trust(), ClockTrust::Plausible);
    }

    #[test]
    fn a_clock_that_nothing_confirms_is_in_doubt_until_a_server_agrees() {
        let guard = ClockGuard::reading(Set::at(later(300), false), None);
        assert_eq!(guard.trust(), ClockTrust::Implausible);
        guard.saw_server_time(later(300) + Duration::from_secs(60));
        assert_eq!(guard.trust(), ClockTrust::Plausible);
    }

    #[test]
    fn a_clock_that_runs_ahead_of_the_server_is_implausible() {
        let guard = ClockGuard::reading(Set::at(later(400), true), None);
        guard.saw_server_time(later(10));
        assert_eq!(guard.trust(), ClockTrust::Implausible);
        assert_eq!(guard.floor(), later(10));
    }

    #[test]
    fn a_clock_that_jumps_after_a_server_agreed_is_implausible_and_does_not_raise_the_floor() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clock");
        let clock = Set::at(later(10), true);
        let guard = ClockGuard::reading(clock.clone(), None);
        guard.saw_server_time(later(10));
        clock.days_up.store(3, Ordering::Relaxed);
        clock.put(later(13));
        assert_eq!(guard.trust(), ClockTrust::Plausible);
        clock.put(later(5_000));
        assert_eq!(guard.trust(), ClockTrust::Implausible);
        guard.save(&path).unwrap();
        assert_eq!(ClockGuard::load(&path).floor(), later(13));
        clock.put(later(13));
        assert_eq!(guard.trust(), ClockTrust::Plausible, "somebody set it right");
    }

    #[test]
    fn a_clock_that_was_synchronized_with_a_wrong_one_does_not_raise_the_floor() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clock");
        let guard = ClockGuard::reading(Set::at(later(13_000), true), Some(later(1)));
        guard.save(&path).unwrap();
        assert_eq!(ClockGuard::load(&path).floor(), later(1));
    }

    #[test]
    fn a_server_decades_ahead_is_not_believed() {
        let guard = ClockGuard::reading(Set::at(later(300), false), None);
        guard.saw_server_time(later(20_000));
        assert_eq!(guard.floor(), later(0));
        assert_eq!(guard.trust(), ClockTrust::Implausible, "nothing has confirmed it");
    }

    #[test]
    fn the_floor_never_goes_back() {
        let guard = ClockGuard::reading(Set::at(later(20), false), Some(later(20)));
        guard.saw_server_time(later(5));
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
