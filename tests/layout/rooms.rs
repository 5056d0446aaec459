//! Who may use whom: the table of ARCHITECTURE.md as code, and what breaks it.

use crate::paths::{NamedPath, Place};
use crate::source::Source;

/// A row of the table: a room, or a part of one with stricter rules.
pub(crate) struct Room {
    /// Its module below the crate's root.
    pub(crate) name: &'static str,
    /// What of this crate it may use besides itself.
    pub(crate) uses: Uses,
    /// What of the world outside the crate it may use.
    pub(crate) reach: Reach,
}

/// What of this crate a room may use.
#[derive(Clone, Copy)]
pub(crate) enum Uses {
    /// Only what begins with one of these paths.
    Only(&'static [&'static str]),
    /// Everything: it puts rooms together.
    AllRooms,
}

/// What of the world outside the crate a room may use.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The standard library's values: no crate, file, socket, thread or clock.
    Pure,
    /// Crates and the operating system.
    Outside,
}

/// The table. A part of a room stands after its room.
pub(crate) const ROOMS: &[Room] = &[
    pure("domain", &[]),
    pure("enrollment", &["domain"]),
    room("clock", &["domain"]),
    room("measure", &["domain"]),
    room("vision", &["domain"]),
    room("camera", &["domain", "clock"]),
    room("queue", &["domain", "clock"]),
    pure("queue::lanes", &["domain", "queue::keys::KeyId", "queue::tally", "queue::turns"]),
    room("audit", &["domain", "clock"]),
    room("transfer", &["domain"]),
    room("delivery", &["domain", "clock"]),
    pure("delivery::confirmation", &["domain"]),
    pure("delivery::policy", &["domain", "delivery::confirmation"]),
    pure("delivery::renewal", &["domain", "delivery::backoff"]),
    pure("delivery::schedule", &["domain", "delivery::backoff", "delivery::policy"]),
    pure("delivery::unsettled", &["domain", "delivery::backoff"]),
    room("stand_in", &["domain", "clock"]),
    room("trigger", &["domain", "clock", "vision"]),
    room("texts", &["domain"]),
    room("sheet", &["domain", "vision::Picture", "vision::VisionError"]),
    room("config", &["domain", "vision::image::Framing"]),
    room("failure", &["domain", "config::ConfigError"]),
    room("web", &["domain", "clock", "failure"]),
    room("telemetry", &[]),
    room("service", &[]),
    anywhere("demo"),
    anywhere("diag"),
    anywhere("doctor"),
    anywhere("app"),
    anywhere("cli"),
];

const fn room(name: &'static str, uses: &'static [&'static str]) -> Room {
    Room { name, uses: Uses::Only(uses), reach: Reach::Outside }
}

const fn pure(name: &'static str, uses: &'static [&'static str]) -> Room {
    Room { name, uses: Uses::Only(uses), reach: Reach::Pure }
}

const fn anywhere(name: &'static str) -> Room {
    Room { name, uses: Uses::AllRooms, reach: Reach::Outside }
}

impl Room {
    /// The row as ARCHITECTURE.md has it.
    pub(crate) fn as_markdown(&self) -> String {
        let uses = match self.uses {
            Uses::AllRooms => "all rooms".to_owned(),
            Uses::Only([]) => "nobody".to_owned(),
            Uses::Only(names) => {
                names.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
            }
        };
        let reach = match self.reach {
            Reach::Pure => "nothing: pure",
            Reach::Outside => "crates, the system",
        };
        format!("| `{}` | {uses} | {reach} |", self.name)
    }
}

/// What the standard library offers that a pure room may not use.
const IMPURE_STD: &[&str] = &[
    "env",
    "fs",
    "io",
    "net",
    "os",
    "process",
    "sync::Condvar",
    "sync::Mutex",
    "sync::RwLock",
    "sync::mpsc",
    "thread",
    "time::Instant",
    "time::SystemTime",
    "time::UNIX_EPOCH",
];

/// What in `source` breaks `rooms`, each as a sentence that says what to do. `crates` are the packages that
/// Cargo.toml names, as they are written in code.
pub(crate) fn complaints(source: &Source, rooms: &[Room], crates: &[String]) -> Vec<String> {
    let Some(top) = source.module.first() else { return Vec::new() };
    let Some(room) = row_of(source, rooms) else {
        return vec![format!(
            "src/{}: the room `{top}` has no row: decide whom it may use, and add it to the table \
             in ARCHITECTURE.md and to ROOMS in tests/layout/rooms.rs",
            source.file
        )];
    };
    let mut found = Vec::new();
    for path in &source.paths {
        if let Some(reason) = breaks_uses(path, room).or_else(|| breaks_purity(path, room, crates))
        {
            found.push(format!("{}: {reason}", source.at(path.line)));
        }
    }
    found
}

/// The strictest row for a file: that of the longest module around it.
fn row_of<'a>(source: &Source, rooms: &'a [Room]) -> Option<&'a Room> {
    let module = source.module.join("::");
    rooms.iter().filter(|it| begins_with(&module, it.name)).max_by_key(|it| it.name.len())
}

