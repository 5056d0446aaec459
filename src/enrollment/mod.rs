//! Decides, without any I/O, what a capture session does next: guidance, candidates, the choice of shots.
//!
//! The driver feeds a [`Session`] with [`Event`]s and the time, and carries out the [`Effect`]s it gets back:
//!
//! ```text
//!                 good frames for `hold`,               window over, all shots there and nobody else
//!                 at least `hold_frames`                found, or the face held or seen no more
//!   Watching ─face─▶ Settling ───────────▶ Choosing ──────────────────────────▶ Finished: Chosen
//!      ▲               │  ▲                  │  │
//!      │               │  └── hold lapsed ───┘  │   (the candidates stay: it is the same track)
//!      └─ face lost, changed or a second one: ForgetAll
//!
//!   where a proof of life is wished for, Settling ends in the question for a turn (see [`TURN`]); once it was
//!   shown, the face settles anew; after [`MOST_QUESTIONS`] in vain ─▶ Finished: Unproven
//!
//!   any ─CameraLost: ForgetAll─▶ Blind ─CameraBack─▶ Watching
//!   any ─time-out, NoMoreFrames─▶ Finished: Chosen with a candidate, else TimedOut; from Blind Interrupted
//!   any ─Cancel: ForgetAll─▶ Finished: Cancelled
//! ```
//!
//! A hold lapses when the face is not good for longer than a blink; one blurred frame or a blink breaks
//! nothing, but never becomes a candidate itself. At the time-out, and when somebody turns away or leaves
//! after the window, fewer shots than wished are taken: one that passed every gate is worth more than none.
//!
//! **Invariants**
//! 1. All shots come from one uninterrupted track; a track that is lost or changes, a second face and a lost
//!    camera drop every candidate in the same step. The whole picture is searched for others only now and then
//!    ([`JudgedFrame::searched`](crate::domain::JudgedFrame)): a frame is taken only after such a search has
//!    followed it, or was its own.
//! 2. While there is a candidate that needed no relaxation of the gates, no other is chosen; a step is only ever
//!    counted from the start of the session, and neither identity nor the proof of life is ever relaxed.
//! 3. Only a frame without any reason, seen after the hold, becomes a candidate. Stale, damaged, early and
//!    repeated frames count for nothing: they neither hold nor break a hold.
//! 4. The best candidate is always among the shots; see [`choose`] for the rest of the choice.
//! 5. At most [`MAX_CANDIDATES`] candidates are kept; every kept one is either chosen or forgotten when the
//!    session finishes, so no face lingers.
//! 6. Two instructions never change faster than a person can read them; see [`Guide`].
//!
//! What is absent: no clock, no pictures (frames are known by their sequence numbers), no texts; and no thanks:
//! [`Done`](crate::domain::Guidance::Done) is said by who has kept the shots.

mod challenge;
mod guidance;
mod hold;
mod pool;
mod selection;
mod session;
mod settings;
mod tally;

pub use challenge::{LEAST_RELIEF, MOST_QUESTIONS, TURN};
pub use guidance::{Guide, MIN_SHOWN};
pub use pool::MAX_CANDIDATES;
pub use selection::{Angles, Candidate, LEAST_SHARE, SLIGHT_TURN, Wish, choose};
pub use session::{Effect, Event, Outcome, Session};
pub use settings::{SessionSettings, ShotCount};
pub use tally::Tally;
