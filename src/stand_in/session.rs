//! `GET /v2/auth/session?origin=refresh&expiresIn=MONTHS`: gives a token that lasts longer.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::json;

use super::Shared;
use super::fault::{instead, unauthorized};
use super::person::authorized;
use crate::clock::wall_now;
use crate::domain::WallTime;

const MONTH: u64 = 30 * 86_400;

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    origin: Option<String>,
    #[serde(rename = "expiresIn")]
    months: Option<u64>,
}

/// Gives another token; the one that was shown stays valid.
pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    if let Some(response) = instead(&shared, shared.line.fault()) {
        return response;
    }
    if !authorized(&shared, &headers) {
        return unauthorized();
    }
    let (Some("refresh"), Some(months @ 1..=12)) = (asked.origin.as_deref(), asked.months) else {
        let body = json!({ "message": "origin must be refresh, expiresIn 1 to 12", "code": "MissingParameter" });
        return (StatusCode::CONFLICT, Json(body)).into_response();
    };
    let token = token(wall_now(), months);
    shared.tokens.accept(token.clone());
    Json(json!({ "accessToken": token, "tokenType": "Bearer" })).into_response()
}

/// A token in the form of a JWT; nobody has signed it.
fn token(now: WallTime, months: u64) -> String {
    let seconds = now.unix_millis() / 1_000;
    let claims = json!({ "iat": seconds, "exp": seconds + (months * MONTH).cast_signed() });
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.{}",
        part(&json!({ "alg": "none" })),
        part(&claims),
        URL_SAFE_NO_PAD.encode("stand-in")
    )
}
