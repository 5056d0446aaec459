//! Carries updates from one device to another: what an export takes out of a queue, and an import puts in.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::upkeep::Upkeep;
use super::{from_queue, intake};
use crate::clock;
use crate::domain::{FieldError, PersonUpdate, Portrait, UpdateId, WallTime};
use crate::failure::{Exit, Failure};
use crate::queue::{Aside, Imported, Origin, QueueErrorKind};
use crate::vision::image;
use crate::web::upkeep::{
    CarriedUpdate, ExportEnd, ExportMarked, ExportPlan, ExportRequest, ImportOutcome,
};
use crate::web::wire::PersonRequest;

impl Upkeep {
    /// Says what an export is to hold. Where it moves, the updates are parked **before** they are written: an
    /// update must never be on its way twice, and one that is parked without an export is seen and retried.
    /// That they are exported is said of them at the end only, see [`end_export`](Self::end_export).
    ///
    /// # Errors
    /// When the disk refuses to park one; those that were parked for it are queued again.
    pub fn plan_export(&self, request: &ExportRequest) -> Result<ExportPlan, Failure> {
        let all = self.queue.list().len();
        let mut chosen = self.queue.exportable();
        let mut parked = Vec::new();
        if let Some(reason) = &request.park_because {
            self.note("queue export --take", &chosen);
            let mut kept = Vec::new();
            for id in chosen {
                match self.queue.set_aside(id, reason) {
                    Ok(aside) => {
                        kept.push(id);
                        parked.extend((aside == Aside::Now).then_some(id));
                    }
                    // Sent, or merged into a newer one, since it was listed.
                    Err(error)
                        if matches!(
                            error.kind(),
                            QueueErrorKind::NotFound | QueueErrorKind::State
                        ) => {}
                    Err(error) => {
                        self.give_back(parked);
                        return Err(from_queue(error));
                    }
                }
            }
            chosen = kept;
        }
        Ok(ExportPlan {
            staying: all.saturating_sub(chosen.len()),
            ids: chosen.iter().map(ToString::to_string).collect(),
            parked: parked.iter().map(ToString::to_string).collect(),
        })
    }

    fn give_back(&self, parked: Vec<UpdateId>) {
        for id in parked {
            if let Err(error) = self.queue.requeue(id) {
                tracing::warn!(%id, %error, "stays parked; `queue retry` queues it again");
            }
        }
    }

    /// Says of the updates of a finished export why they are parked.
    ///
    /// # Errors
    /// When an id is none, or the disk refuses.
    pub fn end_export(&self, end: &ExportEnd) -> Result<ExportMarked, Failure> {
        let ids: Vec<UpdateId> = end.ids.iter().map(|id| id.parse()).collect::<Result<_, _>>()?;
        self.note("queue export finished", &ids);
        let mut marked = 0;
        for id in ids {
            match self.queue.restate(id, &end.parked_because, &end.because) {
                Ok(()) => {}
                // Dropped meanwhile.
                Err(error) if error.kind() == QueueErrorKind::NotFound => continue,
                Err(error) => return Err(from_queue(error)),
            }
            let now = self.queue.head(id).ok().and_then(|head| head.reason);
            marked += usize::from(now.as_deref() == Some(end.because.as_str()));
        }
        Ok(ExportMarked { marked })
    }

    /// Hands out an update with its contents.
    ///
    /// # Errors
    /// When there is none with this id, or it cannot be read.
    pub fn carry(&self, id: UpdateId) -> Result<CarriedUpdate, Failure> {
        self.look(id)?;
        self.note("queue export", &[id]);
        let (head, update) = self.queue.read(id).map_err(from_queue)?;
        Ok(CarriedUpdate {
            device: self.queue.device_id().to_string(),
            id: id.to_string(),
            acknowledged_at_ms: head.enqueued_at.unix_millis(),
            update: request(&update),
        })
    }

    /// Takes in an update that another device exported. Its line in the audit log follows it: only then it has
    /// an id.
    ///
    /// # Errors
    /// When it is not valid, or the queue refuses it.
    pub fn import(&self, carried: CarriedUpdate) -> Result<ImportOutcome, Failure> {
        let origin = Origin { device: carried.device.parse()?, id: carried.id.parse()? };
        let at = WallTime::from_unix_millis(carried.acknowledged_at_ms);
        let now = clock::wall_now();
        let update = restore(carried.update)?;
        let imported = self.queue.import(update, origin, at, now).map_err(from_queue)?;
        let (outcome, id, left_out) = match imported {
            Imported::Queued { id, left_out } => ("queued", Some(id), left_out),
            Imported::Duplicate => ("duplicate", None, Vec::new()),
            Imported::Own => ("own", None, Vec::new()),
            Imported::Overtaken => ("overtaken", None, Vec::new()),
        };
        if let Some(id) = id {
            self.note("queue import", &[id]);
        }
        Ok(ImportOutcome {
            outcome: outcome.to_owned(),
            id: id.map(|id| id.to_string()),
            left_out: left_out.into_iter().map(str::to_owned).collect(),
        })
    }
}

