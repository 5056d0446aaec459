//! `PUT` and `GET /v2/face-recognition/persons/{id}`, as the vendor's page describes them.

use std::io::Cursor;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header::AUTHORIZATION};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{ImageFormat, ImageReader};
use serde_json::{Map, Value, json};

use crate::clock::{rfc3339, wall_now};
use crate::domain::{Date, MAX_IMAGES};

use super::fault::{cut_off, instead, not_found, unauthorized};
use super::persons::{Change, Effect, Picture};
use super::{FaultKind, Shared};

/// The fewest base64 characters of an image; the vendor refuses tiny payloads.
const MIN_BASE64: usize = 100;

/// Changes a person.
pub(super) async fn put(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let response = answer(&shared, &id, &headers, &body).await;
    shared.requests.note(id, &body, response.status().as_u16());
    response
}

/// Shows a person.
pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    if let Some(response) = instead(&shared, shared.line.fault()) {
        return response;
    }
    if !authorized(&shared, &headers) {
        return unauthorized();
    }
    shared
        .persons
        .shown(&id)
        .map_or_else(not_found, |person| Json(envelope(&id, &person)).into_response())
}

async fn answer(shared: &Arc<Shared>, id: &str, headers: &HeaderMap, body: &Bytes) -> Response {
    let fault = shared.line.fault();
    if let Some(response) = instead(shared, fault) {
        return response;
    }
    if fault == FaultKind::Slow {
        tokio::time::sleep(shared.slowness).await;
    }
    if !authorized(shared, headers) {
        return unauthorized();
    }
    if !shared.persons.finds(id) {
        return not_found();
    }
    let unread = body.clone();
    // Decoding pictures takes a while; other requests go on meanwhile.
    let change = match tokio::task::spawn_blocking(move || change(&unread)).await {
        Ok(Ok(change)) => change,
        Ok(Err(refusal)) => return refusal.into_response(),
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    let effect = match fault {
        FaultKind::Unconfirmed => Effect::Nothing,
        _ => Effect::Change,
    };
    let body = envelope(id, &shared.persons.put(id, change, effect));
    if fault == FaultKind::Cut { cut_off(&body) } else { Json(body).into_response() }
}

pub(super) fn authorized(shared: &Shared, headers: &HeaderMap) -> bool {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(given) = header.and_then(|value| value.strip_prefix("Bearer ")) else { return false };
    shared.tokens.accepts(given)
}

fn envelope(id: &str, person: &Value) -> Value {
    json!({
        "id": id,
        "data": person,
        "signature": { "message": "Certified by Verifik.co", "dateTime": rfc3339(wall_now()) },
    })
}

/// Why a body is refused.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    /// 409: a field is missing or not as it must be.
    Field(String),
    /// 412: an image is not a picture in raw base64.
    Image,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, body) = match self {
            Self::Field(message) => {
                (StatusCode::CONFLICT, json!({ "message": message, "code": "MissingParameter" }))
            }
            Self::Image => (
                StatusCode::PRECONDITION_FAILED,
                json!({ "message": "only_images_in_base64", "code": "ERROR" }),
            ),
        };
        (status, Json(body)).into_response()
    }
}

fn change(body: &[u8]) -> Result<Change, Refusal> {
    let refused = |message: &str| Refusal::Field(message.to_owned());
    let Ok(Value::Object(mut fields)) = serde_json::from_slice(body) else {
        return Err(refused("the body is not a JSON object"));
    };
    if fields.is_empty() {
        return Err(refused("no field is given"));
    }
    let gender = text(&mut fields, "gender")?;
    if gender.as_deref().is_some_and(|gender| !matches!(gender, "M" | "F")) {
        return Err(refused("gender must be M or F"));
    }
    let birth = text(&mut fields, "date_of_birth")?;
    let date_of_birth = birth.as_deref().map(Date::parse);
    if date_of_birth == Some(None) {
        return Err(refused("date_of_birth must be an ISO 8601 date"));
    }
    let change = Change {
        name: text(&mut fields, "name")?,
        gender,
        date_of_birth: date_of_birth.flatten(),
        nationality: text(&mut fields, "nationality")?,
        collections: texts(&mut fields, "collections")?,
        notes: text(&mut fields, "notes")?,
        images: texts(&mut fields, "images")?.map(|images| pictures(&images)).transpose()?,
    };
    match fields.keys().next() {
        Some(unknown) => Err(Refusal::Field(format!("{unknown} is not a field of a person"))),
        None => Ok(change),
    }
}

