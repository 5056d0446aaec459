//! Decides when the next update goes, and what becomes of the one that was answered. Pure: times and a
//! random number in, decisions out.
//!
//! ```text
//!            ┌────────── any other answer of the persons API ◀───────────┐
//!            ▼                                                           │
//!         open ──offline / credential / clock / account──▶ held ──probe (smallest update)
//!            ▲                                              │ ▲          │
//!            └── paused ◀── operator ──▶ paused             └─┴── again ─┘  wait longer
//! ```
//!
//! **Invariants**
//! - A hold charges nobody and drops nothing. It ends by a probe that is answered, never by time alone.
//! - An update is charged only for an answer of the server, or when it alone was on its way in
//!   [`SUSPECT_AFTER`] link faults running: then it moves back in line, so that it cannot keep others waiting.
//!   So does one with which the token is refused although another one has passed since.
//! - Nothing is ever parked because of the number of its attempts.
//! - Every wait is drawn anew, also at its cap.

use std::time::Duration;

use crate::domain::{Hold, Moment, PersonId, Settlement, UpdateId, Verdict, WallTime};

use self::refusals::Refusals;
use super::backoff::{Bucket, Rate, full_jitter, half_jitter};
use super::policy::Blame;

mod refusals;

/// So many link faults running with the same update on its way make it a suspect.
const SUSPECT_AFTER: u32 = 3;
/// So many different unknown persons running mean the wrong account.
const STRANGERS: usize = 3;
/// So many failures of the server running, with whichever updates, slow everything down.
const TROUBLE_AFTER: u32 = 3;
/// The first knock on a door that only a person opens.
const FIRST_KNOCK: Duration = Duration::from_secs(60);
/// How long a clock may stay unconfirmed between two probes.
const CLOCK_KNOCK_MAX: Duration = Duration::from_secs(300);
/// The least jitter on top of what a server asked for.
const RETRY_AFTER_JITTER: Duration = Duration::from_secs(1);

/// How patient the schedule is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleSettings {
    /// The first wait after a failure.
    pub backoff_min: Duration,
    /// The longest wait after failures.
    pub backoff_max: Duration,
    /// The longest wait after an outage before the backlog goes.
    pub spread: Duration,
    /// How fast updates may follow each other.
    pub rate: Rate,
    /// The longest wait between two probes while the token is refused or the account is wrong.
    pub refused_probe: Duration,
}

impl Default for ScheduleSettings {
    fn default() -> Self {
        Self {
            backoff_min: Duration::from_secs(1),
            backoff_max: Duration::from_secs(900),
            spread: Duration::from_secs(120),
            rate: Rate::default(),
            refused_probe: Duration::from_secs(900),
        }
    }
}

/// The present time by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Now {
    pub(super) moment: Moment,
    pub(super) wall: WallTime,
}

/// Whether an operator lets updates go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flow {
    /// Updates go.
    #[default]
    Open,
    /// Nothing goes until an operator says so.
    Paused,
}

/// A hold with its circumstances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Which hold.
    pub hold: Hold,
    /// Since when.
    pub since: WallTime,
    /// What happened, for people.
    pub reason: String,
    /// When it is tried again by itself, if it is.
    pub next_probe: Option<WallTime>,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Send the next update.
    Send,
    /// Send the smallest update, to see whether the hold is over.
    Probe,
    /// Wait; without a moment, for a change from outside.
    Wait(Option<Moment>),
}

/// The update that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) id: UpdateId,
    pub(super) person_id: PersonId,
    /// How often it had been charged before.
    pub(super) charged: u32,
    pub(super) blame: Blame,
}

/// Knows holds, waits and suspects; see the module.
#[derive(Debug)]
pub(super) struct Schedule {
    settings: ScheduleSettings,
    flow: Flow,
    paused_since: WallTime,
    held: Option<Held>,
    held_from: Moment,
    probe_at: Moment,
    /// Failed probes of the present hold.
    probes: u32,
    /// The server wants nothing before this moment.
    quiet_until: Moment,
    /// The backlog of an outage waits until this moment.
    spread_until: Moment,
    /// Answers in a row that said "not now".
    troubles: u32,
    /// Different unknown persons in a row.
    strangers: Vec<PersonId>,
    suspect: Option<(UpdateId, u32)>,
    refusals: Refusals,
    bucket: Bucket,
}

impl Schedule {
    pub(super) fn new(settings: ScheduleSettings, flow: Flow, now: Now) -> Self {
        let bucket = Bucket::full(settings.rate, now.moment);
        Self {
            settings,
            flow,
            paused_since: now.wall,
            held: None,
            held_from: now.moment,
            probe_at: now.moment,
            probes: 0,
            quiet_until: now.moment,
            spread_until: now.moment,
            troubles: 0,
            strangers: Vec::new(),
            suspect: None,
            refusals: Refusals::default(),
            bucket,
        }
    }

