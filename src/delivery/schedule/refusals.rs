//! Tells a refused token from a refused update: a server may forbid one person, or a firewall dislike one text.

use crate::domain::UpdateId;

/// So many are remembered of each kind; the oldest are forgotten first.
const MOST: usize = 64;

/// So many in a row are called at fault themselves; then it is the token after all.
const IN_A_ROW: usize = 3;

/// Which updates a token was refused with.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// Since another one was accepted last.
    refused: Vec<UpdateId>,
    /// Before another one was accepted with the same token: theirs is the fault, not the token's.
    own: Vec<UpdateId>,
    /// How many of these were refused again since another one was accepted last.
    in_a_row: usize,
}

impl Refusals {
    /// The token was refused with this update.
    pub(super) fn refused(&mut self, id: UpdateId) {
        remember(&mut self.refused, id);
    }

    /// The token was accepted with this update: it is good.
    pub(super) fn accepted(&mut self, id: UpdateId) {
        self.refused.retain(|refused| *refused != id);
        self.own.retain(|own| *own != id);
        self.in_a_row = 0;
        for refused in std::mem::take(&mut self.refused) {
            remember(&mut self.own, refused);
        }
    }

    /// There is another token.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Whether the token is good all the same, now that it was refused with this update again.
    pub(super) fn is_own_fault(&mut self, id: UpdateId) -> bool {
        let own = self.own.contains(&id) && self.in_a_row < IN_A_ROW;
        self.in_a_row += usize::from(own);
        own
    }

    /// Those that say least about the token: with any other it should be tried first.
    pub(super) fn known(&self) -> impl Iterator<Item = UpdateId> {
        self.refused.iter().chain(&self.own).copied()
    }
}

fn remember(ids: &mut Vec<UpdateId>, id: UpdateId) {
    ids.retain(|known| *known != id);
    if ids.len() == MOST {
        ids.remove(0);
    }
    ids.push(id);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_update_is_at_fault_itself_once_another_was_accepted() {
        let mut refusals = Refusals::default();
        refusals.refused(UpdateId(1));
        assert!(!refusals.is_own_fault(UpdateId(1)));
        refusals.accepted(UpdateId(2));
        assert!(refusals.is_own_fault(UpdateId(1)) && !refusals.is_own_fault(UpdateId(2)));
        refusals.accepted(UpdateId(1));
        assert!(!refusals.is_own_fault(UpdateId(1)), "it passed after all");
    }

    #[test]
    fn many_refusals_in_a_row_are_the_tokens_fault_after_all() {
        let mut refusals = Refusals::default();
        (0..9).for_each(|id| refusals.refused(UpdateId(id)));
        refusals.accepted(UpdateId(100));
        let faults: Vec<_> = (0..9).filter(|id| refusals.is_own_fault(UpdateId(*id))).collect();
        assert_eq!(faults, [0, 1, 2]);
        refusals.accepted(UpdateId(101));
        assert!(refusals.is_own_fault(UpdateId(5)));
    }

    #[test]
    fn no_more_than_so_many_are_remembered() {
        let mut refusals = Refusals::default();
        (0..1_000).for_each(|id| refusals.refused(UpdateId(id)));
        assert_eq!(refusals.known().count(), MOST);
        assert!(refusals.known().any(|id| id == UpdateId(999)));
        refusals.forget();
        assert_eq!(refusals.known().count(), 0);
    }
}
