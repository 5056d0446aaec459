//! Who is next: the pure rules of order.
//!
//! - A *lane* holds all updates of one person, in the order of their ids, which is the order of their arrival.
//! - A lane hands out its first update that is not parked, and nothing else until that one is settled.
//! - Between lanes the lower *position* goes first. A new update's position is its id; one that failed by
//!   itself takes a place behind everything that is there, so that it holds nobody up and still gets its turn.
//! - Pending updates of one person coalesce, unless something older in the lane is in flight or parked: a
//!   merged update never carries a value across one that may still be sent.

use std::collections::{BTreeMap, BTreeSet};

use super::keys::KeyId;
use super::tally::Tally;
use super::turns::{Turn, Turns};
use crate::domain::{CaptureRecord, PersonId, QueuedUpdate, UpdateId, UpdateState, WallTime};

/// The keyed hash of a person's id.
pub(super) type LaneTag = [u8; 16];

/// Where an update stands in its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Queued,
    InFlight,
    /// Delivered, and on its way out: it is sent no more, but still stands before all that is newer.
    Leaving,
    /// Waits for a human; a newer update that changed the same fields may have been delivered meanwhile.
    Parked {
        outdated_by: Option<UpdateId>,
    },
}

/// What the queue keeps in memory of one update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) lane: LaneTag,
    pub(super) key: KeyId,
    pub(super) person_id: PersonId,
    pub(super) fields: Vec<&'static str>,
    pub(super) images: usize,
    pub(super) capture: Option<CaptureRecord>,
    pub(super) bytes: u64,
    pub(super) enqueued_at: WallTime,
    /// It was acknowledged on another device.
    pub(super) imported: bool,
    pub(super) standing: Standing,
    pub(super) attempts: u32,
    pub(super) not_before: Option<WallTime>,
    pub(super) position: u64,
    /// Orders those that failed and stand at one position: the one that failed longest ago goes first. Kept
    /// in memory alone; after a restart they go by their ids once.
    pub(super) turn: u64,
    pub(super) reason: Option<String>,
}

impl Item {
    /// What callers may know of it.
    pub(super) fn head(&self, id: UpdateId) -> QueuedUpdate {
        QueuedUpdate {
            id,
            person_id: self.person_id.clone(),
            state: self.state(),
            fields: self.fields.clone(),
            images: self.images,
            capture: self.capture,
            bytes: self.bytes,
            attempts: self.attempts,
            enqueued_at: self.enqueued_at,
            not_before: self.not_before,
            reason: self.reason.clone(),
        }
    }

    pub(super) const fn state(&self) -> UpdateState {
        match self.standing {
            Standing::Queued => UpdateState::Queued,
            Standing::InFlight | Standing::Leaving => UpdateState::InFlight,
            Standing::Parked { .. } => UpdateState::Parked,
        }
    }
}

/// Which of the lanes' first updates is wanted, where several are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick<'a> {
    /// The one whose turn it is.
    Foremost,
    /// The one that costs the least to try a link or a token with.
    Smallest {
        /// These only where there is no other.
        besides: &'a [UpdateId],
    },
}

/// Every update of the queue, in its lane.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// Boxed, because ids only grow: that leaves the map's nodes half empty.
    items: BTreeMap<UpdateId, Box<Item>>,
    lanes: BTreeMap<LaneTag, Lane>,
    turns: Turns,
    tally: Tally,
    last_turn: u64,
}

#[derive(Debug, Default)]
struct Lane {
    ids: BTreeSet<UpdateId>,
    /// What it has among the turns at present.
    head: Option<Turn>,
}

impl Lanes {
    pub(super) fn insert(&mut self, id: UpdateId, item: Item) {
        self.remove(id);
        let lane = item.lane;
        self.lanes.entry(lane).or_default().ids.insert(id);
        self.tally.add(id, &item);
        self.items.insert(id, Box::new(item));
        self.find_head(lane);
    }

    pub(super) fn remove(&mut self, id: UpdateId) -> Option<Item> {
        let item = self.items.remove(&id)?;
        self.tally.remove(id, &item);
        if let Some(lane) = self.lanes.get_mut(&item.lane) {
            lane.ids.remove(&id);
        }
        self.find_head(item.lane);
        Some(*item)
    }

    pub(super) fn get(&self, id: UpdateId) -> Option<&Item> {
        self.items.get(&id).map(Box::as_ref)
    }

    /// Changes an update, but never its lane; `None` if it is not there.
    pub(super) fn change<T>(
        &mut self,
        id: UpdateId,
        change: impl FnOnce(&mut Item) -> T,
    ) -> Option<T> {
        let item = self.items.get_mut(&id)?;
        self.tally.remove(id, item);
        let changed = change(item);
        self.tally.add(id, item);
        let lane = item.lane;
        self.find_head(lane);
        Some(changed)
    }

    /// The sums over all updates.
    pub(super) const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Every update, the oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (UpdateId, &Item)> {
        self.items.iter().map(|(id, item)| (*id, item.as_ref()))
    }

