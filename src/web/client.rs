//! Asks the running agent from another process, through its Unix socket.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use reqwest::{Method, Response};
use rustls::{ClientConfig, RootCertStore};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::upkeep::{
    CarriedUpdate, ExportEnd, ExportMarked, ExportPlan, ExportRequest, ImportOutcome, VerifyReport,
};
use super::wire::{
    EnrollmentReport, Event, FlushReport, PersonRequest, QueueItem, ReceiptReport, StatusReport,
    UpdateReport,
};
use crate::failure::{Exit, Failure};

/// The host in the request line; over a Unix socket it names nobody.
const HOST: &str = "http://agent";

/// How much longer than a flush may take its answer is waited for.
const TO_ANSWER: Duration = Duration::from_secs(15);

/// A connection to the running agent.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
}

impl Client {
    /// Connects to the agent at `socket`; `None` when no agent listens there.
    ///
    /// # Errors
    /// When the socket is there but may not be opened.
    pub fn connect(socket: &Path) -> Result<Option<Self>, Failure> {
        match UnixStream::connect(socket) {
            Ok(_) => {}
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) =>
            {
                return Ok(None);
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                return Err(Failure::new(
                    Exit::Permission,
                    format!("the agent's socket {} may not be opened", socket.display()),
                )
                .hint("run as root, or join the group kiosk-enroll"));
            }
            // A path that is too long for a socket can have no agent behind it.
            Err(error) if error.kind() == ErrorKind::InvalidInput => return Ok(None),
            Err(error) => {
                return Err(Failure::new(
                    Exit::Io,
                    format!("socket {}: {error}", socket.display()),
                ));
            }
        }
        let http = tls().and_then(|tls| {
            let builder = reqwest::Client::builder().unix_socket(socket.to_owned());
            let built = builder.tls_backend_preconfigured(tls).build();
            built.map_err(|error| Failure::caused(Exit::Internal, &error))
        });
        http.map(|http| Some(Self { http }))
    }

    /// Asks for the status.
    ///
    /// # Errors
    /// When the agent does not answer.
    pub async fn status(&self) -> Result<StatusReport, Failure> {
        self.ask(Method::GET, "/v1/status", None::<&()>).await
    }

    /// Asks for the queue.
    ///
    /// # Errors
    /// When the agent does not answer.
    pub async fn queue(&self) -> Result<Vec<QueueItem>, Failure> {
        self.ask(Method::GET, "/v1/queue", None::<&()>).await
    }

    /// Asks for the receipts at hand.
    ///
    /// # Errors
    /// When the agent does not answer.
    pub async fn receipts(&self) -> Result<Vec<ReceiptReport>, Failure> {
        self.ask(Method::GET, "/v1/receipts", None::<&()>).await
    }

    /// Asks for the figures in Prometheus' text format.
    ///
    /// # Errors
    /// When the agent does not answer.
    pub async fn metrics(&self) -> Result<String, Failure> {
        let response = self.send(Method::GET, "/metrics", None::<&()>).await?;
        response.text().await.map_err(|error| unanswered(&error))
    }

    /// Asks for one update.
    ///
    /// # Errors
    /// When there is none with this id, or the agent does not answer.
    pub async fn queued(&self, id: &str) -> Result<QueueItem, Failure> {
        self.ask(Method::GET, &format!("/v1/queue/{id}"), None::<&()>).await
    }

    /// Gives a parked update another try.
    ///
    /// # Errors
    /// When it is refused, or the agent does not answer.
    pub async fn retry(&self, id: &str) -> Result<QueueItem, Failure> {
        self.ask(Method::POST, &format!("/v1/queue/{id}/retry"), None::<&()>).await
    }

    /// Removes an update for good.
    ///
    /// # Errors
    /// When it is refused, or the agent does not answer.
    pub async fn discard(&self, id: &str) -> Result<QueueItem, Failure> {
        self.ask(Method::DELETE, &format!("/v1/queue/{id}"), None::<&()>).await
    }

    /// Checks the queue; changes nothing.
    ///
    /// # Errors
    /// When the agent does not answer.
    pub async fn verify(&self) -> Result<VerifyReport, Failure> {
        self.ask(Method::GET, "/v1/verify", None::<&()>).await
    }

    /// Asks what an export is to hold.
    ///
    /// # Errors
    /// When it is refused, or the agent does not answer.
    pub async fn plan_export(&self, request: &ExportRequest) -> Result<ExportPlan, Failure> {
        self.ask(Method::POST, "/v1/export", Some(request)).await
    }

    /// Tells that an export is finished which moves its updates.
    ///
    /// # Errors
    /// When it is refused, or the agent does not answer.
    pub async fn end_export(&self, end: &ExportEnd) -> Result<ExportMarked, Failure> {
        self.ask(Method::POST, "/v1/export/finished", Some(end)).await
    }

    /// Asks for an update with its contents.
    ///
    /// # Errors
    /// When it is refused, or the agent does not answer.
    pub async fn carry(&self, id: &str) -> Result<CarriedUpdate, Failure> {
        self.ask(Method::POST, &format!("/v1/queue/{id}/contents"), None::<&()>).await
    }

    /// Hands over an update that another device exported.
    ///
    /// # Errors
    /// When it is refused, or the agent does not answer.
    pub async fn import(&self, carried: &CarriedUpdate) -> Result<ImportOutcome, Failure> {
        self.ask(Method::POST, "/v1/import", Some(carried)).await
    }

    /// Queues an update.
    ///
    /// # Errors
    /// When it is refused, or the agent does not answer.
    pub async fn update(&self, request: &PersonRequest) -> Result<UpdateReport, Failure> {
        self.ask(Method::POST, "/v1/updates", Some(request)).await
    }

    /// Delivers what can be delivered now.
    ///
    /// # Errors
    /// When the agent does not answer, or is busy for as long as that.
    pub async fn flush(&self, limit: Duration) -> Result<FlushReport, Failure> {
        let path = format!("/v1/flush?timeout_s={}", limit.as_secs().max(1));
        let asked = self.ask(Method::POST, &path, None::<&()>);
        tokio::time::timeout(limit.saturating_add(TO_ANSWER), asked).await.unwrap_or_else(|_| {
            let error = "the agent has not answered in the time that the flush had";
            Err(Failure::new(Exit::TryLater, error)
                .hint("`kiosk-enroll status` tells how it stands"))
        })
    }

    /// Starts an enrollment.
    ///
    /// # Errors
    /// When it is refused, or the agent does not answer.
    pub async fn enroll(&self, request: &PersonRequest) -> Result<EnrollmentReport, Failure> {
        self.ask(Method::POST, "/v1/enrollments", Some(request)).await
    }

    /// Asks where an enrollment stands.
    ///
    /// # Errors
    /// When there is none with this id, or the agent does not answer.
    pub async fn enrollment(&self, id: &str) -> Result<EnrollmentReport, Failure> {
        self.ask(Method::GET, &format!("/v1/enrollments/{id}"), None::<&()>).await
    }

    /// Cancels an enrollment.
    ///
    /// # Errors
    /// When there is none with this id, or the agent does not answer.
    pub async fn cancel(&self, id: &str) -> Result<EnrollmentReport, Failure> {
        self.ask(Method::DELETE, &format!("/v1/enrollments/{id}"), None::<&()>).await
    }

    /// Listens to what happens from now on.
    ///
    /// # Errors
    /// When the agent does not answer.
    pub async fn events(&self) -> Result<Events, Failure> {
        let response = self.send(Method::GET, "/v1/events", None::<&()>).await?;
        let pieces = response.bytes_stream().map(|piece| piece.ok().map(|bytes| bytes.to_vec()));
        Ok(Events { response: Box::pin(pieces), pending: Vec::new() })
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, Failure> {
        let response = self.send(method, path, body).await?;
        let bytes = response.bytes().await.map_err(|error| unanswered(&error))?;
        serde_json::from_slice(&bytes).map_err(|error| {
            Failure::new(
                Exit::Internal,
                format!("the agent's answer to {path} cannot be read: {error}"),
            )
            .hint("is the running agent of another version? `systemctl restart kiosk-enroll`")
        })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Response, Failure> {
        let mut request = self.http.request(method, format!("{HOST}{path}"));
        if let Some(body) = body {
            let json = serde_json::to_vec(body)
                .map_err(|error| Failure::caused(Exit::Internal, &error))?;
            request = request.header("content-type", "application/json").body(json);
        }
        let response = request.send().await.map_err(|error| unanswered(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let bytes = response.bytes().await.map_err(|error| unanswered(&error))?;
        Err(serde_json::from_slice(&bytes).unwrap_or_else(|_| {
            Failure::new(Exit::Internal, format!("the agent answered {status} to {path}"))
        }))
    }
}

/// A configuration that trusts nobody: the socket speaks plain HTTP, and a kiosk without the system's
/// certificates must still have its commands.
fn tls() -> Result<ClientConfig, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::caused(Exit::Internal, &error))?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

fn unanswered(error: &reqwest::Error) -> Failure {
    let mut failure = Failure::caused(Exit::Unavailable, error);
    failure.error = format!("the agent does not answer: {}", failure.error);
    failure.hint("`kiosk-enroll status` tells whether it runs")
}

/// The agent's events, one after the other.
pub struct Events {
    response: Pin<Box<dyn Stream<Item = Option<Vec<u8>>> + Send>>,
    pending: Vec<u8>,
}

impl Events {
    /// Waits for the next event; `None` when the agent has gone.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.take_pending() {
                return Some(event);
            }
            let piece = self.response.next().await??;
            self.pending.extend_from_slice(&piece);
        }
    }

    /// Takes the next complete event out of the bytes at hand; passes over comments and unknown events.
    fn take_pending(&mut self) -> Option<Event> {
        while let Some(end) = self.pending.windows(2).position(|pair| pair == b"\n\n") {
            let block: Vec<u8> = self.pending.drain(..end + 2).collect();
            let data: Vec<u8> = block
                .split(|byte| *byte == b'\n')
                .filter_map(|line| line.strip_prefix(b"data:"))
                .flatten()
                .copied()
                .collect();
            if let Ok(event) = serde_json::from_slice(&data) {
                return Some(event);
            }
        }
        None
    }
}
