//! Reads the two clocks, for the rooms that do I/O; pure rooms are given the time as an argument.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use crate::domain::{Date, Moment, WallTime};

/// Reads `CLOCK_MONOTONIC`.
pub fn monotonic_now() -> Moment {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(now.tv_nsec).unwrap_or(0);
    Moment::from_origin(Duration::new(seconds, nanos))
}

/// Reads the processor time that the calling thread has used since it began.
pub fn thread_cpu_time() -> Duration {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(used.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(used.tv_nsec).unwrap_or(0))
}

/// Reads the wall clock.
pub fn wall_now() -> WallTime {
    let millis = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
    };
    WallTime::from_unix_millis(millis)
}

/// The UTC day of a wall time, bounded to the years a [`Date`] can have.
pub fn utc_date(at: WallTime) -> Date {
    let first = Date::new(1900, 1, 1);
    let date = jiff::Timestamp::from_millisecond(at.unix_millis()).ok().and_then(|stamp| {
        let day = jiff::tz::Offset::UTC.to_datetime(stamp).date();
        Date::new(
            u16::try_from(day.year()).ok()?,
            u8::try_from(day.month()).ok()?,
            u8::try_from(day.day()).ok()?,
        )
    });
    match (date, first) {
        (Some(date), _) | (None, Some(date)) => date,
        (None, None) => unreachable!("1900-01-01 is a day"),
    }
}

/// Writes a wall time as RFC 3339 in UTC, to the millisecond.
pub fn rfc3339(at: WallTime) -> String {
    jiff::Timestamp::from_millisecond(at.unix_millis())
        .map_or_else(|_| "out of range".to_owned(), |stamp| format!("{stamp:.3}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn wall_times_are_written_in_utc() {
        let at = WallTime::from_unix_millis(1_795_466_530_250);
        assert_eq!(rfc3339(at), "2026-11-23T20:42:10.250Z");
        assert_eq!(utc_date(at), Date::new(2026, 11, 23).unwrap());
    }

    #[test]
    fn the_monotonic_clock_does_not_go_back() {
        let first = monotonic_now();
        assert!(monotonic_now() >= first);
    }
}
