//! Reads a response's body: an envelope with a person, the server's words, a web page, or a piece of one.
//!
//! The vendor's shapes vary with the version of the API, so every field is read leniently: what cannot be
//! read counts as not shown. What is absent: no image is decoded, and nothing of the body is kept but the
//! fields of [`AnsweredPerson`] and 300 characters of words.

use serde_json::{Map, Value};

use crate::domain::{Date, WallTime};

use super::confirmation::AnsweredPerson;
use super::policy::Body;

/// Some servers write it before their JSON although they should not.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How much of a server's words is kept, in characters.
const MAX_WORDS: usize = 300;
/// A run of so many characters without a space is no word but data, perhaps a face.
const MAX_WORD: usize = 60;

/// Reads a body that arrived whole.
pub(super) fn parse(bytes: &[u8]) -> Body {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    match serde_json::from_slice::<Value>(bytes) {
        Ok(Value::Object(object)) => match person_of(&object) {
            Some(person) => Body::Person(Box::new(person)),
            None => Body::Words(words_of(&object)),
        },
        Ok(_) => Body::Words(String::new()),
        Err(error) if error.is_eof() && looks_like_json(bytes) => Body::CutOff,
        Err(_) => text(bytes),
    }
}

fn looks_like_json(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['))
}

fn text(bytes: &[u8]) -> Body {
    let text = String::from_utf8_lossy(bytes);
    let start: String = text.trim_start().chars().take(200).collect::<String>().to_lowercase();
    if start.starts_with('<') || start.contains("<html") {
        Body::Page
    } else {
        Body::Words(shortened(&text))
    }
}

/// The person below `data`, if it is one.
fn person_of(envelope: &Map<String, Value>) -> Option<AnsweredPerson> {
    if envelope.get("success") == Some(&Value::Bool(false)) {
        return None;
    }
    let person = envelope.get("data")?.as_object()?;
    let known = ["_id", "id", "name", "images", "updatedAt", "collections", "gender", "notes"];
    if !known.iter().any(|field| person.contains_key(*field)) {
        return None;
    }
    let string = |field: &str| person.get(field)?.as_str().map(str::to_owned);
    let count = |field: &str| person.get(field)?.as_array().map(Vec::len);
    Some(AnsweredPerson {
        id: string("_id").or_else(|| string("id")),
        name: string("name"),
        gender: string("gender"),
        date_of_birth: person.get("date_of_birth").and_then(date),
        nationality: string("nationality"),
        collections: person.get("collections").and_then(collections),
        notes: string("notes"),
        images: count("images"),
        thumbnails: count("thumbnails"),
        face_encodings: count("faceEncodings"),
        updated_at: string("updatedAt").and_then(|stamp| instant(&stamp)),
    })
}

/// `{year, month, day}`, `"1990-01-15"` or `"1990-01-15T00:00:00.000Z"`.
fn date(value: &Value) -> Option<Date> {
    match value {
        Value::String(text) => Date::parse(text.get(..10)?),
        Value::Object(parts) => {
            let part = |name: &str| match parts.get(name)? {
                Value::Number(number) => number.as_u64(),
                Value::String(text) => text.parse().ok(),
                _ => None,
            };
            Date::new(
                u16::try_from(part("year")?).ok()?,
                u8::try_from(part("month")?).ok()?,
                u8::try_from(part("day")?).ok()?,
            )
        }
        _ => None,
    }
}

/// Ids as strings, or objects that carry one.
fn collections(value: &Value) -> Option<Vec<String>> {
    let id = |item: &Value| match item {
        Value::String(id) => Some(id.clone()),
        Value::Object(object) => {
            let id = object.get("_id").or_else(|| object.get("id"))?;
            id.as_str().map(str::to_owned)
        }
        _ => None,
    };
    value.as_array()?.iter().map(id).collect()
}

fn instant(stamp: &str) -> Option<WallTime> {
    let stamp: jiff::Timestamp = stamp.parse().ok()?;
    Some(WallTime::from_unix_millis(stamp.as_millisecond()))
}

/// The words of an error: `{message, code}`, `{error, message}` or `{detail: [{loc, msg}]}`.
fn words_of(error: &Map<String, Value>) -> String {
    let string = |field: &str| error.get(field).and_then(Value::as_str);
    let details = error.get("detail").map(|detail| match detail {
        Value::Array(details) => details
            .iter()
            .filter_map(|detail| detail.get("msg")?.as_str())
            .collect::<Vec<_>>()
            .join("; "),
        Value::String(text) => text.clone(),
        _ => String::new(),
    });
    let said = [string("code"), string("message"), string("error"), details.as_deref()];
    shortened(&said.into_iter().flatten().collect::<Vec<_>>().join(": "))
}

/// One line of at most [`MAX_WORDS`] characters in which nothing long stands that is not a word.
fn shortened(text: &str) -> String {
    let mut line = String::new();
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    let start: String = text.chars().take(4 * MAX_WORDS).map(visible).collect();
    for word in start.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(if word.chars().count() > MAX_WORD { "[…]" } else { word });
    }
    line.chars().take(MAX_WORDS).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    fn person(json: &str) -> AnsweredPerson {
        match parse(json.as_bytes()) {
            Body::Person(person) => *person,
            other => panic!("{other:?}"),
        }
    }

    fn words(body: &str) -> String {
        match parse(body.as_bytes()) {
            Body::Words(words) => words,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_known_envelope_gives_its_person() {
        for json in [
            r#"{"id":"x","data":{"_id":"p1","name":"Ada"},"signature":{"message":"m","dateTime":"d"}}"#,
            r#"{"success":true,"data":{"_id":"p1","name":"Ada"}}"#,
            r#"{"data":{"id":"p1","name":"Ada","deleted":false,"__v":3}}"#,
            "\u{feff}{\"data\":{\"_id\":\"p1\",\"name\":\"Ada\"}}",
        ] {
            let person = person(json);
            assert_eq!((person.id.as_deref(), person.name.as_deref()), (Some("p1"), Some("Ada")));
        }
    }

    #[test]
    fn what_is_no_envelope_gives_no_person() {
        for json in [
            r#"{"success":false,"data":{"_id":"p1"}}"#,
            r#"{"data":[]}"#,
            r#"{"data":{}}"#,
            r#"{"_id":"p1"}"#,
            r#"[{"data":{"_id":"p1"}}]"#,
            "null",
            "",
        ] {
            assert!(matches!(parse(json.as_bytes()), Body::Words(_)), "{json}");
        }
    }

    #[test]
    fn a_date_of_birth_is_read_in_every_shape_seen() {
        for shape in [
            r#"{"year":1990,"month":1,"day":15}"#,
            r#"{"year":"1990","month":"1","day":"15"}"#,
            r#""1990-01-15""#,
            r#""1990-01-15T00:00:00.000Z""#,
        ] {
            let json = format!(r#"{{"data":{{"_id":"p1","date_of_birth":{shape}}}}}"#);
            assert_eq!(person(&json).date_of_birth, Date::new(1990, 1, 15), "{shape}");
        }
        let odd = person(r#"{"data":{"_id":"p1","date_of_birth":"15/01/90","notes":7}}"#);
        assert_eq!((odd.date_of_birth, odd.notes), (None, None));
    }

    #[test]
    fn collections_are_read_as_strings_or_objects() {
        let json = r#"{"data":{"_id":"p1","collections":["a",{"_id":"b"},{"id":"c"}]}}"#;
        assert_eq!(person(json).collections.unwrap(), ["a", "b", "c"]);
    }

    #[test]
    fn faces_are_counted_not_kept() {
        let json = r#"{"data":{"_id":"p1","images":["x","y"],"thumbnails":[],"faceEncodings":["e"],
            "updatedAt":"2024-01-16T14:20:00.000Z"}}"#;
        let person = person(json);
        assert_eq!(person.images, Some(2));
        assert_eq!((person.thumbnails, person.face_encodings), (Some(0), Some(1)));
        assert_eq!(person.updated_at, Some(WallTime::from_unix_millis(1_705_414_800_000)));
    }

    #[test]
    fn every_shape_of_error_gives_its_words() {
        for (body, expected) in [
            (r#"{"message":"token_expired","code":"FORBIDDEN"}"#, "FORBIDDEN: token_expired"),
            (
                r#"{"error":"Person not found","message":"PERSON_NOT_FOUND"}"#,
                "PERSON_NOT_FOUND: Person not found",
            ),
            (r#"{"detail":[{"loc":["body"],"msg":"too short"}]}"#, "too short"),
            (r#"{"detail":"no"}"#, "no"),
            ("Service\r\n  unavailable", "Service unavailable"),
        ] {
            assert_eq!(words(body), expected);
        }
    }

    #[test]
    fn words_are_bounded_and_never_hold_a_picture() {
        let base64 = "QUJD".repeat(1_000);
        let echoed = words(&format!(r#"{{"message":"bad image {base64} sent","code":"E"}}"#));
        assert!(!echoed.contains("QUJDQUJD"), "{echoed}");
        assert_eq!(words(&"word ".repeat(1_000)).chars().count(), MAX_WORDS);
    }

    #[test]
    fn a_web_page_is_a_page_and_a_piece_is_a_piece() {
        for page in ["<!DOCTYPE html><html>", "\n <html>", "\u{feff}<HTML><body>"] {
            assert_eq!(parse(page.as_bytes()), Body::Page, "{page}");
        }
        let whole = r#"{"id":"x","data":{"_id":"p1","images":["QUJD"]}}"#;
        for end in 1..whole.len() {
            assert_eq!(parse(&whole.as_bytes()[..end]), Body::CutOff, "{end}");
        }
    }
}
