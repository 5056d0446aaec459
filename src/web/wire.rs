//! The JSON that others read: local API, `--json` output, events.
//!
//! Names here are a promise. Inner types are translated at this rim; none is serializable by itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::capture::CaptureReport;
use crate::clock::rfc3339;
use crate::domain::{Confirmation, QueuedUpdate, Receipt};

/// The body of `POST /v1/enrollments` and `POST /v1/updates`: a person and the fields to change.
///
/// Its `Debug` shows no value.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonRequest {
    /// Who is to be enrolled or changed.
    pub person_id: String,
    /// Full name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `M` or `F`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gender: Option<String>,
    /// `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_of_birth: Option<String>,
    /// Nationality or country code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nationality: Option<String>,
    /// Collection ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collections: Option<Vec<String>>,
    /// Notes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Only of updates: pictures as raw standard base64, 1 to 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<Vec<String>>,
    /// Only of enrollments: how long the session may take, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<u64>,
}

impl std::fmt::Debug for PersonRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PersonRequest").field("person_id", &self.person_id).finish_non_exhaustive()
    }
}

/// What became of an accepted update: `enroll|update --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateReport {
    /// The update's id.
    pub id: String,
    /// Whose fields it changes.
    pub person_id: String,
    /// The fields it changes, after coalescing.
    pub fields: Vec<String>,
    /// How many pictures it carries.
    pub images: usize,
    /// The ids of earlier updates that it has taken in.
    pub coalesced_with: Vec<String>,
    /// What the sender should know although the update is valid.
    pub warnings: Vec<String>,
}

/// Where an enrollment stands: `GET /v1/enrollments/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnrollmentReport {
    /// The enrollment's id.
    pub id: String,
    /// Who is enrolled.
    pub person_id: String,
    /// Where it stands.
    pub state: EnrollmentState,
    /// The code of the instruction shown now.
    pub guidance: Option<String>,
    /// Its text in the kiosk's language.
    #[serde(default)]
    pub text: Option<String>,
    /// How many frames were judged.
    pub considered: u64,
    /// How often each reason refused a frame.
    pub rejected: BTreeMap<String, u64>,
    /// How often the choice began anew, and why: `face_changed`, `several_faces`, `no_face`.
    #[serde(default)]
    pub restarts: BTreeMap<String, u64>,
    /// The chosen shots, best first; no pixel of them.
    pub chosen: Vec<ChosenReport>,
    /// Under which conditions they passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture: Option<CaptureReport>,
    /// The queued update, once the shots are durable.
    pub update: Option<UpdateReport>,
    /// Why it failed.
    pub failure: Option<crate::failure::Failure>,
}

/// The states of an enrollment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnrollmentState {
    /// Frames are judged.
    Capturing,
    /// The update is durable.
    Queued,
    /// It ended without an update.
    Failed,
    /// It was cancelled.
    Cancelled,
}

/// An update in the queue: `queue list --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueItem {
    /// The update's id.
    pub id: String,
    /// Whose fields it changes.
    pub person_id: String,
    /// `queued`, `in_flight`, `held` or `parked`.
    pub state: String,
    /// The fields it changes.
    pub fields: Vec<String>,
    /// How many pictures it carries.
    pub images: usize,
    /// How they were taken, if this kiosk's camera took them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture: Option<CaptureReport>,
    /// Bytes on disk.
    pub bytes: u64,
    /// How often it was answered with a failure of its own.
    pub attempts: u32,
    /// RFC 3339, UTC.
    pub enqueued_at: String,
    /// RFC 3339, UTC.
    pub not_before: Option<String>,
    /// Why it waits.
    pub reason: Option<String>,
}

impl From<&QueuedUpdate> for QueueItem {
    fn from(update: &QueuedUpdate) -> Self {
        Self {
            id: update.id.to_string(),
            person_id: update.person_id.to_string(),
            state: update.state.name().to_owned(),
            fields: update.fields.iter().map(|field| (*field).to_owned()).collect(),
            images: update.images,
            capture: update.capture.map(Into::into),
            bytes: update.bytes,
            attempts: update.attempts,
            enqueued_at: rfc3339(update.enqueued_at),
            not_before: update.not_before.map(rfc3339),
            reason: update.reason.clone(),
        }
    }
}

