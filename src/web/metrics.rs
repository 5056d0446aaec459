//! Figures for Prometheus: `GET /metrics`, in the text exposition format 0.0.4.
//!
//! A gauge is read from the status when it is asked for; a counter is kept by [`Totals`], which follows the
//! agent's events. Names follow Prometheus' conventions: base units, `_total` on counters.
//!
//! What is absent: no person, no update's id, no path. Labels come from closed lists.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::wire::{EnrollmentState, Event, StatusReport};

/// A family of samples: what a scraper and the table of docs/operations.md know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its full name.
    pub name: &'static str,
    /// `gauge` or `counter`.
    pub kind: &'static str,
    /// What it tells, with its labels.
    pub help: &'static str,
}

const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: "gauge", help }
}

const fn counter(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: "counter", help }
}

const BUILD: Metric = gauge("kiosk_enroll_build_info", "Always 1; labels version and architecture");
const UPDATES: Metric = gauge(
    "kiosk_enroll_queue_updates",
    "Updates in the queue, by state: queued, held, in_flight, parked",
);
const QUEUE_BYTES: Metric = gauge("kiosk_enroll_queue_bytes", "Bytes of the queue on disk");
const OLDEST: Metric = gauge(
    "kiosk_enroll_queue_oldest_age_seconds",
    "Age of the oldest update; 0 for an empty queue",
);
const QUARANTINED: Metric = gauge(
    "kiosk_enroll_queue_quarantined_files",
    "Files that could not be read and were set aside",
);
const FOREIGN: Metric = gauge(
    "kiosk_enroll_queue_foreign_updates",
    "Updates sealed with another device key, which wait for it",
);
const DELIVERY: Metric = gauge(
    "kiosk_enroll_delivery_state",
    "1 at the present state: idle, delivering, offline, credential, clock, account, paused, unknown",
);
const TOKEN_DAYS: Metric = gauge(
    "kiosk_enroll_token_days_left",
    "Whole days until the token expires; missing while that is not known",
);
const CAMERA: Metric = gauge(
    "kiosk_enroll_camera_state",
    "1 at the present state: absent, opening, streaming, stalled, denied, busy, failing, ended",
);
const FRAMES: Metric = counter("kiosk_enroll_camera_frames_total", "Frames captured");
const SUPERSEDED: Metric =
    counter("kiosk_enroll_camera_frames_superseded_total", "Frames replaced by newer ones unseen");
const ANALYSED: Metric = counter(
    "kiosk_enroll_camera_frames_analysed_total",
    "Frames that were looked at, for badges and faces",
);
const CPU: Metric = counter(
    "kiosk_enroll_camera_cpu_seconds_total",
    "Processor time spent on frames, by part: capture, analysis",
);
const JUDGED: Metric = counter("kiosk_enroll_frames_judged_total", "Frames judged in enrollments");
const REFUSALS: Metric = counter(
    "kiosk_enroll_frame_refusals_total",
    "Reasons that refused a judged frame, by reason code",
);
const ENROLLMENTS: Metric = counter(
    "kiosk_enroll_enrollments_total",
    "Enrollments that ended, by state: queued, failed, cancelled",
);
const DELIVERIES: Metric = counter(
    "kiosk_enroll_deliveries_total",
    "Updates delivered: confirmed or unconfirmed by the answer",
);

/// Every family, in the order in which they are told.
pub const METRICS: [Metric; 17] = [
    BUILD,
    UPDATES,
    QUEUE_BYTES,
    OLDEST,
    QUARANTINED,
    FOREIGN,
    DELIVERY,
    TOKEN_DAYS,
    CAMERA,
    FRAMES,
    SUPERSEDED,
    ANALYSED,
    CPU,
    JUDGED,
    REFUSALS,
    ENROLLMENTS,
    DELIVERIES,
];

const QUEUE_STATES: [&str; 4] = ["queued", "held", "in_flight", "parked"];
const DELIVERY_STATES: [&str; 8] =
    ["idle", "delivering", "offline", "credential", "clock", "account", "paused", "unknown"];
const CAMERA_STATES: [&str; 8] =
    ["absent", "opening", "streaming", "stalled", "denied", "busy", "failing", "ended"];

/// What happened since the agent started, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    judged: u64,
    refusals: BTreeMap<String, u64>,
    enrollments: BTreeMap<&'static str, u64>,
    deliveries: BTreeMap<String, u64>,
}

