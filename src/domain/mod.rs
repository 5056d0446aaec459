//! The words of the program, one meaning each. Pure values: only `std`, no clock, no file, no socket.
//!
//! | word | meaning |
//! |---|---|
//! | [`Frame`] | a raw picture as the camera gave it, with its capture time and sequence number |
//! | [`Face`] | box, landmarks, mesh, pose and eyes of one face in one frame, with the track it belongs to |
//! | [`Assessment`] | every quality measure of a face: native value and 0–100 score, or "not assessed, because" |
//! | [`Gate`] | a measure's limits; a failed gate is a [`Reason`] |
//! | [`Guidance`] | the one instruction shown to the person now |
//! | [`JudgedFrame`] | a frame after its gates: the reasons against it and its score; without reasons it is a candidate |
//! | relaxation | after a time without shots a less demanding profile's gates count as well, one step at a time |
//! | [`Portrait`] | a chosen shot as the encoded picture that will be sent |
//! | [`PersonUpdate`] | the fields of one person to change |
//! | [`QueuedUpdate`] | the same, durable, with id, state, attempts and not-before |
//! | lane | all updates of one person, in order |
//! | [`Verdict`] | what an answer of the persons API means: accepted, retry, park, hold, offline |
//! | [`Receipt`] | the proof of a delivery, without a face |
//! | [`Hold`] | why nothing is sent at the moment |
//! | tilt | by how many degrees the camera looks down from the horizontal; poses are told as if it did not |
//! | [`Caller`] | who asks for something by hand, and through which door |

mod assessment;
mod caller;
mod capture;
mod date;
mod face;
mod frame;
mod geometry;
mod optics;
mod person;
mod reason;
mod time;
mod update;

pub use assessment::{Assessment, Cause, Gate, JudgedFrame, MeasureName, Profile, Reading};
pub use caller::{Caller, Door};
pub use capture::{CaptureRecord, ENROLLMENT_TIMES, Liveness};
pub use date::Date;
pub use face::{
    Detection, Eye, Eyes, Face, HeadPose, LANDMARK_COUNT, Landmarks, MESH_POINTS, Mesh,
    Observation, TrackId,
};
pub use frame::{Encoding, Frame};
pub use geometry::{Point, Point3, Rect, Size};
pub use optics::{ControlWishes, Lens, LowLight, PowerLine, Regulated};
pub use person::{
    FieldError, Gender, MAX_IMAGES, MIN_IMAGE_BYTES, PersonId, PersonUpdate, Portrait,
    PortraitFormat, UpdateDraft,
};
pub use reason::{Guidance, Reason};
pub use time::{Moment, WallTime};
pub use update::{
    Confirmation, Hold, Lease, QueuedUpdate, Receipt, Settlement, UpdateId, UpdateState, Verdict,
};
