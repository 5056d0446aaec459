//! Does a command's work where no agent runs: opens camera and queue itself, and closes them again.

use std::sync::Arc;
use std::time::Duration;

use super::contact_sheet::ContactSheet;
use super::feed::{Fed, Feed};
use super::keeper::room_for;
use super::visit::{End, Shot, Told, Visit};
use super::{Rig, from_queue, intake, keep, open_queue, overview, post, queue_status};
use crate::clock;
use crate::config::{Config, Paths};
use crate::domain::{CaptureRecord, Frame, Guidance, UpdateId};
use crate::enrollment;
use crate::failure::{Exit, Failure};
use crate::web::wire::{
    DryRunReport, FlushReport, PersonRequest, QueueItem, QueueStatus, StatusReport, UpdateReport,
};

/// What an enrollment is to end in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnrollPlan {
    /// A durable update.
    Queue,
    /// A report.
    DryRun,
}

/// What an enrollment ended in.
#[derive(Debug)]
pub enum EnrollOutcome {
    /// A durable update.
    Queued(UpdateReport),
    /// A report, and why nothing was chosen if nothing was.
    DryRun(DryRunReport, Option<Failure>),
}

/// Who looks on while a person is captured.
pub struct Watcher<'a> {
    /// Is told every step.
    pub told: Box<dyn FnMut(&Told) + 'a>,
    /// Is given every judged frame.
    pub sheet: Option<&'a mut ContactSheet>,
}

/// Lists the queue.
///
/// # Errors
/// When the queue cannot be opened.
pub fn list_alone(config: &Config, paths: &Paths) -> Result<Vec<QueueItem>, Failure> {
    let (queue, _) = open_queue(config, paths)?;
    Ok(queue.list().iter().map(QueueItem::from).collect())
}

/// Shows one update.
///
/// # Errors
/// When there is none with this id, or the queue cannot be opened.
pub fn show_alone(config: &Config, paths: &Paths, id: UpdateId) -> Result<QueueItem, Failure> {
    let (queue, _) = open_queue(config, paths)?;
    queue.head(id).map(|head| QueueItem::from(&head)).map_err(from_queue)
}

/// Queues an update.
///
/// # Errors
/// When it is not valid, or the queue refuses it.
pub fn update_alone(
    config: &Config,
    paths: &Paths,
    mut request: PersonRequest,
) -> Result<UpdateReport, Failure> {
    let images = match request.images.take() {
        None => None,
        Some(encoded) => {
            let mut finder = Rig::new(config)?.finder()?;
            Some(intake::pictures(&encoded, finder.as_mut())?)
        }
    };
    let update = intake::parse(request, images, clock::utc_date(clock::wall_now()))?;
    let (queue, _) = open_queue(config, paths)?;
    keep(&queue, update)
}

/// Delivers what can be delivered now.
///
/// # Errors
/// When the queue cannot be opened or the client cannot be built.
pub async fn flush_alone(
    config: &Config,
    paths: &Paths,
    limit: Duration,
) -> Result<FlushReport, Failure> {
    let (queue, _) = open_queue(config, paths)?;
    post::flush_once(config, paths, Arc::new(queue), limit).await
}

/// Tells what can be read without an agent.
pub fn status_alone(config: &Config, paths: &Paths) -> StatusReport {
    let (queue, receipts) = match open_queue(config, paths) {
        Ok((queue, _)) => (queue_status(&queue, false), post::receipts(&queue)),
        Err(failure) => {
            tracing::warn!(%failure, "the queue cannot be read");
            (QueueStatus { index: "unknown".into(), ..QueueStatus::default() }, (None, 0))
        }
    };
    overview(config, paths, queue, receipts)
}

