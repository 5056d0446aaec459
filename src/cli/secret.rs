//! Reads what must not be shown: passphrases and tokens, from a file, standard input or a terminal.

use std::fs::File;
use std::io::{self, BufRead as _, IsTerminal as _, Read, Write as _};
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::failure::{Exit, Failure};

/// Nothing that is read here is longer, in bytes.
const MAX: u64 = 64 << 10;

/// How often a terminal is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// For what exists already.
    Once,
    /// For what is made up now: a slip would lock the person out.
    Twice,
}

/// Reads a small file.
pub(super) fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let told = |error: io::Error| {
        let exit = match error.kind() {
            io::ErrorKind::NotFound => Exit::NoInput,
            io::ErrorKind::PermissionDenied => Exit::Permission,
            _ => Exit::Io,
        };
        Failure::new(exit, format!("{}: {error}", path.display()))
    };
    read_all(File::open(path).map_err(told)?, &path.display().to_string())
}

/// Reads standard input to its end.
pub(super) fn read_input() -> Result<Zeroizing<Vec<u8>>, Failure> {
    read_all(io::stdin().lock(), "standard input")
}

fn read_all(source: impl Read, object: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(4_096));
    let read = source.take(MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::new(Exit::Io, format!("{object}: {error}")))?;
    if bytes.len() as u64 > MAX {
        return Err(Failure::new(
            Exit::BadData,
            format!("{object}: it is longer than {MAX} bytes"),
        ));
    }
    Ok(bytes)
}

/// Asks the terminal without showing what is typed.
pub(super) fn ask(what: &str, how: Ask) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Failure::new(Exit::Usage, format!("{what}: there is no terminal to ask on"))
            .hint("give it with --passphrase-file, or use a key"));
    }
    let first = ask_once(&format!("{what}: "))?;
    if how == Ask::Twice && ask_once("Once more: ")? != first {
        return Err(Failure::new(Exit::Usage, "the two passphrases differ"));
    }
    Ok(first)
}

fn ask_once(prompt: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let told = |error: io::Error| Failure::new(Exit::Io, format!("terminal: {error}"));
    let quiet = Quiet::begin().map_err(told)?;
    let mut err = io::stderr().lock();
    err.write_all(prompt.as_bytes()).and_then(|()| err.flush()).map_err(told)?;
    let mut line = Zeroizing::new(Vec::with_capacity(1_024));
    let read = io::stdin().lock().take(MAX).read_until(b'\n', &mut line);
    drop(quiet);
    let _ = err.write_all(b"\n");
    read.map_err(told)?;
    Ok(line)
}

/// Keeps the terminal from showing what is typed, until it is dropped.
struct Quiet(Termios);

impl Quiet {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}
