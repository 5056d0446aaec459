//! The last enrollments and where each stands; decides who is first, a cancel or the queue.
//!
//! **Invariants**
//! * At most one enrollment is capturing.
//! * Each ends once. What was called off is never [committed](Enrollments::commit), and what is committed can no
//!   longer be called off: the answer to a cancel is what happens.
//! * Once the thread that looks at faces has ended, none is capturing and none is opened.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::failure::{Exit, Failure};
use crate::web::wire::{EnrollmentReport, EnrollmentState, UpdateReport};

/// How many enrollments' reports are kept.
const KEPT_REPORTS: usize = 64;

/// What a chosen enrollment may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Commit {
    /// Its shots may be queued; it cannot be called off any more.
    Keep,
    /// It was called off meanwhile.
    CalledOff,
}

/// Reports of enrollments, shared between the booth's thread and those who ask.
#[derive(Default)]
pub(super) struct Enrollments {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    last: u64,
    reports: VecDeque<EnrollmentReport>,
    /// The one whose shots are being queued.
    committed: Option<String>,
    /// Why none is opened any more.
    over: Option<Failure>,
}

impl Kept {
    fn find(&mut self, id: &str) -> Result<&mut EnrollmentReport, Failure> {
        self.reports.iter_mut().find(|report| report.id == id).ok_or_else(|| {
            let short: String = id.chars().take(40).collect();
            Failure::new(Exit::NoInput, format!("no enrollment \"{}\"", short.escape_debug()))
        })
    }

    fn capturing(&self) -> Option<&EnrollmentReport> {
        self.reports.iter().find(|report| report.state == EnrollmentState::Capturing)
    }
}

impl Enrollments {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens one for this person.
    ///
    /// # Errors
    /// While another one is capturing, and after the thread has ended.
    pub(super) fn open(&self, person_id: &str) -> Result<EnrollmentReport, Failure> {
        let mut kept = self.lock();
        if let Some(over) = &kept.over {
            return Err(over.clone());
        }
        if let Some(busy) = kept.capturing() {
            let error = format!("enrollment {} is under way", busy.id);
            let hint = format!(
                "wait for its end; or end it: Ctrl-C where it was ordered, or DELETE /v1/enrollments/{} on the agent's socket",
                busy.id
            );
            return Err(Failure::new(Exit::TryLater, error).hint(hint));
        }
        kept.last += 1;
        let report = EnrollmentReport {
            id: format!("e{}", kept.last),
            person_id: person_id.to_owned(),
            state: EnrollmentState::Capturing,
            guidance: None,
            text: None,
            considered: 0,
            rejected: std::collections::BTreeMap::new(),
            restarts: std::collections::BTreeMap::new(),
            capture: None,
            chosen: Vec::new(),
            update: None,
            failure: None,
        };
        kept.reports.push_back(report.clone());
        if kept.reports.len() > KEPT_REPORTS {
            kept.reports.pop_front();
        }
        Ok(report)
    }