    /// What to do at `now`.
    pub(super) fn next(&self, now: Moment) -> Next {
        if self.flow == Flow::Paused {
            return Next::Wait(None);
        }
        if self.held.is_some() {
            return if self.probe_at <= now {
                Next::Probe
            } else {
                Next::Wait(Some(self.probe_at))
            };
        }
        let ready = self.quiet_until.max(self.spread_until).max(self.bucket.ready(now));
        if ready <= now { Next::Send } else { Next::Wait(Some(ready)) }
    }

    /// The same for someone who waits for it: neither rate nor spread delay what the server would take.
    pub(super) fn next_in_a_hurry(&self, now: Moment) -> Next {
        match self.next(now) {
            Next::Wait(Some(_)) if self.held.is_none() && self.quiet_until <= now => Next::Send,
            Next::Wait(Some(_)) if self.held.is_none() => Next::Wait(Some(self.quiet_until)),
            next => next,
        }
    }

    /// The hold that an operator sees; a pause stands before every other.
    pub(super) fn held(&self) -> Option<Held> {
        match self.flow {
            Flow::Open => self.held.clone(),
            Flow::Paused => Some(Held {
                hold: Hold::Paused,
                since: self.paused_since,
                reason: "an operator paused the delivery".to_owned(),
                next_probe: None,
            }),
        }
    }

    /// An operator opened or closed the flow.
    pub(super) fn set_flow(&mut self, flow: Flow, now: Now) {
        if self.flow != flow {
            self.flow = flow;
            self.paused_since = now.wall;
        }
    }

    /// There is another token: what was refused before may pass now.
    pub(super) fn token_changed(&mut self, now: Now) {
        self.refusals.forget();
        if self.waits_for_a_token() {
            self.strangers.clear();
            self.probe_now(now);
        }
    }

    /// With which updates a probe is worth less than with any other.
    pub(super) fn poor_probes(&self) -> Vec<UpdateId> {
        self.refusals.known().collect()
    }

    /// No update waits: nothing is held any more, and the next one shows how things are.
    pub(super) fn nothing_waits(&mut self) {
        self.held = None;
        self.probes = 0;
        self.suspect = None;
        self.strangers.clear();
    }

    /// Whether another token can end the present hold.
    pub(super) fn waits_for_a_token(&self) -> bool {
        self.held.as_ref().is_some_and(|held| matches!(held.hold, Hold::Credential | Hold::Account))
    }

    /// Someone asks to try at once, whatever was agreed before.
    pub(super) fn probe_now(&mut self, now: Now) {
        self.probes = 0;
        self.quiet_until = now.moment;
        self.probe_at = now.moment;
        if let Some(held) = &mut self.held {
            held.next_probe = Some(now.wall);
        }
    }

    /// An update goes out.
    pub(super) fn sent(&mut self, now: Moment) {
        self.bucket.take(now);
    }

    /// Settles the update that was answered with `verdict`. `random` is in 0..1.
    pub(super) fn answered(
        &mut self,
        attempt: &Attempt,
        verdict: Verdict,
        now: Now,
        random: f64,
    ) -> Settlement {
        let refused =
            matches!(verdict, Verdict::Hold { hold: Hold::Credential | Hold::Account, .. });
        let own_fault = refused && self.held.is_none() && self.refusals.is_own_fault(attempt.id);
        match verdict {
            Verdict::Accepted(confirmation) => {
                self.reached(now, random);
                self.troubles = 0;
                self.strangers.clear();
                self.refusals.accepted(attempt.id);
                Settlement::Delivered(confirmation)
            }
            Verdict::Retry { after, reason } => {
                self.reached(now, random);
                self.retry(attempt, after, reason, now, random)
            }
            Verdict::Park { reason, unknown_person: true } => {
                self.stranger(attempt, reason, now, random)
            }
            Verdict::Park { reason, .. } | Verdict::TooLarge { reason } => {
                self.reached(now, random);
                self.troubles = 0;
                self.strangers.clear();
                Settlement::Park { reason }
            }
            Verdict::Hold { reason, .. } if own_fault => {
                self.move_back(attempt, reason, now, random)
            }
            Verdict::Hold { hold, after, reason } => {
                if refused {
                    self.refusals.refused(attempt.id);
                }
                self.hold(hold, after, reason.clone(), now, random);
                self.suspicion(attempt, reason, now, random)
            }
        }
    }

    /// The persons API answered: a hold ends, and after an outage the backlog waits a drawn time, no longer
    /// than the outage was.
    fn reached(&mut self, now: Now, random: f64) {
        self.suspect = None;
        self.probes = 0;
        let Some(held) = self.held.take() else { return };
        if held.hold == Hold::Offline {
            let outage = now.moment.since(self.held_from);
            let spread = self.settings.spread.min(outage).mul_f64(random.clamp(0.0, 1.0));
            self.spread_until = now.moment + spread;
            self.bucket.drain(now.moment);
        }
    }

