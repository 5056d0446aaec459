//! Puts a [`Kiosk`] on the Unix socket and on loopback TCP.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path as UrlPath, Query, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use axum::{Json, Router};
use futures_util::{Stream, StreamExt as _};
use serde::Deserialize;
use tokio::net::{TcpListener, UnixListener};
use tokio_stream::wrappers::BroadcastStream;

use super::metrics::exposition;
use super::upkeep::{CarriedUpdate, ExportEnd, ExportRequest};
use super::wire::{PersonRequest, QueueItem, ReceiptReport, UpdateReport};
use super::{Kiosk, page};
use crate::domain::{Caller, Door};
use crate::failure::{Exit, Failure};

/// Three pictures of several megabytes as base64.
const MAX_BODY: usize = 64 << 20;
const LONGEST_FLUSH: Duration = Duration::from_hours(1);
const OPENAPI: &str = include_str!("openapi.json");

/// Opens the Unix socket with mode 0660, taking away one that nobody listens on any more.
///
/// The caller must hold the queue's lock: then no other agent of this state directory can be alive.
///
/// # Errors
/// When the directory cannot be made or the socket cannot be opened.
pub fn open_socket(path: &Path) -> io::Result<UnixListener> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

/// Serves on the Unix socket until `stop` resolves.
///
/// # Errors
/// When the listener fails.
pub async fn serve_socket<K: Kiosk>(
    listener: UnixListener,
    kiosk: K,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = routes(kiosk).into_make_service_with_connect_info::<Peer>();
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

/// Serves on loopback until `stop` resolves; calls that change state need `local_token`.
///
/// # Errors
/// When the listener fails.
pub async fn serve_loopback<K: Kiosk>(
    listener: TcpListener,
    kiosk: K,
    local_token: String,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let guard = Guard { address, token: local_token };
    let router = routes(kiosk).layer(middleware::from_fn_with_state(guard, guard_loopback));
    let router = router.into_make_service_with_connect_info::<Peer>();
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

fn routes<K: Kiosk>(kiosk: K) -> Router {
    Router::new()
        .route("/", get(front_page))
        .route("/openapi.json", get(openapi))
        .route("/healthz", get(healthz::<K>))
        .route("/readyz", get(readyz::<K>))
        .route("/metrics", get(metrics::<K>))
        .route("/v1/status", get(status::<K>))
        .route("/v1/events", get(events::<K>))
        .route("/v1/queue", get(queue::<K>))
        .route("/v1/queue/{id}", get(queued::<K>).delete(discard::<K>))
        .route("/v1/queue/{id}/retry", post(retry::<K>))
        .route("/v1/queue/{id}/contents", post(carry::<K>))
        .route("/v1/receipts", get(receipts::<K>))
        .route("/v1/verify", get(verify::<K>))
        .route("/v1/export", post(plan_export::<K>))
        .route("/v1/export/finished", post(end_export::<K>))
        .route("/v1/import", post(import::<K>))
        .route("/v1/updates", post(update::<K>))
        .route("/v1/flush", post(flush::<K>))
        .route("/v1/enrollments", post(enroll::<K>))
        .route("/v1/enrollments/{id}", get(enrollment::<K>).delete(cancel::<K>))
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(kiosk)
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy)]
struct Peer(Caller);

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        let uid = stream.io().peer_cred().ok().map(|peer| peer.uid());
        Self(Caller { door: Door::Socket, uid })
    }
}

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(_: IncomingStream<'_, TcpListener>) -> Self {
        Self(Caller { door: Door::Loopback, uid: None })
    }
}

#[derive(Clone)]
struct Guard {
    address: SocketAddr,
    token: String,
}

async fn guard_loopback(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    match guard.admit(&request) {
        Ok(()) => next.run(request).await,
        Err(failure) => refuse(&failure),
    }
}