    /// The one with this id.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn find(&self, id: &str) -> Result<EnrollmentReport, Failure> {
        self.lock().find(id).cloned()
    }

    /// The one that is capturing.
    pub(super) fn current(&self) -> Option<EnrollmentReport> {
        self.lock().capturing().cloned()
    }

    /// Changes what is told of one; gives it as it is then.
    pub(super) fn change(
        &self,
        id: &str,
        change: impl FnOnce(&mut EnrollmentReport),
    ) -> Option<EnrollmentReport> {
        let mut kept = self.lock();
        let report = kept.find(id).ok()?;
        change(report);
        Some(report.clone())
    }

    /// Ends one without an update; one that has ended stays as it is.
    ///
    /// # Errors
    /// When there is none with this id, and when its shots are being queued.
    pub(super) fn call_off(&self, id: &str) -> Result<EnrollmentReport, Failure> {
        let mut kept = self.lock();
        if kept.committed.as_deref() == Some(id) {
            let error = format!("enrollment {id} cannot be cancelled: its shots are being queued");
            return Err(Failure::new(Exit::TryLater, error)
                .hint("`kiosk-enroll queue drop` takes the update out of the queue again"));
        }
        let report = kept.find(id)?;
        if report.state == EnrollmentState::Capturing {
            report.state = EnrollmentState::Cancelled;
        }
        Ok(report.clone())
    }

    /// Asks whether the shots of one may be queued.
    pub(super) fn commit(&self, id: &str) -> Commit {
        let mut kept = self.lock();
        let stands = kept.find(id).is_ok_and(|it| it.state == EnrollmentState::Capturing);
        if !stands {
            return Commit::CalledOff;
        }
        kept.committed = Some(id.to_owned());
        Commit::Keep
    }

    /// Ends one in `state`, unless it was called off; gives it as it is then.
    pub(super) fn end(
        &self,
        id: &str,
        state: EnrollmentState,
        update: Option<UpdateReport>,
        failure: Option<Failure>,
    ) -> Option<EnrollmentReport> {
        let mut kept = self.lock();
        kept.committed = kept.committed.take().filter(|committed| committed != id);
        let report = kept.find(id).ok()?;
        if report.state == EnrollmentState::Capturing {
            report.state = state;
            report.update = update;
            report.failure = failure;
        }
        Some(report.clone())
    }

    /// Opens none any more; gives the one that this ends.
    pub(super) fn close(&self, why: Failure) -> Option<EnrollmentReport> {
        let mut kept = self.lock();
        kept.committed = None;
        let report = kept.reports.iter_mut().find(|it| it.state == EnrollmentState::Capturing);
        let ended = report.map(|report| {
            report.state = EnrollmentState::Failed;
            report.failure = Some(why.clone());
            report.clone()
        });
        kept.over = Some(why);
        ended
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use EnrollmentState::{Cancelled, Capturing, Failed, Queued};

    #[test]
    fn a_cancel_that_is_answered_keeps_the_shots_out_of_the_queue() {
        let enrollments = Enrollments::default();
        let id = enrollments.open("p").unwrap().id;
        assert_eq!(enrollments.call_off(&id).unwrap().state, Cancelled);
        assert_eq!(enrollments.commit(&id), Commit::CalledOff);
        assert_eq!(enrollments.end(&id, Failed, None, None).unwrap().state, Cancelled);
    }

    #[test]
    fn a_cancel_that_comes_too_late_is_told_so() {
        let enrollments = Enrollments::default();
        let id = enrollments.open("p").unwrap().id;
        assert_eq!(enrollments.commit(&id), Commit::Keep);
        let refused = enrollments.call_off(&id).unwrap_err();
        assert!(refused.exit == Exit::TryLater && refused.error.contains("being queued"));
        assert_eq!(enrollments.find(&id).unwrap().state, Capturing);
        enrollments.end(&id, Queued, None, None);
        assert_eq!(enrollments.call_off(&id).unwrap().state, Queued, "what became of it");
    }

    #[test]
    fn one_at_a_time_and_the_next_is_told_how_to_end_it() {
        let enrollments = Enrollments::default();
        let id = enrollments.open("p").unwrap().id;
        let busy = enrollments.open("q").unwrap_err();
        assert_eq!(busy.exit, Exit::TryLater);
        let hint = busy.hint.unwrap();
        assert!(hint.contains("Ctrl-C") && hint.contains("DELETE /v1/enrollments/e1"), "{hint}");
        enrollments.call_off(&id).unwrap();
        assert_eq!(enrollments.open("q").unwrap().id, "e2");
    }

    #[test]
    fn after_the_threads_end_none_is_under_way_and_none_begins() {
        let enrollments = Enrollments::default();
        let id = enrollments.open("p").unwrap().id;
        let why = Failure::new(Exit::Internal, "the thread has ended");
        assert_eq!(enrollments.close(why.clone()).unwrap().id, id);
        let report = enrollments.find(&id).unwrap();
        assert_eq!((report.state, report.failure), (Failed, Some(why.clone())));
        assert_eq!(enrollments.open("q").unwrap_err(), why);
    }
}
