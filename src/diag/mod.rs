//! Gathers what the support needs to help a site, and nothing of a person: `kiosk-enroll diag`.
//!
//! ```text
//! agent or state directory ─┐
//! doctor, cameras, system ──┼─▶ parts ──▶ Mask ──▶ Pack (.tar.gz)
//! journal, kernel's log ────┘              └ the one way into the file
//! ```
//!
//! **Invariants**
//! - Every byte of a part goes through [`Mask`]: persons become `person-1`, `person-2`, …, the same in all parts;
//!   tokens, keys and anything that looks like one are left out.
//! - What cannot be had costs only its own part: the manifest says why it is missing.
//! - The size is bounded: lists and logs are cut, and a part that is still too long is left out.
//!
//! What is absent: pictures, names, notes, the roster, the queue's entries, the audit log, the token, the keys.

mod holdings;
mod mask;
mod pack;
mod parts;
mod system;

pub use mask::{Known, Mask};
pub use pack::{Content, Entry, Pack, Part};
pub use parts::{Logs, gather};
