//! A partial update of one person, parsed: what stands in these types is valid.

use std::fmt;

use super::{CaptureRecord, Date, Size};

/// How many images one update may carry: the set replaces every enrolled face.
pub const MAX_IMAGES: usize = 3;

/// The fewest bytes an image may have; the persons API refuses tiny payloads.
pub const MIN_IMAGE_BYTES: usize = 1_000;

const MAX_ID_BYTES: usize = 128;
const MAX_NAME_CHARS: usize = 200;
const MAX_NATIONALITY_CHARS: usize = 60;
const MAX_NOTES_CHARS: usize = 2_000;
const MAX_COLLECTIONS: usize = 50;
/// How much of a refused value an error shows.
const SHOWN_CHARS: usize = 40;

/// A field that was refused: which, what was found, what is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's name as it stands in the API.
    pub field: &'static str,
    /// What was found, shortened; never the bytes of a picture.
    pub found: String,
    /// What is allowed.
    pub allowed: String,
}

impl FieldError {
    /// The refusal of `field`.
    pub fn new(field: &'static str, found: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self { field, found: found.into(), allowed: allowed.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: found {}, allowed is {}", self.field, self.found, self.allowed)
    }
}

impl std::error::Error for FieldError {}

/// Shows a refused value: quoted, escaped, shortened.
fn shown(value: &str) -> String {
    let short: String = value.chars().take(SHOWN_CHARS).collect();
    if short.len() < value.len() {
        format!("\"{}…\" ({} bytes)", short.escape_debug(), value.len())
    } else {
        format!("\"{}\"", short.escape_debug())
    }
}

/// The id of a person at the persons API: one path segment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PersonId(String);

impl PersonId {
    /// Parses an id.
    ///
    /// # Errors
    /// When it is empty, longer than 128 bytes, `.` or `..`, or holds white space, a control character, `/` or `\`.
    pub fn parse(id: &str) -> Result<Self, FieldError> {
        let allowed = "1 to 128 bytes without white space, control characters, \"/\" or \"\\\", and not \".\" or \"..\"";
        let bad = |c: char| c.is_whitespace() || c.is_control() || c == '/' || c == '\\';
        if id.is_empty() || id.len() > MAX_ID_BYTES || id == "." || id == ".." || id.contains(bad) {
            return Err(FieldError::new("person_id", shown(id), allowed));
        }
        Ok(Self(id.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `M` or `F`, as the persons API knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gender {
    /// `F`
    Female,
    /// `M`
    Male,
}

impl Gender {
    /// Parses exactly `M` or `F`.
    ///
    /// # Errors
    /// For anything else.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        match text {
            "F" => Ok(Self::Female),
            "M" => Ok(Self::Male),
            other => Err(FieldError::new("gender", shown(other), "exactly \"M\" or \"F\"")),
        }
    }

    /// `M` or `F`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Female => "F",
            Self::Male => "M",
        }
    }
}

/// How a portrait is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PortraitFormat {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
}

/// A picture of one face as it will be sent. Its `Debug` shows no byte of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Portrait {
    format: PortraitFormat,
    size: Size,
    bytes: Vec<u8>,
}

impl Portrait {
    /// Wraps bytes that the caller has decoded as `format` with this `size`.
    ///
    /// # Errors
    /// When there are fewer than [`MIN_IMAGE_BYTES`] bytes.
    pub fn from_decoded(
        format: PortraitFormat,
        size: Size,
        bytes: Vec<u8>,
    ) -> Result<Self, FieldError> {
        if bytes.len() < MIN_IMAGE_BYTES {
            return Err(FieldError::new(
                "images",
                format!("a picture of {} bytes ({size})", bytes.len()),
                format!("a JPEG or PNG of at least {MIN_IMAGE_BYTES} bytes"),
            ));
        }
        Ok(Self { format, size, bytes })
    }

    /// How it is encoded.
    pub const fn format(&self) -> PortraitFormat {
        self.format
    }

    /// Its size in pixels.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The encoded picture.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Portrait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Portrait({:?} {}, {} bytes)", self.format, self.size, self.bytes.len())
    }
}

/// The fields of an update as they came in, unchecked.
#[derive(Default, Clone)]
pub struct UpdateDraft {
    /// Full name.
    pub name: Option<String>,
    /// `M` or `F`.
    pub gender: Option<String>,
    /// `YYYY-MM-DD`.
    pub date_of_birth: Option<String>,
    /// Nationality or country code.
    pub nationality: Option<String>,
    /// Collection ids; replaces the person's collections.
    pub collections: Option<Vec<String>>,
    /// Free-form notes.
    pub notes: Option<String>,
    /// Decoded pictures; the set replaces every enrolled face.
    pub images: Option<Vec<Portrait>>,
}

/// The fields of one person to change; only what is `Some` is sent.
///
/// Its `Debug` names the fields, not their values.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonUpdate {
    person_id: PersonId,
    name: Option<String>,
    gender: Option<Gender>,
    date_of_birth: Option<Date>,
    nationality: Option<String>,
    collections: Option<Vec<String>>,
    notes: Option<String>,
    images: Option<Vec<Portrait>>,
    capture: Option<CaptureRecord>,
}

