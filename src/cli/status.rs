//! `status`: one screen about the whole.

use super::output::{Output, Tone};
use super::setting::Setting;
use super::token::FEW_DAYS;
use crate::app;
use crate::failure::{Exit, Failure};
use crate::web::wire::{CameraStatus, DeliveryStatus, EffortReport, StatusReport};

pub(super) fn run(setting: &Setting, output: &Output) -> Result<(), Failure> {
    let agent = setting.agent()?;
    let report = match &agent {
        Some(agent) => app::block_on(async { agent.status().await })??,
        None => app::status_alone(&setting.config, &setting.paths),
    };
    tell(&report, output);
    output.json(&report)?;
    if agent.is_some() {
        Ok(())
    } else {
        Err(Failure::new(Exit::Unavailable, "the agent is not running").hint(
            "start it with `systemctl start kiosk-enroll`, or `kiosk-enroll run` in a terminal",
        ))
    }
}

fn tell(report: &StatusReport, output: &Output) {
    let running = report.agent == "running";
    let tone = if running { Tone::Good } else { Tone::Bad };
    let agent = output.paint(tone, if running { "running" } else { "not running" });
    output.line(format!("kiosk     {}  version {}  agent {agent}", report.kiosk, report.version));
    if let Some(camera) = &report.camera {
        output.line(format!("camera    {}", camera_line(camera, output)));
        if let Some(line) = effort_line(&camera.capture, &camera.analysis) {
            output.line(format!("          {line}"));
        }
    }
    if let Some(enrollment) = &report.enrollment {
        let guidance = enrollment.guidance.as_deref().unwrap_or("-");
        output.line(format!(
            "session   {} of {}: {guidance}, {} frames judged",
            enrollment.id, enrollment.person_id, enrollment.considered
        ));
    }
    let queue = &report.queue;
    let oldest = queue
        .oldest_age_s
        .map(|age| {
            format!(", oldest {}", humantime::format_duration(std::time::Duration::from_secs(age)))
        })
        .unwrap_or_default();
    output.line(format!(
        "queue     {} queued, {} in flight, {} held, {} parked, {}{oldest}",
        queue.queued,
        queue.in_flight,
        queue.held,
        queue.parked,
        bytesize::ByteSize(queue.bytes)
    ));
    if queue.quarantined > 0 {
        let text = format!("{} files could not be read and were set aside", queue.quarantined);
        output.line(format!("          {}", output.paint(Tone::Bad, &text)));
    }
    if let Some(limit) = &queue.nearly_full {
        let text = format!("nearly full ({limit}): what comes beyond the limit is refused");
        output.line(format!("          {}", output.paint(Tone::Warning, &text)));
    }
    tell_delivery(report, output);
}

fn tell_delivery(report: &StatusReport, output: &Output) {
    let delivery = &report.delivery;
    let well = matches!(delivery.state.as_str(), "idle" | "delivering");
    let tone = if well { Tone::Good } else { Tone::Warning };
    let reason = delivery.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    output.line(format!("delivery  {}{reason}", output.paint(tone, &delivery.state)));
    if let Some(expires) = &delivery.token_expires_at {
        output.line(format!("token     expires {expires}{}", few_days(delivery, output)));
    }
    if let Some(renewal) = &delivery.token_renewal {
        output.line(format!("          renewal {renewal}"));
    }
    if let Some(receipt) = &delivery.last_receipt {
        output.line(format!(
            "receipt   {} {} at {}, {}",
            receipt.id, receipt.person_id, receipt.delivered_at, receipt.confirmation
        ));
    }
    if delivery.unconfirmed > 0 {
        let text = format!(
            "{} receipts are unconfirmed: see the server's record of these persons",
            delivery.unconfirmed
        );
        output.line(format!("          {}", output.paint(Tone::Warning, &text)));
    }
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
