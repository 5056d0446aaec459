//! Compares the person that came back with what was sent: an acceptance that changed nothing must not pass
//! for success in silence.
//!
//! What is absent: no value of a field ever stands in a reason; it names the field only.

use std::fmt;
use std::time::Duration;

use crate::domain::{Confirmation, Date, PersonId, PersonUpdate, WallTime};

/// How far `updatedAt` may lie before the server's own time of answering.
const STALE_AFTER: Duration = Duration::from_secs(600);

/// The person of an answer, as far as it could be read; `None` where the answer shows nothing.
///
/// Its `Debug` shows no value.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct AnsweredPerson {
    /// `_id` or `id`.
    pub id: Option<String>,
    /// Full name.
    pub name: Option<String>,
    /// `M` or `F`.
    pub gender: Option<String>,
    /// Date of birth, in whichever shape it came.
    pub date_of_birth: Option<Date>,
    /// Nationality or country code.
    pub nationality: Option<String>,
    /// Collection ids, of strings or of objects.
    pub collections: Option<Vec<String>>,
    /// Notes.
    pub notes: Option<String>,
    /// How many images.
    pub images: Option<usize>,
    /// How many thumbnails.
    pub thumbnails: Option<usize>,
    /// How many face encodings.
    pub face_encodings: Option<usize>,
    /// When the server last changed it.
    pub updated_at: Option<WallTime>,
}

impl AnsweredPerson {
    /// Whether the answer is about this person: it names it, or names nobody at all.
    pub fn is(&self, id: &PersonId) -> bool {
        self.id.as_deref().is_none_or(|answered| answered == id.as_str())
    }
}

impl fmt::Debug for AnsweredPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnsweredPerson")
    }
}

/// Decides whether `person` shows what `update` asked for. `answered` is the server's own time.
pub(super) fn confirm(
    person: &AnsweredPerson,
    update: &PersonUpdate,
    answered: Option<WallTime>,
) -> Confirmation {
    let birth = update.date_of_birth();
    let gender = update.gender().map(|gender| gender.code().to_owned());
    let doubts: Vec<String> = [
        person.id.is_none().then(|| "the answer does not name the person".to_owned()),
        compare("name", update.name().map(letters), person.name.as_deref().map(letters)),
        compare("gender", gender, person.gender.clone()),
        compare("date_of_birth", birth, person.date_of_birth),
        compare("nationality", plain(update.nationality()), plain(person.nationality.as_deref())),
        compare("collections", sorted(update.collections()), sorted(person.collections.as_deref())),
        compare("notes", plain(update.notes()), plain(person.notes.as_deref())),
        update.images().and_then(|sent| images(sent.len(), person, answered)),
    ]
    .into_iter()
    .flatten()
    .collect();
    if doubts.is_empty() {
        Confirmation::Confirmed
    } else {
        Confirmation::Unconfirmed(doubts.join("; "))
    }
}

fn compare<T: PartialEq>(field: &str, sent: Option<T>, shown: Option<T>) -> Option<String> {
    match (sent, shown) {
        (None, _) => None,
        (Some(sent), Some(shown)) if sent == shown => None,
        (Some(_), Some(_)) => Some(format!("{field} differs from what was sent")),
        (Some(_), None) => Some(format!("{field} is not shown")),
    }
}

fn images(sent: usize, person: &AnsweredPerson, answered: Option<WallTime>) -> Option<String> {
    let Some(shown) = person.images.or(person.thumbnails).or(person.face_encodings) else {
        return Some("images are not shown".to_owned());
    };
    if shown != sent {
        return Some(format!("{shown} images are shown where {sent} were sent"));
    }
    if let Some(encodings) = person.face_encodings.filter(|count| *count < sent) {
        return Some(format!("a face was found in {encodings} of {sent} images"));
    }
    match (person.updated_at, answered) {
        (Some(updated), Some(answered)) if answered.since(updated) > STALE_AFTER => {
            Some("updatedAt is old: the images may be the former ones".to_owned())
        }
        _ => None,
    }
}

