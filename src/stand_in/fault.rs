//! The faults, one visible list; and the answers that belong to them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Shared;

/// What goes wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FaultKind {
    /// Nothing.
    #[default]
    None,
    /// Connections are closed without an answer.
    Down,
    /// The answer comes late.
    Slow,
    /// 403: the token has expired.
    Expired,
    /// 401: no valid token.
    Unauthorized,
    /// 429 with `Retry-After`.
    RateLimited,
    /// 500.
    Error,
    /// 200 with the login page of a network.
    Portal,
    /// The change is made, but its answer is cut off.
    Cut,
    /// 404: the person is unknown.
    NotFound,
    /// 413.
    TooLarge,
    /// 200, but nothing is changed.
    Unconfirmed,
}

impl FaultKind {
    /// Every fault.
    pub const ALL: [Self; 12] = [
        Self::None,
        Self::Down,
        Self::Slow,
        Self::Expired,
        Self::Unauthorized,
        Self::RateLimited,
        Self::Error,
        Self::Portal,
        Self::Cut,
        Self::NotFound,
        Self::TooLarge,
        Self::Unconfirmed,
    ];

    /// The name on the command line and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Down => "down",
            Self::Slow => "slow",
            Self::Expired => "expired",
            Self::Unauthorized => "unauthorized",
            Self::RateLimited => "rate-limited",
            Self::Error => "error",
            Self::Portal => "portal",
            Self::Cut => "cut",
            Self::NotFound => "not-found",
            Self::TooLarge => "too-large",
            Self::Unconfirmed => "unconfirmed",
        }
    }

    /// What it does, in one line.
    pub const fn description(self) -> &'static str {
        match self {
            Self::None => "works",
            Self::Down => "closes connections without an answer",
            Self::Slow => "answers late",
            Self::Expired => "403 token_expired",
            Self::Unauthorized => "401 UNAUTHORIZED",
            Self::RateLimited => "429 with Retry-After",
            Self::Error => "500 internal_error",
            Self::Portal => "200 with the login page of a network",
            Self::Cut => "makes the change, then cuts its answer off",
            Self::NotFound => "404 PERSON_NOT_FOUND",
            Self::TooLarge => "413",
            Self::Unconfirmed => "200 that changes nothing",
        }
    }

    /// The fault with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No fault has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("fault \"{found}\" is not one of {}", FaultKind::ALL.map(FaultKind::name).join(", "))]
pub struct UnknownFault {
    found: String,
}

impl FromStr for FaultKind {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::from_name(name).ok_or_else(|| UnknownFault { found: name.chars().take(40).collect() })
    }
}

/// `PUT /_stand-in/fault {"fault": "…"}`
pub(super) async fn put(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let asked: Option<Value> = serde_json::from_slice(&body).ok();
    let name = asked.as_ref().and_then(|asked| asked.get("fault")?.as_str()).unwrap_or_default();
    match name.parse::<FaultKind>() {
        Ok(fault) => {
            shared.line.set_fault(fault);
            described(fault)
        }
        Err(unknown) => {
            (StatusCode::BAD_REQUEST, Json(json!({ "error": unknown.to_string() }))).into_response()
        }
    }
}

/// `GET /_stand-in/fault`
pub(super) async fn get(State(shared): State<Arc<Shared>>) -> Response {
    described(shared.line.fault())
}

fn described(fault: FaultKind) -> Response {
    Json(json!({ "fault": fault.name(), "description": fault.description() })).into_response()
}

/// The answer that a fault gives instead of the API's; `None` where the API answers.
pub(super) fn instead(shared: &Shared, fault: FaultKind) -> Option<Response> {
    let error = |status, body| Some((status, Json(body)).into_response());
    match fault {
        FaultKind::None
        | FaultKind::Down
        | FaultKind::Slow
        | FaultKind::Cut
        | FaultKind::Unconfirmed => None,
        FaultKind::Expired => {
            error(StatusCode::FORBIDDEN, json!({ "message": "token_expired", "code": "FORBIDDEN" }))
        }
        FaultKind::Unauthorized => Some(unauthorized()),
        FaultKind::RateLimited => {
            let seconds = shared.retry_after.as_secs().to_string();
            let body = Json(json!({ "message": "too_many_requests", "code": "ERROR" }));
            let status = StatusCode::TOO_MANY_REQUESTS;
            Some((status, [(RETRY_AFTER, seconds)], body).into_response())
        }
        FaultKind::Error => error(
            StatusCode::INTERNAL_SERVER_ERROR,
            json!({ "message": "internal_error", "code": "ERROR" }),
        ),
        FaultKind::Portal => {
            let page =
                "<!DOCTYPE html><html><body><form>Welcome! Please log in.</form></body></html>";
            Some(([(CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response())
        }
        FaultKind::NotFound => Some(not_found()),
        FaultKind::TooLarge => error(
            StatusCode::PAYLOAD_TOO_LARGE,
            json!({ "message": "request entity too large", "code": "ERROR" }),
        ),
    }
}

/// 401 as the vendor's page gives it.
pub(super) fn unauthorized() -> Response {
    let body = json!({ "message": "Authentication required", "code": "UNAUTHORIZED" });
    (StatusCode::UNAUTHORIZED, Json(body)).into_response()
}

/// 404 as the vendor's page gives it.
pub(super) fn not_found() -> Response {
    let body = json!({ "error": "Person not found", "message": "PERSON_NOT_FOUND" });
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

/// A 200 that promises the whole body and breaks off in its middle.
pub(super) fn cut_off(body: &Value) -> Response {
    let whole = body.to_string().into_bytes();
    let length = whole.len();
    let half = Bytes::from(whole).slice(..length / 2);
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionAborted);
    let stream = futures_util::stream::iter([Ok(half), Err(broken)]);
    let headers =
        [(CONTENT_TYPE, "application/json".to_owned()), (CONTENT_LENGTH, length.to_string())];
    (headers, Body::from_stream(stream)).into_response()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back_to_its_fault() {
        for fault in FaultKind::ALL {
            assert_eq!(FaultKind::from_name(fault.name()), Some(fault));
            assert!(!fault.description().is_empty());
        }
    }

    #[test]
    fn an_unknown_fault_is_told_the_known_ones() {
        let error = "nonsense".parse::<FaultKind>().unwrap_err().to_string();
        assert!(error.contains("nonsense") && error.contains("rate-limited"), "{error}");
    }
}
