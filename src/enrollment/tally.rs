//! Counts what became of a session's frames, for the operator who asks why nothing was taken.

use std::collections::BTreeMap;

use crate::domain::Reason;

/// How many frames were considered, and why those that failed did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Frames that came while the camera was there.
    pub considered: u32,
    /// Frames that failed, each counted once under the reason to put right first.
    pub rejected: BTreeMap<Reason, u32>,
    /// How often the choice began anew, and why: what had been gathered until then was dropped.
    pub restarts: BTreeMap<Reason, u32>,
}

impl Tally {
    /// Counts a frame that passed.
    pub(super) fn pass(&mut self) {
        self.considered = self.considered.saturating_add(1);
    }

    /// Counts a frame that failed.
    pub(super) fn reject(&mut self, reason: Reason) {
        self.pass();
        let count = self.rejected.entry(reason).or_default();
        *count = count.saturating_add(1);
    }

    /// Counts that what had been gathered was dropped.
    pub(super) fn restart(&mut self, reason: Reason) {
        let count = self.restarts.entry(reason).or_default();
        *count = count.saturating_add(1);
    }

    /// How many frames passed every gate.
    pub fn passed(&self) -> u32 {
        let rejected = self.rejected.values().fold(0_u32, |sum, n| sum.saturating_add(*n));
        self.considered.saturating_sub(rejected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_considered_frame_either_passed_or_has_one_reason() {
        let mut tally = Tally::default();
        tally.pass();
        tally.reject(Reason::HoldStill);
        tally.reject(Reason::HoldStill);
        assert_eq!((tally.considered, tally.passed()), (3, 1));
        assert_eq!(tally.rejected, BTreeMap::from([(Reason::HoldStill, 2)]));
    }
}
