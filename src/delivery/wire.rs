//! Writes the request: its path, and its body as a stream of chunks whose length is known beforehand.
//!
//! **Invariants**
//! - The body holds the given fields and no other, in the API's order.
//! - Images are raw standard base64 with padding, never a `data:` URL, encoded chunk by chunk: an encoded
//!   picture never stands in memory as a whole, and never on a disk.
//! - No chunk is larger than [`MAX_CHUNK`].

use std::collections::VecDeque;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::domain::{PersonId, PersonUpdate};

/// The most bytes of one chunk of the body.
pub(super) const MAX_CHUNK: usize = 64 * 1024;

/// Picture bytes whose base64 fills a chunk exactly; a multiple of three, so that only a picture's last
/// piece is padded.
const PICTURE_PIECE: usize = MAX_CHUNK / 4 * 3;

/// The path of a person below the base URL: `/v2/face-recognition/persons/{id}`.
pub(super) fn person_path(id: &PersonId) -> String {
    format!("/v2/face-recognition/persons/{}", percent_encoded(id.as_str()))
}

/// One path segment: everything but RFC 3986's unreserved characters is escaped.
fn percent_encoded(segment: &str) -> String {
    let mut encoded = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The JSON body of a PUT, as an iterator of chunks.
#[derive(Debug)]
pub(super) struct RequestBody {
    update: Arc<PersonUpdate>,
    pieces: VecDeque<Piece>,
    length: u64,
}

#[derive(Debug)]
enum Piece {
    /// JSON as it stands.
    Json(Vec<u8>),
    /// The picture with this index, from this byte on, as base64.
    Picture { index: usize, from: usize },
}

impl RequestBody {
    /// The body for `update`.
    pub(super) fn new(update: Arc<PersonUpdate>) -> Self {
        let pieces = pieces(&update);
        let length = pieces.iter().map(|piece| length_of(piece, &update)).sum();
        Self { update, pieces, length }
    }

    /// The length of the whole body in bytes.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    fn encode(&mut self, index: usize, from: usize) -> Option<Vec<u8>> {
        let bytes = self.update.images()?.get(index)?.bytes();
        let to = bytes.len().min(from + PICTURE_PIECE);
        if to < bytes.len() {
            self.pieces.push_front(Piece::Picture { index, from: to });
        }
        Some(STANDARD.encode(bytes.get(from..to)?).into_bytes())
    }
}

impl Iterator for RequestBody {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        match self.pieces.pop_front()? {
            Piece::Json(mut json) => {
                if json.len() > MAX_CHUNK {
                    self.pieces.push_front(Piece::Json(json.split_off(MAX_CHUNK)));
                }
                Some(json)
            }
            Piece::Picture { index, from } => self.encode(index, from),
        }
    }
}

fn length_of(piece: &Piece, update: &PersonUpdate) -> u64 {
    let length = match piece {
        Piece::Json(json) => json.len(),
        Piece::Picture { index, .. } => update
            .images()
            .and_then(|images| images.get(*index))
            .map_or(0, |picture| picture.bytes().len().div_ceil(3) * 4),
    };
    length as u64
}

fn pieces(update: &PersonUpdate) -> VecDeque<Piece> {
    let mut body = Pieces::default();
    let text = |value: &str| serde_json::Value::from(value).to_string();
    if let Some(name) = update.name() {
        body.field("name", &text(name));
    }
    if let Some(images) = update.images() {
        body.pictures(images.len());
    }
    if let Some(gender) = update.gender() {
        body.field("gender", &text(gender.code()));
    }
    if let Some(date) = update.date_of_birth() {
        body.field("date_of_birth", &text(&date.to_string()));
    }
    if let Some(nationality) = update.nationality() {
        body.field("nationality", &text(nationality));
    }
    if let Some(collections) = update.collections() {
        body.field("collections", &serde_json::Value::from(collections.to_vec()).to_string());
    }
    if let Some(notes) = update.notes() {
        body.field("notes", &text(notes));
    }
    body.finish()
}