fn breaks_uses(path: &NamedPath, room: &Room) -> Option<String> {
    let Uses::Only(allowed) = room.uses else { return None };
    let (first, ours) = path.segments.split_first()?;
    if first != "crate" || (ours.is_empty() && path.place == Place::Code) {
        return None;
    }
    let ours = ours.join("::");
    let may = std::iter::once(&room.name).chain(allowed).any(|it| begins_with(&ours, it));
    (!may).then(|| {
        let known = if allowed.is_empty() { "no other room".into() } else { allowed.join(", ") };
        format!(
            "`{}` may use {known}, but here it uses crate::{ours}: hand the value over in `app`, \
             or move the shared word to `domain`",
            room.name
        )
    })
}

fn breaks_purity(path: &NamedPath, room: &Room, crates: &[String]) -> Option<String> {
    if room.reach != Reach::Pure {
        return None;
    }
    let (first, rest) = path.segments.split_first()?;
    let whole = path.segments.join("::");
    let advice = "take its result as an argument, or do this in a room with backends";
    if crates.contains(first) {
        return Some(format!(
            "`{}` is pure, but here it uses the crate {whole}: {advice}",
            room.name
        ));
    }
    if !["std", "core", "alloc"].contains(&first.as_str()) {
        return None;
    }
    // A module imported whole, or by `*`, would bring the impure parts along.
    let rest = rest.join("::");
    let opened = rest.trim_end_matches('*').trim_end_matches("::");
    let impure = IMPURE_STD
        .iter()
        .any(|it| begins_with(&rest, it) || (path.place == Place::Use && begins_with(it, opened)));
    impure.then(|| format!("`{}` is pure, but here it uses {whole}: {advice}", room.name))
}

/// Whether the path `whole` is `start` or lies below it.
fn begins_with(whole: &str, start: &str) -> bool {
    start.is_empty()
        || whole.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table like the real one, so that these tests outlive its changes.
    const SAMPLE: &[Room] = &[
        pure("enrollment", &["domain"]),
        room("measure", &["domain", "vision::Picture"]),
        room("queue", &["domain", "clock"]),
        room("delivery", &["domain", "clock"]),
        pure("delivery::policy", &["domain"]),
    ];

    fn found(file: &str, text: &str) -> Vec<String> {
        complaints(&Source::read(file, text), SAMPLE, &["serde".to_owned(), "tokio".to_owned()])
    }

    #[test]
    fn a_room_may_use_itself_and_what_its_row_names() {
        assert_eq!(
            found("queue/lanes.rs", "use crate::{clock, domain::Lease}; use super::entry::Entry;"),
            [""; 0]
        );
        assert_eq!(found("measure/mod.rs", "use crate::vision::Picture;"), [""; 0]);
    }

    #[test]
    fn a_room_that_its_row_does_not_name_is_refused_however_it_is_written() {
        for text in [
            "use crate::delivery::Courier;",
            "use crate::{domain::Lease, delivery::{self, Courier}};",
            "use super::super::delivery;",
            "fn f() { crate::delivery::send() }",
            "mod inner { use super::super::super::delivery::Courier; }",
            "use crate::*;",
            "use crate as everything;",
        ] {
            assert!(!found("queue/lanes.rs", text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_row_can_name_one_item_of_a_room() {
        let found = found("measure/mod.rs", "\nuse crate::vision::image::decode;");
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("src/measure/mod.rs:2: `measure` may use domain, vision::Picture")
        );
        assert!(self::found("measure/mod.rs", "use crate::vision;").len() == 1);
    }

    #[test]
    fn a_pure_room_knows_no_crate_no_clock_and_no_file() {
        for text in [
            "use serde::Serialize;",
            "#[derive(serde::Serialize)] struct S;",
            "fn f() { tokio::spawn(x) }",
            "use std::{fmt, fs};",
            "use std::time::{Duration, Instant};",
            "fn f() { std::time::SystemTime::now(); }",
            "use std::time;",
            "use std::time::*;",
            "use std::*;",
            "use core::net::IpAddr;",
        ] {
            assert_eq!(found("enrollment/mod.rs", text).len(), 1, "{text}");
        }
        let harmless = "use std::{fmt, sync::Arc, time::Duration}; fn f() { std::mem::take(x) }";
        assert_eq!(found("enrollment/mod.rs", harmless), [""; 0]);
        assert_eq!(found("queue/mod.rs", "use std::fs;"), [""; 0]);
    }

    #[test]
    fn a_pure_part_is_stricter_than_its_room() {
        assert_eq!(
            found("delivery/http.rs", "use tokio::net::TcpStream; use super::policy;"),
            [""; 0]
        );
        assert_eq!(found("delivery/policy.rs", "use super::http::Sent;").len(), 1);
        assert_eq!(found("delivery/policy.rs", "use std::fs;").len(), 1);
    }

    #[test]
    fn tests_may_use_other_rooms() {
        assert_eq!(
            found("queue/mod.rs", "#[cfg(test)] mod tests { use crate::delivery::X; }"),
            [""; 0]
        );
    }

    #[test]
    fn a_room_without_a_row_is_told_where_to_add_it() {
        let found = found("gadget/mod.rs", "");
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("ARCHITECTURE.md"));
        assert_eq!(self::found("main.rs", "use kiosk_enroll::cli;"), [""; 0]);
    }
}
