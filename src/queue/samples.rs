//! Updates for the tests of this room.

use std::sync::Arc;

use super::memory_fs::MemoryFs;
use super::{DeviceKey, Queue, QueueOptions};
use crate::domain::{
    Date, PersonId, PersonUpdate, Portrait, PortraitFormat, Size, UpdateDraft, WallTime,
};

/// A Monday evening.
pub(super) const NOW: WallTime = WallTime::from_unix_millis(1_795_466_530_250);

/// The queue on a disk in memory.
pub(super) fn queue(fs: &Arc<MemoryFs>) -> Queue {
    let options = QueueOptions { reserve_bytes: 4_000, ..QueueOptions::default() };
    Queue::open_on(fs.clone(), DeviceKey::for_test(1), options, NOW).unwrap().0
}

pub(super) fn update(person: &str, draft: UpdateDraft) -> PersonUpdate {
    let today = Date::new(2026, 11, 23).unwrap();
    PersonUpdate::parse(PersonId::parse(person).unwrap(), draft, today).unwrap()
}

pub(super) fn named(person: &str, name: &str) -> PersonUpdate {
    update(person, UpdateDraft { name: Some(name.to_owned()), ..Default::default() })
}

/// A picture with recognisable bytes.
pub(super) fn portrait(bytes: usize) -> Portrait {
    let pattern = b"A-FACE-THAT-MUST-NOT-BE-READABLE".iter().copied().cycle().take(bytes);
    Portrait::from_decoded(PortraitFormat::Jpeg, Size::new(640, 800), pattern.collect()).unwrap()
}

pub(super) fn pictured(person: &str, bytes: usize) -> PersonUpdate {
    update(person, UpdateDraft { images: Some(vec![portrait(bytes)]), ..Default::default() })
}

pub(super) fn full(person: &str) -> PersonUpdate {
    let draft = UpdateDraft {
        name: Some("Ada Lovelace".into()),
        gender: Some("F".into()),
        date_of_birth: Some("1990-12-10".into()),
        nationality: Some("GB".into()),
        collections: Some(vec!["staff".into(), "night-shift".into()]),
        notes: Some("first\nsecond".into()),
        images: Some(vec![portrait(4_000), portrait(2_500)]),
    };
    update(person, draft)
}
