//! The sealed file of one update, version 1. All numbers are little endian.
//!
//! ```text
//!  0    8  "KENRUPD" and the version, 1      ┐
//!  8    8  fingerprint of the device key     │
//! 16    4  day of the data key               │ the header: readable, but not changeable,
//! 20    8  id of the data key                │ because both boxes are bound to all of it
//! 28    8  sequence number                   │
//! 36    8  acknowledged at, Unix ms          │
//! 44   16  keyed hash of the person's id     │
//! 60    4  length of the sealed head         │
//! 64    8  length of the sealed body         ┘
//! 72    …  sealed head: JSON {person_id, fields, images, capture, supersedes, origin}
//!  …    …  sealed body: length of the JSON (4), JSON of the fields, then each picture's raw bytes
//! ```
//!
//! The head is a box of its own so that a start reads one page of each file, not every picture. What a
//! version of the program accepted must stay acceptable to later ones, or the version must be raised.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::capture::StoredCapture;
use super::error::QueueError;
use super::keys::KeyId;
use super::origins::Origin;
use super::seal::Secret;
use crate::domain::{
    CaptureRecord, Date, PersonId, PersonUpdate, Portrait, PortraitFormat, Size, UpdateDraft,
    UpdateId, WallTime,
};

const MAGIC: [u8; 8] = *b"KENRUPD\x01";
/// Bytes of the header.
pub(super) const HEADER: usize = 72;
/// No head is longer; what claims to be is damaged.
const MAX_HEAD: usize = 1 << 20;
const FIELDS: [&str; 7] =
    ["name", "images", "gender", "date_of_birth", "nationality", "collections", "notes"];

/// What stands readable in front of the sealed boxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) fingerprint: [u8; 8],
    pub(super) key: KeyId,
    pub(super) id: UpdateId,
    pub(super) enqueued_at: WallTime,
    pub(super) tag: [u8; 16],
}

/// Which updates an entry comes from.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lineage<'a> {
    /// The pending ones of its person that it took in.
    pub(super) supersedes: &'a [UpdateId],
    /// Where it was acknowledged first, if it was imported.
    pub(super) origin: Option<Origin>,
}

/// What a start needs to know about an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) person_id: PersonId,
    pub(super) fields: Vec<&'static str>,
    pub(super) images: usize,
    pub(super) capture: Option<CaptureRecord>,
    pub(super) supersedes: Vec<UpdateId>,
    pub(super) origin: Option<Origin>,
}

#[derive(Serialize, Deserialize)]
struct StoredHead {
    person_id: String,
    fields: Vec<String>,
    images: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    capture: Option<StoredCapture>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    supersedes: Vec<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<(String, u64)>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct StoredFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gender: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_of_birth: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nationality: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    collections: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<Vec<StoredImage>>,
}