impl Guard {
    /// Keeps other origins out altogether (a page elsewhere must not reach a kiosk through its own browser, also
    /// not by DNS rebinding), and asks for the local token before anything is changed.
    fn admit(&self, request: &Request) -> Result<(), Failure> {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let names = [self.address.to_string(), format!("localhost:{}", self.address.port())];
        let ours = |host: &str| names.iter().any(|own| own == host);
        let host_is_ours = header(header::HOST).is_some_and(ours);
        let origin_is_ours = header(header::ORIGIN)
            .is_none_or(|origin| origin.strip_prefix("http://").is_some_and(ours));
        if !host_is_ours || !origin_is_ours {
            let error = "this address answers only pages of its own origin";
            return Err(Failure::new(Exit::Permission, error));
        }
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let bearer = header(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        if reads || bearer == Some(self.token.as_str()) {
            return Ok(());
        }
        let error = "changing something over TCP needs the local token";
        let hint = "send the contents of local.token in the state directory as bearer token, \
                    or use the Unix socket";
        Err(Failure::new(Exit::Permission, error).hint(hint))
    }
}

fn refuse(failure: &Failure) -> Response {
    let status = StatusCode::from_u16(failure.exit.http_status())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(failure)).into_response()
}

fn answer<T: serde::Serialize>(status: StatusCode, result: Result<T, Failure>) -> Response {
    match result {
        Ok(value) => (status, Json(value)).into_response(),
        Err(failure) => refuse(&failure),
    }
}

fn body<T>(parsed: Result<Json<T>, JsonRejection>) -> Result<T, Failure> {
    parsed.map(|Json(value)| value).map_err(|rejection| {
        Failure::new(Exit::BadData, format!("request body: {}", rejection.body_text()))
    })
}

async fn front_page() -> Html<&'static str> {
    Html(page::FRONT)
}

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

async fn healthz<K: Kiosk>(State(kiosk): State<K>) -> Response {
    told(kiosk.is_live(), "live", "a loop has shown no sign of life")
}

async fn readyz<K: Kiosk>(State(kiosk): State<K>) -> Response {
    told(kiosk.is_ready(), "ready", "the camera gives no frames")
}

fn told(well: bool, yes: &'static str, no: &'static str) -> Response {
    if well { yes.into_response() } else { (StatusCode::SERVICE_UNAVAILABLE, no).into_response() }
}

