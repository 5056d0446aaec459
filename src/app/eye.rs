//! The agent's eye: the capture thread on the configured source, and what is told about it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;

use super::effort::Effort;
use super::feed::{CameraMode, open_source};
use super::pulse::Pulse;
use super::rig;
use crate::camera::{self, Capture, FrameSource, Latest, Pace, Reset, SourceSpec, StopSignal};
use crate::config::Config;
use crate::domain::Frame;
use crate::failure::{Exit, Failure};
use crate::web::wire::{CameraStatus, Event};

/// The running capture thread.
pub struct Eye {
    capture: Capture,
    watch: CameraWatch,
    pulse: Pulse,
}

/// How the camera is, for whoever asks.
#[derive(Clone)]
pub struct CameraWatch {
    shared: Arc<Shared>,
}

struct Shared {
    source: String,
    last: Mutex<Option<camera::CameraStatus>>,
    capture: Effort,
    analysis: Effort,
    slot: Mutex<Option<Arc<Latest<Frame>>>>,
}

impl Eye {
    /// Starts the thread; the camera itself is opened there, and again after every failure.
    ///
    /// # Errors
    /// When the source's name cannot be understood, or the system gives no thread.
    pub fn open(config: &Config, events: broadcast::Sender<Event>) -> Result<Self, Failure> {
        let spec = rig::camera_spec(config)?;
        let mode = CameraMode::wished(config);
        let watch = CameraWatch {
            shared: Arc::new(Shared {
                source: config.camera.source.clone(),
                last: Mutex::default(),
                capture: Effort::default(),
                analysis: Effort::default(),
                slot: Mutex::default(),
            }),
        };
        let pulse = Pulse::new("camera");
        let (counted, told, beating) = (watch.clone(), watch.clone(), pulse.clone());
        let port = spec.clone();
        let factory = Box::new(move |stop: &StopSignal| {
            // Looking for a camera in vain is a sign of life too.
            beating.beat();
            let inner = open_source(&spec, &mode, Pace::RealTime, stop.clone())?;
            let counted = Counted { inner, watch: counted.clone(), pulse: beating.clone() };
            Ok(Box::new(counted) as Box<dyn FrameSource>)
        });
        let on_change = move |status: &camera::CameraStatus| {
            told.note(status);
            let _ = events.send(Event::Camera(told.status()));
        };
        let capture = Capture::start_with_reset(factory, reset(port), on_change)
            .map_err(|error| Failure::caused(Exit::Internal, &error))?;
        *lock(&watch.shared.slot) = Some(Arc::clone(capture.frames()));
        Ok(Self { capture, watch, pulse })
    }

    /// The slot with the newest frame.
    pub fn frames(&self) -> Arc<Latest<Frame>> {
        Arc::clone(self.capture.frames())
    }

    /// How the camera is, for whoever asks.
    pub fn watch(&self) -> CameraWatch {
        self.watch.clone()
    }

    /// Beats while the thread lives, with or without a camera.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Fails once the camera was there in vain so often that only a new process may help.
    ///
    /// # Errors
    /// With the camera's last words; systemd starts the agent anew.
    pub fn check(&self) -> Result<(), Failure> {
        if !self.capture.has_given_up() {
            return Ok(());
        }
        let status = self.watch.status();
        let reason = status.reason.unwrap_or(status.state);
        Err(Failure::new(Exit::Unavailable, format!("the camera is given up: {reason}"))
            .hint("look at the cable and the power supply, and plug the camera in again"))
    }

    /// Stops the thread and waits until the camera is closed.
    pub fn close(self) {
        self.capture.stop();
    }
}

impl CameraWatch {
    /// The state in the wire's words.
    pub fn status(&self) -> CameraStatus {
        let shared = &self.shared;
        let capture = shared.capture.report();
        let superseded = lock(&shared.slot).as_ref().map_or(0, |slot| slot.dropped());
        let last = lock(&shared.last);
        let streaming = last.as_ref().filter(|s| s.state == camera::CameraState::Streaming);
        CameraStatus {
            state: last.as_ref().map_or("opening", |status| status.state.name()).to_owned(),
            source: streaming.map_or_else(|| shared.source.clone(), |status| status.detail.clone()),
            reason: match (&*last, streaming) {
                (Some(status), None) => Some(status.detail.clone()),
                _ => None,
            },
            frames: capture.frames,
            superseded,
            capture,
            analysis: shared.analysis.report(),
        }
    }

    /// Where the thread that looks at frames notes what that costs.
    pub fn analysis(&self) -> &Effort {
        &self.shared.analysis
    }

    fn note(&self, status: &camera::CameraStatus) {
        *lock(&self.shared.last) = Some(status.clone());
    }
}

/// Counts the frames of a source and shows its thread's signs of life.
struct Counted {
    inner: Box<dyn FrameSource>,
    watch: CameraWatch,
    pulse: Pulse,
}

impl FrameSource for Counted {
    fn next(&mut self) -> Result<Frame, camera::CameraError> {
        self.pulse.beat();
        let frame = self.inner.next()?;
        self.watch.shared.capture.note_frame();
        Ok(frame)
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

/// Resets the USB port of the camera that has this name; a replay has none.
fn reset(spec: SourceSpec) -> Reset {
    Box::new(move || {
        if matches!(spec, SourceSpec::Frames(_)) {
            return;
        }
        match camera::reset_usb(&spec) {
            Ok(name) => tracing::warn!("camera {name} gave nothing: its USB port was reset"),
            Err(error) => tracing::info!(%error, "the camera's USB port cannot be reset"),
        }
    })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Layers, Sources};

    #[test]
    fn an_eye_without_a_camera_shows_signs_of_life() {
        let settings = vec!["camera.source=frames:/nowhere/at/all".to_owned()];
        let layers = Layers::gather(&Sources { settings, ..Sources::default() }).unwrap();
        let config = Config::resolve(&layers).unwrap();
        let (events, _) = broadcast::channel(8);
        let eye = Eye::open(&config, events).unwrap();
        let first = eye.pulse().last_beat();
        let began = std::time::Instant::now();
        while eye.pulse().last_beat() == first {
            assert!(began.elapsed().as_secs() < 60, "a missing camera looks like a frozen loop");
            std::thread::yield_now();
        }
        eye.close();
    }
}
