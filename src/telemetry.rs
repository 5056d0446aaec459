//! Sends the log to standard error: readable on a terminal, without time stamps under systemd.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Only errors: an update is or may be lost, or a person must come.
    Error,
    /// Also what an operator should know.
    Warn,
    /// Also changes of state.
    Info,
    /// Also what the program decides.
    Debug,
    /// Everything.
    Trace,
}

impl Verbosity {
    /// The verbosity for `-v` given `more` times, or `-q`.
    pub const fn choose(default: Self, more: u8, quiet: bool) -> Self {
        match (quiet, default, more) {
            (true, ..) => Self::Error,
            (false, _, 0) => default,
            (false, Self::Warn, 1) => Self::Info,
            (false, Self::Warn, 2) | (false, _, 1) => Self::Debug,
            (false, ..) => Self::Trace,
        }
    }

    const fn filter(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "warn,kiosk_enroll=info",
            Self::Debug => "info,kiosk_enroll=debug",
            Self::Trace => "debug,kiosk_enroll=trace",
        }
    }
}

/// Starts the log; `KIOSK_ENROLL_LOG` beats `verbosity`.
///
/// # Errors
/// When `KIOSK_ENROLL_LOG` is not a filter.
pub fn start(verbosity: Verbosity) -> Result<(), String> {
    let filter = match std::env::var("KIOSK_ENROLL_LOG") {
        Ok(filter) if !filter.is_empty() => EnvFilter::try_new(&filter)
            .map_err(|error| format!("KIOSK_ENROLL_LOG=\"{}\": {error}", filter.escape_debug()))?,
        _ => EnvFilter::new(verbosity.filter()),
    };
    let under_systemd = std::env::var_os("JOURNAL_STREAM").is_some();
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colour = !plain && !under_systemd && std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        // A log that cannot be written, as on a full disk, must end nothing: telling about it would panic.
        .log_internal_errors(false)
        .with_ansi(colour);
    // A second start, as in tests, keeps the first log.
    let _ = if under_systemd { log.without_time().try_init() } else { log.try_init() };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_beats_everything_and_each_v_tells_more() {
        assert_eq!(Verbosity::choose(Verbosity::Info, 0, true), Verbosity::Error);
        assert_eq!(Verbosity::choose(Verbosity::Warn, 1, false), Verbosity::Info);
        assert_eq!(Verbosity::choose(Verbosity::Info, 1, false), Verbosity::Debug);
        assert_eq!(Verbosity::choose(Verbosity::Warn, 9, false), Verbosity::Trace);
    }
}
