//! The update that was read before it was asked for: while one is on its way, the next comes from the disk.
//!
//! It is no lease: the update still waits, may be merged, dropped or overtaken, and goes from here with it. It is in
//! memory until the next lease at most, whichever update that takes.

use crate::domain::{PersonUpdate, UpdateId};

/// See the module.
#[derive(Default)]
pub(super) struct Ahead(Option<(UpdateId, PersonUpdate)>);

impl Ahead {
    pub(super) fn holds(&self, id: UpdateId) -> bool {
        self.0.as_ref().is_some_and(|(ahead, _)| *ahead == id)
    }

    pub(super) fn put(&mut self, id: UpdateId, update: PersonUpdate) {
        self.0 = Some((id, update));
    }

    /// Gives the update if it is this one, and is empty afterwards in any case.
    pub(super) fn take(&mut self, id: UpdateId) -> Option<PersonUpdate> {
        self.0.take().filter(|(ahead, _)| *ahead == id).map(|(_, update)| update)
    }

    /// Forgets the update if it is this one.
    pub(super) fn forget(&mut self, id: UpdateId) {
        self.0.take_if(|(ahead, _)| *ahead == id);
    }

    pub(super) fn clear(&mut self) {
        self.0 = None;
    }
}
