//! Writes for people and for programs: results to standard output, failures to standard error.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::error::ErrorKind;
use serde::Serialize;

use crate::failure::{Exit, Failure};
use crate::telemetry::failure_prefix;

/// How results are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    json: bool,
    quiet: bool,
}

/// Colours of the terminal, where it is one and `NO_COLOR` does not forbid them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Warning,
    Bad,
    Faint,
    Strong,
}

/// Whether somebody still reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Well,
    NobodyReads,
}

impl Output {
    pub(super) const fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// Writes one line for people; nothing when a program reads.
    pub(super) fn line(self, text: impl AsRef<str>) {
        if !self.json {
            write_out(format!("{}\n", text.as_ref()).as_bytes());
        }
    }

    /// Writes a line of progress to standard error, if a person looks at it.
    pub(super) fn progress(self, text: impl AsRef<str>) {
        if self.has_watcher() {
            let _ = writeln!(io::stderr(), "{}", text.as_ref());
        }
    }

    /// Writes over the last such line on standard error, if a person looks at it.
    pub(super) fn live(self, text: impl AsRef<str>) {
        if self.has_watcher() {
            // Back to the margin, and the rest of the old line goes away.
            let _ = write!(io::stderr(), "\r\x1b[K{}", text.as_ref());
        }
    }

    /// Takes the live line away, before anything else is written.
    pub(super) fn end_live(self) {
        self.live("");
    }

    fn has_watcher(self) -> bool {
        !self.json && !self.quiet && io::stderr().is_terminal()
    }

    /// Writes one JSON document as a line; nothing when a person reads.
    pub(super) fn json(self, value: &impl Serialize) -> Result<(), Failure> {
        if self.json {
            let mut text = serde_json::to_string(value)
                .map_err(|error| Failure::caused(Exit::Internal, &error))?;
            text.push('\n');
            write_out(text.as_bytes());
        }
        Ok(())
    }

    /// Shows one of many screens: over the one before on a terminal, below it elsewhere, as a line of JSON to a
    /// program.
    pub(super) fn frame(self, lines: &[String], value: &impl Serialize) -> Result<Shown, Failure> {
        let text = if self.json {
            let line = serde_json::to_string(value);
            line.map_err(|error| Failure::caused(Exit::Internal, &error))? + "\n"
        } else {
            laid_over(lines, io::stdout().is_terminal())
        };
        let mut out = io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        Ok(if written.is_ok() { Shown::Well } else { Shown::NobodyReads })
    }

    /// Writes bytes as they are: the output of `config default`, `man`, `completions`.
    pub(super) fn raw(self, bytes: &[u8]) {
        write_out(bytes);
    }

    /// Writes `error:` and `hint:` to standard error.
    pub(super) fn tell_failure(self, failure: &Failure) {
        let mut err = io::stderr().lock();
        let (level, error) = (failure_prefix(), paint_for(&io::stderr(), Tone::Bad, "error"));
        let _ = writeln!(err, "{level}{error}: {}", failure.error);
        if let Some(hint) = &failure.hint {
            let _ = writeln!(err, "{}: {hint}", paint_for(&io::stderr(), Tone::Strong, "hint"));
        }
    }

    /// Colours a word of a line on standard output.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        if self.json { text.to_owned() } else { paint_for(&io::stdout(), tone, text) }
    }
}

/// Lines that take the place of those before: from the top left corner, each cleared to its end, then all below.
fn laid_over(lines: &[String], is_terminal: bool) -> String {
    if is_terminal {
        let body: String = lines.iter().map(|line| format!("{line}\x1b[K\n")).collect();
        format!("\x1b[H{body}\x1b[J")
    } else {
        format!("{}\n\n", lines.join("\n"))
    }
}

/// A reader that has gone away (`| head`) is no failure of ours.
fn write_out(bytes: &[u8]) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

fn paint_for(stream: &impl io::IsTerminal, tone: Tone, text: &str) -> String {
    let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if forbidden || !stream.is_terminal() {
        return text.to_owned();
    }
    let code = match tone {
        Tone::Good => "32",
        Tone::Warning => "33",
        Tone::Bad => "31",
        Tone::Faint => "2",
        Tone::Strong => "1",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// Tells a wrong command line, or prints help and version where they were asked for.
pub(super) fn tell_usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(Exit::Usage.code()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_leaves_nothing_of_a_longer_one_before_it() {
        let lines = ["queue 1".to_owned(), "delivery idle".to_owned()];
        let told = laid_over(&lines, true);
        assert_eq!(told, "\x1b[Hqueue 1\x1b[K\ndelivery idle\x1b[K\n\x1b[J");
        assert_eq!(laid_over(&lines, false), "queue 1\ndelivery idle\n\n");
    }
}
