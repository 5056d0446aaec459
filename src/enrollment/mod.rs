//! Decides, without any I/O, what a capture session does next: guidance, candidates, the choice of shots.
//!
//! The driver feeds a [`Session`] with [`Event`]s and the time, and carries out the [`Effect`]s it gets back:
//!
//! ```text
//!                good frames for `hold`,               window over and
//!                at least `hold_frames`                all shots there
//!   Watching ──face──▶ Settling ────────────▶ Choosing ───────────────▶ Finished: Chosen
//!      ▲                 │  ▲                   │  │
//!      │                 │  └──── long lapse ───┘  │   (the candidates stay: it is the same track)
//!      └─ lost, changed or second face: ForgetAll ─┘
//!
//!   any ──CameraLost: ForgetAll──▶ Blind ──CameraBack──▶ Watching
//!   any ──time-out or NoMoreFrames──▶ Finished: Chosen if there is a candidate, else TimedOut (Blind: Interrupted)
//!   any ──Cancel: ForgetAll──▶ Finished: Cancelled
//! ```
//!
//! **Invariants**
//! 1. All shots come from one uninterrupted track; a track that is lost or changes, a second face and a lost
//!    camera drop every candidate in the same step.
//! 2. Only a frame without any reason, seen after the hold, becomes a candidate. Stale, damaged, early and
//!    repeated frames count for nothing: they neither hold nor break a hold.
//! 3. The best candidate is always among the shots; see [`choose`] for the rest of the choice.
//! 4. At most [`MAX_CANDIDATES`] candidates are kept; every kept one is either chosen or forgotten when the
//!    session finishes, so no face lingers.
//! 5. Two instructions never change faster than a person can read them; see [`Guide`].
//!
//! What is absent: no clock, no pictures (frames are known by their sequence numbers), no texts.

mod guidance;
mod hold;
mod pool;
mod selection;
mod session;
mod settings;
mod tally;

pub use guidance::{Guide, MIN_SHOWN};
pub use pool::MAX_CANDIDATES;
pub use selection::{Candidate, LEAST_SHARE, choose};
pub use session::{Effect, Event, Outcome, Session};
pub use settings::{SessionSettings, ShotCount};
pub use tally::Tally;