async fn metrics<K: Kiosk>(State(kiosk): State<K>) -> Response {
    let text = exposition(&kiosk.status(), &kiosk.counts());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

async fn status<K: Kiosk>(State(kiosk): State<K>) -> Response {
    Json(kiosk.status()).into_response()
}

async fn receipts<K: Kiosk>(State(kiosk): State<K>) -> Json<Vec<ReceiptReport>> {
    Json(kiosk.receipts())
}

async fn queue<K: Kiosk>(State(kiosk): State<K>) -> Json<Vec<QueueItem>> {
    Json(kiosk.queue())
}

async fn queued<K: Kiosk>(State(kiosk): State<K>, UrlPath(id): UrlPath<String>) -> Response {
    answer(StatusCode::OK, kiosk.queued(&id))
}

async fn retry<K: Kiosk>(
    State(kiosk): State<K>,
    ConnectInfo(Peer(caller)): ConnectInfo<Peer>,
    UrlPath(id): UrlPath<String>,
) -> Response {
    answer(StatusCode::OK, kiosk.retry(&id, caller).await)
}

async fn discard<K: Kiosk>(
    State(kiosk): State<K>,
    ConnectInfo(Peer(caller)): ConnectInfo<Peer>,
    UrlPath(id): UrlPath<String>,
) -> Response {
    answer(StatusCode::OK, kiosk.discard(&id, caller).await)
}

async fn verify<K: Kiosk>(
    State(kiosk): State<K>,
    ConnectInfo(Peer(caller)): ConnectInfo<Peer>,
) -> Response {
    answer(StatusCode::OK, kiosk.verify(caller).await)
}

async fn plan_export<K: Kiosk>(
    State(kiosk): State<K>,
    ConnectInfo(Peer(caller)): ConnectInfo<Peer>,
    request: Result<Json<ExportRequest>, JsonRejection>,
) -> Response {
    let result = match body(request) {
        Ok(request) => kiosk.plan_export(request, caller).await,
        Err(failure) => Err(failure),
    };
    answer(StatusCode::OK, result)
}

async fn end_export<K: Kiosk>(
    State(kiosk): State<K>,
    ConnectInfo(Peer(caller)): ConnectInfo<Peer>,
    end: Result<Json<ExportEnd>, JsonRejection>,
) -> Response {
    let result = match body(end) {
        Ok(end) => kiosk.end_export(end, caller).await,
        Err(failure) => Err(failure),
    };
    answer(StatusCode::OK, result)
}

async fn carry<K: Kiosk>(
    State(kiosk): State<K>,
    ConnectInfo(Peer(caller)): ConnectInfo<Peer>,
    UrlPath(id): UrlPath<String>,
) -> Response {
    let result = match caller.door {
        // A face leaves the device sealed, or to who may open the socket.
        Door::Loopback => Err(Failure::new(Exit::Permission, "contents are not shown over TCP")
            .hint("use the Unix socket")),
        Door::Socket | Door::Terminal | Door::Agent => kiosk.carry(&id, caller).await,
    };
    answer(StatusCode::OK, result)
}

async fn import<K: Kiosk>(
    State(kiosk): State<K>,
    ConnectInfo(Peer(caller)): ConnectInfo<Peer>,
    request: Result<Json<CarriedUpdate>, JsonRejection>,
) -> Response {
    let result = match body(request) {
        Ok(carried) => kiosk.import(carried, caller).await,
        Err(failure) => Err(failure),
    };
    answer(StatusCode::OK, result)
}

async fn update<K: Kiosk>(
    State(kiosk): State<K>,
    request: Result<Json<PersonRequest>, JsonRejection>,
) -> Response {
    let result: Result<UpdateReport, Failure> = match body(request) {
        Ok(request) => kiosk.update(request).await,
        Err(failure) => Err(failure),
    };
    answer(StatusCode::CREATED, result)
}

#[derive(Deserialize)]
struct FlushQuery {
    timeout_s: Option<u64>,
}

async fn flush<K: Kiosk>(State(kiosk): State<K>, Query(query): Query<FlushQuery>) -> Response {
    let limit = query.timeout_s.map_or(LONGEST_FLUSH, Duration::from_secs).min(LONGEST_FLUSH);
    answer(StatusCode::OK, kiosk.flush(limit).await)
}

async fn enroll<K: Kiosk>(
    State(kiosk): State<K>,
    request: Result<Json<PersonRequest>, JsonRejection>,
) -> Response {
    answer(StatusCode::ACCEPTED, body(request).and_then(|request| kiosk.enroll(request)))
}

async fn enrollment<K: Kiosk>(State(kiosk): State<K>, UrlPath(id): UrlPath<String>) -> Response {
    answer(StatusCode::OK, kiosk.enrollment(&id))
}

async fn cancel<K: Kiosk>(State(kiosk): State<K>, UrlPath(id): UrlPath<String>) -> Response {
    answer(StatusCode::OK, kiosk.cancel(&id))
}

async fn unknown(request: Request) -> Response {
    refuse(
        &Failure::new(
            Exit::NoInput,
            format!("nothing at {} {}", request.method(), request.uri().path()),
        )
        .hint("GET /openapi.json lists what there is"),
    )
}

async fn events<K: Kiosk>(
    State(kiosk): State<K>,
) -> Sse<impl Stream<Item = Result<SseEvent, Infallible>>> {
    // A listener that is too slow misses events instead of slowing the kiosk.
    let stream = BroadcastStream::new(kiosk.events())
        .filter_map(|event| async { event.ok() })
        .filter_map(|event| async move { SseEvent::default().json_data(&event).ok().map(Ok) });
    Sse::new(stream).keep_alive(KeepAlive::default())
}