    fn retry(
        &mut self,
        attempt: &Attempt,
        after: Option<Duration>,
        reason: String,
        now: Now,
        random: f64,
    ) -> Settlement {
        let ScheduleSettings { backoff_min, backoff_max, .. } = self.settings;
        self.troubles = self.troubles.saturating_add(1);
        let own = full_jitter(backoff_min, backoff_max, attempt.charged, random);
        let mut quiet = Duration::ZERO;
        if let Some(beyond) = self.troubles.checked_sub(TROUBLE_AFTER) {
            quiet = full_jitter(backoff_min, backoff_max, beyond, random);
        }
        if let Some(asked) = after {
            let jitter = RETRY_AFTER_JITTER.max(asked / 10).mul_f64(random.clamp(0.0, 1.0));
            quiet = quiet.max(asked + jitter);
        }
        self.quiet_until = self.quiet_until.max(now.moment + quiet);
        Settlement::Retry { not_before: now.wall + own.max(quiet), reason }
    }

    /// One unknown person is parked; several different ones running hold everything, and each probe then
    /// asks for another one, so that a single known person ends the hold.
    fn stranger(&mut self, attempt: &Attempt, reason: String, now: Now, random: f64) -> Settlement {
        if !self.strangers.contains(&attempt.person_id) && self.strangers.len() < STRANGERS {
            self.strangers.push(attempt.person_id.clone());
        }
        if self.strangers.len() < STRANGERS {
            self.reached(now, random);
            self.troubles = 0;
            return Settlement::Park { reason };
        }
        let why = format!(
            "{STRANGERS} different persons in a row are unknown to the server: the token may belong \
             to another account, or verifik.base_url to another service"
        );
        let again = self.held.as_ref().is_some_and(|held| held.hold == Hold::Account);
        self.hold(Hold::Account, None, why, now, random);
        if again {
            Settlement::Retry { not_before: now.wall + self.settings.refused_probe, reason }
        } else {
            Settlement::Release
        }
    }

    fn hold(&mut self, hold: Hold, after: Option<Duration>, reason: String, now: Now, random: f64) {
        let before = self.held.take().filter(|held| held.hold == hold);
        if before.is_none() {
            self.held_from = now.moment;
            self.probes = 0;
        }
        let wait = self.probe_wait(hold, random).max(after.unwrap_or_default());
        self.probes = self.probes.saturating_add(1);
        self.probe_at = now.moment + wait;
        let since = before.map_or(now.wall, |held| held.since);
        self.held = Some(Held { hold, since, reason, next_probe: Some(now.wall + wait) });
    }

    fn probe_wait(&self, hold: Hold, random: f64) -> Duration {
        let ScheduleSettings { backoff_min, backoff_max, refused_probe, .. } = self.settings;
        let failures = self.probes;
        match hold {
            Hold::Offline => full_jitter(backoff_min, backoff_max, failures, random),
            Hold::Clock => half_jitter(
                FIRST_KNOCK.min(backoff_max),
                CLOCK_KNOCK_MAX.min(backoff_max),
                failures,
                random,
            ),
            Hold::Credential => {
                half_jitter(FIRST_KNOCK.min(refused_probe), refused_probe, failures, random)
            }
            Hold::Account | Hold::Paused => half_jitter(refused_probe, refused_probe, 0, random),
        }
    }

    /// Releases an update after a fault that was not its own, unless it has become a suspect.
    fn suspicion(
        &mut self,
        attempt: &Attempt,
        reason: String,
        now: Now,
        random: f64,
    ) -> Settlement {
        if attempt.blame == Blame::Elsewhere {
            self.suspect = None;
            return Settlement::Release;
        }
        let before = self.suspect.filter(|(id, _)| *id == attempt.id).map_or(0, |(_, count)| count);
        if before + 1 < SUSPECT_AFTER {
            self.suspect = Some((attempt.id, before + 1));
            return Settlement::Release;
        }
        self.suspect = None;
        self.move_back(attempt, reason, now, random)
    }

    /// Charges an update for what is its own fault, so that others go first.
    fn move_back(&self, attempt: &Attempt, reason: String, now: Now, random: f64) -> Settlement {
        let ScheduleSettings { backoff_min, backoff_max, .. } = self.settings;
        let wait = half_jitter(
            backoff_min,
            backoff_max,
            attempt.charged.saturating_add(SUSPECT_AFTER),
            random,
        );
        Settlement::Retry { not_before: now.wall + wait, reason }
    }
}

#[cfg(test)]
mod tests;