#[derive(Serialize, Deserialize)]
struct StoredImage {
    format: StoredFormat,
    width: u32,
    height: u32,
    bytes: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StoredFormat {
    Jpeg,
    Png,
}

/// Whether an entry begins here that a later or earlier version of the program wrote.
pub(super) fn is_of_another_version(start: &[u8]) -> bool {
    let kind = MAGIC.len() - 1;
    start.len() > kind && start[..kind] == MAGIC[..kind] && start[kind] != MAGIC[kind]
}

/// Seals an update as the contents of its file.
pub(super) fn seal(
    header: &Header,
    update: &PersonUpdate,
    lineage: Lineage<'_>,
    key: &Secret,
) -> Result<Vec<u8>, QueueError> {
    let head = encode_head(update, lineage);
    let body = encode_body(update);
    let overhead = super::seal::OVERHEAD;
    let prefix = encode_header(header, head.len() + overhead, body.len() + overhead);
    let mut file = Vec::with_capacity(HEADER + head.len() + body.len() + 2 * overhead);
    file.extend_from_slice(&prefix);
    file.extend(key.seal(&context(&prefix, b"head"), &head)?);
    file.extend(key.seal(&context(&prefix, b"body"), &body)?);
    Ok(file)
}

/// Bytes that the file of an update takes, within a few dozen.
pub(super) fn estimated_bytes(update: &PersonUpdate) -> u64 {
    let pictures: usize =
        update.images().unwrap_or_default().iter().map(|image| image.bytes().len()).sum();
    let texts = update.name().map_or(0, str::len)
        + update.notes().map_or(0, str::len)
        + update.nationality().map_or(0, str::len)
        + update.collections().unwrap_or_default().iter().map(String::len).sum::<usize>();
    (pictures + texts + 1_024) as u64
}

/// Reads the header, and how many bytes of the file header and sealed head take together.
///
/// `None` when it is no entry, or when `file_bytes` is not the length that the header states.
pub(super) fn parse_header(start: &[u8], file_bytes: u64) -> Option<(Header, usize)> {
    let parsed = parse_unchecked(start)?;
    let head_bytes = u32::from_le_bytes(start.get(60..64)?.try_into().ok()?) as usize;
    let body_bytes = u64::from_le_bytes(start.get(64..HEADER)?.try_into().ok()?);
    let head_end = HEADER + head_bytes;
    let fits = body_bytes.checked_add(head_end as u64)? == file_bytes;
    (head_bytes <= MAX_HEAD && fits).then_some((parsed, head_end))
}

/// Reads the header of a file that may be damaged further on.
pub(super) fn parse_unchecked(start: &[u8]) -> Option<Header> {
    let header = start.get(..HEADER)?;
    if header[..8] != MAGIC {
        return None;
    }
    let number = |at: usize| Some(u64::from_le_bytes(header.get(at..at + 8)?.try_into().ok()?));
    Some(Header {
        fingerprint: header[8..16].try_into().ok()?,
        key: KeyId {
            day: i32::from_le_bytes(header[16..20].try_into().ok()?),
            id: header[20..28].try_into().ok()?,
        },
        id: UpdateId(number(28)?),
        enqueued_at: WallTime::from_unix_millis(number(36)?.cast_signed()),
        tag: header[44..60].try_into().ok()?,
    })
}

/// Opens the sealed head; `start` must hold header and head. `None` when a bit of it is not as it was sealed.
pub(super) fn open_head(start: &[u8], head_end: usize, key: &Secret) -> Option<Head> {
    let (prefix, rest) = start.get(..head_end)?.split_at_checked(HEADER)?;
    let plain = key.open(&context(prefix, b"head"), rest)?;
    let stored: StoredHead = serde_json::from_slice(&plain).ok()?;
    let name = |field: String| FIELDS.into_iter().find(|known| *known == field);
    Some(Head {
        person_id: PersonId::parse(&stored.person_id).ok()?,
        fields: stored.fields.into_iter().map(name).collect::<Option<_>>()?,
        images: stored.images,
        capture: stored.capture.as_ref().and_then(StoredCapture::read),
        supersedes: stored.supersedes.into_iter().map(UpdateId).collect(),
        origin: match stored.origin {
            Some((device, id)) => Some(Origin { device: device.parse().ok()?, id: UpdateId(id) }),
            None => None,
        },
    })
}

/// Opens a whole file. `None` when a bit of it is not as it was sealed.
pub(super) fn open(file: &[u8], key: &Secret) -> Option<PersonUpdate> {
    let (_, head_end) = parse_header(file, file.len() as u64)?;
    let head = open_head(file, head_end, key)?;
    let (prefix, _) = file.split_at_checked(HEADER)?;
    let plain = key.open(&context(prefix, b"body"), &file[head_end..])?;
    decode_body(head.person_id, &plain).map(|update| update.captured(head.capture))
}

fn encode_header(header: &Header, head_bytes: usize, body_bytes: usize) -> [u8; HEADER] {
    let mut out = [0; HEADER];
    out[..8].copy_from_slice(&MAGIC);
    out[8..16].copy_from_slice(&header.fingerprint);
    out[16..20].copy_from_slice(&header.key.day.to_le_bytes());
    out[20..28].copy_from_slice(&header.key.id);
    out[28..36].copy_from_slice(&header.id.0.to_le_bytes());
    out[36..44].copy_from_slice(&header.enqueued_at.unix_millis().to_le_bytes());
    out[44..60].copy_from_slice(&header.tag);
    out[60..64].copy_from_slice(&u32::try_from(head_bytes).unwrap_or(u32::MAX).to_le_bytes());
    out[64..].copy_from_slice(&(body_bytes as u64).to_le_bytes());
    out
}

/// Binds a box to the header and to its place, so that head and body cannot change places.
fn context(prefix: &[u8], place: &[u8; 4]) -> Vec<u8> {
    [prefix, place].concat()
}

fn encode_head(update: &PersonUpdate, lineage: Lineage<'_>) -> Zeroizing<Vec<u8>> {
    json(&StoredHead {
        person_id: update.person_id().as_str().to_owned(),
        fields: update.field_names().into_iter().map(str::to_owned).collect(),
        images: update.images().map_or(0, <[_]>::len),
        capture: update.capture().map(StoredCapture::of),
        supersedes: lineage.supersedes.iter().map(|id| id.0).collect(),
        origin: lineage.origin.map(|origin| (origin.device.to_string(), origin.id.0)),
    })
}

fn encode_body(update: &PersonUpdate) -> Zeroizing<Vec<u8>> {
    let images = update.images().unwrap_or_default();
    let fields = json(&StoredFields {
        name: update.name().map(str::to_owned),
        gender: update.gender().map(|gender| gender.code().to_owned()),
        date_of_birth: update.date_of_birth().map(|date| date.to_string()),
        nationality: update.nationality().map(str::to_owned),
        collections: update.collections().map(<[_]>::to_vec),
        notes: update.notes().map(str::to_owned),
        images: update.images().map(|images| images.iter().map(stored_image).collect()),
    });
    let pictures: usize = images.iter().map(|image| image.bytes().len()).sum();
    let mut body = Zeroizing::new(Vec::with_capacity(4 + fields.len() + pictures));
    body.extend_from_slice(&u32::try_from(fields.len()).unwrap_or(u32::MAX).to_le_bytes());
    body.extend_from_slice(&fields);
    for image in images {
        body.extend_from_slice(image.bytes());
    }
    body
}

fn stored_image(image: &Portrait) -> StoredImage {
    StoredImage {
        format: match image.format() {
            PortraitFormat::Jpeg => StoredFormat::Jpeg,
            PortraitFormat::Png => StoredFormat::Png,
        },
        width: image.size().width,
        height: image.size().height,
        bytes: image.bytes().len(),
    }
}

fn json(value: &impl Serialize) -> Zeroizing<Vec<u8>> {
    // Structs of strings and numbers always have a JSON form; an empty one would be refused when opened.
    Zeroizing::new(serde_json::to_vec(value).unwrap_or_default())
}

fn decode_body(person_id: PersonId, body: &[u8]) -> Option<PersonUpdate> {
    let (length, rest) = body.split_first_chunk::<4>()?;
    let (fields, mut pictures) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let stored: StoredFields = serde_json::from_slice(fields).ok()?;
    let mut take = |image: StoredImage| {
        let (bytes, rest) = pictures.split_at_checked(image.bytes)?;
        pictures = rest;
        let format = match image.format {
            StoredFormat::Jpeg => PortraitFormat::Jpeg,
            StoredFormat::Png => PortraitFormat::Png,
        };
        Portrait::from_decoded(format, Size::new(image.width, image.height), bytes.to_vec()).ok()
    };
    let images = match stored.images {
        Some(images) => Some(images.into_iter().map(&mut take).collect::<Option<Vec<_>>>()?),
        None => None,
    };
    let draft = UpdateDraft {
        name: stored.name,
        gender: stored.gender,
        date_of_birth: stored.date_of_birth,
        nationality: stored.nationality,
        collections: stored.collections,
        notes: stored.notes,
        images,
    };
    // The day of birth was checked when the update came in; today's date may have been set back since.
    PersonUpdate::parse(person_id, draft, Date::new(9999, 12, 31)?).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::super::samples;
    use super::*;

    fn key() -> Secret {
        Secret::from_bytes(&[3; 32]).unwrap()
    }

    fn header() -> Header {
        Header {
            fingerprint: [1; 8],
            key: KeyId { day: 20_780, id: [2; 8] },
            id: UpdateId(17),
            enqueued_at: WallTime::from_unix_millis(1_795_466_530_250),
            tag: [4; 16],
        }
    }

    #[test]
    fn an_update_comes_back_as_it_was_sealed() {
        let update = samples::full("person_1");
        let origin =
            Origin { device: "0123456789abcdef0123456789abcdef".parse().unwrap(), id: UpdateId(9) };
        let lineage = Lineage { supersedes: &[UpdateId(15), UpdateId(16)], origin: Some(origin) };
        let file = seal(&header(), &update, lineage, &key()).unwrap();
        let (parsed, head_end) = parse_header(&file, file.len() as u64).unwrap();
        assert_eq!(parsed, header());
        let head = open_head(&file[..head_end], head_end, &key()).unwrap();
        assert_eq!(head.person_id.as_str(), "person_1");
        assert_eq!(head.fields, FIELDS);
        assert_eq!((head.images, head.supersedes), (2, vec![UpdateId(15), UpdateId(16)]));
        assert_eq!(head.origin, Some(origin));
        assert_eq!(open(&file, &key()).unwrap(), update);
        assert!(file.len() as u64 <= estimated_bytes(&update));
    }

    #[test]
    fn no_bit_of_the_file_can_be_changed_unnoticed() {
        let file = seal(&header(), &samples::named("person_1", "Ada"), Lineage::default(), &key())
            .unwrap();
        for at in 0..file.len() {
            let mut flipped = file.clone();
            flipped[at] ^= 0x10;
            assert!(open(&flipped, &key()).is_none(), "byte {at}");
            assert!(open(&file[..at], &key()).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn nothing_of_the_person_is_readable_in_the_file() {
        let update = samples::full("person_1");
        let file = seal(&header(), &update, Lineage::default(), &key()).unwrap();
        for secret in [b"person_1".as_slice(), b"Ada", &update.images().unwrap()[0].bytes()[..16]] {
            assert!(!file.windows(secret.len()).any(|window| window == secret));
        }
    }

    #[test]
    fn pictures_are_stored_raw_and_cost_a_few_hundred_bytes_more() {
        let update = samples::pictured("person_1", 150_000);
        let file = seal(&header(), &update, Lineage::default(), &key()).unwrap();
        assert!(file.len() < 150_500, "{}", file.len());
    }
}
