//! What the content of a QR code means.
//!
//! The rule is closed; nothing else is a badge:
//!
//! | content, without white space around it | no roster | roster |
//! |---|---|---|
//! | `kiosk-enroll:` and a valid person id | that person | that person if listed, else refused |
//! | `kiosk-enroll:` and anything else | refused | refused |
//! | only a person id that is listed | – | that person |
//! | anything else (a poster, a ticket, a link) | ignored | ignored |

use crate::domain::PersonId;

use super::{Refusal, Roster};

/// What a badge made for this kiosk begins with.
pub const BADGE_PREFIX: &str = "kiosk-enroll:";

/// Which roster the site has.
#[derive(Debug, Clone, Copy)]
pub(super) enum Listing<'a> {
    /// Everybody may be enrolled.
    Open,
    /// There is a roster, but it was never readable.
    Unreadable,
    /// Only those on it may be enrolled.
    Only(&'a Roster),
}

/// A code of somebody who may be enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Badge {
    /// Whose badge it is.
    pub(super) person_id: PersonId,
}

impl Badge {
    /// Reads the content of one code; `None` if it is no badge.
    ///
    /// # Errors
    /// Why a badge that was meant for this kiosk is not taken.
    pub(super) fn read(content: &str, listing: Listing<'_>) -> Result<Option<Self>, Refusal> {
        let content = content.trim();
        match (content.strip_prefix(BADGE_PREFIX), listing) {
            (Some(id), _) => {
                let person_id = PersonId::parse(id).map_err(|_| Refusal::BadId)?;
                match listing {
                    Listing::Only(roster) if !roster.lists(&person_id) => {
                        Err(Refusal::NotListed(person_id))
                    }
                    Listing::Unreadable => Err(Refusal::NoRoster(person_id)),
                    Listing::Open | Listing::Only(_) => Ok(Some(Self { person_id })),
                }
            }
            (None, Listing::Only(roster)) => Ok(PersonId::parse(content)
                .ok()
                .filter(|person_id| roster.lists(person_id))
                .map(|person_id| Self { person_id })),
            (None, Listing::Open | Listing::Unreadable) => Ok(None),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    fn id(text: &str) -> PersonId {
        PersonId::parse(text).unwrap()
    }

    fn badge(text: &str) -> Result<Option<Badge>, Refusal> {
        Ok(Some(Badge { person_id: id(text) }))
    }

    #[test]
    fn without_a_roster_only_a_prefixed_code_is_a_badge() {
        assert_eq!(Badge::read("kiosk-enroll:p-1", Listing::Open), badge("p-1"));
        assert_eq!(Badge::read(" kiosk-enroll:p-1\r\n", Listing::Open), badge("p-1"));
        for other in ["p-1", "https://example.com/p-1", "", "KIOSK-ENROLL:p-1", "kiosk-enroll"] {
            assert_eq!(Badge::read(other, Listing::Open), Ok(None), "{other}");
        }
    }

    #[test]
    fn with_a_roster_only_listed_persons_have_badges() {
        let (roster, _) = Roster::parse("p-1,Ada\n");
        let listing = Listing::Only(&roster);
        assert_eq!(Badge::read("kiosk-enroll:p-1", listing), badge("p-1"));
        assert_eq!(Badge::read("p-1", listing), badge("p-1"));
        assert_eq!(Badge::read("p-2", listing), Ok(None));
        let refusal = Badge::read("kiosk-enroll:p-2", listing).unwrap_err();
        assert_eq!(refusal, Refusal::NotListed(id("p-2")));
        assert_eq!(refusal.to_string(), "badge of person p-2 refused: not on the roster");
    }

    #[test]
    fn a_roster_that_cannot_be_read_lets_nobody_in() {
        let refusal = Badge::read("kiosk-enroll:p-1", Listing::Unreadable).unwrap_err();
        assert_eq!(refusal, Refusal::NoRoster(id("p-1")));
    }

    #[test]
    fn a_badge_with_an_impossible_id_is_refused_and_says_so() {
        for bad in ["kiosk-enroll:", "kiosk-enroll:a/b", "kiosk-enroll: p-1", "kiosk-enroll:.."] {
            let refusal = Badge::read(bad, Listing::Open).unwrap_err();
            assert_eq!(refusal, Refusal::BadId, "{bad}");
            assert!(!refusal.hint().is_empty());
        }
    }
}
