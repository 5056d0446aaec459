//! Shortens JSON while it arrives: long strings lose their tail, so that an answer that carries whole faces
//! in base64 is understood without being kept.
//!
//! **Invariant:** never more than [`MAX_KEPT`] bytes are kept, whatever comes. Text that is not JSON is kept
//! up to the same bound.

/// The most bytes that are kept of a body.
const MAX_KEPT: usize = 1024 * 1024;
/// The most bytes that are read of a body.
const MAX_READ: usize = 64 * 1024 * 1024;
/// The most bytes that are kept of one string, an escape counting as one: notes may have 2,000 characters.
const MAX_STRING: usize = 8 * 1024;

/// Collects the chunks of one body.
#[derive(Debug, Default)]
pub(super) struct Squeezer {
    kept: Vec<u8>,
    read: usize,
    place: Place,
    /// Bytes of the present string so far, an escape counting as one.
    length: usize,
    fate: Fate,
}

/// Where in a JSON text the next byte stands.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Outside,
    String,
    /// Behind a backslash.
    Escape,
    /// Within the hexadecimal digits of `\u`, so many to come.
    Hex(u8),
}

/// What becomes of a byte.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Fate {
    #[default]
    Keep,
    Drop,
}

/// Whether more is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Appetite {
    More,
    Full,
}

impl Squeezer {
    /// Takes the next chunk.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Appetite {
        self.read = self.read.saturating_add(chunk.len());
        let mut rest = chunk;
        loop {
            let (plain, others) = rest.split_at(self.plain_part(rest));
            if self.keep(self.worth_keeping(plain)) == Appetite::Full {
                return Appetite::Full;
            }
            self.length = self.length.saturating_add(plain.len());
            let Some((byte, others)) = others.split_first() else { break };
            if self.fate_of(*byte) == Fate::Keep
                && self.keep(std::slice::from_ref(byte)) == Appetite::Full
            {
                return Appetite::Full;
            }
            rest = others;
        }
        if self.read > MAX_READ { Appetite::Full } else { Appetite::More }
    }

    /// What was kept.
    pub(super) fn into_kept(self) -> Vec<u8> {
        self.kept
    }

    /// How many of these bytes stand in a string and mean nothing but themselves: nearly all of an answer with faces.
    fn plain_part(&self, bytes: &[u8]) -> usize {
        match self.place {
            Place::String => memchr::memchr2(b'"', b'\\', bytes).unwrap_or(bytes.len()),
            _ => 0,
        }
    }

    /// What of a string's next plain bytes is within the bound.
    fn worth_keeping<'a>(&self, plain: &'a [u8]) -> &'a [u8] {
        let room = MAX_STRING.saturating_sub(self.length);
        plain.get(..room).unwrap_or(plain)
    }

    fn keep(&mut self, bytes: &[u8]) -> Appetite {
        if self.kept.len() + bytes.len() > MAX_KEPT {
            return Appetite::Full;
        }
        self.kept.extend_from_slice(bytes);
        Appetite::More
    }

    /// Follows the text by one byte and decides about it. An escape is kept whole or not at all.
    fn fate_of(&mut self, byte: u8) -> Fate {
        match (self.place, byte) {
            (Place::Outside, b'"') => {
                self.place = Place::String;
                self.length = 0;
            }
            (Place::Outside, _) => {}
            (Place::String, b'"') => {
                self.place = Place::Outside;
                self.fate = Fate::Keep;
            }
            (Place::String, _) => {
                self.fate = if self.length < MAX_STRING { Fate::Keep } else { Fate::Drop };
                self.length += 1;
                if byte == b'\\' {
                    self.place = Place::Escape;
                }
            }
            (Place::Escape, b'u') => self.place = Place::Hex(4),
            (Place::Escape, _) | (Place::Hex(1), _) => self.place = Place::String,
            (Place::Hex(left), _) => self.place = Place::Hex(left.saturating_sub(1)),
        }
        self.fate
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    fn squeezed(text: &str, chunk: usize) -> String {
        let mut squeezer = Squeezer::default();
        for piece in text.as_bytes().chunks(chunk) {
            assert_eq!(squeezer.push(piece), Appetite::More);
        }
        String::from_utf8_lossy(&squeezer.into_kept()).into_owned()
    }

    #[test]
    fn ordinary_json_stays_as_it_is() {
        let text = r#"{"a":"b \" \\ é \u00e9","c":[1,"d"]}"#;
        for chunk in [1, 2, 7, 1_000] {
            assert_eq!(squeezed(text, chunk), text);
        }
    }

    #[test]
    fn a_long_string_loses_its_tail_and_what_follows_is_still_read() {
        let text = format!(r#"{{"images":["{}"],"name":"Ada"}}"#, "A".repeat(3_000_000));
        let kept = squeezed(&text, 8_192);
        assert!(kept.len() < MAX_STRING + 100, "{}", kept.len());
        let json: serde_json::Value = serde_json::from_str(&kept).unwrap();
        assert_eq!(json["name"], "Ada");
    }

    #[test]
    fn how_it_arrives_makes_no_difference() {
        let long = "y".repeat(MAX_STRING - 3);
        let text = format!(
            r#"{{"a":"{long}\\","b":"{long}yyyyyy\u00e9z","c":"{long}\"\"\"\"","d":[true]}}"#
        );
        let whole = squeezed(&text, text.len());
        assert!(serde_json::from_str::<serde_json::Value>(&whole).is_ok(), "{whole}");
        for chunk in [1, 2, 3, 5, 1_000, MAX_STRING, MAX_STRING + 1] {
            assert_eq!(squeezed(&text, chunk), whole, "in chunks of {chunk}");
        }
    }

    #[test]
    fn an_escape_is_never_cut_in_two() {
        for filler in 0..14 {
            let long = "\\u00e9\\\"".repeat(20_000);
            let text = format!(r#"{{"x":"{}{long}","y":1}}"#, "z".repeat(filler));
            let json: serde_json::Value = serde_json::from_str(&squeezed(&text, 500)).unwrap();
            assert_eq!(json["y"], 1, "{filler}");
        }
    }

    #[test]
    fn what_does_not_end_is_given_up() {
        let mut squeezer = Squeezer::default();
        let endless = vec![b'['; 64 * 1024];
        let chunks = (0..1_000).take_while(|_| squeezer.push(&endless) == Appetite::More).count();
        assert_eq!(chunks, MAX_KEPT / endless.len());
        let mut squeezer = Squeezer::default();
        squeezer.push(b"\"");
        let string = vec![b'x'; 64 * 1024];
        let chunks = (0..5_000).take_while(|_| squeezer.push(&string) == Appetite::More).count();
        assert!(chunks <= MAX_READ / string.len());
        assert!(squeezer.into_kept().len() <= MAX_STRING + 1);
    }
}
