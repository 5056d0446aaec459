//! Decides whom to follow, where to look next, and whether it is still the same face.
//!
//! Tracking is identity: all shots of a visit must carry one [`TrackId`]. In doubt a face is a new one, for
//! a choice that starts anew costs a second, and a shot of somebody else cannot be taken back.
//!
//! ```text
//!             ┌────────── lost, not seen too long, or denied by the detector ─────────┐
//!             ▼                                                                        │
//!   searching (coarse when idle) ── found ──▶ following ── found again, alike ──▶ following, same id
//!                                               ▲  │
//!                                               └──┴── jumped, resized, looks different: new id
//! ```
//!
//! What is absent: nets, pixels and clocks; the moments come with the pictures.

use std::time::Duration;

use crate::domain::{Moment, Rect, TrackId};

use super::crop::Region;
use super::detector::Detail;
use super::likeness::Likeness;

/// Pictures further apart than this are not one sight.
const LONGEST_GAP: Duration = Duration::from_millis(800);

/// The face's boxes in two successive pictures overlap at least this much (intersection over union).
const LEAST_OVERLAP: f32 = 0.3;

/// The face's looks in two successive pictures correlate at least this much.
///
/// Measured on rendered faces: one person turned by 5° 0.95, by 10° 0.89, twice as dark 0.96; a walk at ten
/// pictures a second never below 0.96; two people in the same pose and light at most 0.54.
const LEAST_RESEMBLANCE: f32 = 0.8;

/// While a face is followed, the detector looks for others this often.
const LOOK_AROUND_EVERY: Duration = Duration::from_millis(400);

/// A followed face that the detector did not see so many times in a row is none.
const MOST_DENIALS: u32 = 3;

/// So long after the last face the search stays fine.
const EXPECTANT: Duration = Duration::from_secs(2);

/// When idle, one search in so many is fine, so that someone far away is seen as well.
const FINE_ONE_IN: u32 = 5;

/// How to look at the next picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Look {
    /// Nobody is followed: search the whole picture.
    Search(Detail),
    /// Look for the face where it was.
    Follow(Region),
    /// Look for the face where it was, and search the whole picture for others.
    FollowAndSearch(Region),
}

/// A face as one picture shows it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sight {
    pub(super) bounds: Rect,
    /// Where to look for it in the next picture.
    pub(super) region: Region,
    pub(super) likeness: Likeness,
}

/// The face that is followed.
#[derive(Debug)]
struct Followed {
    id: TrackId,
    sight: Sight,
    seen: Moment,
    searched: Moment,
    denials: u32,
}

/// Who is followed, and since when nobody is.
#[derive(Debug, Default)]
pub(super) struct Track {
    followed: Option<Followed>,
    /// The last id that was given.
    last_id: u64,
    /// When a face was seen last or was told to be forgotten; `None` until the first picture.
    expectant_since: Option<Moment>,
    idle_looks: u32,
}

impl Track {
    /// How to look at a picture captured `now`.
    pub(super) fn plan(&self, now: Moment) -> Look {
        match &self.followed {
            Some(f) if now.since(f.seen) <= LONGEST_GAP => {
                if now.since(f.searched) >= LOOK_AROUND_EVERY {
                    Look::FollowAndSearch(f.sight.region)
                } else {
                    Look::Follow(f.sight.region)
                }
            }
            _ => Look::Search(self.detail(now)),
        }
    }

    fn detail(&self, now: Moment) -> Detail {
        let expectant = self.expectant_since.is_none_or(|since| now.since(since) <= EXPECTANT);
        if expectant || self.idle_looks.is_multiple_of(FINE_ONE_IN) {
            Detail::Fine
        } else {
            Detail::Coarse
        }
    }

    /// Takes note of the face in this picture and names the track it belongs to.
    pub(super) fn found(&mut self, sight: Sight, now: Moment) -> TrackId {
        self.expectant_since = Some(now);
        self.idle_looks = 0;
        if let Some(f) = self.followed.as_mut().filter(|f| f.continues_as(&sight, now)) {
            f.sight = sight;
            f.seen = now;
            return f.id;
        }
        // Where the other face was found by looking where this one was, nobody has looked around.
        let searched = self.followed.as_ref().map_or(now, |f| f.searched);
        self.last_id += 1;
        let id = TrackId(self.last_id);
        self.followed = Some(Followed { id, sight, seen: now, searched, denials: 0 });
        id
    }

    /// Takes note that the whole picture was searched, and whether the followed face was among the found.
    pub(super) fn searched(&mut self, now: Moment, followed_was_seen: bool) {
        let Some(f) = &mut self.followed else { return };
        f.searched = now;
        f.denials = if followed_was_seen { 0 } else { f.denials + 1 };
        if f.denials >= MOST_DENIALS {
            self.followed = None;
        }
    }

    /// Takes note that the face is not where it was.
    pub(super) fn lost(&mut self) {
        self.followed = None;
    }

    /// Takes note that the whole picture shows nobody.
    pub(super) fn nobody(&mut self, now: Moment) {
        self.followed = None;
        self.expectant_since.get_or_insert(now);
        self.idle_looks = self.idle_looks.wrapping_add(1);
    }

