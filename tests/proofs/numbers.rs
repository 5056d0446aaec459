//! Numbers in the clothes of a person's fields.

use kiosk_enroll::clock::{utc_date, wall_now};
use kiosk_enroll::domain::{PersonId, PersonUpdate, Portrait, PortraitFormat, Size, UpdateDraft};

use crate::ledger::Values;

/// A name with this number in it; digits may be stripped from names.
pub(crate) fn name(number: u64) -> String {
    number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
}

/// The number in such a name.
pub(crate) fn from_name(name: &str) -> u64 {
    let digits: String = name.bytes().map(|letter| char::from(letter - b'a' + b'0')).collect();
    digits.parse().unwrap()
}

/// Which fields an update has: notes always, others now and then.
pub(crate) fn draw(rng: &mut fastrand::Rng, number: u64) -> Values {
    let mut values = Values::from([("notes", number)]);
    let others = [("name", 40), ("collections", 30), ("images", 25)];
    values.extend(
        others.iter().filter(|(_, percent)| rng.u8(..100) < *percent).map(|(f, _)| (*f, number)),
    );
    values
}

/// An update of these fields; its picture is noise of `bytes` bytes that begins with the number.
pub(crate) fn update(person: &str, values: &Values, bytes: usize) -> PersonUpdate {
    let draft = UpdateDraft {
        notes: values.get("notes").map(u64::to_string),
        name: values.get("name").map(|number| name(*number)),
        collections: values.get("collections").map(|number| vec![number.to_string()]),
        images: values.get("images").map(|number| vec![portrait(*number, bytes)]),
        ..UpdateDraft::default()
    };
    PersonUpdate::parse(PersonId::parse(person).unwrap(), draft, utc_date(wall_now())).unwrap()
}

/// The numbers of an update made by [`update`].
pub(crate) fn of(update: &PersonUpdate) -> Values {
    let picture =
        |portraits: &[Portrait]| u64::from_le_bytes(portraits[0].bytes()[..8].try_into().unwrap());
    let found = [
        ("notes", update.notes().map(|text| text.parse().unwrap())),
        ("name", update.name().map(from_name)),
        ("collections", update.collections().map(|all| all[0].parse().unwrap())),
        ("images", update.images().map(picture)),
    ];
    found.into_iter().filter_map(|(field, number)| Some((field, number?))).collect()
}

/// The same as text, `notes=4,name=4`.
pub(crate) fn written(values: &Values) -> String {
    values.iter().map(|(field, number)| format!("{field}={number}")).collect::<Vec<_>>().join(",")
}

/// The other way round.
pub(crate) fn read(text: &str) -> Values {
    let known = ["notes", "name", "collections", "images"];
    let pair = |pair: &str| {
        let (field, number) = pair.split_once('=').unwrap();
        (*known.iter().find(|name| **name == field).unwrap(), number.parse().unwrap())
    };
    text.split(',').map(pair).collect()
}

fn portrait(number: u64, bytes: usize) -> Portrait {
    let mut noise = number.to_le_bytes().to_vec();
    let mut rng = fastrand::Rng::with_seed(number);
    noise.resize_with(bytes, || rng.u8(..));
    Portrait::from_decoded(PortraitFormat::Jpeg, Size::new(480, 640), noise).unwrap()
}
