//! Keeps the candidates of one track, few enough for a small device.

use super::{Candidate, SessionSettings, choose};
use crate::domain::Moment;

/// How many candidates are kept at once; each costs the driver one portrait in memory.
pub const MAX_CANDIDATES: usize = 16;

/// The candidates so far, in the order of their capture.
#[derive(Debug, Default)]
pub(super) struct Pool {
    kept: Vec<Candidate>,
}

impl Pool {
    /// Takes a candidate captured after all others; gives the one given up for it where there are too many.
    ///
    /// What is given up is never part of the present choice, so the choice only ever gets better; of the
    /// rest it is the worst of those that leave the smallest gap, so that the kept ones stay spread out
    /// and three of them keep fitting.
    pub(super) fn offer(
        &mut self,
        candidate: Candidate,
        settings: &SessionSettings,
    ) -> Option<Candidate> {
        self.kept.push(candidate);
        if self.kept.len() <= MAX_CANDIDATES {
            return None;
        }
        self.most_redundant(settings).map(|index| self.kept.remove(index))
    }

    /// The shots as they would be chosen now, best first, of those captured no later than `until`.
    pub(super) fn choice(&self, settings: &SessionSettings, until: Moment) -> Vec<Candidate> {
        let beyond = self.kept.partition_point(|candidate| candidate.captured <= until);
        choose(&self.kept[..beyond], settings.wish())
    }

    /// When the last of them was captured.
    pub(super) fn newest(&self) -> Option<Moment> {
        self.kept.last().map(|candidate| candidate.captured)
    }

    /// The sequence numbers of all kept candidates.
    pub(super) fn sequences(&self) -> impl Iterator<Item = u64> + '_ {
        self.kept.iter().map(|candidate| candidate.sequence)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    fn most_redundant(&self, settings: &SessionSettings) -> Option<usize> {
        let choice = choose(&self.kept, settings.wish());
        let gap_without = |i: usize| self.kept[i + 1].captured.since(self.kept[i - 1].captured);
        let free: Vec<usize> =
            (1..self.kept.len() - 1).filter(|&i| !choice.contains(&self.kept[i])).collect();
        let smallest = free.iter().map(|&i| gap_without(i)).min()?;
        free.into_iter()
            .filter(|&i| gap_without(i) <= smallest * 3 / 2)
            .min_by(|&a, &b| self.kept[a].score.total_cmp(&self.kept[b].score))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    /// What would be chosen of all that are kept.
    fn choice(pool: &Pool) -> Vec<Candidate> {
        pool.choice(&SessionSettings::default(), at(u64::from(u16::MAX), 0.0).captured)
    }

    fn at(i: u64, score: f64) -> Candidate {
        let captured = Moment::from_origin(Duration::from_millis(i * 33));
        Candidate { sequence: i, captured, score, relaxed: 0, yaw: 0.0 }
    }

    #[test]
    fn steadily_rising_scores_still_fill_the_window_with_three_shots() {
        let settings = SessionSettings::default();
        let mut pool = Pool::default();
        for i in 0..=36 {
            pool.offer(at(i, 0.7 + 0.008 * f64::from(u32::try_from(i).unwrap_or(0))), &settings);
        }
        assert_eq!(choice(&pool).len(), 3);
    }

    proptest! {
        #[test]
        fn twice_the_frame_rate_never_costs_the_best_shot(
            scores in prop::collection::vec(0.05_f64..1.0, 8..80),
        ) {
            let settings = SessionSettings::default();
            let (mut all, mut half) = (Pool::default(), Pool::default());
            for (i, score) in (0..).zip(scores) {
                all.offer(at(i, score), &settings);
                if i % 2 == 0 {
                    half.offer(at(i, score), &settings);
                }
            }
            let (all, half) = (choice(&all), choice(&half));
            prop_assert!(all[0].score >= half[0].score);
        }

        #[test]
        fn a_relaxed_candidate_is_never_used_while_one_needed_no_relaxation(
            frames in prop::collection::vec((0.05_f64..1.0, 0_usize..3), 1..80),
        ) {
            let settings = SessionSettings::default();
            let mut pool = Pool::default();
            let mut least = usize::MAX;
            for (i, (score, relaxed)) in (0..).zip(frames) {
                pool.offer(Candidate { relaxed, ..at(i, score) }, &settings);
                least = least.min(relaxed);
                prop_assert!(choice(&pool).iter().all(|shot| shot.relaxed == least));
            }
        }

        #[test]
        fn the_pool_is_bounded_and_its_choice_never_gets_worse(
            scores in prop::collection::vec(0.05_f64..1.0, 1..80),
        ) {
            let settings = SessionSettings::default();
            let mut pool = Pool::default();
            let mut before: Vec<Candidate> = Vec::new();
            let mut best = 0.0_f64;
            for (i, score) in (0..).zip(scores) {
                pool.offer(at(i, score), &settings);
                best = best.max(score);
                let chosen = choice(&pool);
                prop_assert!(pool.kept.len() <= MAX_CANDIDATES);
                prop_assert!((chosen[0].score - best).abs() < f64::EPSILON);
                let same_best = before.first().is_some_and(|first| first.score >= best);
                prop_assert!(!same_best || chosen.len() >= before.len());
                before = chosen;
            }
        }
    }
}
