//! Updates whose every value is a number that only grows.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::layout::{self, Layout};
use super::super::samples;
use crate::domain::{PersonUpdate, Portrait, PortraitFormat, Size, UpdateDraft, UpdateId};

/// The bytes of every face here.
pub(super) const FACE: &[u8] = b"A-FACE-THAT-MUST-NOT-BE-READABLE";

pub(super) type Values = BTreeMap<&'static str, u64>;

pub(super) fn picked<'a>(ids: impl Iterator<Item = &'a UpdateId>, pick: u8) -> Option<UpdateId> {
    let ids: Vec<_> = ids.copied().collect();
    ids.get(usize::from(pick) % ids.len().max(1)).copied()
}

pub(super) fn named(path: &Path) -> Option<UpdateId> {
    match Layout::of(Path::new("/queue")).name(path) {
        layout::Name::Entry(id) | layout::Name::Note(id) => Some(id),
        layout::Name::Strange => None,
    }
}

pub(super) fn update(person: u8, fields: u8, value: u64) -> PersonUpdate {
    let image = || {
        let mut bytes = value.to_le_bytes().to_vec();
        bytes.extend(FACE.iter().cycle().take(1_200));
        Portrait::from_decoded(PortraitFormat::Jpeg, Size::new(1, 1), bytes).unwrap()
    };
    let draft = UpdateDraft {
        name: (fields & 1 != 0).then(|| value.to_string()),
        notes: (fields & 2 != 0).then(|| value.to_string()),
        images: (fields & 4 != 0).then(|| vec![image()]),
        ..UpdateDraft::default()
    };
    samples::update(&format!("p{person}"), draft)
}

pub(super) fn values(update: &PersonUpdate) -> Values {
    let number = |text: &str| text.parse().unwrap();
    let image =
        |images: &[Portrait]| u64::from_le_bytes(images[0].bytes()[..8].try_into().unwrap());
    [
        ("name", update.name().map(number)),
        ("notes", update.notes().map(number)),
        ("images", update.images().map(image)),
    ]
    .into_iter()
    .filter_map(|(field, value)| Some((field, value?)))
    .collect()
}
