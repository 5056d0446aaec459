//! Where updates came from: this device's own id, and which updates of other devices were imported.
//!
//! # Invariants
//! - An imported update is queued once. Its entry names its origin, and the ledger is written right after it:
//!   a power cut between the two is mended by the next start, which reads the origins out of the entries.
//! - The ledger is bounded: the last 64 devices, and of each the highest 512 runs of numbers. What falls out
//!   at the low end may be imported again; the rule of the later change then still protects the person.
//!
//! ```text
//! device-id   32 hex digits, drawn once
//! imports     JSON {devices: [{id, runs: [[first, last], …]}, …]}, a newline, SHA-256 of it in hex
//! ```

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::QueueError;
use super::fs::Disk;
use super::layout::Layout;
use super::seal::fill_random;
use crate::domain::{FieldError, UpdateId};

const MAX_DEVICES: usize = 64;
const MAX_RUNS: usize = 512;

/// Names a device among others, at random. It tells nothing about its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceId([u8; 16]);

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for DeviceId {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32);
        number.map(|number| Self(number.to_be_bytes())).ok_or_else(|| {
            FieldError::new("device", "something else", "32 hex digits, as an export has them")
        })
    }
}

/// Where an update was acknowledged first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The device.
    pub device: DeviceId,
    /// The id that it had there.
    pub id: UpdateId,
}

/// The ledger of one queue.
pub(super) struct Origins {
    disk: Disk,
    path: PathBuf,
    own: DeviceId,
    /// The device that was imported from last stands last.
    devices: Vec<Device>,
}

#[derive(Serialize, Deserialize, Clone)]
struct Device {
    id: String,
    /// Ascending, apart from each other.
    runs: Vec<(u64, u64)>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    devices: Vec<Device>,
}

impl Origins {
    /// Loads the ledger, with the origins that entries name; a damaged one is begun anew. Draws the device's id
    /// where there is none.
    pub(super) fn load(disk: &Disk, layout: &Layout, named: &[Origin]) -> Result<Self, QueueError> {
        let path = layout.root.join("imports");
        let devices = match disk.read(&path) {
            Ok(bytes) => decode(&bytes).unwrap_or_else(|| {
                tracing::warn!("the ledger of imports is damaged: begun anew");
                Vec::new()
            }),
            Err(_) => Vec::new(),
        };
        let own = own_id(disk, layout)?;
        let mut origins = Self { disk: disk.clone(), path, own, devices };
        for origin in named {
            if let Err(error) = origins.add(*origin) {
                tracing::warn!(%error, "the ledger of imports cannot be mended yet");
            }
        }
        Ok(origins)
    }

    /// This device.
    pub(super) const fn own(&self) -> DeviceId {
        self.own
    }

    /// Whether an update was imported before.
    pub(super) fn contains(&self, origin: Origin) -> bool {
        let name = origin.device.to_string();
        let found = self.devices.iter().find(|device| device.id == name);
        found.is_some_and(|device| {
            device.runs.iter().any(|(first, last)| (*first..=*last).contains(&origin.id.0))
        })
    }

    /// Notes that an update was imported, durably.
    pub(super) fn add(&mut self, origin: Origin) -> Result<(), QueueError> {
        if self.contains(origin) {
            return Ok(());
        }
        let name = origin.device.to_string();
        let known = self.devices.iter().position(|device| device.id == name);
        let mut device = match known {
            Some(at) => self.devices.remove(at),
            None => Device { id: name, runs: Vec::new() },
        };
        device.runs = with(&device.runs, origin.id.0);
        self.devices.push(device);
        let many = self.devices.len().saturating_sub(MAX_DEVICES);
        self.devices.drain(..many);
        self.disk.put(&self.path, &encode(&self.devices))
    }
}

/// The runs with one more number, and without the lowest where they are too many.
fn with(runs: &[(u64, u64)], number: u64) -> Vec<(u64, u64)> {
    let mut all = runs.to_vec();
    all.push((number, number));
    all.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::with_capacity(all.len());
    for (first, last) in all {
        match joined.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    let many = joined.len().saturating_sub(MAX_RUNS);
    joined.split_off(many)
}

fn own_id(disk: &Disk, layout: &Layout) -> Result<DeviceId, QueueError> {
    let path = layout.root.join("device-id");
    let stored = disk.read(&path).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some(id) = stored.and_then(|text| text.trim().parse().ok()) {
        return Ok(id);
    }
    let mut bytes = [0; 16];
    fill_random(&mut bytes)?;
    let id = DeviceId(bytes);
    if let Err(error) = disk.put(&path, id.to_string().as_bytes()) {
        // A full disk must not keep the queue from opening; the next start draws another.
        tracing::warn!(%error, "the device's id cannot be kept");
    }
    Ok(id)
}

fn encode(devices: &[Device]) -> Vec<u8> {
    let stored = Stored { devices: devices.to_vec() };
    let mut text = serde_json::to_vec(&stored).unwrap_or_default();
    let sum = Sha256::digest(&text);
    text.push(b'\n');
    text.extend(sum.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()));
    text
}

fn decode(bytes: &[u8]) -> Option<Vec<Device>> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let stored: Stored = serde_json::from_slice(&bytes[..end]).ok()?;
    (encode(&stored.devices) == bytes).then_some(stored.devices)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::super::memory_fs::MemoryFs;
    use super::*;

    fn ledger(disk: &Disk) -> Origins {
        let layout = Layout::of(Path::new("/q"));
        disk.make_dir(&layout.root).unwrap();
        Origins::load(disk, &layout, &[]).unwrap()
    }

    fn origin(device: u8, id: u64) -> Origin {
        Origin { device: DeviceId([device; 16]), id: UpdateId(id) }
    }

    #[test]
    fn what_was_imported_is_known_after_a_restart_and_the_device_keeps_its_id() {
        let disk = Disk::new(Arc::new(MemoryFs::default()));
        let mut first = ledger(&disk);
        for id in [7, 5, 6, 9] {
            first.add(origin(1, id)).unwrap();
        }
        let again = ledger(&disk);
        assert_eq!(again.own(), first.own());
        assert_eq!(again.devices[0].runs, [(5, 7), (9, 9)]);
        assert!(again.contains(origin(1, 6)) && !again.contains(origin(1, 8)));
        assert!(!again.contains(origin(2, 6)));
    }

    #[test]
    fn the_ledger_is_bounded_and_forgets_the_lowest_first() {
        let disk = Disk::new(Arc::new(MemoryFs::default()));
        let mut origins = ledger(&disk);
        let runs = (0..MAX_RUNS as u64 + 10).fold(Vec::new(), |runs, n| with(&runs, n * 2));
        assert_eq!((runs.len(), runs[0]), (MAX_RUNS, (20, 20)));
        for device in 0..=MAX_DEVICES {
            origins.add(origin(device as u8, 1)).unwrap();
        }
        assert!(!origins.contains(origin(0, 1)) && origins.contains(origin(1, 1)));
    }

    #[test]
    fn a_damaged_ledger_is_begun_anew() {
        let disk = Disk::new(Arc::new(MemoryFs::default()));
        ledger(&disk).add(origin(1, 5)).unwrap();
        let path = Path::new("/q/imports");
        let mut bytes = disk.read(path).unwrap();
        bytes[20] ^= 1;
        disk.put(path, &bytes).unwrap();
        assert!(ledger(&disk).devices.is_empty());
    }
}
