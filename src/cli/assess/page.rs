//! Writes the page that `--html` asks for: one file without a single reference to another one.
//!
//! Picture follows picture, so that hundreds need no more memory than one: what is known only at the end, how
//! many there are of each kind, comes as a last style sheet. The filters are style sheets too; nothing runs.
//! The page shows faces: only its owner may read it, and it appears under its name when it is complete.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::card;
use super::input::printable;
use crate::app::examiner::Examined;
use crate::domain::{Gate, Profile, Reason};
use crate::failure::{Exit, Failure};
use crate::texts::Texts;

const STYLE: &str = include_str!("style.css");

/// What a picture may be shown by, besides its reasons.
const KINDS: [(&str, &str); 4] =
    [("all", "all"), ("accept", "accepted"), ("reject", "refused"), ("unreadable", "not read")];

/// A page that is being written.
#[derive(Debug)]
pub(super) struct Page {
    file: BufWriter<File>,
    path: PathBuf,
    unfinished: PathBuf,
    gates: Vec<Gate>,
    texts: Texts,
    /// How many pictures there are of each kind and with each reason.
    counts: BTreeMap<&'static str, usize>,
}

impl Page {
    /// Begins a page.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub(super) fn begin(
        path: &Path,
        profile: Profile,
        gates: Vec<Gate>,
        texts: Texts,
    ) -> Result<Self, Failure> {
        let mut name = path.as_os_str().to_owned();
        name.push(".unfinished");
        let unfinished = PathBuf::from(name);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)
            .map_err(|error| failed(&unfinished, &error))?;
        let file = BufWriter::new(file);
        let path = path.to_owned();
        let mut page = Self { file, path, unfinished, gates, texts, counts: BTreeMap::new() };
        page.write(&head(profile))?;
        Ok(page)
    }

    /// Adds a picture that was assessed.
    pub(super) fn assessed(&mut self, name: &str, examined: &Examined) -> Result<(), Failure> {
        let reasons = &examined.judged.reasons;
        self.count(if reasons.is_empty() { "accept" } else { "reject" });
        for reason in reasons {
            self.count(reason.code());
        }
        let mut text = String::new();
        card::assessed(&mut text, name, examined, &self.gates, &self.texts);
        self.write(&text)
    }

    /// Adds a file that could not be assessed.
    pub(super) fn unreadable(&mut self, name: &str, error: &str) -> Result<(), Failure> {
        self.count("unreadable");
        let mut text = String::new();
        card::unreadable(&mut text, name, error);
        self.write(&text)
    }

    /// Ends the page and gives it its name.
    ///
    /// # Errors
    /// When it cannot be written or named.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        let tail = tail(&self.counts);
        self.write(&tail)?;
        self.file.flush().map_err(|error| failed(&self.unfinished, &error))?;
        fs::rename(&self.unfinished, &self.path).map_err(|error| failed(&self.path, &error))
    }

    fn count(&mut self, kind: &'static str) {
        *self.counts.entry(kind).or_default() += 1;
        if KINDS.iter().any(|(known, _)| *known == kind) {
            *self.counts.entry("all").or_default() += 1;
        }
    }

    fn write(&mut self, text: &str) -> Result<(), Failure> {
        self.file.write_all(text.as_bytes()).map_err(|error| failed(&self.unfinished, &error))
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    let exit = match error.kind() {
        io::ErrorKind::PermissionDenied => Exit::Permission,
        io::ErrorKind::NotFound | io::ErrorKind::IsADirectory => Exit::CannotCreate,
        _ => Exit::Io,
    };
    Failure::new(exit, format!("{}: {error}", printable(path)))
        .hint("--html names a file in a folder that exists and may be written to")
}

fn head(profile: Profile) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8>\n\
         <meta http-equiv=Content-Security-Policy content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\n<title>kiosk-enroll assess</title>\n\
         <style>\n{STYLE}"
    );
    let filters = KINDS.iter().skip(1).map(|(kind, _)| *kind).chain(Reason::ALL.map(Reason::code));
    for kind in filters {
        let _ = writeln!(out, "#show-{kind}:checked~main article:not(.{kind}){{display:none}}");
    }
    for kind in kinds() {
        let _ = writeln!(out, "#show-{kind}:checked~header label[for=show-{kind}]{{{CHOSEN}}}");
    }
    out.push_str("</style></head><body>\n");
    for kind in kinds() {
        let chosen = if kind == "all" { " checked" } else { "" };
        let _ = writeln!(out, "<input type=radio name=show id=show-{kind}{chosen}>");
    }
    let _ = write!(
        out,
        "<header><h1>What <code>kiosk-enroll assess</code> sees</h1><p>Gates of <code>{}</code>; a bar's green part \
         passes, the mark is the value. kiosk-enroll {}</p><nav>",
        profile.name(),
        env!("CARGO_PKG_VERSION")
    );
    for (kind, name) in KINDS {
        let _ = write!(out, "<label for=show-{kind} class=\"kind {kind}\">{name}</label>");
    }
    for reason in Reason::ALL {
        let code = reason.code();
        let _ = write!(out, "<label for=show-{code} class=reason>{code}</label>");
    }
    out.push_str("</nav></header>\n<main>\n");
    out
}

/// How the chosen filter is drawn.
const CHOSEN: &str = "background:var(--ink);color:var(--paper);border-color:var(--ink)";

fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(kind, _)| *kind).chain(Reason::ALL.map(Reason::code))
}

fn tail(counts: &BTreeMap<&'static str, usize>) -> String {
    let mut out = String::from("</main>\n<style>\n");
    for (kind, count) in counts {
        let _ = writeln!(
            out,
            "label[for=show-{kind}]{{display:inline-flex}}label[for=show-{kind}]::after{{content:\"{count}\"}}"
        );
    }
    out.push_str("</style></body></html>\n");
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::texts::Locale;

    #[test]
    fn a_page_refers_to_nothing_outside_and_belongs_to_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("page.html");
        let texts = Texts::builtin(Locale::En);
        let mut page = Page::begin(&path, Profile::Standard, Vec::new(), texts).unwrap();
        page.unreadable("one.jpg", "no bytes at all").unwrap();
        page.unreadable("two.jpg", "no bytes at all").unwrap();
        assert!(!path.exists(), "it appears when it is complete");
        page.finish().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("http:") && !text.contains("https:") && !text.contains("<script"));
        assert!(text.contains("label[for=show-unreadable]::after{content:\"2\"}"), "{text}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_page_that_cannot_be_made_is_an_error_with_a_hint() {
        let texts = Texts::builtin(Locale::En);
        let path = Path::new("/no/such/folder/page.html");
        let failure = Page::begin(path, Profile::Standard, Vec::new(), texts).unwrap_err();
        assert!(failure.error.contains("/no/such/folder") && failure.hint.is_some());
    }
}
