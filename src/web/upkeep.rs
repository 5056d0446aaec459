//! The JSON of looking after the queue by hand.

use serde::{Deserialize, Serialize};

use super::wire::PersonRequest;

/// What a check of the queue found: `queue verify --json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyReport {
    /// Updates whose files were opened as a whole.
    pub checked: usize,
    /// Updates that were sealed with another device key and cannot be opened here.
    pub foreign: usize,
    /// What is not as it was written.
    pub damaged: Vec<FindingReport>,
    /// What a power cut left behind; the next start puts it in order.
    pub leftovers: Vec<FindingReport>,
}

/// One thing that a check of the queue found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingReport {
    /// The update's id, or a file's name.
    pub object: String,
    /// What is wrong with it.
    pub what: String,
}

/// What is to be exported: the body of `POST /v1/export`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportRequest {
    /// Parks the updates with these words until the export is finished; those that are parked keep their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub park_because: Option<String>,
}

/// What an export is to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportPlan {
    /// The updates, the oldest first.
    pub ids: Vec<String>,
    /// Those of them that this request has parked.
    pub parked: Vec<String>,
    /// Updates that stay: they are being sent, or were overtaken.
    pub staying: usize,
}

/// An export that moved updates is finished: the body of `POST /v1/export/finished`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportEnd {
    /// The updates that it holds.
    pub ids: Vec<String>,
    /// The words that they were parked with; those that are parked for another reason keep it.
    pub parked_because: String,
    /// Why they are parked now.
    pub because: String,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportMarked {
    /// How many updates say the new words.
    pub marked: usize,
}

/// An update with its contents, as an export carries it. Its `Debug` shows no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CarriedUpdate {
    /// The device that acknowledged it, 32 hex digits.
    pub device: String,
    /// Its id there.
    pub id: String,
    /// When it was acknowledged, Unix milliseconds.
    pub acknowledged_at_ms: i64,
    /// The person and the fields to change, with the pictures.
    pub update: PersonRequest,
}

/// What became of an imported update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportOutcome {
    /// `queued`, `duplicate`, `own` or `overtaken`.
    pub outcome: String,
    /// Its id here, once it is queued.
    pub id: Option<String>,
    /// The fields that were left out, because something newer changes them.
    pub left_out: Vec<String>,
}