impl PersonUpdate {
    /// Parses a draft. `today` bounds the date of birth.
    ///
    /// # Errors
    /// The first field that is not valid, or that no field is given at all.
    pub fn parse(person_id: PersonId, draft: UpdateDraft, today: Date) -> Result<Self, FieldError> {
        let update = Self {
            person_id,
            name: text("name", draft.name, MAX_NAME_CHARS, Lines::One)?,
            gender: draft.gender.map(|g| Gender::parse(&g)).transpose()?,
            date_of_birth: draft.date_of_birth.map(|d| date_of_birth(&d, today)).transpose()?,
            nationality: text("nationality", draft.nationality, MAX_NATIONALITY_CHARS, Lines::One)?,
            collections: draft.collections.map(collections).transpose()?,
            notes: text("notes", draft.notes, MAX_NOTES_CHARS, Lines::Many)?,
            images: draft.images.map(images).transpose()?,
            capture: None,
        };
        if update.field_names().is_empty() {
            return Err(FieldError::new(
                "fields",
                "none",
                "at least one of name, images, gender, date_of_birth, nationality, collections, notes",
            ));
        }
        Ok(update)
    }

    /// Whose fields these are.
    pub const fn person_id(&self) -> &PersonId {
        &self.person_id
    }

    /// Full name.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Gender.
    pub const fn gender(&self) -> Option<Gender> {
        self.gender
    }

    /// Date of birth.
    pub const fn date_of_birth(&self) -> Option<Date> {
        self.date_of_birth
    }

    /// Nationality or country code.
    pub fn nationality(&self) -> Option<&str> {
        self.nationality.as_deref()
    }

    /// Collection ids.
    pub fn collections(&self) -> Option<&[String]> {
        self.collections.as_deref()
    }

    /// Notes.
    pub fn notes(&self) -> Option<&str> {
        self.notes.as_deref()
    }

    /// Pictures, at most [`MAX_IMAGES`].
    pub fn images(&self) -> Option<&[Portrait]> {
        self.images.as_deref()
    }

    /// How the pictures were taken, if this kiosk's camera took them; no field of the API.
    pub const fn capture(&self) -> Option<CaptureRecord> {
        self.capture
    }

    /// The same with a record of how its pictures were taken; without pictures there is none.
    #[must_use]
    pub fn captured(mut self, record: Option<CaptureRecord>) -> Self {
        self.capture = record.filter(|_| self.images.is_some());
        self
    }

    /// The names of the given fields, in the API's order.
    pub fn field_names(&self) -> Vec<&'static str> {
        [
            ("name", self.name.is_some()),
            ("images", self.images.is_some()),
            ("gender", self.gender.is_some()),
            ("date_of_birth", self.date_of_birth.is_some()),
            ("nationality", self.nationality.is_some()),
            ("collections", self.collections.is_some()),
            ("notes", self.notes.is_some()),
        ]
        .into_iter()
        .filter_map(|(field, given)| given.then_some(field))
        .collect()
    }

    /// This update with `later` laid over it: what `later` gives wins, field by field.
    ///
    /// Both must be of the same person.
    #[must_use]
    pub fn overlaid_by(self, later: Self) -> Self {
        debug_assert_eq!(self.person_id, later.person_id);
        Self {
            person_id: later.person_id,
            name: later.name.or(self.name),
            gender: later.gender.or(self.gender),
            date_of_birth: later.date_of_birth.or(self.date_of_birth),
            nationality: later.nationality.or(self.nationality),
            collections: later.collections.or(self.collections),
            notes: later.notes.or(self.notes),
            capture: if later.images.is_some() { later.capture } else { self.capture },
            images: later.images.or(self.images),
        }
    }

    /// What the sender should know although the update is valid.
    pub fn warnings(&self) -> Vec<String> {
        let digits =
            self.name.as_deref().is_some_and(|name| name.contains(|c: char| c.is_numeric()));
        digits
            .then(|| "name: it has digits, which the server may strip".to_owned())
            .into_iter()
            .collect()
    }
}

impl fmt::Debug for PersonUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonUpdate")
            .field("person_id", &self.person_id)
            .field("fields", &self.field_names())
            .field("images", &self.images.as_ref().map_or(0, Vec::len))
            .finish()
    }
}

/// Whether a text may have line breaks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lines {
    One,
    Many,
}

fn text(
    field: &'static str,
    value: Option<String>,
    max_chars: usize,
    lines: Lines,
) -> Result<Option<String>, FieldError> {
    let Some(value) = value else { return Ok(None) };
    let allowed_control = |c: char| lines == Lines::Many && matches!(c, '\n' | '\t');
    let bad = value.chars().any(|c| c.is_control() && !allowed_control(c));
    if value.trim().is_empty() || value.chars().count() > max_chars || bad {
        let kind = match lines {
            Lines::One => "one line",
            Lines::Many => "text",
        };
        return Err(FieldError::new(
            field,
            shown(&value),
            format!("{kind} of 1 to {max_chars} characters without control characters"),
        ));
    }
    Ok(Some(value))
}

