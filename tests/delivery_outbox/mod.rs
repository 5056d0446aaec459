//! An outbox in memory with the rules of the real queue: strictly in order within a lane, one in flight.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kiosk_enroll::clock::wall_now;
use kiosk_enroll::delivery::{
    Courier, CourierHandle, CourierSettings, Flow, Outbox, OutboxError, PersonsApi, Rate,
    ScheduleSettings, Shrink,
};
use kiosk_enroll::domain::{
    Date, Lease, PersonId, PersonUpdate, QueuedUpdate, Receipt, Settlement, Size, UpdateDraft,
    UpdateId, UpdateState, WallTime,
};
use kiosk_enroll::domain::{Portrait, PortraitFormat};

/// See the module.
#[derive(Default)]
pub(crate) struct MemoryOutbox(Mutex<Contents>, Arc<Mutex<()>>);

/// Deliveries cannot be settled before this goes.
pub(crate) struct Gate {
    open: Option<std::sync::mpsc::Sender<()>>,
    keeper: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Gate {
    fn drop(&mut self) {
        drop(self.open.take());
        self.keeper.take().map(std::thread::JoinHandle::join);
    }
}

#[derive(Default)]
struct Contents {
    updates: Vec<(QueuedUpdate, PersonUpdate)>,
    settlements: Vec<(UpdateId, Settlement)>,
    /// So many calls of each kind fail first.
    failing_leases: u32,
    failing_settlements: u32,
    /// The first that is to be parked cannot be, and is queued again.
    failing_park: bool,
}

impl MemoryOutbox {
    pub(crate) fn holding(updates: impl IntoIterator<Item = PersonUpdate>) -> Arc<Self> {
        let outbox = Self::default();
        for update in updates {
            outbox.add(update);
        }
        Arc::new(outbox)
    }

    pub(crate) fn add(&self, update: PersonUpdate) -> UpdateId {
        let mut contents = self.0.lock().unwrap();
        let id = UpdateId(contents.updates.len() as u64 + contents.settlements.len() as u64 + 1);
        let head = QueuedUpdate {
            id,
            person_id: update.person_id().clone(),
            state: UpdateState::Queued,
            fields: update.field_names(),
            images: update.images().map_or(0, <[_]>::len),
            capture: None,
            bytes: 0,
            attempts: 0,
            enqueued_at: wall_now(),
            not_before: None,
            reason: None,
        };
        contents.updates.push((head, update));
        id
    }

    pub(crate) fn fail_first(&self, leases: u32, settlements: u32) {
        let mut contents = self.0.lock().unwrap();
        contents.failing_leases = leases;
        contents.failing_settlements = settlements;
    }

    /// The first update to be parked is queued again, for later.
    pub(crate) fn fail_first_park(&self) {
        self.0.lock().unwrap().failing_park = true;
    }

    /// Lets no delivery be settled for a while.
    pub(crate) fn gate_settlements(&self) -> Gate {
        let (open, opened) = std::sync::mpsc::channel::<()>();
        let (tell, closed) = std::sync::mpsc::channel();
        let turn = Arc::clone(&self.1);
        // A guard must stay on its thread.
        let keeper = std::thread::spawn(move || {
            let _turn = turn.lock().unwrap();
            tell.send(()).unwrap();
            let _ = opened.recv();
        });
        closed.recv().unwrap();
        Gate { open: Some(open), keeper: Some(keeper) }
    }

    /// Every settlement so far, in order.
    pub(crate) fn settlements(&self) -> Vec<(UpdateId, Settlement)> {
        self.0.lock().unwrap().settlements.clone()
    }

    pub(crate) fn delivered(&self) -> Vec<u64> {
        let delivered = |(id, settlement): (UpdateId, Settlement)| {
            matches!(settlement, Settlement::Delivered(_)).then_some(id.0)
        };
        self.settlements().into_iter().filter_map(delivered).collect()
    }

    pub(crate) fn heads(&self) -> Vec<QueuedUpdate> {
        self.0.lock().unwrap().updates.iter().map(|(head, _)| head.clone()).collect()
    }
}

fn broken(what: &'static str) -> OutboxError {
    OutboxError { what, lease_stands: true, source: "the disk is gone".into() }
}

impl Outbox for MemoryOutbox {
    fn lease(&self, now: WallTime) -> Result<Option<Lease>, OutboxError> {
        let mut contents = self.0.lock().unwrap();
        if contents.failing_leases > 0 {
            contents.failing_leases -= 1;
            return Err(broken("hand out the next update"));
        }
        let mut lanes: Vec<PersonId> = Vec::new();
        for (head, update) in &mut contents.updates {
            let first = !lanes.contains(&head.person_id);
            if head.state == UpdateState::Parked {
                continue;
            }
            lanes.push(head.person_id.clone());
            let due = head.not_before.is_none_or(|at| at <= now);
            if first && due && head.state == UpdateState::Queued {
                head.state = UpdateState::InFlight;
                return Ok(Some(Lease { head: head.clone(), update: update.clone() }));
            }
        }
        Ok(None)
    }