    /// Lets go of the face; ids go on, and the next searches are fine.
    pub(super) fn forget(&mut self) {
        *self = Self { last_id: self.last_id, ..Self::default() };
    }
}

impl Followed {
    fn continues_as(&self, sight: &Sight, now: Moment) -> bool {
        now.since(self.seen) <= LONGEST_GAP
            && self.sight.bounds.overlap(sight.bounds) >= LEAST_OVERLAP
            && self.sight.likeness.resemblance(&sight.likeness) >= LEAST_RESEMBLANCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Point;

    fn at(millis: u64) -> Moment {
        Moment::from_origin(Duration::from_millis(1_000_000 + millis))
    }

    fn looks(seed: f32) -> Likeness {
        Likeness::from_values((0..30).map(|i| (i as f32 * seed).sin()).collect())
    }

    fn sight(x: f32, size: f32) -> Sight {
        let bounds = Rect::new(x, 100.0, size, size);
        let region = Region { center: bounds.center(), side: 1.5 * size, angle: 0.0 };
        Sight { bounds, region, likeness: looks(0.7) }
    }

    #[test]
    fn a_face_that_moves_a_little_stays_the_same_face() {
        let mut track = Track::default();
        let first = track.found(sight(100.0, 100.0), at(0));
        for step in 1..20_u16 {
            let next = sight(100.0 + 20.0 * f32::from(step), 100.0 + f32::from(step));
            assert_eq!(track.found(next, at(100 * u64::from(step))), first);
        }
    }

    #[test]
    fn a_face_that_jumps_is_another_face() {
        let mut track = Track::default();
        let first = track.found(sight(100.0, 100.0), at(0));
        assert_ne!(track.found(sight(170.0, 100.0), at(100)), first);
    }

    #[test]
    fn a_face_that_is_suddenly_twice_as_large_is_another_face() {
        let mut track = Track::default();
        let first = track.found(sight(100.0, 100.0), at(0));
        assert_ne!(track.found(sight(100.0, 200.0), at(100)), first);
    }

    #[test]
    fn a_face_that_suddenly_looks_different_in_the_same_place_is_another_face() {
        let mut track = Track::default();
        let first = track.found(sight(100.0, 100.0), at(0));
        let other = Sight { likeness: looks(1.9), ..sight(100.0, 100.0) };
        assert_ne!(track.found(other, at(100)), first);
    }

    #[test]
    fn a_face_that_was_not_seen_for_a_while_is_another_face() {
        let mut track = Track::default();
        let first = track.found(sight(100.0, 100.0), at(0));
        assert_eq!(track.plan(at(900)), Look::Search(Detail::Fine));
        assert_ne!(track.found(sight(100.0, 100.0), at(900)), first);
    }

    #[test]
    fn a_lost_or_forgotten_face_never_gets_its_id_back() {
        let mut track = Track::default();
        let mut ids = vec![track.found(sight(100.0, 100.0), at(0))];
        track.lost();
        ids.push(track.found(sight(100.0, 100.0), at(30)));
        track.forget();
        ids.push(track.found(sight(100.0, 100.0), at(60)));
        track.nobody(at(90));
        ids.push(track.found(sight(100.0, 100.0), at(120)));
        assert_eq!(ids, [TrackId(1), TrackId(2), TrackId(3), TrackId(4)]);
    }

    #[test]
    fn while_following_the_whole_picture_is_searched_only_now_and_then() {
        let mut track = Track::default();
        let region = sight(100.0, 100.0).region;
        assert_eq!(region.center, Point::new(150.0, 150.0));
        track.found(sight(100.0, 100.0), at(0));
        assert_eq!(track.plan(at(100)), Look::Follow(region));
        assert_eq!(track.plan(at(400)), Look::FollowAndSearch(region));
        track.searched(at(400), true);
        assert_eq!(track.plan(at(500)), Look::Follow(region));
    }

    #[test]
    fn a_face_that_took_the_followed_ones_place_does_not_put_off_the_next_search() {
        let mut track = Track::default();
        track.found(sight(100.0, 100.0), at(0));
        let region = sight(170.0, 100.0).region;
        track.found(sight(170.0, 100.0), at(300));
        assert_eq!(track.plan(at(400)), Look::FollowAndSearch(region));
    }

    #[test]
    fn a_followed_face_that_the_detector_keeps_denying_is_let_go() {
        let mut track = Track::default();
        track.found(sight(100.0, 100.0), at(0));
        for seen in [false, false, true, false, false] {
            track.searched(at(10), seen);
            assert!(matches!(track.plan(at(10)), Look::Follow(_)));
        }
        track.searched(at(20), false);
        assert!(matches!(track.plan(at(20)), Look::Search(_)));
    }

    #[test]
    fn the_search_is_fine_at_first_and_after_a_face_and_mostly_coarse_when_idle() {
        let mut track = Track::default();
        assert_eq!(track.plan(at(0)), Look::Search(Detail::Fine));
        track.nobody(at(0));
        assert_eq!(track.plan(at(1_900)), Look::Search(Detail::Fine));
        let mut fine = 0;
        for look in 0..20 {
            let now = at(5_000 + look);
            fine += u32::from(track.plan(now) == Look::Search(Detail::Fine));
            track.nobody(now);
        }
        assert_eq!(fine, 4);
    }
}