fn text(fields: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    match fields.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::Field(format!("{name} must be a string"))),
    }
}

fn texts(fields: &mut Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, Refusal> {
    let refused = || Refusal::Field(format!("{name} must be a list of strings"));
    match fields.remove(name) {
        None => Ok(None),
        Some(Value::Array(items)) => items
            .into_iter()
            .map(|item| match item {
                Value::String(text) => Ok(text),
                _ => Err(refused()),
            })
            .collect::<Result<_, _>>()
            .map(Some),
        Some(_) => Err(refused()),
    }
}

fn pictures(images: &[String]) -> Result<Vec<Picture>, Refusal> {
    if images.is_empty() || images.len() > MAX_IMAGES {
        return Err(Refusal::Field(format!("images must be 1 to {MAX_IMAGES}")));
    }
    images.iter().map(|text| picture(text).ok_or(Refusal::Image)).collect()
}

/// A picture in raw base64, decoded once to be sure that it is one.
fn picture(text: &str) -> Option<Picture> {
    if text.len() < MIN_BASE64 {
        return None;
    }
    let bytes = STANDARD.decode(text).ok()?;
    let reader = ImageReader::new(Cursor::new(&bytes)).with_guessed_format().ok()?;
    let media_type = match reader.format()? {
        ImageFormat::Jpeg => "image/jpeg",
        ImageFormat::Png => "image/png",
        _ => return None,
    };
    reader.decode().ok()?;
    Some(Picture { media_type, bytes })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    fn refusal(body: &str) -> Refusal {
        change(body.as_bytes()).err().unwrap()
    }

    fn png() -> String {
        let mut bytes = Cursor::new(Vec::new());
        let noise = image::RgbImage::from_fn(40, 40, |x, y| {
            image::Rgb([(x * 7) as u8, (y * 13) as u8, (x * y) as u8])
        });
        noise.write_to(&mut bytes, ImageFormat::Png).unwrap();
        STANDARD.encode(bytes.into_inner())
    }

    #[test]
    fn fields_of_the_wrong_kind_are_refused_by_name() {
        for (body, named) in [
            ("[]", "JSON object"),
            ("{}", "no field"),
            (r#"{"name":7}"#, "name"),
            (r#"{"gender":"X"}"#, "gender"),
            (r#"{"date_of_birth":"15/01/1990"}"#, "date_of_birth"),
            (r#"{"collections":"a"}"#, "collections"),
            (r#"{"collections":[1]}"#, "collections"),
            (r#"{"images":[]}"#, "images"),
            (r#"{"surname":"x"}"#, "surname"),
        ] {
            let Refusal::Field(message) = refusal(body) else { panic!("{body}") };
            assert!(message.contains(named), "{body}: {message}");
        }
    }

    #[test]
    fn only_pictures_in_raw_base64_are_taken() {
        let good = png();
        let (wrapped, short) = (format!("{good}\n"), &good[..good.len() - 1]);
        let noise = STANDARD.encode([7; 2_000]);
        let url = format!("data:image/png;base64,{good}");
        for bad in [url.as_str(), "QUJD", noise.as_str(), wrapped.as_str(), short] {
            assert_eq!(refusal(&json!({ "images": [bad] }).to_string()), Refusal::Image);
        }
        let taken = change(json!({ "images": [good] }).to_string().as_bytes()).ok().unwrap();
        let images = taken.images.unwrap();
        assert_eq!(images[0].media_type, "image/png");
        assert_eq!(STANDARD.encode(&images[0].bytes), good);
    }
}
