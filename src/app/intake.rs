//! Turns a request into a valid update: fields parsed, pictures decoded, exactly one face in each.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::domain::{
    CaptureRecord, Date, ENROLLMENT_TIMES, FieldError, MAX_IMAGES, Moment, PersonId, PersonUpdate,
    Portrait, UpdateDraft,
};
use crate::failure::{Exit, Failure};
use crate::vision::{FaceFinder, image};
use crate::web::wire::PersonRequest;

/// Parses the fields of a request, with pictures that were already checked.
///
/// # Errors
/// The first field that is not valid.
pub fn parse(
    request: PersonRequest,
    images: Option<Vec<Portrait>>,
    today: Date,
) -> Result<PersonUpdate, Failure> {
    let person_id = PersonId::parse(&request.person_id)?;
    let draft = UpdateDraft {
        name: request.name,
        gender: request.gender,
        date_of_birth: request.date_of_birth,
        nationality: request.nationality,
        collections: request.collections,
        notes: request.notes,
        images,
    };
    Ok(PersonUpdate::parse(person_id, draft, today)?)
}

/// Makes the update of an enrollment from its shots.
///
/// # Errors
/// The first field that is not valid.
pub fn enrolled(
    request: PersonRequest,
    portraits: Vec<Portrait>,
    record: CaptureRecord,
    today: Date,
) -> Result<PersonUpdate, Failure> {
    Ok(parse(request, Some(portraits), today)?.captured(Some(record)))
}

/// Checks the fields of an enrollment before anyone is asked to look into the camera.
///
/// # Errors
/// The first field that is not valid, a time-out that no enrollment has, or pictures where the camera is to take
/// them.
pub fn check_enrollment(request: &PersonRequest, today: Date) -> Result<PersonId, Failure> {
    if request.images.is_some() {
        let error =
            FieldError::new("images", "pictures", "none: an enrollment takes them with the camera");
        return Err(error.into());
    }
    let person_id = PersonId::parse(&request.person_id)?;
    if let Some(seconds) = request.timeout_s
        && !ENROLLMENT_TIMES.contains(&Duration::from_secs(seconds))
    {
        let (least, most) = (ENROLLMENT_TIMES.start().as_secs(), ENROLLMENT_TIMES.end().as_secs());
        let allowed = format!("{least} to {most} seconds");
        return Err(FieldError::new("timeout_s", format!("{seconds} seconds"), allowed).into());
    }
    let given = PersonRequest { images: None, timeout_s: None, ..request.clone() };
    let only_a_face =
        PersonRequest { person_id: given.person_id.clone(), ..PersonRequest::default() };
    if given != only_a_face {
        parse(given, None, today)?;
    }
    Ok(person_id)
}

/// Decodes the pictures of a request and looks for exactly one face in each.
///
/// # Errors
/// The first picture that is not raw base64, cannot be decoded, or shows no face or several.
pub fn pictures(encoded: &[String], finder: &mut dyn FaceFinder) -> Result<Vec<Portrait>, Failure> {
    if encoded.is_empty() || encoded.len() > MAX_IMAGES {
        let found = format!("{} pictures", encoded.len());
        let allowed = format!("1 to {MAX_IMAGES} pictures (the set replaces every enrolled face)");
        return Err(FieldError::new("images", found, allowed).into());
    }
    encoded.iter().enumerate().map(|(n, text)| picture(n + 1, text, finder)).collect()
}

fn picture(number: usize, text: &str, finder: &mut dyn FaceFinder) -> Result<Portrait, Failure> {
    let refuse = |found: String| {
        let allowed = "a JPEG or PNG with exactly one face, as raw standard base64 in requests";
        Failure::from(FieldError::new("images", format!("picture {number}: {found}"), allowed))
    };
    if text.starts_with("data:") {
        return Err(refuse("a data: URL".into()));
    }
    let bytes = BASE64_STANDARD
        .decode(text)
        .map_err(|error| refuse(format!("text that is not standard base64 ({error})")))?;
    let portrait =
        image::portrait_from_file_bytes(&bytes).map_err(|error| refuse(error.to_string()))?;
    let picture =
        image::decode_bytes(portrait.bytes()).map_err(|error| refuse(error.to_string()))?;
    finder.forget();
    let observation = finder
        .observe(&picture, Moment::default())
        .map_err(|error| Failure::caused(Exit::Internal, &error))?;
    finder.forget();
    match observation.count() {
        1 if observation.face.is_some() => Ok(portrait),
        0 | 1 => Err(refuse("no face".into())),
        several => Err(refuse(format!("{several} faces"))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn an_enrollment_takes_as_long_as_the_configuration_may_say_and_no_longer() {
        let check = |timeout_s| {
            let request = PersonRequest { person_id: "p".into(), timeout_s, ..Default::default() };
            check_enrollment(&request, Date::parse("2026-01-01").unwrap())
        };
        for fits in [None, Some(3), Some(600)] {
            assert!(check(fits).is_ok(), "{fits:?}");
        }
        for (odd, found) in [(0, "0 seconds"), (2, "2 seconds"), (601, "601 seconds")] {
            let refused = check(Some(odd)).unwrap_err();
            let told = format!("timeout_s: found {found}, allowed is 3 to 600 seconds");
            assert_eq!((refused.exit, refused.error), (Exit::BadData, told));
        }
        assert!(check(Some(u64::MAX)).is_err());
    }
}