impl Counts {
    /// Counts an event.
    pub fn count(&mut self, event: &Event) {
        match event {
            Event::Frame { frame, .. } => {
                self.judged += 1;
                for reason in &frame.reasons {
                    *self.refusals.entry(reason.clone()).or_default() += 1;
                }
            }
            Event::Enrollment(report) => {
                let ended = match report.state {
                    EnrollmentState::Capturing => return,
                    EnrollmentState::Queued => "queued",
                    EnrollmentState::Failed => "failed",
                    EnrollmentState::Cancelled => "cancelled",
                };
                *self.enrollments.entry(ended).or_default() += 1;
            }
            Event::Delivered(receipt) => {
                *self.deliveries.entry(receipt.confirmation.clone()).or_default() += 1;
            }
            Event::Guidance { .. }
            | Event::Queue(_)
            | Event::Delivery { .. }
            | Event::Camera(_) => {}
        }
    }
}

/// The counts of a running agent; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Totals(Arc<Mutex<Counts>>);

impl Totals {
    /// Counts what happens until the agent is gone. Under a flood it misses what it was too late for.
    pub async fn follow(self, mut events: Receiver<Event>) {
        loop {
            match events.recv().await {
                Ok(event) => self.0.lock().unwrap_or_else(PoisonError::into_inner).count(&event),
                Err(RecvError::Lagged(missed)) => {
                    tracing::debug!(missed, "events are missing in the metrics");
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// The counts so far.
    pub fn counts(&self) -> Counts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Writes the exposition of a status and the counts.
pub fn exposition(status: &StatusReport, counts: &Counts) -> String {
    let mut text = Text(String::new());
    let (queue, delivery) = (&status.queue, &status.delivery);
    let architecture = std::env::consts::ARCH;
    text.family(BUILD);
    text.sample(BUILD, &[("version", &status.version), ("architecture", architecture)], 1);
    text.family(UPDATES);
    let held = [queue.queued, queue.held, queue.in_flight, queue.parked];
    for (state, updates) in QUEUE_STATES.into_iter().zip(held) {
        text.sample(UPDATES, &[("state", state)], updates as u64);
    }
    text.single(QUEUE_BYTES, queue.bytes);
    text.single(OLDEST, queue.oldest_age_s.unwrap_or(0));
    text.single(QUARANTINED, queue.quarantined as u64);
    text.single(FOREIGN, queue.foreign as u64);
    text.states(DELIVERY, &DELIVERY_STATES, &delivery.state);
    if let Some(days) = delivery.token_days_left {
        text.single(TOKEN_DAYS, days);
    }
    if let Some(camera) = &status.camera {
        text.states(CAMERA, &CAMERA_STATES, &camera.state);
        text.single(FRAMES, camera.frames);
        text.single(SUPERSEDED, camera.superseded);
        text.single(ANALYSED, camera.analysis.frames);
        text.family(CPU);
        text.sample(CPU, &[("part", "capture")], camera.capture.cpu_s);
        text.sample(CPU, &[("part", "analysis")], camera.analysis.cpu_s);
    }
    text.single(JUDGED, counts.judged);
    text.counted(REFUSALS, "reason", &counts.refusals);
    text.counted(ENROLLMENTS, "state", &counts.enrollments);
    text.counted(DELIVERIES, "confirmation", &counts.deliveries);
    text.0
}

struct Text(String);

impl Text {
    fn family(&mut self, metric: Metric) {
        let Metric { name, kind, help } = metric;
        // Writing into a string cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, metric: Metric, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<_> =
            labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        let braces =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{}{braces} {value}", metric.name);
    }

    fn single(&mut self, metric: Metric, value: u64) {
        self.family(metric);
        self.sample(metric, &[], value);
    }

    fn states(&mut self, metric: Metric, states: &[&str], present: &str) {
        self.family(metric);
        for state in states {
            self.sample(metric, &[("state", state)], u64::from(*state == present));
        }
    }

    fn counted<K: AsRef<str>>(&mut self, metric: Metric, label: &str, counts: &BTreeMap<K, u64>) {
        self.family(metric);
        for (value, count) in counts {
            self.sample(metric, &[(label, value.as_ref())], *count);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::super::wire::{
        CameraStatus, DeliveryStatus, EffortReport, JudgedReport, QueueStatus,
    };
    use super::*;

    fn status() -> StatusReport {
        StatusReport {
            kiosk: "lobby".into(),
            version: "1.2.3".into(),
            agent: "running".into(),
            camera: Some(CameraStatus {
                state: "streaming".into(),
                source: "a camera".into(),
                reason: None,
                frames: 90,
                superseded: 3,
                capture: EffortReport { cpu_s: 1.25, ..EffortReport::default() },
                analysis: EffortReport { frames: 40, ..EffortReport::default() },
            }),
            enrollment: None,
            queue: QueueStatus { queued: 2, parked: 1, bytes: 4096, ..QueueStatus::default() },
            delivery: DeliveryStatus {
                state: "offline".into(),
                token_days_left: Some(4),
                ..DeliveryStatus::default()
            },
        }
    }

    fn refused(reason: &str) -> Event {
        let frame = JudgedReport {
            frame: 1,
            path: None,
            bounds: None,
            reasons: vec![reason.into()],
            score: 0.0,
        };
        Event::Frame { enrollment: "e1".into(), frame }
    }

    /// Reads the format strictly: families declared once and before their samples, labels quoted, values numbers.
    fn parse(text: &str) -> BTreeMap<String, f64> {
        let mut declared = Vec::new();
        let mut samples = BTreeMap::new();
        for line in text.lines() {
            if let Some(declaration) = line.strip_prefix("# TYPE ") {
                let (name, kind) = declaration.split_once(' ').unwrap();
                assert!(["gauge", "counter"].contains(&kind), "{line}");
                assert!(!declared.contains(&name.to_owned()), "{name} is declared twice");
                declared.push(name.to_owned());
            } else if !line.starts_with("# HELP ") {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let name = series.split('{').next().unwrap();
                assert_eq!(declared.last().map(String::as_str), Some(name), "{line}");
                assert!(
                    samples.insert(series.to_owned(), value.parse().unwrap()).is_none(),
                    "{line}"
                );
            }
        }
        samples
    }

    #[test]
    fn every_family_is_told_with_what_the_status_and_the_counts_say() {
        let mut counts = Counts::default();
        counts.count(&refused("too_dark"));
        counts.count(&refused("too_dark"));
        let text = exposition(&status(), &counts);
        let samples = parse(&text);
        for (series, value) in [
            ("kiosk_enroll_queue_updates{state=\"queued\"}", 2),
            ("kiosk_enroll_queue_updates{state=\"in_flight\"}", 0),
            ("kiosk_enroll_delivery_state{state=\"offline\"}", 1),
            ("kiosk_enroll_delivery_state{state=\"idle\"}", 0),
            ("kiosk_enroll_camera_frames_total", 90),
            ("kiosk_enroll_camera_frames_analysed_total", 40),
            ("kiosk_enroll_frame_refusals_total{reason=\"too_dark\"}", 2),
            ("kiosk_enroll_token_days_left", 4),
        ] {
            assert_eq!(samples.get(series), Some(&f64::from(value)), "{series}\n{text}");
        }
        assert!(text.contains("kiosk_enroll_camera_cpu_seconds_total{part=\"capture\"} 1.25\n"));
        for metric in METRICS {
            assert!(text.contains(&format!("# TYPE {} {}\n", metric.name, metric.kind)));
            assert_eq!(
                metric.kind == "counter",
                metric.name.ends_with("_total"),
                "{}",
                metric.name
            );
        }
    }

    #[test]
    fn what_is_not_known_is_left_out_rather_than_zero() {
        let mut unknown = status();
        unknown.delivery.token_days_left = None;
        unknown.camera = None;
        let text = exposition(&unknown, &Counts::default());
        assert!(!text.contains("token_days_left") && !text.contains("camera_state"));
        parse(&text);
    }

    #[test]
    fn an_enrollment_counts_when_it_ends() {
        let report = |state| {
            Event::Enrollment(super::super::wire::EnrollmentReport {
                id: "e1".into(),
                person_id: "p1".into(),
                state,
                guidance: None,
                text: None,
                considered: 0,
                rejected: BTreeMap::new(),
                restarts: BTreeMap::new(),
                capture: None,
                chosen: Vec::new(),
                update: None,
                failure: None,
            })
        };
        let mut counts = Counts::default();
        counts.count(&report(EnrollmentState::Capturing));
        assert_eq!(counts, Counts::default());
        counts.count(&report(EnrollmentState::Queued));
        assert_eq!(counts.enrollments["queued"], 1);
    }
}
