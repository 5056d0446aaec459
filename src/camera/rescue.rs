//! Decides what is done about a camera that is there but gives nothing.
//!
//! ```text
//! fruitless streams   1  2  3      4  5  6      …  9      …  12, 13, …
//! what is done        reopen reset reopen reset    reset     give up
//! ```
//!
//! Opening anew costs nothing and is always tried. A reset of the USB port takes the camera away for a moment.
//! Giving up is for whoever supervises the process: a new one begins with nothing of the old one's state.
//!
//! What does not count: a camera that is away, that is another's, may not be opened or is none, and a name that
//! means nothing. A person must act then, and no reset would help.

use std::time::Duration;

use super::Remedy;
use super::backoff::SOUND;

/// Every so many fruitless streams the port is reset.
const RESET_EVERY: u32 = 3;

/// So many fruitless streams are enough: more than a minute and a half at the default time-out.
const GIVE_UP_AFTER: u32 = 12;

/// What is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Only the opening is tried again.
    Reopen,
    /// The USB port is reset first.
    Reset,
    /// The process had better be started anew.
    GiveUp,
}

/// Counts fruitless streams in a row; one that gave frames for ten seconds begins the count anew.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rescue {
    fruitless: u32,
}

impl Rescue {
    /// Counts a stream that gave frames for `lived` and ended with what wants `remedy`.
    pub(super) fn after(&mut self, remedy: Remedy, lived: Duration) -> Step {
        if lived >= SOUND {
            self.fruitless = 0;
        }
        // A reset makes the camera absent for a moment, so absence must not begin the count anew.
        if remedy != Remedy::Reopen {
            return Step::Reopen;
        }
        self.fruitless = self.fruitless.saturating_add(1);
        if self.fruitless >= GIVE_UP_AFTER {
            Step::GiveUp
        } else if self.fruitless.is_multiple_of(RESET_EVERY) {
            Step::Reset
        } else {
            Step::Reopen
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::CameraError;

    fn steps(remedies: &[Remedy]) -> Vec<Step> {
        let mut rescue = Rescue::default();
        remedies.iter().map(|remedy| rescue.after(*remedy, Duration::ZERO)).collect()
    }

    #[test]
    fn a_silent_camera_is_reset_now_and_then_and_given_up_in_the_end() {
        use Step::{GiveUp, Reopen, Reset};
        let found = steps(&[Remedy::Reopen; 13]);
        let third = [Reopen, Reopen, Reset];
        assert_eq!(found[..9], [third, third, third].concat());
        assert_eq!(found[9..], [Reopen, Reopen, GiveUp, GiveUp]);
    }

    #[test]
    fn the_absence_after_a_reset_neither_counts_nor_begins_the_count_anew() {
        use Remedy::{Reopen, Wait};
        let found = steps(&[Reopen, Reopen, Reopen, Wait, Reopen, Reopen, Wait, Reopen]);
        assert_eq!((found[2], found[3], found[7]), (Step::Reset, Step::Reopen, Step::Reset));
    }

    #[test]
    fn what_a_person_must_put_right_is_never_given_up() {
        let (source_name, what) = (String::new, String::new);
        for error in [
            CameraError::Absent { source_name: source_name(), found: what() },
            CameraError::Unplugged { source_name: source_name() },
            CameraError::Busy { source_name: source_name(), held_by: Vec::new() },
            CameraError::Denied { source_name: source_name() },
            CameraError::Unusable { source_name: source_name(), what: what() },
            CameraError::Source { source_name: source_name(), what: what() },
        ] {
            let steps = steps(&[error.remedy(); 40]);
            assert!(steps.iter().all(|step| *step == Step::Reopen), "{error:?}");
        }
    }

    #[test]
    fn a_camera_that_fails_now_and_then_is_never_given_up() {
        let mut rescue = Rescue::default();
        for _ in 0..40 {
            assert_eq!(rescue.after(Remedy::Reopen, SOUND), Step::Reopen);
        }
    }
}
