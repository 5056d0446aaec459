//! Stands in for the persons API on loopback, with faults on request: for demonstrations, for sites without
//! an account, and for tests.
//!
//! It answers `PUT /v2/face-recognition/persons/{id}` with the statuses and bodies of the vendor's page, checks
//! what the vendor says it checks, keeps the persons in memory, and shows them to people on `/`. It gives out
//! tokens at `/v2/auth/session`, and revokes none.
//!
//! **Invariants**
//! - What it cannot read changes nothing: a person is changed by a whole valid request or not at all.
//! - Memory is bounded: bodies of at most `MAX_BODY`, at most `MAX_PERSONS` persons.
//!
//! What is absent: TLS, storage, and any face recognition. It is no secure server; it belongs on loopback.

mod fault;
mod line;
mod pages;
mod person;
mod persons;
mod requests;
mod session;
mod tokens;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, put};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use fault::{FaultKind, UnknownFault};
pub use requests::SeenRequest;

use line::Line;
use persons::Persons;
use requests::Requests;
use tokens::Tokens;

/// The largest body that is read, in bytes.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// The most persons that are kept.
const MAX_PERSONS: usize = 16_384;

/// Whom the stand-in knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum KnownPersons {
    /// Everyone: an unknown person is made by the first PUT.
    #[default]
    Anyone,
    /// Only these; every other one is answered with 404.
    Only(BTreeSet<String>),
}

/// How the stand-in is to behave.
#[derive(Debug, Clone)]
pub struct StandInOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The only token that is accepted; without one, any.
    pub token: Option<String>,
    /// Whom it knows.
    pub persons: KnownPersons,
    /// The fault to begin with.
    pub fault: FaultKind,
    /// How long [`FaultKind::Slow`] lets a client wait.
    pub slowness: Duration,
    /// What [`FaultKind::RateLimited`] asks for, in whole seconds.
    pub retry_after: Duration,
}

impl Default for StandInOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            token: None,
            persons: KnownPersons::Anyone,
            fault: FaultKind::None,
            slowness: Duration::from_secs(5),
            retry_after: Duration::from_secs(2),
        }
    }
}

/// The stand-in cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("the stand-in cannot listen on {listen}")]
pub struct StandInError {
    /// Where.
    pub listen: SocketAddr,
    /// Why.
    pub source: std::io::Error,
}

impl StandInError {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        "choose another address with --listen; port 0 takes a free one"
    }
}

/// Everything the handlers share.
#[derive(Debug)]
struct Shared {
    tokens: Tokens,
    persons: Persons,
    requests: Requests,
    line: Line,
    slowness: Duration,
    retry_after: Duration,
}

/// The stand-in; see the module.
#[derive(Debug)]
pub struct StandIn;

impl StandIn {
    /// Begins to listen and to answer.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(options: StandInOptions) -> Result<StandInHandle, StandInError> {
        let listen = options.listen;
        let refused = |source| StandInError { listen, source };
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let line = Line::new(options.fault);
        let shared = Arc::new(Shared {
            tokens: Tokens::only(options.token),
            persons: Persons::new(options.persons),
            requests: Requests::default(),
            line: line.clone(),
            slowness: options.slowness,
            retry_after: options.retry_after,
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let router = router(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            let server = axum::serve(line.listen(listener), router);
            tokio::select! {
                _ = server => {}
                _ = stopped => {}
            }
        });
        Ok(StandInHandle { address, shared, stop: Some(stop), task })
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v2/face-recognition/persons/{id}", put(person::put).get(person::get))
        .route("/v2/auth/session", get(session::get))
        .route("/_stand-in/fault", put(fault::put).get(fault::get))
        .route("/persons/{id}/images/{n}", get(pages::image))
        .route("/", get(pages::index))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(shared)
}

/// A running stand-in. It stops when this goes.
#[derive(Debug)]
pub struct StandInHandle {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl StandInHandle {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL for its clients.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Chooses the fault from now on.
    pub fn set_fault(&self, fault: FaultKind) {
        self.shared.line.set_fault(fault);
    }

    /// Chooses the only accepted token from now on; `None` accepts any.
    pub fn set_token(&self, token: Option<String>) {
        self.shared.tokens.replace(token);
    }

    /// The PUTs that were answered, oldest first; at most the last 16,384.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.shared.requests.all()
    }

    /// The picture `number` (from 0) of a person, as it was sent.
    pub fn image(&self, person_id: &str, number: usize) -> Option<Vec<u8>> {
        self.shared.persons.image(person_id, number).map(|picture| picture.bytes.clone())
    }

    /// The person as the API shows it, with its pictures in base64.
    pub fn person(&self, person_id: &str) -> Option<serde_json::Value> {
        self.shared.persons.shown(person_id)
    }

    /// Waits until the server ends by itself, which it does not: for `stand-in` in the foreground.
    pub async fn wait(&mut self) {
        let _ = (&mut self.task).await;
    }

    /// Closes the listener and every connection.
    pub async fn stop(mut self) {
        self.shared.line.set_fault(FaultKind::Down);
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let _ = (&mut self.task).await;
    }
}