fn request(update: &PersonUpdate) -> PersonRequest {
    let encoded = |image: &Portrait| BASE64_STANDARD.encode(image.bytes());
    PersonRequest {
        person_id: update.person_id().as_str().to_owned(),
        name: update.name().map(str::to_owned),
        gender: update.gender().map(|gender| gender.code().to_owned()),
        date_of_birth: update.date_of_birth().map(|date| date.to_string()),
        nationality: update.nationality().map(str::to_owned),
        collections: update.collections().map(<[_]>::to_vec),
        notes: update.notes().map(str::to_owned),
        images: update.images().map(|images| images.iter().map(encoded).collect()),
        timeout_s: None,
    }
}

/// The pictures passed every gate where they were taken: here they only have to be whole.
fn restore(mut request: PersonRequest) -> Result<PersonUpdate, Failure> {
    let images = request.images.take().map(|images| images.iter().map(portrait).collect());
    intake::parse(request, images.transpose()?, clock::utc_date(clock::wall_now()))
}

fn portrait(text: &String) -> Result<Portrait, Failure> {
    let refused = |found: String| {
        Failure::from(FieldError::new("images", found, "a JPEG or PNG as raw standard base64"))
    };
    let bytes = BASE64_STANDARD
        .decode(text)
        .map_err(|_| Failure::new(Exit::BadData, "images: found text that is not base64"))?;
    image::portrait_from_file_bytes(&bytes).map_err(|error| refused(error.to_string()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::config::{PathOverrides, Paths};
    use crate::domain::{Caller, Door, PersonId, Settlement, UpdateDraft, UpdateState};
    use crate::queue::{DeviceKey, Queue, QueueOptions};

    const MOVING: &str = "set aside for an export";

    /// The hands, and the ids of an update that the server refused and of two that wait.
    fn hands(state: &Path) -> (Upkeep, [UpdateId; 3]) {
        let paths =
            Paths::decide(&PathOverrides { state_dir: Some(state.into()) }, &[], false, false);
        let key = DeviceKey::load_or_create(&paths.key_file(None)).unwrap();
        let now = clock::wall_now();
        let (queue, _) = Queue::open(&paths.queue(), key, QueueOptions::default(), now).unwrap();
        let ids = ["p1", "p2", "p3"].map(|person| {
            let draft = UpdateDraft { notes: Some("n".into()), ..UpdateDraft::default() };
            let person = PersonId::parse(person).unwrap();
            let update = PersonUpdate::parse(person, draft, clock::utc_date(now)).unwrap();
            queue.enqueue(update, now).unwrap().id
        });
        let leased = queue.lease(now).unwrap().unwrap().head.id;
        queue.settle(leased, Settlement::Park { reason: "no face".into() }, now).unwrap();
        let caller = Caller { door: Door::Terminal, uid: None };
        (Upkeep::new(Arc::new(queue), &paths, caller), ids)
    }

    fn take(hands: &Upkeep) -> Result<ExportPlan, Failure> {
        hands.plan_export(&ExportRequest { park_because: Some(MOVING.into()) })
    }

    fn words(hands: &Upkeep, id: UpdateId) -> (UpdateState, Option<String>) {
        let head = hands.queue.head(id).unwrap();
        (head.state, head.reason)
    }

    #[test]
    fn only_an_export_that_was_finished_is_told_and_the_servers_words_stay() {
        let state = tempfile::tempdir().unwrap();
        let (hands, [refused, first, second]) = hands(state.path());
        let plan = take(&hands).unwrap();
        assert_eq!((plan.ids.len(), plan.parked.len()), (3, 2));
        assert_eq!(words(&hands, first), (UpdateState::Parked, Some(MOVING.into())));
        let because = "exported to x".to_owned();
        let end = ExportEnd { ids: plan.ids, parked_because: MOVING.into(), because };
        assert_eq!(hands.end_export(&end).unwrap().marked, 2);
        for moved in [first, second] {
            assert_eq!(words(&hands, moved).1.as_deref(), Some("exported to x"));
        }
        assert_eq!(words(&hands, refused).1.as_deref(), Some("no face"));
    }

    #[test]
    fn where_one_cannot_be_parked_those_before_it_are_queued_again() {
        let state = tempfile::tempdir().unwrap();
        let (hands, [refused, first, second]) = hands(state.path());
        // Nothing can be written where a folder lies.
        let in_the_way = format!("queue/entries/{:016x}.parked/x", second.0);
        fs::create_dir_all(state.path().join(in_the_way)).unwrap();
        assert_eq!(take(&hands).unwrap_err().exit, Exit::Io);
        assert_eq!(words(&hands, first), (UpdateState::Queued, None));
        assert_eq!(words(&hands, second), (UpdateState::Queued, None));
        assert_eq!(words(&hands, refused).1.as_deref(), Some("no face"));
    }
}
