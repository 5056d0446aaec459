//! One row of the index, version 1: what is known of an update beyond its file. Little endian.
//!
//! ```text
//!  0   1  version, 1
//!  1  16  lane (keyed hash of the person's id)
//! 17   4  attempts
//! 21   8  not before, Unix ms; the smallest number means none
//! 29   8  position in line
//! 37   …  the server's words, sealed with the entry's data key; may be missing
//! ```

use super::lanes::{Item, LaneTag};
use super::seal::Secret;
use crate::domain::{UpdateId, WallTime};

const VERSION: u8 = 1;
const FIXED: usize = 37;
const NONE: i64 = i64::MIN;

/// Writes the row of an update.
pub(super) fn encode(id: UpdateId, item: &Item, key: Option<&Secret>) -> Vec<u8> {
    let mut row = Vec::with_capacity(FIXED);
    row.push(VERSION);
    row.extend_from_slice(&item.lane);
    row.extend_from_slice(&item.attempts.to_le_bytes());
    row.extend_from_slice(&item.not_before.map_or(NONE, WallTime::unix_millis).to_le_bytes());
    row.extend_from_slice(&item.position.to_le_bytes());
    if let (Some(reason), Some(key)) = (&item.reason, key)
        && let Ok(sealed) = key.seal(&context(id), reason.as_bytes())
    {
        row.extend(sealed);
    }
    row
}

/// Adds what a row knows to an update; a row of another lane or version says nothing.
pub(super) fn apply(row: &[u8], id: UpdateId, item: &mut Item, key: &Secret) {
    let Some((fixed, sealed)) = row.split_at_checked(FIXED) else { return };
    let number = |at: usize| fixed[at..at + 8].try_into().map_or(0, u64::from_le_bytes);
    if fixed[0] != VERSION || fixed[1..17] != item.lane {
        return;
    }
    item.attempts = fixed[17..21].try_into().map_or(0, u32::from_le_bytes);
    let not_before = number(21).cast_signed();
    item.not_before = (not_before != NONE).then_some(WallTime::from_unix_millis(not_before));
    item.position = number(29);
    let words = key.open(&context(id), sealed);
    item.reason = words.and_then(|words| String::from_utf8(words.to_vec()).ok());
}

/// Whether a row has this version and belongs to this lane.
pub(super) fn belongs(row: &[u8], lane: &LaneTag) -> bool {
    row.len() >= FIXED && row[0] == VERSION && row[1..17] == *lane
}

fn context(id: UpdateId) -> Vec<u8> {
    [b"KENRROW\x01".as_slice(), &id.0.to_le_bytes()].concat()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::super::keys::KeyId;
    use super::super::lanes::Standing;
    use super::super::samples::NOW;
    use super::*;
    use crate::domain::PersonId;

    fn item() -> Item {
        Item {
            lane: [1; 16],
            key: KeyId { day: 1, id: [1; 8] },
            person_id: PersonId::parse("p1").unwrap(),
            fields: vec!["name"],
            images: 0,
            capture: None,
            bytes: 400,
            enqueued_at: NOW,
            imported: false,
            standing: Standing::Queued,
            attempts: 0,
            not_before: None,
            position: 1,
            turn: 0,
            reason: None,
        }
    }

    #[test]
    fn a_row_brings_back_counters_and_words_but_only_to_its_own_update() {
        let key = Secret::from_bytes(&[1; 32]).unwrap();
        let full = Item {
            attempts: 3,
            not_before: Some(NOW),
            position: 9,
            turn: 0,
            reason: Some("busy with Ada".into()),
            ..item()
        };
        let row = encode(UpdateId(4), &full, Some(&key));
        let mut found = item();
        apply(&row, UpdateId(4), &mut found, &key);
        assert_eq!(found, full);
        assert!(row.len() < 200 && !row.windows(3).any(|window| window == b"Ada"));
        let mut other = Item { lane: [2; 16], ..item() };
        apply(&row, UpdateId(4), &mut other, &key);
        assert_eq!(other.attempts, 0);
        apply(&row[..20], UpdateId(4), &mut other, &key);
        apply(&encode(UpdateId(4), &item(), None), UpdateId(4), &mut found, &key);
        assert_eq!(found, item());
    }
}
