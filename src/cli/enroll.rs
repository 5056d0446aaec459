//! `enroll`: capture a person now, choose the shots and queue the update.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::output::{Output, Tone};
use super::person::FieldArgs;
use super::setting::Setting;
use super::update;
use crate::app::alone::{EnrollOutcome, EnrollPlan, Watcher};
use crate::app::contact_sheet::ContactSheet;
use crate::app::owner::as_caller;
use crate::app::{self, visit::Told};
use crate::failure::{Exit, Failure};
use crate::web::client::Client;
use crate::web::wire::{DryRunReport, EnrollmentReport, EnrollmentState, Event, PersonRequest};

/// The agent answers at once, or does not work.
const PATIENCE: Duration = Duration::from_secs(10);

/// Arguments of `enroll`.
#[derive(Debug, Args)]
pub(super) struct EnrollArgs {
    /// The person's id at the persons API
    person_id: String,
    #[command(flatten)]
    fields: FieldArgs,
    /// How long it may take, 3s to 10m [default: capture.timeout]
    #[arg(long, value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// Choose, tell, and queue nothing
    #[arg(long)]
    dry_run: bool,
    /// Also write a picture of every judged frame with box, score and reasons (PNG; not with a running agent)
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
}

pub(super) fn run(args: EnrollArgs, setting: &Setting, output: &Output) -> Result<(), Failure> {
    let mut request = args.fields.request(args.person_id);
    request.timeout_s = args.timeout.map(|timeout| timeout.as_secs().max(1));
    let agent = if args.dry_run { None } else { setting.agent()? };
    match agent {
        Some(_) if args.sheet.is_some() => {
            Err(Failure::new(Exit::Usage, "--sheet works only while no agent runs")
                .hint("stop the agent first, or use --dry-run with a replayed source"))
        }
        Some(agent) => app::block_on(with_agent(&agent, &request, output))?,
        None => alone(request, args.dry_run, args.sheet, setting, output),
    }
}

/// Follows the agent's events until the enrollment has ended. Whoever ends this command ends the enrollment: nobody
/// else may be enrolled under that id afterwards.
async fn with_agent(
    agent: &Client,
    request: &PersonRequest,
    output: &Output,
) -> Result<(), Failure> {
    let mut interruption = Interruption::listen()?;
    let mut events = answered(agent.events()).await?;
    let mut report = answered(agent.enroll(request)).await?;
    while report.state == EnrollmentState::Capturing {
        let event = tokio::select! {
            biased;
            () = interruption.comes() => {
                report = call_off(agent, report, output).await?;
                continue;
            }
            event = events.next() => event,
        };
        match event {
            Some(Event::Guidance { enrollment, code, text }) if enrollment == report.id => {
                tell_guidance(&code, &text, output);
            }
            Some(Event::Enrollment(ended)) if ended.id == report.id => report = ended,
            Some(_) => {}
            None => {
                return Err(Failure::new(Exit::Unavailable, "the agent has gone")
                    .hint("what was queued is on disk; `kiosk-enroll status` tells more"));
            }
        }
    }
    tell_end(report, output)
}

/// Waits for an answer of the agent, but not for ever: the signals that end this command are not heard meanwhile.
async fn answered<T>(asked: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| {
        Err(Failure::new(Exit::Unavailable, "the agent does not answer").hint(
            "`kiosk-enroll status` tells whether an enrollment is under way, `kiosk-enroll doctor` more",
        ))
    })
}

/// Cancels an enrollment; where it is too late for that, its end is waited for.
async fn call_off(
    agent: &Client,
    report: EnrollmentReport,
    output: &Output,
) -> Result<EnrollmentReport, Failure> {
    match answered(agent.cancel(&report.id)).await {
        Ok(report) => Ok(report),
        Err(late) if late.exit == Exit::TryLater => {
            output.progress(&late.error);
            Ok(report)
        }
        Err(failure) => Err(Failure {
            error: format!("enrollment {} may go on: {}", report.id, failure.error),
            ..failure
        }),
    }
}

/// The signals with which a person or a supervisor ends this command.
struct Interruption {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Interruption {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|error| Failure::caused(Exit::Internal, &error));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    async fn comes(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}

fn tell_end(report: EnrollmentReport, output: &Output) -> Result<(), Failure> {
    match (report.update, report.failure) {
        (Some(queued), _) => update::tell(&queued, output),
        (None, Some(failure)) => Err(failure),
        (None, None) => {
            let error = format!("enrollment {} of {} was cancelled", report.id, report.person_id);
            Err(Failure::new(Exit::TryLater, error).hint("nothing was queued"))
        }
    }
}

fn tell_guidance(code: &str, text: &str, output: &Output) {
    output.progress(format!("{code:<16} {text}"));
}

fn alone(
    request: PersonRequest,
    dry_run: bool,
    sheet: Option<PathBuf>,
    setting: &Setting,
    output: &Output,
) -> Result<(), Failure> {
    let rig = app::Rig::new(&setting.config)?;
    let title = format!("enroll {}", request.person_id);
    let mut builder = sheet.is_some().then(|| ContactSheet::new(title));
    let mut watcher = Watcher {
        told: Box::new(|told| {
            if let Told::Guidance { guidance, centimetres } = told {
                let text = rig.text(*guidance, *centimetres);
                tell_guidance(guidance.code(), &text, output);
            }
        }),
        sheet: builder.as_mut(),
    };
    let plan = if dry_run { EnrollPlan::DryRun } else { EnrollPlan::Queue };
    let outcome = app::enroll_alone(&setting.config, &setting.paths, request, plan, &mut watcher);
    drop(watcher);
    // What became of the person comes first: the sheet may fail.
    let told = outcome.and_then(|outcome| tell_outcome(outcome, output));
    let (Some(path), Some(builder)) = (&sheet, builder) else { return told };
    let written = as_caller(&setting.paths.state, || builder.write(path));
    if written.is_ok() {
        output.line(format!("contact sheet: {}", path.display()));
    }
    match (told, written) {
        (Err(failure), Err(unwritten)) => {
            tracing::warn!(%unwritten, "the contact sheet is missing");
            Err(failure)
        }
        (told, written) => told.and(written),
    }
}

fn tell_outcome(outcome: EnrollOutcome, output: &Output) -> Result<(), Failure> {
    match outcome {
        EnrollOutcome::Queued(report) => update::tell(&report, output),
        EnrollOutcome::DryRun(report, failure) => {
            tell_dry_run(&report, output)?;
            failure.map_or(Ok(()), Err)
        }
    }
}

fn tell_dry_run(report: &DryRunReport, output: &Output) -> Result<(), Failure> {
    for (rank, shot) in report.chosen.iter().enumerate() {
        let path = shot.path.as_deref().unwrap_or("");
        output.line(format!(
            "{} {}: frame {} {path} score {:.3}, yaw {:+.1}, pitch {:+.1}, roll {:+.1}",
            output.paint(Tone::Good, "shot"),
            rank + 1,
            shot.frame,
            shot.score,
            shot.pose.yaw,
            shot.pose.pitch,
            shot.pose.roll
        ));
    }
    let refused: Vec<_> =
        report.rejected.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    if let Some(capture) = &report.capture {
        output.line(format!("passed: {capture}"));
    }
    for (reason, count) in &report.restarts {
        output.line(format!("the choice began anew {count} times: {reason}"));
    }
    output.line(format!(
        "{} frames judged; refused for: {}",
        report.considered,
        refused.join(", ")
    ));
    output.json(report)
}
