//! The note beside an entry that makes it parked: `entries/<id>.parked`, sealed with the entry's data key.
//!
//! It lies beside the entry and not in the index, because a parked update that became a queued one by the
//! loss of the index could overwrite something newer.
//!
//! ```text
//!  0   8  "KENRPRK" and the version, 1
//!  8   8  sequence number, little endian
//! 16   …  sealed JSON {attempts, reason, outdated_by}, bound to the 16 bytes before it
//! ```

use serde::{Deserialize, Serialize};

use super::error::QueueError;
use super::seal::Secret;
use crate::domain::UpdateId;

const MAGIC: [u8; 8] = *b"KENRPRK\x01";
const PREFIX: usize = 16;

/// Why an update is parked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) attempts: u32,
    pub(super) reason: String,
    /// The newest delivered update that changed the same fields.
    pub(super) outdated_by: Option<u64>,
}

impl Note {
    pub(super) fn seal(&self, id: UpdateId, key: &Secret) -> Result<Vec<u8>, QueueError> {
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(self).unwrap_or_default());
        let prefix = prefix(id);
        let mut file = prefix.to_vec();
        file.extend(key.seal(&prefix, &plain)?);
        Ok(file)
    }

    pub(super) fn open(file: &[u8], id: UpdateId, key: &Secret) -> Option<Self> {
        let (found, sealed) = file.split_at_checked(PREFIX)?;
        if found != prefix(id) {
            return None;
        }
        serde_json::from_slice(&key.open(found, sealed)?).ok()
    }
}

fn prefix(id: UpdateId) -> [u8; PREFIX] {
    let mut prefix = [0; PREFIX];
    prefix[..8].copy_from_slice(&MAGIC);
    prefix[8..].copy_from_slice(&id.0.to_le_bytes());
    prefix
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn a_note_belongs_to_one_update_and_hides_the_servers_words() {
        let key = Secret::from_bytes(&[5; 32]).unwrap();
        let note = Note { attempts: 3, reason: "name of Ada".into(), outdated_by: Some(9) };
        let file = note.seal(UpdateId(4), &key).unwrap();
        assert_eq!(Note::open(&file, UpdateId(4), &key), Some(note));
        assert_eq!(Note::open(&file, UpdateId(5), &key), None);
        assert!(!file.windows(3).any(|window| window == b"Ada"));
    }
}
