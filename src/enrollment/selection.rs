//! Chooses the shots of a session from its candidates.

use std::cmp::Ordering;
use std::time::Duration;

use crate::domain::Moment;

/// The least score of a further shot, as a share of the best one's.
///
/// Scores are products of many factors: half the best is still the same face in nearly the same quality.
pub const LEAST_SHARE: f64 = 0.5;

/// A frame whose face passed every gate during the window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The frame's sequence number.
    pub sequence: u64,
    /// When it was captured.
    pub captured: Moment,
    /// How good it is, 0 to 1, finite.
    pub score: f64,
}

/// Chooses at most `shots` candidates that lie at least `spacing` apart, best first.
///
/// Of all such sets it takes the one with the best single shot, then with the most shots, then with the
/// highest sum of scores. Thus the best candidate is always among the shots, and none of them falls below
/// [`LEAST_SHARE`] of it. More candidates never make the choice worse in this order; the order in which they
/// are given does not matter, of equals the earlier one is taken.
///
/// Looks at every set: meant for tens of candidates and up to three shots.
pub fn choose(candidates: &[Candidate], shots: usize, spacing: Duration) -> Vec<Candidate> {
    let mut ranked = candidates.to_vec();
    ranked.sort_by(better_first);
    if let Some(best) = ranked.first().map(|best| best.score) {
        ranked.retain(|candidate| candidate.score >= best * LEAST_SHARE);
    }
    let mut search = Search { spacing, shots, best: Vec::new() };
    search.extend(&mut Vec::new(), &ranked);
    search.best
}

fn better_first(a: &Candidate, b: &Candidate) -> Ordering {
    b.score.total_cmp(&a.score).then(a.captured.cmp(&b.captured)).then(a.sequence.cmp(&b.sequence))
}

/// Compares two sets whose members are ranked.
fn compare(a: &[Candidate], b: &[Candidate]) -> Ordering {
    let best = |set: &[Candidate]| set.first().map_or(f64::NEG_INFINITY, |first| first.score);
    let sum = |set: &[Candidate]| set.iter().map(|candidate| candidate.score).sum::<f64>();
    best(a).total_cmp(&best(b)).then(a.len().cmp(&b.len())).then_with(|| sum(a).total_cmp(&sum(b)))
}

/// Goes through all sets of ranked candidates that lie far enough apart.
struct Search {
    spacing: Duration,
    shots: usize,
    best: Vec<Candidate>,
}

impl Search {
    fn extend(&mut self, chosen: &mut Vec<Candidate>, rest: &[Candidate]) {
        if compare(chosen, &self.best) == Ordering::Greater {
            self.best.clone_from(chosen);
        }
        if chosen.len() == self.shots {
            return;
        }
        for (i, candidate) in rest.iter().enumerate() {
            if chosen.iter().all(|other| self.are_apart(other, candidate)) {
                chosen.push(*candidate);
                self.extend(chosen, &rest[i + 1..]);
                chosen.pop();
            }
        }
    }

