//! Takes persons and secrets out of text and JSON. Pure: what is known is an argument.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, BuildError, MatchKind};
use serde_json::Value;

/// Words that are known and shorter than this, in characters, are masked only where the text says what they are:
/// masking each "7" would spoil every figure.
const SHORTEST_KNOWN: usize = 4;
/// A run of letters and digits as long as this, in characters, is a key, a token or a picture.
const LONGEST_RUN: usize = 32;
/// A run in which slashes count too, in characters, from which on it is base64 and no path.
const LONGEST_BLOB: usize = 64;
/// What stands for a secret.
const MASKED: &str = "<masked>";
/// Keys of JSON whose value is a person's id.
const PERSON_KEYS: [&str; 1] = ["person_id"];

/// Persons and secrets that are known, before anything is masked.
#[derive(Default)]
pub struct Known {
    /// Each person's number.
    persons: HashMap<String, usize>,
    /// What is searched for, and what stands for it.
    words: Vec<(String, String)>,
}

impl Known {
    /// Learns a person's id; the same person gets the same word every time.
    pub fn person(&mut self, id: &str) {
        let number = self.persons.len() + 1;
        if !self.persons.contains_key(id) {
            self.persons.insert(id.to_owned(), number);
            self.learn(id, stand_in(number));
        }
    }

    /// Learns a secret or a name.
    pub fn secret(&mut self, text: &str) {
        self.learn(text.trim(), MASKED.to_owned());
    }

    fn learn(&mut self, word: &str, instead: String) {
        if word.chars().count() >= SHORTEST_KNOWN {
            self.words.push((word.to_owned(), instead));
        }
    }
}

/// Masks what is known and what looks like it.
pub struct Mask {
    persons: HashMap<String, usize>,
    instead: Vec<String>,
    finder: AhoCorasick,
}

/// Shows nothing of what it knows.
impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mask").field("words", &self.instead.len()).finish_non_exhaustive()
    }
}

impl Mask {
    /// A mask for what is known.
    ///
    /// # Errors
    /// When it is more than can be searched for at once.
    pub fn new(known: Known) -> Result<Self, BuildError> {
        let (words, instead): (Vec<_>, Vec<_>) = known.words.into_iter().unzip();
        // The longest: an id may be the beginning of another.
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(words)?;
        Ok(Self { persons: known.persons, instead, finder })
    }

    /// The text without anything that is known, or looks like, a person or a secret.
    pub fn text(&self, text: &str) -> String {
        let known = self.finder.replace_all(text, &self.instead);
        let lines: Vec<String> =
            known.split('\n').map(|line| mask_users(&mask_words(&mask_blobs(line)))).collect();
        lines.join("\n")
    }

    /// The same of a JSON document, whose keys tell persons' ids.
    pub fn json(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.json(item)).collect(),
            Value::Object(fields) => fields
                .into_iter()
                .map(|(key, value)| match value {
                    Value::String(id) if PERSON_KEYS.contains(&key.as_str()) => {
                        (key, Value::String(self.person(&id)))
                    }
                    value => (key, self.json(value)),
                })
                .collect(),
            other => other,
        }
    }

    fn person(&self, id: &str) -> String {
        self.persons.get(id).map_or_else(|| MASKED.to_owned(), |number| stand_in(*number))
    }
}

fn stand_in(number: usize) -> String {
    format!("person-{number}")
}

/// Masks base64, whose slashes would make short words of it.
fn mask_blobs(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
        let end = rest.find(|c| is_base64(c) != is_base64(first)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        // A path is seldom so long without a dot or a dash, and hardly ever in mixed case.
        let mixed = run.contains(|c: char| c.is_ascii_uppercase())
            && run.contains(|c: char| c.is_ascii_digit());
        let is_blob = is_base64(first) && run.len() >= LONGEST_BLOB && mixed;
        out.push_str(if is_blob { MASKED } else { run });
        rest = after;
    }
    out
}

/// Masks single words by what they look like and by what stands before them.
fn mask_words(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut before = [String::new(), String::new()];
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || "+_-.".contains(c);
        let end = rest.find(|c| is_word(c) != is_word(first)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        if is_word(first) {
            let hidden = looks_secret(piece) || follows_a_key(&before, &out, piece);
            out.push_str(if hidden { MASKED } else { piece });
            before.swap(0, 1);
            before[1] = piece.to_lowercase();
        } else {
            out.push_str(piece);
        }
        rest = after;
    }
    out
}

fn looks_secret(word: &str) -> bool {
    let run = word.split(|c: char| !c.is_ascii_alphanumeric() && c != '+');
    let longest = run.map(str::len).max().unwrap_or(0);
    longest >= LONGEST_RUN || (word.starts_with("eyJ") && word.len() >= 12)
}

