//! Decides how often an enrollment looks at frames. Pure.
//!
//! While somebody is there every frame counts, as many as the device manages. While nobody is there a few looks
//! a second find whoever comes, and a slow device rests longer between them, so that waiting never costs it more
//! than a quarter of a processor. Frames that are not looked at are replaced by newer ones: a look that comes late
//! still sees the present.

use std::time::Duration;

use crate::domain::Moment;

/// Somebody who turned away or bent down for so long is still there.
const LINGER: Duration = Duration::from_secs(2);

/// From look to look at an empty place.
const GLANCE: Duration = Duration::from_millis(200);

/// A look at an empty place is followed by a rest of so many times its length.
const REST: u32 = 3;

/// Who was seen in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    Somebody,
    Nobody,
}

/// How often to look, after what was seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attention {
    last_somebody: Moment,
    next_look: Moment,
}

impl Attention {
    /// Begins at full attention: who asks for an enrollment has somebody to enroll.
    pub(super) const fn begin(now: Moment) -> Self {
        Self { last_somebody: now, next_look: now }
    }

    /// Takes note of a look that began at `began` and ended at `ended`.
    pub(super) fn looked(&mut self, seen: Seen, began: Moment, ended: Moment) {
        if seen == Seen::Somebody {
            self.last_somebody = ended;
        }
        self.next_look = if ended.since(self.last_somebody) < LINGER {
            ended
        } else {
            (began + GLANCE).max(ended + ended.since(began) * REST)
        };
    }

    /// How long no frame is wanted.
    pub(super) fn rest(&self, now: Moment) -> Duration {
        self.next_look.since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_origin(Duration::from_millis(millis))
    }

    /// Looks for `length`, each look taking `cost` milliseconds, and counts the looks.
    fn looks(seen: impl Fn(u64) -> Seen, cost: u64, length: u64) -> u64 {
        let mut attention = Attention::begin(at(0));
        let (mut now, mut looks) = (0, 0);
        while now < length {
            now += u64::try_from(attention.rest(at(now)).as_millis()).unwrap_or(0);
            attention.looked(seen(now), at(now), at(now + cost));
            now += cost;
            looks += 1;
        }
        looks
    }

    #[test]
    fn while_somebody_is_there_nothing_is_left_out() {
        assert_eq!(looks(|_| Seen::Somebody, 20, 60_000), 3_000);
    }

    #[test]
    fn an_empty_place_is_glanced_at_five_times_a_second() {
        let count = looks(|_| Seen::Nobody, 20, 62_000) - looks(|_| Seen::Nobody, 20, 2_000);
        assert!((295..=305).contains(&count), "{count}");
    }

    #[test]
    fn a_slow_device_spends_a_quarter_of_its_time_on_an_empty_place() {
        let count = looks(|_| Seen::Nobody, 250, 62_000) - looks(|_| Seen::Nobody, 250, 2_000);
        assert!((58..=62).contains(&count), "{count}");
    }

    #[test]
    fn whoever_comes_has_every_frame_again_and_keeps_it_while_turning_away() {
        let mut attention = Attention::begin(at(0));
        attention.looked(Seen::Nobody, at(9_000), at(9_020));
        assert_eq!(attention.rest(at(9_020)), Duration::from_millis(180));
        attention.looked(Seen::Somebody, at(9_200), at(9_220));
        assert_eq!(attention.rest(at(9_220)), Duration::ZERO);
        attention.looked(Seen::Nobody, at(11_000), at(11_020));
        assert_eq!(attention.rest(at(11_020)), Duration::ZERO);
    }
}