/// A name without its digits, which the server may strip, and with single spaces.
fn letters(name: &str) -> String {
    let without: String = name.chars().filter(|c| !c.is_numeric()).collect();
    without.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn plain(text: Option<&str>) -> Option<String> {
    text.map(|text| text.trim().to_owned())
}

fn sorted(ids: Option<&[String]>) -> Option<Vec<String>> {
    ids.map(|ids| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        ids
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::{Portrait, PortraitFormat, Size, UpdateDraft};

    const ANSWERED: WallTime = WallTime::from_unix_millis(1_795_466_530_000);

    fn update(draft: UpdateDraft) -> PersonUpdate {
        let id = PersonId::parse("person_1").unwrap();
        PersonUpdate::parse(id, draft, Date::new(2026, 11, 23).unwrap()).unwrap()
    }

    fn pictures(count: usize) -> UpdateDraft {
        let portrait =
            Portrait::from_decoded(PortraitFormat::Jpeg, Size::new(9, 9), vec![7; 1_000]).unwrap();
        UpdateDraft { images: Some(vec![portrait; count]), ..Default::default() }
    }

    fn answered() -> AnsweredPerson {
        AnsweredPerson { id: Some("person_1".into()), ..Default::default() }
    }

    fn doubt(person: &AnsweredPerson, draft: UpdateDraft) -> Option<String> {
        match confirm(person, &update(draft), Some(ANSWERED)) {
            Confirmation::Confirmed => None,
            Confirmation::Unconfirmed(reason) => Some(reason),
        }
    }

    #[test]
    fn an_answer_that_shows_every_field_confirms_them() {
        let draft = UpdateDraft {
            name: Some("John  Doe 2".into()),
            gender: Some("M".into()),
            date_of_birth: Some("1990-01-15".into()),
            nationality: Some("US".into()),
            collections: Some(vec!["b".into(), "a".into()]),
            notes: Some("VIP".into()),
            ..pictures(2)
        };
        let person = AnsweredPerson {
            name: Some("John Doe".into()),
            gender: Some("M".into()),
            date_of_birth: Date::new(1990, 1, 15),
            nationality: Some("US".into()),
            collections: Some(vec!["a".into(), "b".into()]),
            notes: Some("VIP ".into()),
            images: Some(2),
            face_encodings: Some(2),
            updated_at: Some(ANSWERED),
            ..answered()
        };
        assert_eq!(doubt(&person, draft), None);
    }

    #[test]
    fn a_field_that_was_not_sent_is_not_compared() {
        let person = AnsweredPerson { name: Some("Someone".into()), images: Some(9), ..answered() };
        let person = AnsweredPerson { notes: Some("VIP".into()), ..person };
        let draft = UpdateDraft { notes: Some("VIP".into()), ..Default::default() };
        assert_eq!(doubt(&person, draft), None);
    }

    #[test]
    fn an_acceptance_that_changed_nothing_is_not_confirmed() {
        let draft = || UpdateDraft { name: Some("Ada".into()), ..Default::default() };
        let other = AnsweredPerson { name: Some("Eve".into()), ..answered() };
        let reason = doubt(&other, draft()).unwrap();
        assert_eq!(reason, "name differs from what was sent");
        assert_eq!(doubt(&answered(), draft()).unwrap(), "name is not shown");
        let nobody = AnsweredPerson { id: None, name: Some("Ada".into()), ..answered() };
        assert_eq!(doubt(&nobody, draft()).unwrap(), "the answer does not name the person");
    }

    #[test]
    fn images_are_counted_by_whatever_the_answer_shows() {
        let none = doubt(&answered(), pictures(3)).unwrap();
        assert_eq!(none, "images are not shown");
        let thumbnails = AnsweredPerson { thumbnails: Some(3), ..answered() };
        assert_eq!(doubt(&thumbnails, pictures(3)), None);
        let one = AnsweredPerson { images: Some(1), ..answered() };
        assert!(doubt(&one, pictures(3)).unwrap().starts_with("1 images"));
        let blind = AnsweredPerson { images: Some(3), face_encodings: Some(1), ..answered() };
        assert!(doubt(&blind, pictures(3)).unwrap().contains("in 1 of 3"));
    }

    #[test]
    fn images_of_a_person_last_changed_long_ago_are_the_former_ones() {
        let updated = ANSWERED - Duration::from_secs(3_600);
        let stale = AnsweredPerson { images: Some(3), updated_at: Some(updated), ..answered() };
        assert!(doubt(&stale, pictures(3)).unwrap().starts_with("updatedAt is old"));
        let unknown = confirm(&stale, &update(pictures(3)), None);
        assert_eq!(unknown, Confirmation::Confirmed);
    }

    #[test]
    fn debug_shows_nobody() {
        let person = AnsweredPerson { name: Some("Ada".into()), ..answered() };
        assert_eq!(format!("{person:?}"), "AnsweredPerson");
    }
}
