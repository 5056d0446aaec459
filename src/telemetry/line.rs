//! One event as a line: its level, what it says, and its fields.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Level};

/// What stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) level: Level,
    pub(super) target: String,
    /// Where in the source it was said.
    pub(super) place: Option<(&'static str, u32)>,
    pub(super) message: String,
    /// In the order in which they were given.
    pub(super) fields: Vec<(&'static str, String)>,
}

impl Line {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let metadata = event.metadata();
        let mut line = Self {
            level: *metadata.level(),
            target: metadata.target().to_owned(),
            place: metadata.file().zip(metadata.line()),
            message: String::new(),
            fields: Vec::new(),
        };
        event.record(&mut line);
        line
    }

    /// Message and fields as one sentence, so that no reader misses a reason.
    pub(super) fn sentence(&self) -> String {
        let mut text = self.message.clone();
        for (name, value) in &self.fields {
            let space = if text.is_empty() { "" } else { " " };
            // Writing into a string cannot fail.
            let _ = match needs_quotes(value) {
                true => write!(text, "{space}{name}=\"{}\"", value.escape_debug()),
                false => write!(text, "{space}{name}={value}"),
            };
        }
        text
    }

    fn take(&mut self, field: &Field, value: String) {
        if field.name() == "message" {
            self.message = value;
        } else {
            self.fields.push((field.name(), value));
        }
    }
}

fn needs_quotes(value: &str) -> bool {
    value.is_empty() || value.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"')
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(inner) = cause {
            let _ = write!(text, ": {inner}");
            cause = inner.source();
        }
        self.take(field, text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, format!("{value:?}"));
    }
}

#[cfg(test)]
pub(super) mod samples {
    use super::*;

    pub(crate) fn line(level: Level, message: &str) -> Line {
        Line {
            level,
            target: "kiosk_enroll::delivery".into(),
            place: Some(("src/delivery/status.rs", 158)),
            message: message.into(),
            fields: vec![("hold", "offline".into()), ("reason", "no route to \"x\"".into())],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_holds_every_field_and_stays_one_line() {
        let mut line = samples::line(Level::WARN, "delivery holds");
        let told = "delivery holds hold=offline reason=\"no route to \\\"x\\\"\"";
        assert_eq!(line.sentence(), told);
        line.fields = vec![("why", "two\nlines".into())];
        assert_eq!(line.sentence(), "delivery holds why=\"two\\nlines\"");
        line.message = String::new();
        assert_eq!(line.sentence(), "why=\"two\\nlines\"");
    }
}