/// The proof of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptReport {
    /// The update's id.
    pub id: String,
    /// Whose fields were changed.
    pub person_id: String,
    /// The fields that were sent.
    pub fields: Vec<String>,
    /// How many pictures were sent.
    pub images: usize,
    /// How they were taken, if this kiosk's camera took them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture: Option<CaptureReport>,
    /// RFC 3339, UTC.
    pub enqueued_at: String,
    /// RFC 3339, UTC.
    pub delivered_at: String,
    /// How often it was sent.
    pub attempts: u32,
    /// `confirmed` or `unconfirmed`.
    pub confirmation: String,
    /// Why it is unconfirmed.
    pub unconfirmed_because: Option<String>,
}

impl From<&Receipt> for ReceiptReport {
    fn from(receipt: &Receipt) -> Self {
        let (confirmation, because) = match &receipt.confirmation {
            Confirmation::Confirmed => ("confirmed", None),
            Confirmation::Unconfirmed(why) => ("unconfirmed", Some(why.clone())),
        };
        Self {
            id: receipt.id.to_string(),
            person_id: receipt.person_id.to_string(),
            fields: receipt.fields.clone(),
            images: receipt.images,
            capture: receipt.capture.map(Into::into),
            enqueued_at: rfc3339(receipt.enqueued_at),
            delivered_at: rfc3339(receipt.delivered_at),
            attempts: receipt.attempts,
            confirmation: confirmation.to_owned(),
            unconfirmed_because: because,
        }
    }
}

/// What a flush achieved: `flush --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlushReport {
    /// What was delivered.
    pub delivered: Vec<ReceiptReport>,
    /// How many updates still wait.
    pub left: usize,
    /// How many need a human.
    pub parked: usize,
    /// How many are sealed with another device key.
    #[serde(default)]
    pub foreign: usize,
    /// Why nothing more is sent: `offline`, `credential`, …
    pub hold: Option<String>,
    /// The hold in words.
    pub reason: Option<String>,
}

/// One screen about the whole: `status --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    /// The kiosk's name.
    pub kiosk: String,
    /// The program's version.
    pub version: String,
    /// `running` or `not_running`.
    pub agent: String,
    /// The camera; absent while no agent runs.
    pub camera: Option<CameraStatus>,
    /// The session under way, if any.
    pub enrollment: Option<EnrollmentReport>,
    /// The queue.
    pub queue: QueueStatus,
    /// The delivery.
    pub delivery: DeliveryStatus,
}

/// The camera in `status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CameraStatus {
    /// `absent`, `opening`, `streaming`, `stalled`, `denied`, `busy`, `failing` or `ended`.
    pub state: String,
    /// Where the frames come from.
    pub source: String,
    /// Why it is in this state.
    pub reason: Option<String>,
    /// Frames captured since the start.
    pub frames: u64,
    /// Frames replaced by newer ones before anyone looked.
    pub superseded: u64,
    /// What taking the frames costs.
    pub capture: EffortReport,
    /// What looking at them costs, for badges and faces.
    pub analysis: EffortReport,
}

/// What a thread's work on frames costs, in `status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct EffortReport {
    /// Frames since the start.
    pub frames: u64,
    /// Frames a second in the last seconds; `null` while that is not known.
    pub rate: Option<f64>,
    /// Seconds of processor time since the start.
    pub cpu_s: f64,
    /// Share of one processor in the last seconds, 0 to 1; `null` while that is not known.
    pub cpu_share: Option<f64>,
}

/// The queue in `status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueStatus {
    /// Waiting for their turn.
    pub queued: usize,
    /// Waiting because nothing is sent at the moment.
    pub held: usize,
    /// Being sent.
    pub in_flight: usize,
    /// Needing a human.
    pub parked: usize,
    /// Bytes on disk.
    pub bytes: u64,
    /// Age of the oldest update in seconds.
    pub oldest_age_s: Option<u64>,
    /// Files that could not be read and were set aside.
    pub quarantined: usize,
    /// Updates sealed with another device key: they wait for it, and no other count has them.
    #[serde(default)]
    pub foreign: usize,
    /// `healthy`, `rebuilt` or `absent`.
    pub index: String,
    /// Which limit is four fifths used up, `bytes`, `items`, `age` or `disk`; `null` if none is.
    #[serde(default)]
    pub nearly_full: Option<String>,
}

/// The delivery in `status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryStatus {
    /// `idle`, `delivering`, `offline`, `credential`, `clock`, `account`, `paused` or `unknown`.
    pub state: String,
    /// The state in words.
    pub reason: Option<String>,
    /// The newest receipt.
    pub last_receipt: Option<ReceiptReport>,
    /// When the token expires, RFC 3339, UTC, as far as it can be read locally.
    pub token_expires_at: Option<String>,
    /// Whole days until then, zero when it has.
    #[serde(default)]
    pub token_days_left: Option<u64>,
    /// When the agent renews the token by itself, in words; `null` where it does not.
    #[serde(default)]
    pub token_renewal: Option<String>,
    /// Receipts at hand that the server's answer does not confirm.
    pub unconfirmed: usize,
}

