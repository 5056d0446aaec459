//! The file: parts in one folder of a gzipped tar, with a manifest that says what is in it and what is missing.

use std::io;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde_json::Value;

use super::mask::Mask;
use crate::domain::WallTime;

/// The longest part, in bytes; a longer log loses its beginning, anything else is left out.
const MOST: usize = 256 << 10;

const README: &str = "\
Support file of kiosk-enroll. manifest.json lists its parts, and what could not be had.
It holds no picture, no name and no token; a person's id is replaced by person-1, person-2, …, the same in
every part. Look through it before you send it: everything in it is text.
";

/// What a part holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A document.
    Json(Value),
    /// Text that is of use only as a whole.
    Text(String),
    /// Lines, the newest last: what is too much is cut at the beginning.
    Log(String),
    /// It could not be had, because.
    Missing(String),
}

/// A file of the pack.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The file's name.
    pub name: &'static str,
    /// What it is about, for whoever opens it.
    pub about: &'static str,
    /// What it holds.
    pub content: Content,
}

/// What became of the parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The file's name.
    pub file: String,
    /// What it is about.
    pub about: String,
    /// Its length in bytes.
    pub bytes: usize,
    /// Whether its beginning was cut off.
    pub cut: bool,
    /// Why it is missing.
    pub missing: Option<String>,
}

/// The finished pack.
#[derive(Debug, Clone)]
pub struct Pack {
    /// What is in it.
    pub entries: Vec<Entry>,
    /// The file's bytes: tar, gzipped.
    pub bytes: Vec<u8>,
}

impl Pack {
    /// Masks the parts and packs them into a folder of this name.
    ///
    /// # Errors
    /// When a part's name does not fit into a tar.
    pub fn of(folder: &str, parts: Vec<Part>, mask: &Mask, now: WallTime) -> io::Result<Self> {
        let mut tar = Folder::new(folder, now);
        tar.add("README.txt", README.as_bytes())?;
        let mut entries = Vec::new();
        for part in parts {
            let (text, entry) = laid_out(part, mask);
            if let Some(text) = text {
                tar.add(&entry.file, text.as_bytes())?;
            }
            entries.push(entry);
        }
        let manifest = pretty(&serde_json::json!({ "parts": entries }));
        tar.add("manifest.json", manifest.as_bytes())?;
        Ok(Self { entries, bytes: tar.finish()? })
    }
}

fn laid_out(part: Part, mask: &Mask) -> (Option<String>, Entry) {
    let Part { name, about, content } = part;
    let entry = |bytes, cut, missing| Entry {
        file: name.to_owned(),
        about: about.to_owned(),
        bytes,
        cut,
        missing,
    };
    let (text, cut) = match content {
        Content::Missing(why) => return (None, entry(0, false, Some(mask.text(&why)))),
        Content::Json(value) => (pretty(&mask.json(value)), false),
        Content::Text(text) => (mask.text(&text), false),
        Content::Log(text) => tail(mask.text(&text)),
    };
    if text.len() > MOST {
        return (None, entry(0, false, Some(format!("it has {} bytes: too many", text.len()))));
    }
    let entry = entry(text.len(), cut, None);
    (Some(text), entry)
}

/// The last whole lines that fit, and whether that is not all.
fn tail(text: String) -> (String, bool) {
    if text.len() <= MOST {
        return (text, false);
    }
    let from = text.len() - MOST;
    let bytes = text.as_bytes();
    let line = bytes[from..].iter().position(|byte| *byte == b'\n').map(|at| from + at + 1);
    // A line end is no part of a longer character: this never splits one.
    (line.and_then(|at| text.get(at..)).unwrap_or_default().to_owned(), true)
}

fn pretty(value: &Value) -> String {
    // Writing a value that is JSON already cannot fail.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

struct Folder {
    name: String,
    seconds: u64,
    tar: tar::Builder<GzEncoder<Vec<u8>>>,
}

impl Folder {
    fn new(name: &str, now: WallTime) -> Self {
        let tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
        let seconds = u64::try_from(now.unix_millis() / 1_000).unwrap_or(0);
        Self { name: name.to_owned(), seconds, tar }
    }

    fn add(&mut self, file: &str, bytes: &[u8]) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(self.seconds);
        self.tar.append_data(&mut header, format!("{}/{file}", self.name), bytes)
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        self.tar.into_inner()?.finish()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read as _;

    use super::super::mask::Known;
    use super::*;

    fn unpacked(pack: &Pack) -> BTreeMap<String, String> {
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(pack.bytes.as_slice()));
        let mut files = BTreeMap::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().display().to_string();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            files.insert(name, text);
        }
        files
    }

    fn part(name: &'static str, content: Content) -> Part {
        Part { name, about: "a part of the test", content }
    }

    fn pack(parts: Vec<Part>) -> Pack {
        let mut known = Known::default();
        known.person("ada_lovelace");
        let mask = Mask::new(known).unwrap();
        Pack::of("diag", parts, &mask, WallTime::from_unix_millis(1_800_000_000_000)).unwrap()
    }

    #[test]
    fn every_part_goes_through_the_mask_and_what_is_missing_says_why() {
        let packed = pack(vec![
            part("a.json", Content::Json(serde_json::json!({"person_id": "ada_lovelace"}))),
            part("b.txt", Content::Text("of ada_lovelace".into())),
            part("c.log", Content::Log("of ada_lovelace".into())),
            part("d.json", Content::Missing("of ada_lovelace there is nothing".into())),
        ]);
        let files = unpacked(&packed);
        let names: Vec<_> = files.keys().map(String::as_str).collect();
        let wanted = ["README.txt", "a.json", "b.txt", "c.log", "manifest.json"];
        assert_eq!(names, wanted.map(|name| format!("diag/{name}")));
        assert!(files.values().all(|text| !text.contains("ada_lovelace")), "{files:?}");
        assert_eq!(packed.entries[3].missing.as_deref(), Some("of person-1 there is nothing"));
        assert!(files["diag/manifest.json"].contains("of person-1 there is nothing"));
    }

    #[test]
    fn a_long_log_keeps_its_newest_lines_and_a_long_document_is_left_out() {
        let log: String = (0..60_000).map(|number| format!("line {number}\n")).collect();
        let packed = pack(vec![
            part("a.log", Content::Log(log)),
            part("b.txt", Content::Text("é ".repeat(MOST))),
        ]);
        let files = unpacked(&packed);
        let kept = &files["diag/a.log"];
        assert!(kept.len() <= MOST && kept.starts_with("line ") && kept.ends_with("line 59999\n"));
        assert!(packed.entries[0].cut && !files.contains_key("diag/b.txt"));
        assert!(packed.entries[1].missing.as_deref().unwrap().contains("too many"));
    }
}
