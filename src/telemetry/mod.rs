//! The log: to the journal with level and fields where standard error leads there, else readable text.
//!
//! ```text
//! event ──▶ Line ──▶ Repeats ──▶ Journal (JOURNAL_STREAM is ours) or text on standard error
//!                        └ the same line again and again is counted instead
//! ```
//!
//! A level is a promise: ERROR only if an update is or may be lost, or a person must come; WARN what an operator
//! should know, and what ends by itself; INFO a change of state. No line holds a face, a name or a token.

mod journal;
mod line;
mod repeats;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use journal::Journal;
use line::Line;
use repeats::{Fate, Repeats};

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
    let log = tracing_subscriber::registry().with(Log::to(Sink::choose()).with_filter(filter));
    // A second start, as in tests, keeps the first log.
    let _ = log.try_init();
    Ok(())
}

/// What stands in front of a failure on standard error: the level, for a journal that reads it there
/// (sd-daemon(3)).
pub fn failure_prefix() -> &'static str {
    if journal::is_behind_standard_error() { "<3>" } else { "" }
}

/// Where lines go.
#[derive(Debug)]
enum Sink {
    Journal(Journal),
    /// Standard error.
    Text(Looks),
}

impl Sink {
    fn choose() -> Self {
        if let Some(journal) = Journal::behind_standard_error() {
            return Self::Journal(journal);
        }
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        // What takes the lines under systemd stamps them itself.
        let stamped = std::env::var_os("JOURNAL_STREAM").is_none();
        Self::Text(Looks { stamped, coloured: !plain && std::io::stderr().is_terminal() })
    }

    fn write(&self, line: &Line) {
        let (looks, level) = match self {
            // A journal that has gone away or is full: text still reaches it through standard error, with its
            // level in front as sd-daemon(3) has it.
            Self::Journal(journal) => match journal.send(line) {
                Ok(()) => return,
                Err(_) => (PLAIN, format!("<{}>", journal::priority(line.level))),
            },
            Self::Text(looks) => (*looks, String::new()),
        };
        let text = format!("{level}{}\n", looks.lay_out(line, SystemTime::now()));
        // A log that cannot be written, as on a full disk, must end nothing.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}

/// For what stamps the lines itself.
const PLAIN: Looks = Looks { stamped: false, coloured: false };

/// How a line looks as text.
#[derive(Debug, Clone, Copy)]
struct Looks {
    /// Whether the time stands in front.
    stamped: bool,
    coloured: bool,
}

impl Looks {
    fn lay_out(self, line: &Line, now: SystemTime) -> String {
        let stamp = if self.stamped {
            format!("{} ", humantime::format_rfc3339_seconds(now))
        } else {
            String::new()
        };
        let (level, code) = match line.level {
            Level::ERROR => ("ERROR", "31"),
            Level::WARN => (" WARN", "33"),
            Level::INFO => (" INFO", "32"),
            Level::DEBUG => ("DEBUG", "34"),
            Level::TRACE => ("TRACE", "35"),
        };
        let level =
            if self.coloured { format!("\x1b[{code}m{level}\x1b[0m") } else { level.to_owned() };
        format!("{stamp}{level} {}", line.sentence())
    }
}

/// Turns events into lines, holds back repeats, and writes the others.
struct Log {
    sink: Sink,
    repeats: Mutex<Repeats>,
    began: Instant,
}

impl Log {
    fn to(sink: Sink) -> Self {
        Self { sink, repeats: Mutex::default(), began: Instant::now() }
    }
}

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::of(event);
        // Who asks for everything gets everything.
        if line.level <= Level::INFO {
            let mut hasher = DefaultHasher::new();
            (line.place, line.sentence()).hash(&mut hasher);
            let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
            match repeats.judge(hasher.finish(), self.began.elapsed()) {
                Fate::HeldBack => return,
                Fate::Told { held_back: 0 } => {}
                Fate::Told { held_back } => line.fields.push(("held_back", held_back.to_string())),
            }
        }
        self.sink.write(&line);
    }
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

    #[test]
    fn a_line_of_text_tells_time_level_message_and_fields() {
        let line = line::samples::line(Level::WARN, "delivery holds");
        let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_800_000_000);
        let looks = |stamped, coloured| Looks { stamped, coloured }.lay_out(&line, at);
        let told = looks(true, false);
        assert!(
            told.starts_with("2027-01-15T08:00:00Z  WARN delivery holds hold=offline"),
            "{told}"
        );
        assert!(looks(false, false).starts_with(" WARN delivery holds"));
        assert!(looks(false, true).starts_with("\x1b[33m WARN\x1b[0m delivery"));
    }
}