    fn settle(
        &self,
        id: UpdateId,
        settlement: Settlement,
        now: WallTime,
    ) -> Result<Option<Receipt>, OutboxError> {
        if matches!(settlement, Settlement::Delivered(_)) {
            drop(self.1.lock().unwrap());
        }
        let mut contents = self.0.lock().unwrap();
        if contents.failing_settlements > 0 {
            contents.failing_settlements -= 1;
            return Err(broken("settle"));
        }
        if matches!(settlement, Settlement::Park { .. }) && contents.failing_park {
            contents.failing_park = false;
            let mut heads = contents.updates.iter_mut().map(|(head, _)| head);
            let head = heads.find(|head| head.id == id).unwrap();
            head.state = UpdateState::Queued;
            head.not_before = Some(now + Duration::from_secs(300));
            return Err(OutboxError { lease_stands: false, ..broken("park") });
        }
        contents.settlements.push((id, settlement.clone()));
        let index = contents.updates.iter().position(|(head, _)| head.id == id).unwrap();
        let head = &mut contents.updates[index].0;
        assert_eq!(head.state, UpdateState::InFlight, "only a lease can be settled");
        head.state = UpdateState::Queued;
        match settlement {
            Settlement::Release => {}
            Settlement::Retry { not_before, reason } => {
                head.attempts += 1;
                head.not_before = Some(not_before);
                head.reason = Some(reason);
            }
            Settlement::Park { reason } => {
                head.state = UpdateState::Parked;
                head.reason = Some(reason);
            }
            Settlement::Delivered(confirmation) => {
                let (head, _) = contents.updates.remove(index);
                return Ok(Some(Receipt {
                    id,
                    person_id: head.person_id,
                    fields: head.fields.iter().map(|field| (*field).to_owned()).collect(),
                    images: head.images,
                    capture: None,
                    enqueued_at: head.enqueued_at,
                    delivered_at: now,
                    attempts: head.attempts + 1,
                    confirmation,
                }));
            }
        }
        Ok(None)
    }

    fn next_due(&self, now: WallTime) -> Option<WallTime> {
        let contents = self.0.lock().unwrap();
        let queued = |head: &&QueuedUpdate| head.state == UpdateState::Queued;
        let heads = contents.updates.iter().map(|(head, _)| head);
        heads.filter(queued).map(|head| head.not_before.unwrap_or(now)).min()
    }

    fn waiting(&self) -> usize {
        self.heads().iter().filter(|head| head.state != UpdateState::Parked).count()
    }
}

/// An update of one person's notes.
pub(crate) fn note(person: &str, notes: &str) -> PersonUpdate {
    update(person, UpdateDraft { notes: Some(notes.to_owned()), ..Default::default() })
}

pub(crate) fn update(person: &str, draft: UpdateDraft) -> PersonUpdate {
    let today = Date::new(2026, 7, 1).unwrap();
    PersonUpdate::parse(PersonId::parse(person).unwrap(), draft, today).unwrap()
}

/// A real JPEG of noise, at least `bytes` long.
pub(crate) fn picture(seed: u32, side: u32) -> Portrait {
    let noise = image::RgbImage::from_fn(side, side, |x, y| {
        let mut hash = (x + side * y + 1).wrapping_mul(2_654_435_761 ^ seed.wrapping_mul(40_503));
        hash ^= hash >> 15;
        image::Rgb(hash.wrapping_mul(2_246_822_519).to_le_bytes()[..3].try_into().unwrap())
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    noise.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    Portrait::from_decoded(PortraitFormat::Jpeg, Size::new(side, side), bytes.into_inner()).unwrap()
}

/// Waits of milliseconds, no spread, no rate to speak of.
pub(crate) fn impatient() -> CourierSettings {
    CourierSettings {
        schedule: ScheduleSettings {
            backoff_min: Duration::from_millis(1),
            backoff_max: Duration::from_millis(20),
            spread: Duration::ZERO,
            rate: Rate::new(1_000, Duration::from_secs(1)).unwrap(),
            refused_probe: Duration::from_secs(600),
        },
        flow: Flow::Open,
    }
}

pub(crate) fn courier(
    outbox: &Arc<MemoryOutbox>,
    api: Arc<dyn PersonsApi>,
    shrink: Option<Shrink>,
) -> (Courier, CourierHandle) {
    Courier::new(Arc::clone(outbox) as Arc<dyn Outbox>, api, impatient(), shrink)
}
