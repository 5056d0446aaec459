//! Keeps the persons in memory and shows them as the API does.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::clock::{rfc3339, wall_now};
use crate::domain::{Date, WallTime};

use super::{KnownPersons, MAX_PERSONS};

/// A picture as it was sent. Its `Debug` shows no byte of it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) media_type: &'static str,
    pub(super) bytes: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({}, {} bytes)", self.media_type, self.bytes.len())
    }
}

/// The fields of one request, checked; only what is `Some` changes.
#[derive(Default)]
pub(super) struct Change {
    pub(super) name: Option<String>,
    pub(super) gender: Option<String>,
    pub(super) date_of_birth: Option<Date>,
    pub(super) nationality: Option<String>,
    pub(super) collections: Option<Vec<String>>,
    pub(super) notes: Option<String>,
    pub(super) images: Option<Vec<Picture>>,
}

/// One person.
#[derive(Default, Clone)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) gender: Option<String>,
    pub(super) date_of_birth: Option<Date>,
    pub(super) nationality: Option<String>,
    pub(super) collections: Vec<String>,
    pub(super) notes: String,
    pub(super) images: Vec<Picture>,
    pub(super) created: WallTime,
    pub(super) updated: WallTime,
}

impl Person {
    fn new(now: WallTime) -> Self {
        Self { created: now, updated: now, ..Self::default() }
    }

    fn apply(&mut self, change: Change, now: WallTime) {
        // The vendor says that digits may be stripped: whoever counts on them should notice here.
        let name = change.name.map(|name| name.replace(|c: char| c.is_numeric(), ""));
        self.name = name.unwrap_or_else(|| std::mem::take(&mut self.name));
        self.gender = change.gender.or_else(|| self.gender.take());
        self.date_of_birth = change.date_of_birth.or(self.date_of_birth);
        self.nationality = change.nationality.or_else(|| self.nationality.take());
        self.collections =
            change.collections.unwrap_or_else(|| std::mem::take(&mut self.collections));
        self.notes = change.notes.unwrap_or_else(|| std::mem::take(&mut self.notes));
        self.images = change.images.unwrap_or_else(|| std::mem::take(&mut self.images));
        self.updated = now;
    }

    fn shown(&self, id: &str) -> Value {
        let birth = self.date_of_birth.map(|date| {
            let (year, month, day) = date.parts();
            json!({ "year": year, "month": month, "day": day })
        });
        let images: Vec<_> = self.images.iter().map(|one| STANDARD.encode(&one.bytes)).collect();
        let encodings: Vec<_> = (1..=images.len()).map(|n| format!("encoding_{n}")).collect();
        json!({
            "_id": id,
            "name": self.name,
            "gender": self.gender,
            "date_of_birth": birth,
            "nationality": self.nationality,
            "images": images,
            "collections": self.collections,
            "notes": self.notes,
            "client": "client_stand_in",
            "status": "active",
            "faceEncodings": encodings,
            "createdAt": rfc3339(self.created),
            "updatedAt": rfc3339(self.updated),
        })
    }
}

/// What happens to a person at a PUT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Change,
    Nothing,
}

/// All persons.
pub(super) struct Persons {
    known: KnownPersons,
    all: Mutex<BTreeMap<String, Person>>,
}

impl std::fmt::Debug for Persons {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Persons({})", self.locked().len())
    }
}

impl Persons {
    pub(super) fn new(known: KnownPersons) -> Self {
        let now = wall_now();
        let all = match &known {
            KnownPersons::Anyone => BTreeMap::new(),
            KnownPersons::Only(ids) => {
                ids.iter().map(|id| (id.clone(), Person::new(now))).collect()
            }
        };
        Self { known, all: Mutex::new(all) }
    }

    /// Whether a PUT for this id finds somebody.
    pub(super) fn finds(&self, id: &str) -> bool {
        let all = self.locked();
        all.contains_key(id) || (self.known == KnownPersons::Anyone && all.len() < MAX_PERSONS)
    }

    /// Changes a person and shows it afterwards.
    pub(super) fn put(&self, id: &str, change: Change, effect: Effect) -> Value {
        let now = wall_now();
        let mut all = self.locked();
        match effect {
            Effect::Change => {
                let person = all.entry(id.to_owned()).or_insert_with(|| Person::new(now));
                person.apply(change, now);
                person.shown(id)
            }
            Effect::Nothing => {
                all.get(id).map_or_else(|| Person::new(now).shown(id), |person| person.shown(id))
            }
        }
    }

    pub(super) fn shown(&self, id: &str) -> Option<Value> {
        self.locked().get(id).map(|person| person.shown(id))
    }

    pub(super) fn image(&self, id: &str, number: usize) -> Option<Picture> {
        self.locked().get(id)?.images.get(number).cloned()
    }

    /// Calls `look` with each person, in the order of the ids.
    pub(super) fn each(&self, mut look: impl FnMut(&str, &Person)) {
        for (id, person) in self.locked().iter() {
            look(id, person);
        }
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Person>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn a_put_changes_only_the_given_fields() {
        let persons = Persons::new(KnownPersons::Anyone);
        let first = Change {
            name: Some("Ada 2".into()),
            notes: Some("one".into()),
            date_of_birth: Date::new(1990, 1, 15),
            ..Default::default()
        };
        persons.put("p1", first, Effect::Change);
        let second = Change { notes: Some("two".into()), ..Default::default() };
        let shown = persons.put("p1", second, Effect::Change);
        assert_eq!(shown["name"], "Ada ");
        assert_eq!(shown["notes"], "two");
        assert_eq!(shown["date_of_birth"], json!({ "year": 1990, "month": 1, "day": 15 }));
    }

    #[test]
    fn a_person_that_nothing_happened_to_stays_as_it_was() {
        let persons = Persons::new(KnownPersons::Anyone);
        let change = Change { notes: Some("one".into()), ..Default::default() };
        let shown = persons.put("p1", change, Effect::Nothing);
        assert_eq!(shown["notes"], "");
        assert!(persons.shown("p1").is_none());
    }

    #[test]
    fn only_the_known_are_found() {
        let persons = Persons::new(KnownPersons::Only(["p1".to_owned()].into()));
        assert!(persons.finds("p1") && !persons.finds("p2"));
        assert!(persons.shown("p1").is_some());
        assert!(Persons::new(KnownPersons::Anyone).finds("p2"));
    }
}
