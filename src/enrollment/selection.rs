//! Chooses the shots of a session from its candidates.

use std::cmp::Ordering;
use std::time::Duration;

use crate::domain::Moment;

/// The least score of a further shot, as a share of the best one's.
///
/// A score falls with the square of the detail, so that this share of it is five sixths of the best one's detail. A
/// set of fewer shots is better than one with a shot that is plainly worse.
pub const LEAST_SHARE: f64 = 0.7;

/// A frame whose face passed every gate during the window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The frame's sequence number.
    pub sequence: u64,
    /// When it was captured.
    pub captured: Moment,
    /// How good it is, 0 to 1, finite.
    pub score: f64,
    /// How many steps of relaxation it needed to pass.
    pub relaxed: usize,
    /// How far the head is turned, degrees.
    pub yaw: f32,
}

/// What a choice is to look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// How many shots at most.
    pub shots: usize,
    /// The least time between two of them.
    pub spacing: Duration,
    /// Whether one of them is preferably slightly turned against the best one.
    pub angles: Angles,
}

/// From which angles the face is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Angles {
    /// Whatever is best.
    #[default]
    Any,
    /// One shot differs from the best one by [`SLIGHT_TURN`] or more, if a candidate does.
    OneTurned,
}

/// From this difference in yaw on, in degrees, a shot shows another side of the face: twice what the pose
/// errs by, and half of what the standard gate lets pass.
pub const SLIGHT_TURN: f32 = 5.0;

/// Chooses candidates that lie far enough apart, best first.
///
/// Only those count that needed the least relaxation of all: while there is one that needed none, no other
/// is chosen. Of all sets of these it takes the one with the best single shot, then with the most shots, then
/// one with a slightly turned shot where that is wished for, then with the highest sum of scores. Thus the
/// best candidate is always the first of the shots, and none of them falls below [`LEAST_SHARE`] of it. More
/// candidates never make the choice worse in this order; the order in which they are given does not matter,
/// of equals the earlier one is taken.
///
/// Looks at every set: meant for tens of candidates and up to three shots.
pub fn choose(candidates: &[Candidate], wish: Wish) -> Vec<Candidate> {
    let mut ranked = candidates.to_vec();
    ranked.sort_by(better_first);
    if let Some(best) = ranked.first().copied() {
        ranked.retain(|candidate| {
            candidate.relaxed == best.relaxed && candidate.score >= best.score * LEAST_SHARE
        });
    }
    let mut search = Search { wish, best: Vec::new() };
    search.extend(&mut Vec::new(), &ranked);
    search.best
}

fn better_first(a: &Candidate, b: &Candidate) -> Ordering {
    a.relaxed
        .cmp(&b.relaxed)
        .then(b.score.total_cmp(&a.score))
        .then(a.captured.cmp(&b.captured))
        .then(a.sequence.cmp(&b.sequence))
}

/// Compares two sets whose members are ranked.
fn compare(a: &[Candidate], b: &[Candidate], angles: Angles) -> Ordering {
    let relaxed = |set: &[Candidate]| set.first().map_or(usize::MAX, |first| first.relaxed);
    let best = |set: &[Candidate]| set.first().map_or(f64::NEG_INFINITY, |first| first.score);
    let sum = |set: &[Candidate]| set.iter().map(|candidate| candidate.score).sum::<f64>();
    let turned = |set: &[Candidate]| angles == Angles::OneTurned && has_turned(set);
    relaxed(b)
        .cmp(&relaxed(a))
        .then(best(a).total_cmp(&best(b)))
        .then(a.len().cmp(&b.len()))
        .then_with(|| turned(a).cmp(&turned(b)))
        .then_with(|| sum(a).total_cmp(&sum(b)))
}

/// Whether one of them shows another side of the face than the best one.
fn has_turned(set: &[Candidate]) -> bool {
    let straight = set.first().map_or(0.0, |first| first.yaw);
    set.iter().any(|candidate| (candidate.yaw - straight).abs() >= SLIGHT_TURN)
}

/// Goes through all sets of ranked candidates that lie far enough apart.
struct Search {
    wish: Wish,
    best: Vec<Candidate>,
}

