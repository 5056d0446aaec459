//! Talks to systemd: readiness, state in words, the watchdog. Does nothing where systemd has not started us.

use std::time::Duration;

use sd_notify::NotifyState;

/// Tells systemd that the configuration is valid and the queue is open.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Tells systemd the state in words, as `systemctl status` shows it.
pub fn status(status: &str) {
    tell(&[NotifyState::Status(status)]);
}

/// Tells systemd that the agent is about to stop.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Feeds the watchdog. Only to be called while every loop shows signs of life.
pub fn feed_watchdog() {
    tell(&[NotifyState::Watchdog]);
}

/// How often the watchdog wants to be fed: half of its time; `None` where there is none.
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|time| time / 2)
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "systemd cannot be told");
    }
}
