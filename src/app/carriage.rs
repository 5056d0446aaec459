//! Carries updates from one device to another: what an export takes out of a queue, and an import puts in.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::upkeep::Upkeep;
use super::{from_queue, intake};
use crate::clock;
use crate::domain::{FieldError, PersonUpdate, Portrait, UpdateId, WallTime};
use crate::failure::{Exit, Failure};
use crate::queue::{Imported, Origin, QueueErrorKind};
use crate::vision::image;
use crate::web::upkeep::{CarriedUpdate, ExportPlan, ExportRequest, ImportOutcome};
use crate::web::wire::PersonRequest;

impl Upkeep {
    /// Says what an export is to hold. Where it moves, the updates are parked **before** they are written: an
    /// update must never be on its way twice, and one that is parked without an export is seen and retried.
    ///
    /// # Errors
    /// When the disk refuses to park one.
    pub fn plan_export(&self, request: &ExportRequest) -> Result<ExportPlan, Failure> {
        let all = self.queue.list();
        let mut chosen = self.queue.exportable();
        let mut parked = Vec::new();
        if let Some(reason) = &request.park_because {
            self.note("queue export --take", &chosen);
            let queued = |id| all.iter().any(|head| head.id == id && head.state.name() == "queued");
            let mut kept = Vec::new();
            for id in chosen {
                match self.queue.set_aside(id, reason) {
                    Ok(()) => kept.push(id),
                    // Sent, or merged into a newer one, since it was listed.
                    Err(error)
                        if matches!(
                            error.kind(),
                            QueueErrorKind::NotFound | QueueErrorKind::State
                        ) =>
                    {
                        continue;
                    }
                    Err(error) => return Err(from_queue(error)),
                }
                if queued(id) {
                    parked.push(id.to_string());
                }
            }
            chosen = kept;
        }
        Ok(ExportPlan {
            staying: all.len().saturating_sub(chosen.len()),
            ids: chosen.iter().map(ToString::to_string).collect(),
            parked,
        })
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
