//! Asks a program of the system, never for longer than so long and never for more than so much.

use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What is read of an answer at most, in bytes.
const MAX: u64 = 1 << 20;
/// How often a program is looked after.
const TICK: Duration = Duration::from_millis(10);

/// What the program wrote to its standard output; `None` when it is not there, fails or takes too long.
pub(crate) fn ask(program: &str, arguments: &[&str], limit: Duration) -> Option<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let out = child.stdout.take()?;
    // Read beside: a program that writes more than a pipe holds would wait for ever.
    let reader = thread::Builder::new().spawn(move || {
        let mut bytes = Vec::new();
        let _ = out.take(MAX).read_to_end(&mut bytes);
        bytes
    });
    let began = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if began.elapsed() < limit => thread::sleep(TICK),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                break None;
            }
        }
    };
    let bytes = reader.ok()?.join().ok()?;
    // A program that has more to say is cut off, and ends of that.
    let is_cut = bytes.len() as u64 == MAX;
    (status?.success() || is_cut).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_asked_and_one_that_fails_or_hangs_says_nothing() {
        let minute = Duration::from_mins(1);
        assert_eq!(ask("echo", &["well"], minute).as_deref(), Some("well\n"));
        assert_eq!(ask("false", &[], minute), None);
        assert_eq!(ask("/no/such/program", &[], minute), None);
        assert_eq!(ask("yes", &[], minute).map(|said| said.len() as u64), Some(MAX));
        assert_eq!(ask("sleep", &["1000"], Duration::from_millis(20)), None);
    }
}
