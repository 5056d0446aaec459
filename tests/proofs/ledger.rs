//! What was said about each field of each person, and what must therefore be true.
//!
//! Every update of a field carries a higher number than the one before, so that of two values it can be told
//! which is newer.

use std::collections::BTreeMap;

/// The field of a person.
pub(crate) type Field = &'static str;
/// The numbers that one update gives to fields.
pub(crate) type Values = BTreeMap<Field, u64>;

#[derive(Debug, Default, Clone)]
struct Track {
    /// Every number that was ever asked for, acknowledged or not.
    asked: Vec<u64>,
    /// The newest that was acknowledged.
    acknowledged: u64,
    /// The newest that was handed out or arrived.
    sent: u64,
    /// The newest that may be gone from the queue because it was delivered.
    gone: u64,
}

/// Everything that was said.
#[derive(Debug, Default)]
pub(crate) struct Ledger(BTreeMap<String, BTreeMap<Field, Track>>);

impl Ledger {
    /// Somebody is about to ask for this.
    pub(crate) fn asked(&mut self, person: &str, values: &Values) {
        for (field, number) in values {
            self.track(person, field).asked.push(*number);
        }
    }

    /// The queue said that it is durable.
    pub(crate) fn acknowledged(&mut self, person: &str, values: &Values) {
        for (field, number) in values {
            let track = self.track(person, field);
            track.acknowledged = track.acknowledged.max(*number);
        }
    }

    /// It was handed out, or arrived at the server: nothing newer may have been before.
    pub(crate) fn sent(&mut self, person: &str, values: &Values) {
        for (field, number) in values {
            let track = self.track(person, field);
            assert!(
                track.asked.contains(number),
                "{person}.{field} = {number} was never asked for"
            );
            assert!(
                *number >= track.sent,
                "older over newer: {person}.{field} = {number} after {}",
                track.sent
            );
            track.sent = *number;
        }
    }

    /// It was delivered, or may have been.
    pub(crate) fn gone(&mut self, person: &str, values: &Values) {
        for (field, number) in values {
            let track = self.track(person, field);
            track.gone = track.gone.max(*number);
        }
    }

    /// Whatever was acknowledged is in `held`, or was delivered, itself or something newer.
    pub(crate) fn nothing_is_lost(&self, held: &[(String, Values)]) {
        let mut newest: BTreeMap<(&str, Field), u64> = BTreeMap::new();
        for (person, values) in held {
            for (field, number) in values {
                let known = newest.entry((person, field)).or_default();
                *known = (*known).max(*number);
            }
        }
        for (person, field, track) in self.tracks() {
            let there = newest.get(&(person, field)).copied().unwrap_or(0).max(track.gone);
            assert!(
                there >= track.acknowledged,
                "lost: {person}.{field} = {} was acknowledged, {there} is there",
                track.acknowledged
            );
        }
    }

    /// What the server shows of a person is what was acknowledged last, or newer and not answered.
    pub(crate) fn arrived(&self, shown: impl Fn(&str, Field) -> Option<u64>) {
        for (person, field, track) in self.tracks() {
            let found = shown(person, field).unwrap_or(0);
            let known = found == 0 || track.asked.contains(&found);
            assert!(
                known && found >= track.acknowledged,
                "lost or wrong: {person}.{field} is {found} at the server, {} was acknowledged",
                track.acknowledged
            );
        }
    }

    fn track(&mut self, person: &str, field: Field) -> &mut Track {
        self.0.entry(person.to_owned()).or_default().entry(field).or_default()
    }

    fn tracks(&self) -> impl Iterator<Item = (&str, Field, &Track)> {
        self.0.iter().flat_map(|(person, fields)| {
            fields.iter().map(move |(field, track)| (person.as_str(), *field, track))
        })
    }
}