/// Captures a person with the configured source.
///
/// # Errors
/// When the request is not valid, the camera gives nothing, no shot is good enough, or the queue refuses.
pub fn enroll_alone(
    config: &Config,
    paths: &Paths,
    request: PersonRequest,
    plan: EnrollPlan,
    watcher: &mut Watcher<'_>,
) -> Result<EnrollOutcome, Failure> {
    let today = clock::utc_date(clock::wall_now());
    let person_id = intake::check_enrollment(&request, today)?;
    let rig = Rig::new(config)?;
    // A full or broken queue must be told before a person stands in front of the camera.
    let queue = match plan {
        EnrollPlan::Queue => Some(open_queue(config, paths)?.0),
        EnrollPlan::DryRun => None,
    };
    if let Some(queue) = &queue {
        room_for(queue, &person_id)?;
    }
    let mut examiner = rig.examiner()?;
    let mut feed = Feed::open(config)?;
    let limit = request.timeout_s.map(Duration::from_secs);
    let mut visit =
        Visit::start(person_id, rig.session(limit), rig.style(), rig.steps(), feed.now());
    let end = loop {
        let told = match feed.wait()? {
            Fed::Frame(frame) => {
                let told = visit.take(&frame, &mut examiner, feed.now())?;
                add_to_sheet(watcher, &frame, &told);
                told
            }
            Fed::Waiting => visit.tell(enrollment::Event::Tick, feed.now())?,
            Fed::Lost { reason } => {
                visit.tell(enrollment::Event::CameraLost { reason }, feed.now())?
            }
            Fed::Back => visit.tell(enrollment::Event::CameraBack, feed.now())?,
            Fed::Ended => visit.tell(enrollment::Event::NoMoreFrames, feed.now())?,
        };
        told.iter().for_each(|told| (watcher.told)(told));
        if let Some(end) = told.into_iter().find_map(over) {
            break end;
        }
    };
    conclude(end, &rig, &visit, request, queue, watcher)
}

fn add_to_sheet(watcher: &mut Watcher<'_>, frame: &Frame, told: &[Told]) {
    let Some(sheet) = watcher.sheet.as_deref_mut() else { return };
    for told in told {
        if let Told::Judged(report) = told {
            sheet.add(frame, report);
        }
    }
}

fn over(told: Told) -> Option<End> {
    match told {
        Told::Over(end) => Some(end),
        Told::Judged(_) | Told::Guidance { .. } => None,
    }
}

fn conclude(
    end: End,
    rig: &Rig,
    visit: &Visit,
    request: PersonRequest,
    queue: Option<crate::queue::Queue>,
    watcher: &mut Watcher<'_>,
) -> Result<EnrollOutcome, Failure> {
    let shots = match end {
        End::Chosen { shots, relaxed } => Ok((shots, rig.record(relaxed))),
        End::Failed(failure) => Err(failure),
        End::Cancelled => Err(Failure::new(Exit::TryLater, "the enrollment was cancelled")),
    };
    if let (Some(sheet), Ok((shots, _))) = (watcher.sheet.as_deref_mut(), &shots) {
        sheet.choose(shots.iter().map(|shot| shot.report.frame));
    }
    let Some(queue) = queue else {
        let (shots, record, failure) = match shots {
            Ok((shots, record)) => {
                guide(watcher, Guidance::Done);
                (shots, Some(record), None)
            }
            Err(failure) => (Vec::new(), None, Some(failure)),
        };
        return Ok(EnrollOutcome::DryRun(dry_run(visit, &shots, record), failure));
    };
    let (shots, record) = shots?;
    let portraits = shots.into_iter().map(|shot| shot.portrait).collect();
    let today = clock::utc_date(clock::wall_now());
    let kept =
        intake::enrolled(request, portraits, record, today).and_then(|update| keep(&queue, update));
    guide(watcher, if kept.is_ok() { Guidance::Done } else { Guidance::NotSaved });
    kept.map(EnrollOutcome::Queued)
}

/// What the person hears once it is known whether the shots are kept.
fn guide(watcher: &mut Watcher<'_>, guidance: Guidance) {
    (watcher.told)(&Told::Guidance { guidance, centimetres: None });
}

fn dry_run(visit: &Visit, shots: &[Shot], record: Option<CaptureRecord>) -> DryRunReport {
    DryRunReport {
        person_id: visit.person_id().to_string(),
        chosen: shots.iter().map(|shot| shot.report.clone()).collect(),
        considered: visit.considered(),
        rejected: visit
            .rejected()
            .iter()
            .map(|(reason, count)| (reason.code().to_owned(), *count))
            .collect(),
        restarts: visit.restarts(),
        capture: record.map(Into::into),
    }
}
