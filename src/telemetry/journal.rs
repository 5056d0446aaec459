//! Speaks to journald in its own protocol, so that level and fields arrive as such: `journalctl KIOSK_HOLD=offline`.
//!
//! A record is one datagram of `NAME=value` lines; a value with a line break goes with its length instead
//! (systemd.journal-fields(7), "Journal Native Protocol"). What is longer than a datagram may be is cut.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use tracing::Level;

use super::line::Line;

const SOCKET: &str = "/run/systemd/journal/socket";
/// The longest value, in bytes: with all fields well below what a datagram takes.
const MOST: usize = 8 << 10;
/// Fields of a record at most.
const FIELDS: usize = 32;

/// A connection to journald.
#[derive(Debug)]
pub(super) struct Journal(UnixDatagram);

impl Journal {
    /// Connects, if standard error leads to the journal; `None` where it does not or journald is not there.
    pub(super) fn behind_standard_error() -> Option<Self> {
        is_behind_standard_error().then(|| Self::connect(Path::new(SOCKET)))?
    }

    fn connect(socket: &Path) -> Option<Self> {
        let here = UnixDatagram::unbound().ok()?;
        here.connect(socket).ok()?;
        // A journal that hangs must not hold the courier or the camera.
        here.set_nonblocking(true).ok()?;
        Some(Self(here))
    }

    /// Sends a line; `Err` when it did not arrive.
    pub(super) fn send(&self, line: &Line) -> io::Result<()> {
        self.0.send(&record(line)).map(|_| ())
    }
}

/// Whether standard error leads to the journal.
pub(super) fn is_behind_standard_error() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    fs::metadata("/proc/self/fd/2").is_ok_and(|found| is_stream(&stream, found.dev(), found.ino()))
}

/// Whether `JOURNAL_STREAM` ("device:inode") names this file: a child may have inherited the variable alone.
fn is_stream(text: &str, device: u64, inode: u64) -> bool {
    let named = text.split_once(':').map(|(device, inode)| (device.parse(), inode.parse()));
    matches!(named, Some((Ok(d), Ok(i))) if (d, i) == (device, inode))
}

fn record(line: &Line) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    put(&mut bytes, "MESSAGE", &line.sentence());
    put(&mut bytes, "PRIORITY", priority(line.level));
    put(&mut bytes, "SYSLOG_IDENTIFIER", "kiosk-enroll");
    put(&mut bytes, "KIOSK_TARGET", &line.target);
    if let Some((file, number)) = line.place {
        put(&mut bytes, "CODE_FILE", file);
        put(&mut bytes, "CODE_LINE", &number.to_string());
    }
    for (name, value) in line.fields.iter().take(FIELDS) {
        put(&mut bytes, &field_name(name), value);
    }
    bytes
}

/// syslog's numbers.
pub(super) const fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        _ => "7",
    }
}

/// journald takes capital letters, digits and underscores.
fn field_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("KIOSK_{}", name.chars().take(48).map(plain).collect::<String>())
}

fn put(bytes: &mut Vec<u8>, name: &str, value: &str) {
    let mut end = value.len().min(MOST);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    let value = &value.as_bytes()[..end];
    bytes.extend_from_slice(name.as_bytes());
    if value.contains(&b'\n') {
        bytes.push(b'\n');
        bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        bytes.push(b'=');
    }
    bytes.extend_from_slice(value);
    bytes.push(b'\n');
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::super::line::samples;
    use super::*;

    #[test]
    fn level_and_fields_arrive_as_such_and_the_message_tells_them_too() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let journald = UnixDatagram::bind(&socket).unwrap();
        let journal = Journal::connect(&socket).unwrap();
        journal.send(&samples::line(Level::WARN, "delivery holds")).unwrap();
        let mut bytes = [0; 4096];
        let length = journald.recv(&mut bytes).unwrap();
        let text = String::from_utf8(bytes[..length].to_vec()).unwrap();
        for line in [
            "MESSAGE=delivery holds hold=offline reason=\"no route to \\\"x\\\"\"",
            "PRIORITY=4",
            "SYSLOG_IDENTIFIER=kiosk-enroll",
            "KIOSK_HOLD=offline",
            "KIOSK_REASON=no route to \"x\"",
            "CODE_LINE=158",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} is not in:\n{text}");
        }
        assert!(Journal::connect(&dir.path().join("none")).is_none());
    }

    #[test]
    fn a_value_with_a_line_break_goes_with_its_length() {
        let mut bytes = Vec::new();
        put(&mut bytes, "A", "x\ny");
        assert_eq!(bytes, b"A\n\x03\0\0\0\0\0\0\0x\ny\n");
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        let mut bytes = Vec::new();
        put(&mut bytes, "A", &"é".repeat(MOST));
        assert!(bytes.len() <= MOST + 3 && std::str::from_utf8(&bytes).is_ok());
    }

    #[test]
    fn only_the_stream_that_the_variable_names_is_the_journal() {
        assert!(is_stream("8:77", 8, 77));
        assert!(!is_stream("8:77", 8, 78) && !is_stream("8", 8, 77) && !is_stream("", 0, 0));
    }

    #[test]
    fn names_of_fields_are_what_journald_takes() {
        assert_eq!(field_name("error.what-is"), "KIOSK_ERROR_WHAT_IS");
    }
}