fn date_of_birth(value: &str, today: Date) -> Result<Date, FieldError> {
    Date::parse(value).filter(|date| *date <= today).ok_or_else(|| {
        FieldError::new(
            "date_of_birth",
            shown(value),
            format!("a real day as YYYY-MM-DD, from 1900-01-01 to today ({today})"),
        )
    })
}

fn collections(values: Vec<String>) -> Result<Vec<String>, FieldError> {
    let allowed = || {
        format!("at most {MAX_COLLECTIONS} ids of 1 to {MAX_ID_BYTES} bytes without white space")
    };
    if values.len() > MAX_COLLECTIONS {
        return Err(FieldError::new("collections", format!("{} ids", values.len()), allowed()));
    }
    let bad = |id: &&String| {
        id.is_empty()
            || id.len() > MAX_ID_BYTES
            || id.contains(|c: char| c.is_whitespace() || c.is_control())
    };
    match values.iter().find(bad) {
        Some(id) => Err(FieldError::new("collections", shown(id), allowed())),
        None => Ok(values),
    }
}

fn images(portraits: Vec<Portrait>) -> Result<Vec<Portrait>, FieldError> {
    if portraits.is_empty() || portraits.len() > MAX_IMAGES {
        return Err(FieldError::new(
            "images",
            format!("{} pictures", portraits.len()),
            format!("1 to {MAX_IMAGES} pictures (the set replaces every enrolled face)"),
        ));
    }
    Ok(portraits)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    fn today() -> Date {
        Date::new(2026, 11, 23).unwrap()
    }

    fn id() -> PersonId {
        PersonId::parse("person_123").unwrap()
    }

    fn portrait() -> Portrait {
        Portrait::from_decoded(PortraitFormat::Jpeg, Size::new(640, 480), vec![7; 2_000]).unwrap()
    }

    fn refused(draft: UpdateDraft) -> FieldError {
        PersonUpdate::parse(id(), draft, today()).unwrap_err()
    }

    #[test]
    fn a_person_id_is_one_path_segment() {
        assert!(PersonId::parse("person_123456789").is_ok());
        let long = "x".repeat(10_240);
        for bad in ["", "a/b", "a b", "a\nb", "a\\b", "..", ".", "\u{0}", long.as_str()] {
            let error = PersonId::parse(bad).unwrap_err();
            assert_eq!(error.field, "person_id");
            assert!(error.to_string().len() < 300, "{error}");
        }
    }

    #[test]
    fn each_refusal_names_what_was_found_and_what_is_allowed() {
        let error = refused(UpdateDraft { gender: Some("MM".into()), ..Default::default() });
        assert_eq!(error.to_string(), "gender: found \"MM\", allowed is exactly \"M\" or \"F\"");
        for bad in
            ["1990-13-45", "2027-01-01", "1990-02-29", "90-1-1", "1890-01-01", "１９９０-01-01"]
        {
            let error =
                refused(UpdateDraft { date_of_birth: Some(bad.into()), ..Default::default() });
            assert_eq!(error.field, "date_of_birth", "{bad}");
        }
        assert_eq!(refused(UpdateDraft::default()).field, "fields");
        let no_image = UpdateDraft { images: Some(vec![]), ..Default::default() };
        assert_eq!(refused(no_image).field, "images");
        let four = UpdateDraft { images: Some(vec![portrait(); 4]), ..Default::default() };
        assert_eq!(refused(four).found, "4 pictures");
    }

    #[test]
    fn later_fields_win_and_the_others_stay() {
        let first = UpdateDraft {
            name: Some("Ada".into()),
            notes: Some("first".into()),
            ..Default::default()
        };
        let second = UpdateDraft { notes: Some("second".into()), ..Default::default() };
        let first = PersonUpdate::parse(id(), first, today()).unwrap();
        let second = PersonUpdate::parse(id(), second, today()).unwrap();
        let merged = first.overlaid_by(second);
        assert_eq!((merged.name(), merged.notes()), (Some("Ada"), Some("second")));
    }

    #[test]
    fn debug_shows_neither_names_nor_pictures() {
        let draft = UpdateDraft {
            name: Some("Ada Lovelace".into()),
            images: Some(vec![portrait()]),
            ..Default::default()
        };
        let update = PersonUpdate::parse(id(), draft, today()).unwrap();
        let debug = format!("{update:?} {:?}", portrait());
        assert!(!debug.contains("Ada") && !debug.contains("7, 7"), "{debug}");
    }

    #[test]
    fn digits_in_a_name_are_warned_about() {
        let draft = UpdateDraft { name: Some("John 2nd".into()), ..Default::default() };
        assert_eq!(PersonUpdate::parse(id(), draft, today()).unwrap().warnings().len(), 1);
    }
}
