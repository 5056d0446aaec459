//! `status`: one screen about the whole, once or again and again.

use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::output::{Output, Shown, Tone};
use super::setting::Setting;
use super::token::FEW_DAYS;
use crate::app;
use crate::failure::{Exit, Failure};
use crate::queue::Glance;
use crate::web::wire::{CameraStatus, DeliveryStatus, EffortReport, QueueStatus, StatusReport};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// Arguments of `status`.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// Look again every second until Ctrl-C; with --json a line each time
    #[arg(long)]
    watch: bool,
}

pub(super) fn run(args: &StatusArgs, setting: &Setting, output: &Output) -> Result<(), Failure> {
    if args.watch {
        return app::block_on(watch(setting, output))?;
    }
    let agent = setting.agent()?;
    let report = match &agent {
        Some(agent) => app::block_on(async { agent.status().await })??,
        None => app::status_alone(&setting.config, &setting.paths),
    };
    screen(&report, output).iter().for_each(|line| output.line(line));
    output.json(&report)?;
    if agent.is_some() {
        Ok(())
    } else {
        Err(Failure::new(Exit::Unavailable, "the agent is not running").hint(
            "start it with `systemctl start kiosk-enroll`, or `kiosk-enroll run` in a terminal",
        ))
    }
}

/// Looks again and again, until Ctrl-C or until nobody reads any more. An agent that comes or goes is no failure.
async fn watch(setting: &Setting, output: &Output) -> Result<(), Failure> {
    let told = |error: std::io::Error| Failure::caused(Exit::Internal, &error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(told)?;
    loop {
        let report = match setting.agent()? {
            Some(agent) => agent.status().await.unwrap_or_else(|_| from_outside(setting)),
            None => from_outside(setting),
        };
        let shown = output.frame(&screen(&report, output), &report)?;
        if shown == Shown::NobodyReads {
            return Ok(());
        }
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// What can be told without the agent and without the queue's lock, which an agent that starts needs.
fn from_outside(setting: &Setting) -> StatusReport {
    let Setting { config, paths } = setting;
    let glance = Glance::at(&paths.queue()).unwrap_or_default();
    let age = glance.oldest.and_then(|oldest| oldest.elapsed().ok());
    let queue = QueueStatus {
        queued: glance.updates.saturating_sub(glance.parked),
        parked: glance.parked,
        bytes: glance.bytes,
        oldest_age_s: age.map(|age| age.as_secs()),
        quarantined: glance.quarantined,
        index: "unknown".into(),
        ..QueueStatus::default()
    };
    app::overview(config, paths, queue, (None, 0))
}

/// The lines of the one screen.
fn screen(report: &StatusReport, output: &Output) -> Vec<String> {
    let running = report.agent == "running";
    let tone = if running { Tone::Good } else { Tone::Bad };
    let agent = output.paint(tone, if running { "running" } else { "not running" });
    let mut lines =
        vec![format!("kiosk     {}  version {}  agent {agent}", report.kiosk, report.version)];
    if let Some(camera) = &report.camera {
        lines.push(format!("camera    {}", camera_line(camera, output)));
        let effort = effort_line(&camera.capture, &camera.analysis);
        lines.extend(effort.map(|line| format!("          {line}")));
    }
    if let Some(enrollment) = &report.enrollment {
        let guidance = enrollment.guidance.as_deref().unwrap_or("-");
        lines.push(format!(
            "session   {} of {}: {guidance}, {} frames judged",
            enrollment.id, enrollment.person_id, enrollment.considered
        ));
    }
    let queue = &report.queue;
    let oldest = queue
        .oldest_age_s
        .map(|age| format!(", oldest {}", humantime::format_duration(Duration::from_secs(age))))
        .unwrap_or_default();
    lines.push(format!(
        "queue     {} queued, {} in flight, {} held, {} parked, {}{oldest}",
        queue.queued,
        queue.in_flight,
        queue.held,
        queue.parked,
        bytesize::ByteSize(queue.bytes)
    ));
    if queue.quarantined > 0 {
        let text = format!("{} files could not be read and were set aside", queue.quarantined);
        lines.push(format!("          {}", output.paint(Tone::Bad, &text)));
    }
    if queue.foreign > 0 {
        let text =
            format!("{} more are sealed with another device key, and wait for it", queue.foreign);
        lines.push(format!("          {}", output.paint(Tone::Bad, &text)));
    }
    if let Some(limit) = &queue.nearly_full {
        let text = format!("nearly full ({limit}): what comes beyond the limit is refused");
        lines.push(format!("          {}", output.paint(Tone::Warning, &text)));
    }
    lines.extend(delivery_lines(&report.delivery, output));
    lines
}

fn delivery_lines(delivery: &DeliveryStatus, output: &Output) -> Vec<String> {
    let well = matches!(delivery.state.as_str(), "idle" | "delivering");
    let tone = if well { Tone::Good } else { Tone::Warning };
    let reason = delivery.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let mut lines = vec![format!("delivery  {}{reason}", output.paint(tone, &delivery.state))];
    if let Some(expires) = &delivery.token_expires_at {
        lines.push(format!("token     expires {expires}{}", few_days(delivery, output)));
    }
    if let Some(renewal) = &delivery.token_renewal {
        lines.push(format!("          renewal {renewal}"));
    }
    if let Some(receipt) = &delivery.last_receipt {
        let capture = receipt.capture.as_ref().map(|capture| format!(", {capture}"));
        lines.push(format!(
            "receipt   {} {} at {}, {}{}",
            receipt.id,
            receipt.person_id,
            receipt.delivered_at,
            receipt.confirmation,
            capture.unwrap_or_default()
        ));
    }
    if delivery.unconfirmed > 0 {
        let text = format!(
            "{} receipts are unconfirmed: see the server's record of these persons",
            delivery.unconfirmed
        );
        lines.push(format!("          {}", output.paint(Tone::Warning, &text)));
    }
    lines
}

fn few_days(delivery: &DeliveryStatus, output: &Output) -> String {
    let words = match delivery.token_days_left {
        Some(0) => "  it has expired, or does today: `kiosk-enroll token set`".to_owned(),
        Some(days) if days < FEW_DAYS => {
            format!("  only {days} days are left: `kiosk-enroll token set`")
        }
        _ => return String::new(),
    };
    output.paint(Tone::Warning, &words)
}

fn camera_line(camera: &CameraStatus, output: &Output) -> String {
    let tone = if camera.state == "streaming" { Tone::Good } else { Tone::Warning };
    let reason = camera.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!(
        "{}{reason}: {}, {} frames, {} superseded",
        output.paint(tone, &camera.state),
        camera.source,
        camera.frames,
        camera.superseded
    )
}

/// What the camera costs at the moment, once that is known.
fn effort_line(capture: &EffortReport, analysis: &EffortReport) -> Option<String> {
    let part = |what: &str, effort: &EffortReport| {
        let share = effort.cpu_share? * 100.0;
        Some(format!("{:.1} a second {what} with {share:.1} % of a processor", effort.rate?))
    };
    let parts: Vec<String> =
        [part("taken", capture), part("looked at", analysis)].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
