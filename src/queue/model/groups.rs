//! Several updates that are settled together, while other things happen.

use super::super::departure::Departure;
use super::World;
use crate::domain::{Confirmation, UpdateId};

/// How far a group is.
pub(super) struct UnderWay {
    ids: Vec<UpdateId>,
    stage: Stage,
}

enum Stage {
    Begun(Departure),
    Settled(Departure),
}

impl World {
    /// The server takes in those in flight that the bits name, and the queue begins to settle them.
    pub(super) fn begin_group(&mut self, bits: u8) {
        let named = self.in_flight.keys().copied().enumerate();
        let ids: Vec<_> =
            named.filter(|(at, _)| bits >> (at % 8) & 1 != 0).map(|(_, id)| id).collect();
        if self.under_way.is_some() || ids.is_empty() {
            return;
        }
        ids.iter().for_each(|id| self.arrive(*id));
        let group = ids.iter().map(|id| (*id, Confirmation::Confirmed)).collect();
        let departure = self.queue().state().begin_departure(group, self.now);
        self.under_way = Some(UnderWay { ids, stage: Stage::Begun(departure) });
    }

    /// The disk does what takes time.
    pub(super) fn settle_group(&mut self) {
        if let Some(under_way) = self.under_way.take() {
            let stage = match under_way.stage {
                Stage::Begun(departure) => Stage::Settled(departure.settle()),
                settled @ Stage::Settled(_) => settled,
            };
            self.under_way = Some(UnderWay { stage, ..under_way });
        }
    }

    /// The queue forgets those that are gone.
    pub(super) fn finish_group(&mut self) {
        self.settle_group();
        if let Some(UnderWay { ids, stage: Stage::Settled(departure) }) = self.under_way.take() {
            let departed = self.queue().state().finish_departure(departure);
            for id in ids {
                let gone = departed.receipts.iter().any(|receipt| receipt.id == id);
                self.learn(id, gone);
            }
        }
    }

    /// The process ends in the midst of it.
    pub(super) fn forget_group(&mut self) {
        for id in self.under_way.take().into_iter().flat_map(|under_way| under_way.ids) {
            self.doubt(id);
        }
    }

    pub(super) fn is_leaving(&self, id: UpdateId) -> bool {
        self.under_way.as_ref().is_some_and(|under_way| under_way.ids.contains(&id))
    }
}
