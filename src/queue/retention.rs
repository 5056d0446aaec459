//! What fits into the queue: limits, early warning, refusal. Pure: free space and ages are arguments.
//!
//! Nothing is dropped to make room. A queue that is full says so, and the kiosk shows it.

use std::fmt;
use std::time::Duration;

use bytesize::ByteSize;

use super::error::QueueError;

/// No update waits so long: the clock was wrong when it was acknowledged. Longer than any `queue.max_age`.
const CLOCK_WAS_WRONG: Duration = Duration::from_hours(24 * 366 * 15);

/// How much the queue may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueOptions {
    /// Bytes of all entries together.
    pub max_bytes: u64,
    /// How many updates, parked ones included.
    pub max_items: usize,
    /// How long the oldest update may wait for a line before new ones are refused; receipts and damaged files
    /// older than this are removed.
    pub max_age: Duration,
    /// Ballast that is given up on a full disk so that the queue can still be opened and drained; as much
    /// is left free beside each new update.
    pub reserve_bytes: u64,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            max_bytes: 2 << 30,
            max_items: 50_000,
            max_age: Duration::from_hours(90 * 24),
            reserve_bytes: 3 << 20,
        }
    }
}

/// One of the queue's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Bytes of all entries together.
    Bytes,
    /// How many updates.
    Items,
    /// How long the oldest one has waited.
    Age,
    /// What the disk has left.
    Disk,
}

impl Limit {
    /// The name as it stands in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Items => "items",
            Self::Age => "age",
            Self::Disk => "disk",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "the size of all updates",
            Self::Items => "the number of updates",
            Self::Age => "the wait of the oldest update",
            Self::Disk => "the space needed on the disk",
        })
    }
}

/// What the queue holds, and what the disk has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Usage {
    pub(super) bytes: u64,
    pub(super) items: usize,
    /// How long the oldest update that is not parked has waited.
    pub(super) oldest: Option<Duration>,
    /// The same of those alone that wait for nothing but a line. One that the server does not take, or that comes from
    /// another device, says nothing about this one's line, and must not refuse everybody else.
    pub(super) oldest_untried: Option<Duration>,
    /// `None` where the system does not tell.
    pub(super) free: Option<u64>,
}

/// What a new update adds, and what it takes the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Growth {
    pub(super) bytes: u64,
    pub(super) replaced_bytes: u64,
    pub(super) replaced_items: usize,
}

/// Says whether a new update fits.
///
/// # Errors
/// [`QueueError::Full`] with the first limit it would break.
pub(super) fn admit(
    usage: &Usage,
    growth: &Growth,
    options: &QueueOptions,
) -> Result<(), QueueError> {
    let bytes = (usage.bytes + growth.bytes).saturating_sub(growth.replaced_bytes);
    let items = (usage.items + 1).saturating_sub(growth.replaced_items);
    let needed = growth.bytes + options.reserve_bytes;
    let full = |limit, found, allowed| Err(QueueError::Full { limit, found, allowed });
    if bytes > options.max_bytes && growth.bytes > growth.replaced_bytes {
        return full(Limit::Bytes, size(bytes), size(options.max_bytes));
    }
    if items > options.max_items && growth.replaced_items == 0 {
        return full(Limit::Items, items.to_string(), options.max_items.to_string());
    }
    let too_old = |age: &Duration| *age > options.max_age && *age < CLOCK_WAS_WRONG;
    if let Some(oldest) = usage.oldest_untried.filter(too_old) {
        return full(Limit::Age, days(oldest), days(options.max_age));
    }
    if let Some(free) = usage.free.filter(|free| *free < needed) {
        return full(Limit::Disk, size(needed), size(free));
    }
    Ok(())
}

/// The limit that is four fifths used up, if one is; the early warning.
pub(super) fn pressure(usage: &Usage, options: &QueueOptions) -> Option<Limit> {
    let nearly = |used: u64, allowed: u64| used >= allowed - allowed / 5;
    let hours = |age: Duration| age.as_secs() / 3_600;
    if nearly(usage.bytes, options.max_bytes) {
        Some(Limit::Bytes)
    } else if nearly(usage.items as u64, options.max_items as u64) {
        Some(Limit::Items)
    } else if usage
        .oldest_untried
        .is_some_and(|oldest| nearly(hours(oldest), hours(options.max_age)))
    {
        Some(Limit::Age)
    } else if usage.free.is_some_and(|free| free < options.reserve_bytes.saturating_mul(8)) {
        Some(Limit::Disk)
    } else {
        None
    }
}

fn size(bytes: u64) -> String {
    ByteSize(bytes).to_string()
}

fn days(age: Duration) -> String {
    format!("{:.1} days", age.as_secs_f64() / 86_400.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    fn options() -> QueueOptions {
        QueueOptions {
            max_bytes: 1_000,
            max_items: 10,
            max_age: Duration::from_hours(100),
            reserve_bytes: 100,
        }
    }

    fn refused(usage: Usage, growth: Growth) -> Option<Limit> {
        match admit(&usage, &growth, &options()) {
            Err(QueueError::Full { limit, .. }) => Some(limit),
            _ => None,
        }
    }

    #[test]
    fn each_limit_refuses_what_would_break_it_and_admits_what_just_fits() {
        let one = Growth { bytes: 100, ..Growth::default() };
        let cases = [
            (Usage { bytes: 900, ..Usage::default() }, None),
            (Usage { bytes: 901, ..Usage::default() }, Some(Limit::Bytes)),
            (Usage { items: 9, ..Usage::default() }, None),
            (Usage { items: 10, ..Usage::default() }, Some(Limit::Items)),
            (Usage { oldest_untried: Some(Duration::from_hours(100)), ..Usage::default() }, None),
            (
                Usage { oldest_untried: Some(Duration::from_hours(101)), ..Usage::default() },
                Some(Limit::Age),
            ),
            (Usage { oldest: Some(Duration::from_hours(900)), ..Usage::default() }, None),
            (Usage { oldest_untried: Some(CLOCK_WAS_WRONG), ..Usage::default() }, None),
            (Usage { free: Some(200), ..Usage::default() }, None),
            (Usage { free: Some(199), ..Usage::default() }, Some(Limit::Disk)),
        ];
        for (usage, limit) in cases {
            assert_eq!(refused(usage, one), limit, "{usage:?}");
        }
    }

    #[test]
    fn a_full_queue_still_takes_what_makes_it_smaller() {
        let full = Usage { bytes: 1_000, items: 10, ..Usage::default() };
        let smaller = Growth { bytes: 100, replaced_bytes: 120, replaced_items: 1 };
        assert_eq!(refused(full, smaller), None);
    }

    #[test]
    fn the_warning_comes_before_the_refusal() {
        assert_eq!(pressure(&Usage { items: 7, ..Usage::default() }, &options()), None);
        assert_eq!(
            pressure(&Usage { items: 8, ..Usage::default() }, &options()),
            Some(Limit::Items)
        );
        let old = Usage { oldest_untried: Some(Duration::from_hours(81)), ..Usage::default() };
        assert_eq!(pressure(&old, &options()), Some(Limit::Age));
    }

    #[test]
    fn a_refusal_reads_like_a_sentence() {
        let error = admit(&Usage { items: 10, ..Usage::default() }, &Growth::default(), &options());
        assert_eq!(
            error.unwrap_err().to_string(),
            "queue is full: the number of updates would be 11, allowed is 10"
        );
    }
}