/// What happens, as it happens: `GET /v1/events`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The instruction shown to the person changed.
    Guidance {
        /// The enrollment's id.
        enrollment: String,
        /// The code.
        code: String,
        /// The text in the kiosk's language.
        text: String,
    },
    /// A frame was judged.
    Frame {
        /// The enrollment's id.
        enrollment: String,
        /// The frame.
        #[serde(flatten)]
        frame: JudgedReport,
    },
    /// An enrollment changed its state.
    Enrollment(EnrollmentReport),
    /// The counts of the queue changed.
    Queue(QueueStatus),
    /// An update was delivered.
    Delivered(ReceiptReport),
    /// The delivery changed its state.
    Delivery {
        /// As in [`DeliveryStatus::state`].
        state: String,
        /// In words.
        reason: Option<String>,
    },
    /// The camera changed its state.
    Camera(CameraStatus),
}

/// A judged frame in events and in `enroll --dry-run --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgedReport {
    /// The frame's sequence number.
    pub frame: u64,
    /// The file it was replayed from.
    pub path: Option<String>,
    /// The face's box as `[x, y, width, height]` in pixels.
    #[serde(rename = "box")]
    pub bounds: Option<[f32; 4]>,
    /// The refusals, the one to put right first at the front.
    pub reasons: Vec<String>,
    /// 0 to 1; only comparable within one visit.
    pub score: f64,
}

/// A chosen shot in `enroll --dry-run --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChosenReport {
    /// The frame's sequence number.
    pub frame: u64,
    /// The file it was replayed from.
    pub path: Option<String>,
    /// 0 to 1.
    pub score: f64,
    /// Degrees, signs as ISO/IEC 19794-5.
    pub pose: PoseReport,
    /// Each measure's value.
    pub measures: BTreeMap<String, MeasureReport>,
}

/// The result of `enroll --dry-run --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DryRunReport {
    /// Who would be enrolled.
    pub person_id: String,
    /// The chosen shots, best first.
    pub chosen: Vec<ChosenReport>,
    /// How many frames were judged.
    pub considered: u64,
    /// How often each reason refused a frame.
    pub rejected: BTreeMap<String, u64>,
    /// How often the choice began anew, and why.
    #[serde(default)]
    pub restarts: BTreeMap<String, u64>,
    /// Under which conditions the shots passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture: Option<CaptureReport>,
}

/// One picture in `assess --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssessReport {
    /// The file.
    pub path: String,
    /// `accept` or `reject`.
    pub verdict: String,
    /// Why it is rejected, the reason to put right first at the front.
    pub reasons: Vec<String>,
    /// How many faces were found.
    pub faces: usize,
    /// 0 to 1; `null` where no face was found.
    pub score: Option<f64>,
    /// The face that was measured.
    pub face: Option<FaceReport>,
    /// Its head rotation.
    pub pose: Option<PoseReport>,
    /// Each measure's value.
    pub measures: BTreeMap<String, MeasureReport>,
    /// Why the file could not be assessed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
}

/// Where a face is, in pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaceReport {
    /// `[x, y, width, height]`.
    #[serde(rename = "box")]
    pub bounds: [f32; 4],
    /// Five points; right and left are the person's own.
    pub landmarks: LandmarksReport,
    /// Distance between the eye centres.
    pub inter_eye_px: f32,
}

/// Five points of a face as `[x, y]`; right and left are the person's own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LandmarksReport {
    /// Centre of the right eye.
    pub right_eye: [f32; 2],
    /// Centre of the left eye.
    pub left_eye: [f32; 2],
    /// Tip of the nose.
    pub nose: [f32; 2],
    /// Right mouth corner.
    pub right_mouth: [f32; 2],
    /// Left mouth corner.
    pub left_mouth: [f32; 2],
}

/// Head rotation in degrees, signs as ISO/IEC 19794-5.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PoseReport {
    /// Positive: looks to its own left.
    pub yaw: f32,
    /// Positive: looks down.
    pub pitch: f32,
    /// Positive: tilts toward its own right shoulder.
    pub roll: f32,
}

/// One measure's value; `null` where it was not assessed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasureReport {
    /// In the measure's own unit.
    pub native: Option<f64>,
    /// 0 to 100.
    pub score: Option<f64>,
    /// Why it was not assessed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_assessed: Option<String>,
}