/// Whether the words before, and what stands between, say that this one is an id or a token.
fn follows_a_key(before: &[String; 2], out: &str, word: &str) -> bool {
    if word.starts_with("person-") || word == "masked" {
        return false;
    }
    let joint = out.chars().rev().find(|c| !c.is_whitespace());
    let is_assigned = joint.is_some_and(|c| "=:/\"'".contains(c));
    match before[1].as_str() {
        "bearer" => true,
        "person_id" | "persons" | "token" | "password" | "passphrase" => is_assigned,
        // "a person must look" tells no id; "badge of person ada", "person 4711" and "person ada_l" do.
        "person" => {
            is_assigned || before[0] == "of" || word.contains(|c: char| !c.is_ascii_lowercase())
        }
        _ => false,
    }
}

/// Masks `user:password@` in addresses and the names of home directories.
fn mask_users(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        out.push_str(head);
        let end =
            tail.find(|c: char| c.is_whitespace() || "/\"'".contains(c)).unwrap_or(tail.len());
        rest = match tail[..end].rfind('@') {
            Some(sign) => {
                out.push_str(MASKED);
                &tail[sign..]
            }
            None => tail,
        };
    }
    out.push_str(rest);
    mask_homes(&out)
}

fn mask_homes(line: &str) -> String {
    let mut parts = line.split("/home/");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end =
            part.find(|c: char| c.is_whitespace() || "/\"',".contains(c)).unwrap_or(part.len());
        out.push_str("/home/");
        out.push_str(if end == 0 { "" } else { "<user>" });
        out.push_str(&part[end..]);
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    fn mask() -> Mask {
        let mut known = Known::default();
        for id in ["ada_lovelace", "ada_", "7", "grace", "grace"] {
            known.person(id);
        }
        known.secret("a token that was set\n");
        Mask::new(known).unwrap()
    }

    #[test]
    fn a_known_person_is_the_same_word_everywhere() {
        let mask = mask();
        assert_eq!(mask.text("u1 of ada_lovelace, then grace"), "u1 of person-1, then person-4");
        let json = serde_json::json!({"person_id": "7", "id": "u7", "n": [{"person_id": "grace"}]});
        let told = mask.json(json).to_string();
        assert_eq!(told, r#"{"id":"u7","n":[{"person_id":"person-4"}],"person_id":"person-3"}"#);
    }

    #[test]
    fn a_person_that_is_not_known_is_masked_where_the_text_says_what_it_is() {
        let mask = mask();
        for (line, told) in [
            ("person 4711 stands on line 3", "person <masked> stands on line 3"),
            ("person_id=\"eve_m\": not found", "person_id=\"<masked>\": not found"),
            ("PUT /v2/face-recognition/persons/eve", "PUT /v2/face-recognition/persons/<masked>"),
            ("delivery holds: a person must come", "delivery holds: a person must come"),
            ("badge of person eve refused", "badge of person <masked> refused"),
            ("person-2 is known", "person-2 is known"),
        ] {
            assert_eq!(mask.text(line), told);
        }
        assert_eq!(mask.json(serde_json::json!({"person_id": "eve"}))["person_id"], "<masked>");
    }

    #[test]
    fn secrets_are_masked_by_what_they_are_and_by_what_they_look_like() {
        let mask = mask();
        for secret in [
            "a token that was set",
            "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.abc",
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "/9j/4AAQSkZJRgABAQAAAQABAAD2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0a",
        ] {
            let told = mask.text(&format!("before {secret} after"));
            let seen = secret.split(['.', '/']).find(|part| part.len() > 11 && told.contains(part));
            assert_eq!(seen, None, "{told}");
            assert!(told.starts_with("before ") && told.ends_with(" after"), "{told}");
        }
        assert_eq!(mask.text("Authorization: Bearer short"), "Authorization: Bearer <masked>");
        assert_eq!(mask.text("http://u:p@proxy:3128/"), "http://<masked>@proxy:3128/");
        assert_eq!(mask.text("/home/eve/x.toml"), "/home/<user>/x.toml");
    }

    #[test]
    fn what_is_neither_stays_as_it_is() {
        let mask = mask();
        for line in [
            "2026-11-25T07:00:00Z INFO ready kiosk=\"lobby-01\" socket=/run/kiosk-enroll/control.sock",
            "/dev/v4l/by-id/usb-046d_HD_Pro_Webcam_C920_8A2B3C4D-video-index0",
            "queue/entries/0000000000000001.entry: cut short",
            "/work/of/somebody/who/likes/long/paths/and/has/many/folders/below/each/other/x2",
            "https://api.verifik.co",
            "the token is missing",
            "",
        ] {
            assert_eq!(mask.text(line), line);
        }
    }
}
