//! Which tokens are accepted.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{PoisonError, RwLock};

/// The accepted tokens; `None` accepts any. Its `Debug` shows none of them.
#[derive(Default)]
pub(super) struct Tokens(RwLock<Option<BTreeSet<String>>>);

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(…)")
    }
}

impl Tokens {
    pub(super) fn only(token: Option<String>) -> Self {
        let tokens = Self::default();
        tokens.replace(token);
        tokens
    }

    /// Accepts this one alone, or any.
    pub(super) fn replace(&self, token: Option<String>) {
        let only = token.map(|token| BTreeSet::from([token]));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = only;
    }

    /// Accepts this one, too.
    pub(super) fn accept(&self, token: String) {
        if let Some(all) = self.0.write().unwrap_or_else(PoisonError::into_inner).as_mut() {
            all.insert(token);
        }
    }

    pub(super) fn accepts(&self, given: &str) -> bool {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.as_ref().map_or(!given.is_empty(), |all| all.contains(given))
    }
}

#[test]
fn a_token_that_was_given_out_is_accepted_beside_the_first() {
    let tokens = Tokens::only(Some("first".into()));
    tokens.accept("second".into());
    assert!(tokens.accepts("first") && tokens.accepts("second") && !tokens.accepts("third"));
    tokens.replace(None);
    tokens.accept("second".into());
    assert!(tokens.accepts("any") && !tokens.accepts(""));
}