    /// The updates of one lane, the oldest first.
    pub(super) fn of(&self, lane: LaneTag) -> impl DoubleEndedIterator<Item = (UpdateId, &Item)> {
        let ids = self.lanes.get(&lane).into_iter().flat_map(|lane| &lane.ids);
        ids.filter_map(|id| self.items.get(id).map(|item| (*id, item.as_ref())))
    }

    /// The pending updates with which a new one of this lane coalesces, the oldest first.
    pub(super) fn mergeable(&self, lane: LaneTag) -> Vec<UpdateId> {
        let mut ids: Vec<_> = self
            .of(lane)
            .rev()
            .take_while(|(_, item)| item.standing == Standing::Queued)
            .map(|(id, _)| id)
            .collect();
        ids.reverse();
        ids
    }

    /// The update that may be handed out now. Only the first of a lane ever is, whichever is picked.
    pub(super) fn next(&mut self, pick: Pick<'_>, now: WallTime) -> Option<UpdateId> {
        match pick {
            Pick::Foremost => self.turns.next(now),
            Pick::Smallest { besides } => {
                let bytes = |id: &UpdateId| self.items.get(id).map(|item| item.bytes);
                self.turns.due(now).min_by_key(|id| (besides.contains(id), bytes(id)))
            }
        }
    }

    /// Moves an update behind all that stand before `position`, and behind those that were moved there.
    pub(super) fn move_back(&mut self, id: UpdateId, position: u64) {
        self.last_turn += 1;
        let turn = self.last_turn;
        self.change(id, |item| {
            item.position = position;
            item.turn = turn;
        });
    }

    /// When the next update may be handed out, `now` if one may be already.
    pub(super) fn next_due(&self, now: WallTime) -> Option<WallTime> {
        self.turns.next_due(now)
    }