/// Collects JSON text until a picture comes in between.
#[derive(Default)]
struct Pieces {
    done: VecDeque<Piece>,
    json: String,
}

impl Pieces {
    fn field(&mut self, name: &str, value: &str) {
        let separator = if self.json.is_empty() && self.done.is_empty() { '{' } else { ',' };
        self.json.push_str(&format!("{separator}\"{name}\":{value}"));
    }

    fn pictures(&mut self, count: usize) {
        self.field("images", "[");
        for index in 0..count {
            self.json.push_str(if index == 0 { "\"" } else { ",\"" });
            self.done.push_back(Piece::Json(std::mem::take(&mut self.json).into_bytes()));
            self.done.push_back(Piece::Picture { index, from: 0 });
            self.json.push('"');
        }
        self.json.push(']');
    }

    fn finish(mut self) -> VecDeque<Piece> {
        self.json.push('}');
        self.done.push_back(Piece::Json(self.json.into_bytes()));
        self.done
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::{Date, Portrait, PortraitFormat, Size, UpdateDraft};

    fn update(draft: UpdateDraft) -> Arc<PersonUpdate> {
        let id = PersonId::parse("person_1").unwrap();
        Arc::new(PersonUpdate::parse(id, draft, Date::new(2026, 11, 23).unwrap()).unwrap())
    }

    fn portrait(length: usize) -> Portrait {
        let bytes = (0..length).map(|i| (i * 31 % 251) as u8).collect();
        Portrait::from_decoded(PortraitFormat::Jpeg, Size::new(9, 9), bytes).unwrap()
    }

    fn written(draft: UpdateDraft) -> String {
        let body = RequestBody::new(update(draft));
        let length = body.length();
        let bytes: Vec<u8> =
            body.inspect(|chunk| assert!(chunk.len() <= MAX_CHUNK)).flatten().collect();
        assert_eq!(bytes.len() as u64, length);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn an_id_is_one_escaped_segment_of_the_path() {
        for (id, segment) in
            [("person_123", "person_123"), ("a?b#c%2F", "a%3Fb%23c%252F"), ("ñ:@", "%C3%B1%3A%40")]
        {
            let path = person_path(&PersonId::parse(id).unwrap());
            assert_eq!(path, format!("/v2/face-recognition/persons/{segment}"));
        }
    }

    #[test]
    fn only_the_given_fields_are_written() {
        let notes = UpdateDraft { notes: Some("a \"b\"\n".into()), ..Default::default() };
        assert_eq!(written(notes), r#"{"notes":"a \"b\"\n"}"#);
        let both = UpdateDraft {
            gender: Some("F".into()),
            collections: Some(vec![]),
            ..Default::default()
        };
        assert_eq!(written(both), r#"{"gender":"F","collections":[]}"#);
    }

    #[test]
    fn pictures_of_every_length_decode_to_their_bytes() {
        for length in
            [1_000, 1_001, 1_002, PICTURE_PIECE - 1, PICTURE_PIECE, PICTURE_PIECE + 1, 200_000]
        {
            let pictures = vec![portrait(length), portrait(1_234)];
            let draft = UpdateDraft {
                name: Some("Ada".into()),
                images: Some(pictures.clone()),
                ..Default::default()
            };
            let json: serde_json::Value = serde_json::from_str(&written(draft)).unwrap();
            for (index, picture) in pictures.iter().enumerate() {
                let text = json["images"][index].as_str().unwrap();
                assert_eq!(STANDARD.decode(text).unwrap(), picture.bytes(), "{length}");
            }
            assert_eq!(json.as_object().unwrap().len(), 2);
        }
    }

    #[test]
    fn a_picture_alone_is_a_whole_body() {
        let draft = UpdateDraft { images: Some(vec![portrait(1_500)]), ..Default::default() };
        assert!(written(draft).starts_with(r#"{"images":[""#));
    }
}
