//! How the record of a capture stands in files: three names.

use serde::{Deserialize, Serialize};

use crate::domain::{CaptureRecord, Liveness, Profile};

/// A [`CaptureRecord`] in a file.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredCapture {
    asked: String,
    passed: String,
    liveness: String,
}

impl StoredCapture {
    pub(super) fn of(record: CaptureRecord) -> Self {
        Self {
            asked: record.asked.name().to_owned(),
            passed: record.passed.name().to_owned(),
            liveness: record.liveness.name().to_owned(),
        }
    }

    /// `None` when a later version wrote names that this one does not know: the update counts all the same.
    pub(super) fn read(&self) -> Option<CaptureRecord> {
        Some(CaptureRecord {
            asked: Profile::from_name(&self.asked)?,
            passed: Profile::from_name(&self.passed)?,
            liveness: Liveness::from_name(&self.liveness)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_and_an_unknown_name_is_no_record() {
        let record = CaptureRecord {
            asked: Profile::Strict,
            passed: Profile::Matching,
            liveness: Liveness::Turn,
        };
        let mut stored = StoredCapture::of(record);
        assert_eq!(stored.read(), Some(record));
        stored.liveness = "smile".to_owned();
        assert_eq!(stored.read(), None);
    }
}