    /// Gives a lane's turn to its first update that waits for nothing but its time, if it has one.
    fn find_head(&mut self, lane: LaneTag) {
        let busy = self.of(lane).any(|(_, item)| item.state() == UpdateState::InFlight);
        let first = self.of(lane).find(|(_, item)| item.standing == Standing::Queued);
        let head = first.filter(|_| !busy).map(|(id, item)| Turn {
            id,
            place: (item.position, item.turn),
            not_before: item.not_before,
        });
        let Some(known) = self.lanes.get_mut(&lane) else { return };
        if known.head != head {
            if let Some(old) = known.head.take() {
                self.turns.remove(old);
            }
            if let Some(new) = head {
                self.turns.add(new);
            }
            known.head = head;
        }
        if known.ids.is_empty() {
            self.lanes.remove(&lane);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::samples::NOW;
    use super::*;

    fn item(person: u8) -> Item {
        Item {
            lane: [person; 16],
            key: KeyId { day: 0, id: [0; 8] },
            person_id: PersonId::parse(&format!("p{person}")).unwrap_or_else(|_| unreachable!()),
            fields: vec!["name"],
            images: 0,
            capture: None,
            bytes: 1,
            enqueued_at: NOW,
            imported: false,
            standing: Standing::Queued,
            attempts: 0,
            not_before: None,
            position: 0,
            turn: 0,
            reason: None,
        }
    }

    fn lanes(persons: &[u8]) -> Lanes {
        let mut lanes = Lanes::default();
        for (id, person) in (1..).zip(persons) {
            lanes.insert(UpdateId(id), Item { position: id, ..item(*person) });
        }
        lanes
    }

    fn next(lanes: &mut Lanes) -> Option<UpdateId> {
        lanes.next(Pick::Foremost, NOW)
    }

    fn set(lanes: &mut Lanes, id: u64, change: impl FnOnce(&mut Item)) {
        lanes.change(UpdateId(id), change).unwrap_or_else(|| unreachable!());
    }

    #[test]
    fn a_lane_hands_out_nothing_while_one_of_its_updates_is_in_flight() {
        let mut lanes = lanes(&[1, 1, 2]);
        assert_eq!(next(&mut lanes), Some(UpdateId(1)));
        set(&mut lanes, 1, |item| item.standing = Standing::InFlight);
        assert_eq!(next(&mut lanes), Some(UpdateId(3)));
        set(&mut lanes, 3, |item| item.standing = Standing::InFlight);
        assert_eq!(next(&mut lanes), None);
        assert_eq!(lanes.next_due(NOW), None);
    }

    #[test]
    fn a_lane_waits_for_its_first_update_but_passes_over_parked_ones() {
        let mut lanes = lanes(&[1, 1]);
        let later = NOW + Duration::from_secs(60);
        set(&mut lanes, 1, |item| item.not_before = Some(later));
        assert_eq!((next(&mut lanes), lanes.next_due(NOW)), (None, Some(later)));
        assert_eq!(lanes.next(Pick::Foremost, later), Some(UpdateId(1)));
        set(&mut lanes, 1, |item| item.standing = Standing::Parked { outdated_by: None });
        assert_eq!(next(&mut lanes), Some(UpdateId(2)));
    }

    #[test]
    fn the_smallest_is_picked_among_the_first_of_each_lane_that_are_due() {
        let mut lanes = lanes(&[1, 1, 2, 3, 4]);
        for (id, bytes) in [(1, 900), (2, 1), (3, 50), (4, 50), (5, 2)] {
            set(&mut lanes, id, |item| item.bytes = bytes);
        }
        set(&mut lanes, 5, |item| item.not_before = Some(NOW + Duration::from_secs(60)));
        let smallest = |lanes: &mut Lanes| lanes.next(Pick::Smallest { besides: &[] }, NOW);
        assert_eq!(
            smallest(&mut lanes),
            Some(UpdateId(3)),
            "2 is behind 1, 5 must wait, 4 came later"
        );
        let besides = |ids: &[u64]| ids.iter().copied().map(UpdateId).collect::<Vec<_>>();
        let mut another = |ids| lanes.next(Pick::Smallest { besides: &besides(ids) }, NOW);
        assert_eq!(another(&[3]), Some(UpdateId(4)));
        assert_eq!(another(&[1, 3, 4]), Some(UpdateId(3)), "where there is no other");
        set(&mut lanes, 3, |item| item.standing = Standing::InFlight);
        assert_eq!(smallest(&mut lanes), Some(UpdateId(4)));
        lanes.remove(UpdateId(4));
        assert_eq!(smallest(&mut lanes), Some(UpdateId(1)));
        set(&mut lanes, 1, |item| item.standing = Standing::InFlight);
        assert_eq!(smallest(&mut lanes), None, "nothing overtakes in its lane");
    }

    #[test]
    fn one_that_failed_goes_behind_those_that_were_there_but_not_behind_later_ones() {
        let mut lanes = lanes(&[1, 2]);
        set(&mut lanes, 1, |item| item.position = 3);
        assert_eq!(next(&mut lanes), Some(UpdateId(2)));
        lanes.insert(UpdateId(4), Item { position: 4, ..item(3) });
        lanes.remove(UpdateId(2));
        assert_eq!(next(&mut lanes), Some(UpdateId(1)));
    }

    #[test]
    fn those_that_fail_take_turns_however_often_one_of_them_fails() {
        let mut lanes = lanes(&[1, 2, 3]);
        let mut order = Vec::new();
        for _ in 0..6 {
            let id = next(&mut lanes).unwrap_or_else(|| unreachable!());
            order.push(id.0);
            lanes.move_back(id, 4);
        }
        assert_eq!(order, [1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn a_not_before_from_a_clock_that_was_set_back_holds_nobody_up() {
        let mut lanes = lanes(&[1]);
        set(&mut lanes, 1, |item| item.not_before = Some(NOW + Duration::from_hours(25)));
        assert_eq!(next(&mut lanes), Some(UpdateId(1)));
    }

    #[test]
    fn updates_coalesce_only_behind_what_is_in_flight_or_parked() {
        let mut lanes = lanes(&[1, 1, 1, 2]);
        let ids =
            |lanes: &Lanes| lanes.mergeable([1; 16]).iter().map(|id| id.0).collect::<Vec<_>>();
        assert_eq!(ids(&lanes), [1, 2, 3]);
        set(&mut lanes, 1, |item| item.standing = Standing::InFlight);
        assert_eq!(ids(&lanes), [2, 3]);
        set(&mut lanes, 3, |item| item.standing = Standing::Parked { outdated_by: None });
        assert_eq!(ids(&lanes), [0_u64; 0]);
    }

    #[test]
    fn sums_follow_every_change() {
        let mut lanes = lanes(&[1, 1, 2]);
        set(&mut lanes, 1, |item| item.standing = Standing::InFlight);
        set(&mut lanes, 2, |item| item.standing = Standing::Parked { outdated_by: None });
        set(&mut lanes, 3, |item| item.enqueued_at = NOW + Duration::from_secs(9));
        let tally = lanes.tally();
        assert_eq!((tally.queued, tally.in_flight, tally.parked), (1, 1, 1));
        assert_eq!((tally.items(), tally.bytes), (3, 3));
        let minute = NOW + Duration::from_secs(60);
        assert_eq!(tally.oldest(minute), Some(Duration::from_secs(60)));
        lanes.remove(UpdateId(1));
        assert_eq!(
            lanes.tally().oldest(minute),
            Some(Duration::from_secs(51)),
            "parked ones apart"
        );
        lanes.remove(UpdateId(2));
        lanes.remove(UpdateId(3));
        assert_eq!(lanes.tally(), &Tally::default());
    }

    #[test]
    fn neither_what_was_tried_nor_what_came_from_elsewhere_waits_for_a_line() {
        let mut lanes = lanes(&[1, 2, 3]);
        set(&mut lanes, 1, |item| item.attempts = 1);
        set(&mut lanes, 2, |item| item.imported = true);
        set(&mut lanes, 3, |item| item.enqueued_at = NOW + Duration::from_secs(9));
        let minute = NOW + Duration::from_secs(60);
        let ages = |tally: &Tally| (tally.oldest(minute), tally.oldest_untried(minute));
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(ages(lanes.tally()), (seconds(60), seconds(51)));
        lanes.remove(UpdateId(3));
        assert_eq!(ages(lanes.tally()), (seconds(60), None));
    }
}