    fn are_apart(&self, a: &Candidate, b: &Candidate) -> bool {
        a.captured.since(b.captured).max(b.captured.since(a.captured)) >= self.spacing
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SPACING: Duration = Duration::from_millis(500);

    fn at(millis: u64, score: f64) -> Candidate {
        let captured = Moment::from_origin(Duration::from_millis(millis));
        Candidate { sequence: millis, captured, score }
    }

    fn sequences(chosen: &[Candidate]) -> Vec<u64> {
        chosen.iter().map(|shot| shot.sequence).collect()
    }

    #[test]
    fn the_best_come_first_and_lie_apart() {
        let candidates =
            [at(0, 0.6), at(100, 0.7), at(500, 0.8), at(600, 0.9), at(1_000, 0.7), at(1_100, 0.8)];
        assert_eq!(sequences(&choose(&candidates, 3, SPACING)), [600, 1_100, 100]);
        assert_eq!(sequences(&choose(&candidates, 1, SPACING)), [600]);
        assert_eq!(choose(&[], 3, SPACING), []);
    }

    #[test]
    fn a_complete_set_beats_a_better_second_shot() {
        let candidates = [at(300, 1.0), at(800, 0.5), at(1_100, 1.0), at(1_300, 0.5)];
        assert_eq!(sequences(&choose(&candidates, 3, SPACING)), [300, 800, 1_300]);
    }

    #[test]
    fn a_shot_far_below_the_best_is_left_out() {
        let candidates = [at(0, 0.9), at(600, 0.44), at(1_200, 0.46)];
        assert_eq!(sequences(&choose(&candidates, 3, SPACING)), [0, 1_200]);
    }

    #[test]
    fn of_two_equally_good_ones_the_one_that_leaves_room_wins() {
        let candidates = [at(400, 0.9), at(600, 0.9), at(100, 0.8), at(1_100, 0.8)];
        assert_eq!(sequences(&choose(&candidates, 3, SPACING)), [600, 100, 1_100]);
    }

    fn some_candidates(count: usize) -> impl Strategy<Value = Vec<Candidate>> {
        // Few distinct scores and times, so that ties are common.
        prop::collection::vec((0_u64..60, 1_u8..=20), 0..count).prop_map(|raw| {
            let of = |(i, (slot, score)): (u64, (u64, u8))| Candidate {
                sequence: i,
                captured: Moment::from_origin(Duration::from_millis(slot * 50)),
                score: f64::from(score) / 20.0,
            };
            (0_u64..).zip(raw).map(of).collect()
        })
    }

    proptest! {
        #[test]
        fn the_order_of_the_candidates_does_not_matter(
            (plain, shuffled) in some_candidates(20)
                .prop_flat_map(|c| (Just(c.clone()), Just(c).prop_shuffle())),
            shots in 1_usize..=3,
        ) {
            prop_assert_eq!(choose(&plain, shots, SPACING), choose(&shuffled, shots, SPACING));
        }

        #[test]
        fn more_candidates_never_make_the_choice_worse(
            all in some_candidates(24),
            share in 0_usize..=24,
            shots in 1_usize..=3,
        ) {
            let fewer = choose(&all[..share.min(all.len())], shots, SPACING);
            prop_assert_ne!(compare(&choose(&all, shots, SPACING), &fewer), Ordering::Less);
        }

        #[test]
        fn twice_the_frame_rate_never_makes_the_choice_worse(
            scores in prop::collection::vec(0.05_f64..1.0, 2..24),
            shots in 1_usize..=3,
        ) {
            let all: Vec<_> = (0_u64..).zip(&scores).map(|(i, s)| at(i * 66, *s)).collect();
            let half: Vec<_> = all.iter().step_by(2).copied().collect();
            let (full, half) = (choose(&all, shots, SPACING), choose(&half, shots, SPACING));
            prop_assert_ne!(compare(&full, &half), Ordering::Less);
        }

        #[test]
        fn every_choice_keeps_its_promises(
            candidates in some_candidates(24),
            shots in 1_usize..=3,
        ) {
            let chosen = choose(&candidates, shots, SPACING);
            prop_assert_eq!(chosen.is_empty(), candidates.is_empty());
            prop_assert!(chosen.len() <= shots);
            prop_assert!(chosen.is_sorted_by(|a, b| a.score >= b.score));
            let best = candidates.iter().map(|c| c.score).fold(0.0, f64::max);
            for (i, shot) in chosen.iter().enumerate() {
                prop_assert!(shot.score >= best * LEAST_SHARE);
                for other in &chosen[..i] {
                    let gap = shot.captured.since(other.captured).max(other.captured.since(shot.captured));
                    prop_assert!(gap >= SPACING);
                }
            }
            prop_assert!(chosen.first().is_none_or(|shot| shot.score >= best));
        }
    }
}
