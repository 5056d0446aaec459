//! Reads what the kernel has said since it started, where this user may.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Records that are kept, the newest.
const MAX: usize = 4_000;
/// The longest record that the kernel gives, in bytes.
const RECORD: usize = 8 << 10;

/// The kernel's messages, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KernelLog {
    lines: Option<Vec<KernelLine>>,
}

/// One message of the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelLine {
    /// Whole seconds since the kernel started.
    pub seconds: u64,
    /// What it said.
    pub text: String,
}

impl KernelLog {
    /// Reads `/dev/kmsg`; empty-handed where this user may not.
    pub fn read() -> Self {
        Self { lines: read_records(Path::new("/dev/kmsg")) }
    }

    /// The messages; `None` where they could not be read.
    pub fn lines(&self) -> Option<&[KernelLine]> {
        self.lines.as_deref()
    }

    /// A log with these messages.
    #[cfg(test)]
    pub(super) fn saying(lines: &[&str]) -> Self {
        let line = |text: &&str| KernelLine { seconds: 1, text: (*text).to_owned() };
        Self { lines: Some(lines.iter().map(line).collect()) }
    }
}

fn read_records(path: &Path) -> Option<Vec<KernelLine>> {
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).ok()?;
    let mut file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path).ok()?;
    let mut lines = std::collections::VecDeque::new();
    let mut record = vec![0; RECORD];
    loop {
        match file.read(&mut record) {
            Ok(0) => break,
            Ok(length) => lines.extend(parse(&String::from_utf8_lossy(&record[..length]))),
            // A record was overwritten while it was read: the next one is whole.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
            Err(_) => break,
        }
        if lines.len() > MAX {
            lines.pop_front();
        }
    }
    Some(lines.into())
}

/// `6,339,5140900,-;NET: Registered protocol family 10`, then lines of key and value.
fn parse(record: &str) -> Option<KernelLine> {
    let (head, rest) = record.split_once(';')?;
    let micros: u64 = head.split(',').nth(2)?.parse().ok()?;
    let text = rest.lines().next().unwrap_or_default().to_owned();
    Some(KernelLine { seconds: micros / 1_000_000, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_without_its_keys() {
        let line = parse(
            "3,512,61000000,-;usb 1-1: device descriptor read/64, error -71\n SUBSYSTEM=usb\n",
        );
        let text = "usb 1-1: device descriptor read/64, error -71".to_owned();
        assert_eq!(line, Some(KernelLine { seconds: 61, text }));
        assert_eq!(parse("nonsense"), None);
    }

    #[test]
    fn a_log_that_may_not_be_read_is_told_from_an_empty_one() {
        assert_eq!(read_records(Path::new("/no/such/log")), None);
        assert_eq!(KernelLog::default().lines(), None);
        assert_eq!(KernelLog::saying(&[]).lines(), Some(&[][..]));
    }
}