impl Search {
    fn extend(&mut self, chosen: &mut Vec<Candidate>, rest: &[Candidate]) {
        if compare(chosen, &self.best, self.wish.angles) == Ordering::Greater {
            self.best.clone_from(chosen);
        }
        if chosen.len() == self.wish.shots {
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
        a.captured.since(b.captured).max(b.captured.since(a.captured)) >= self.wish.spacing
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SPACING: Duration = Duration::from_millis(500);

    fn at(millis: u64, score: f64) -> Candidate {
        let captured = Moment::from_origin(Duration::from_millis(millis));
        Candidate { sequence: millis, captured, score, relaxed: 0, yaw: 0.0 }
    }

    const fn wish(shots: usize) -> Wish {
        Wish { shots, spacing: SPACING, angles: Angles::Any }
    }

    fn sequences(chosen: &[Candidate]) -> Vec<u64> {
        chosen.iter().map(|shot| shot.sequence).collect()
    }

    #[test]
    fn the_best_come_first_and_lie_apart() {
        let candidates =
            [at(0, 0.6), at(100, 0.7), at(500, 0.8), at(600, 0.9), at(1_000, 0.7), at(1_100, 0.8)];
        assert_eq!(sequences(&choose(&candidates, wish(3))), [600, 1_100, 100]);
        assert_eq!(sequences(&choose(&candidates, wish(1))), [600]);
        assert_eq!(choose(&[], wish(3)), []);
    }

    #[test]
    fn a_complete_set_beats_a_better_second_shot() {
        let candidates = [at(300, 1.0), at(800, 0.7), at(1_100, 1.0), at(1_300, 0.7)];
        assert_eq!(sequences(&choose(&candidates, wish(3))), [300, 800, 1_300]);
    }

    #[test]
    fn a_shot_far_below_the_best_is_left_out() {
        let candidates = [at(0, 0.9), at(600, 0.62), at(1_200, 0.64)];
        assert_eq!(sequences(&choose(&candidates, wish(3))), [0, 1_200]);
    }

    #[test]
    fn of_two_equally_good_ones_the_one_that_leaves_room_wins() {
        let candidates = [at(400, 0.9), at(600, 0.9), at(100, 0.8), at(1_100, 0.8)];
        assert_eq!(sequences(&choose(&candidates, wish(3))), [600, 100, 1_100]);
    }

    #[test]
    fn a_relaxed_candidate_is_not_chosen_while_another_needed_no_relaxation() {
        let relaxed = |millis, score| Candidate { relaxed: 1, ..at(millis, score) };
        let candidates = [relaxed(0, 0.9), at(600, 0.3), relaxed(1_200, 0.8)];
        assert_eq!(sequences(&choose(&candidates, wish(3))), [600]);
        assert_eq!(sequences(&choose(&[candidates[0], candidates[2]], wish(3))), [0, 1_200]);
    }

    #[test]
    fn where_it_is_wished_for_one_shot_is_slightly_turned() {
        let turned = Candidate { yaw: -8.0, ..at(600, 0.65) };
        let candidates = [at(0, 0.9), at(500, 0.8), turned, at(1_100, 0.8)];
        assert_eq!(sequences(&choose(&candidates, wish(3))), [0, 500, 1_100]);
        let angled = Wish { angles: Angles::OneTurned, ..wish(3) };
        assert_eq!(sequences(&choose(&candidates, angled)), [0, 1_100, 600]);
        let without = [candidates[0], candidates[1], candidates[3]];
        assert_eq!(sequences(&choose(&without, angled)), [0, 500, 1_100]);
    }

    fn some_candidates(count: usize) -> impl Strategy<Value = Vec<Candidate>> {
        // Few distinct scores and times, so that ties are common.
        let raw = (0_u64..60, 1_u8..=20, 0_usize..3, -12_i8..12);
        prop::collection::vec(raw, 0..count).prop_map(|raw| {
            let of = |(i, (slot, score, relaxed, yaw)): (u64, (u64, u8, usize, i8))| Candidate {
                sequence: i,
                captured: Moment::from_origin(Duration::from_millis(slot * 50)),
                score: f64::from(score) / 20.0,
                relaxed,
                yaw: f32::from(yaw),
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
            prop_assert_eq!(choose(&plain, wish(shots)), choose(&shuffled, wish(shots)));
        }

        #[test]
        fn more_candidates_never_make_the_choice_worse(
            all in some_candidates(24),
            share in 0_usize..=24,
            shots in 1_usize..=3,
        ) {
            let fewer = choose(&all[..share.min(all.len())], wish(shots));
            let all = choose(&all, wish(shots));
            prop_assert_ne!(compare(&all, &fewer, Angles::Any), Ordering::Less);
        }

        #[test]
        fn twice_the_frame_rate_never_makes_the_choice_worse(
            scores in prop::collection::vec(0.05_f64..1.0, 2..24),
            shots in 1_usize..=3,
        ) {
            let all: Vec<_> = (0_u64..).zip(&scores).map(|(i, s)| at(i * 66, *s)).collect();
            let half: Vec<_> = all.iter().step_by(2).copied().collect();
            let (full, half) = (choose(&all, wish(shots)), choose(&half, wish(shots)));
            prop_assert_ne!(compare(&full, &half, Angles::Any), Ordering::Less);
        }

        #[test]
        fn every_choice_keeps_its_promises(
            candidates in some_candidates(24),
            shots in 1_usize..=3,
        ) {
            let chosen = choose(&candidates, wish(shots));
            prop_assert_eq!(chosen.is_empty(), candidates.is_empty());
            prop_assert!(chosen.len() <= shots);
            prop_assert!(chosen.is_sorted_by(|a, b| a.score >= b.score));
            let least = candidates.iter().map(|c| c.relaxed).min().unwrap_or(0);
            let strictest = candidates.iter().filter(|c| c.relaxed == least);
            let best = strictest.map(|c| c.score).fold(0.0, f64::max);
            for (i, shot) in chosen.iter().enumerate() {
                prop_assert_eq!(shot.relaxed, least);
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
