//! The persons API over HTTP.
//!
//! **Invariants**
//! - The token goes to the configured origin only: redirects are never followed, and plain HTTP is refused
//!   except to this very machine.
//! - Whatever the server does, memory and time are bounded: the answer is shortened while it arrives, each
//!   read and the whole exchange have their time-outs.
//! - Every fault is an [`Answer`]; only a wrong configuration is an error.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderValue};
use reqwest::{Client, Url};

use crate::domain::{PersonUpdate, WallTime};

use super::clock_guard::ClockGuard;
use super::envelope;
use super::fault::classify;
use super::policy::{Answer, Body, ClockTrust, Response, RetryAfter};
use super::squeeze::{Appetite, Squeezer};
use super::tls::client_config;
use super::token::{Token, TokenFile};
use super::wire::{RequestBody, person_path};
use super::{PersonsApi, TokenMark};

/// The slowest link that is waited for, in bytes a second.
const SLOWEST: u64 = 16 * 1024;
/// How long a connection may lie idle before it is closed.
const IDLE: Duration = Duration::from_secs(30);
/// How long sent bytes may stay unacknowledged before the connection counts as dead.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Where and how to reach the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// Such as `https://api.verifik.co`; a path in it is kept as a prefix.
    pub base_url: String,
    /// Trusts exactly the authorities in this PEM file instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// Shown to a server that asks who this is.
    pub client_certificate: Option<ClientCertificate>,
    /// For name, connection and handshake together.
    pub connect_timeout: Duration,
    /// For each piece of an answer.
    pub read_timeout: Duration,
    /// For the whole exchange, on top of the time that the update's size takes at 16 kB/s.
    pub request_timeout: Duration,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            base_url: "https://api.verifik.co".to_owned(),
            ca_file: None,
            client_certificate: None,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(60),
        }
    }
}

/// The two PEM files that tell a server who this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate, followed by its chain.
    pub cert_file: PathBuf,
    /// Its private key, in any of the usual forms, without a password.
    pub key_file: PathBuf,
}

/// A configuration that no client can be made of.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The base URL cannot be used.
    #[error("base URL \"{url}\": {what}")]
    BaseUrl {
        /// As configured, without user and password.
        url: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The CA file cannot be used.
    #[error("CA file {} cannot be used", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The client certificate or its key cannot be used.
    #[error("client certificate file {} cannot be used", path.display())]
    ClientCertificate {
        /// The file; the certificate's where the two do not belong together.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The client cannot be made.
    #[error("the HTTP client cannot be made")]
    Client {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl HttpError {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::BaseUrl { .. } => {
                "set verifik.base_url to an https:// address (http:// only to this machine), \
                 without user, query or fragment"
            }
            Self::CaFile { .. } => {
                "set verifik.ca_file to a readable PEM file with the CA's certificate"
            }
            Self::ClientCertificate { .. } => {
                "set verifik.client_cert_file and verifik.client_key_file to readable PEM files that \
                 belong together; the key must not have a password"
            }
            Self::Client { .. } => "check the proxy settings in the environment",
        }
    }
}

/// Sends updates to the persons API.
#[derive(Debug)]
pub struct HttpPersonsApi {
    pub(super) client: Client,
    pub(super) base: Base,
    pub(super) token: Arc<TokenFile>,
    clock: Arc<ClockGuard>,
    read_timeout: Duration,
    pub(super) request_timeout: Duration,
}

impl HttpPersonsApi {
    /// Makes the client; nothing is sent yet.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn new(
        settings: &HttpSettings,
        token: Arc<TokenFile>,
        clock: Arc<ClockGuard>,
    ) -> Result<Self, HttpError> {
        let base = Base::parse(&settings.base_url)?;
        let tls = client_config(
            settings.ca_file.as_deref(),
            settings.client_certificate.as_ref(),
            Arc::clone(&clock),
        )?;
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("kiosk-enroll/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .https_only(base.transport == Transport::Tls)
            .connect_timeout(settings.connect_timeout)
            .tcp_user_timeout(UNACKNOWLEDGED)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(1);
        if base.host == Host::ThisMachine {
            builder = builder.no_proxy();
        }
        let client =
            builder.build().map_err(|source| HttpError::Client { source: source.into() })?;
        Ok(Self {
            client,
            base,
            token,
            clock,
            read_timeout: settings.read_timeout,
            request_timeout: settings.request_timeout,
        })
    }

    async fn exchange(&self, update: Arc<PersonUpdate>) -> Answer {
        let token = match self.token.read() {
            Ok(token) => token,
            Err(error) => {
                return Answer::NoToken { reason: format!("{error}; {}", error.hint()) };
            }
        };
        let url = format!("{}{}", self.base.prefix, person_path(update.person_id()));
        let body = RequestBody::new(update);
        let length = body.length();
        let Some(bearer) = bearer(&token) else {
            return Answer::NoToken { reason: "the token cannot stand in a header".to_owned() };
        };
        let chunks = futures_util::stream::iter(body.map(Ok::<_, std::io::Error>));
        let request = self
            .client
            .put(url)
            .header(AUTHORIZATION, bearer)
            .header(CONTENT_TYPE, "application/json")
            .header(CONTENT_LENGTH, length)
            .timeout(self.request_timeout + Duration::from_secs(length / SLOWEST))
            .body(reqwest::Body::wrap_stream(chunks));
        match request.send().await {
            Ok(response) => self.read(response).await,
            Err(error) => Answer::Failed(classify(&error)),
        }
    }

    pub(super) async fn read(&self, mut response: reqwest::Response) -> Answer {
        let status = response.status().as_u16();
        let date = header_date(response.headers());
        if self.base.transport == Transport::Tls
            && let Some(at) = date
        {
            self.clock.saw_server_time(at);
        }
        let retry_after = response.headers().get("retry-after").and_then(retry_after);
        let mut squeezer = Squeezer::default();
        let body = loop {
            match tokio::time::timeout(self.read_timeout, response.chunk()).await {
                Ok(Ok(Some(chunk))) => {
                    if squeezer.push(&chunk) == Appetite::Full {
                        break Body::TooLong;
                    }
                }
                Ok(Ok(None)) => break envelope::parse(&squeezer.into_kept()),
                Ok(Err(_)) | Err(_) => break Body::CutOff,
            }
        };
        Answer::Response(Response { status, retry_after, date, body })
    }
}

impl PersonsApi for HttpPersonsApi {
    fn put(&self, update: Arc<PersonUpdate>) -> BoxFuture<'_, Answer> {
        Box::pin(self.exchange(update))
    }

    fn token_mark(&self) -> TokenMark {
        self.token.mark()
    }

    fn clock_trust(&self) -> ClockTrust {
        self.clock.trust()
    }
}

/// The token as a header that no `Debug` shows.
pub(super) fn bearer(token: &Token) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {}", token.reveal())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// How the server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Tls,
    Plain,
}

/// Where the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Host {
    /// Reached without any proxy.
    ThisMachine,
    /// Reached as the proxy settings of the environment say.
    Elsewhere,
}

/// A base URL that may be given a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Base {
    /// Without a slash at its end.
    pub(super) prefix: String,
    transport: Transport,
    host: Host,
}

impl Base {
    fn parse(text: &str) -> Result<Self, HttpError> {
        let refused = |url: &str, what| HttpError::BaseUrl { url: url.to_owned(), what };
        let url = Url::parse(text).map_err(|_| refused(&shown(text), "it is not an address"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused(&shown(text), "it holds a user or a password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refused(text, "it has a query or a fragment"));
        }
        let host = host_of(&url);
        let transport = match (url.scheme(), host) {
            ("https", _) => Transport::Tls,
            ("http", Host::ThisMachine) => Transport::Plain,
            ("http", Host::Elsewhere) => {
                return Err(refused(text, "plain HTTP would show the token and the faces"));
            }
            _ => return Err(refused(text, "it is not an HTTP address")),
        };
        Ok(Self { prefix: url.as_str().trim_end_matches('/').to_owned(), transport, host })
    }
}

/// A refused address without what may stand before the `@`.
fn shown(text: &str) -> String {
    text.rsplit('@').next().unwrap_or_default().chars().take(200).collect()
}

fn host_of(url: &Url) -> Host {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = bare.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    if loopback || host == "localhost" { Host::ThisMachine } else { Host::Elsewhere }
}

fn header_date(headers: &HeaderMap) -> Option<WallTime> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

fn retry_after(value: &HeaderValue) -> Option<RetryAfter> {
    let text = value.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(RetryAfter::Seconds(text.parse().unwrap_or(u64::MAX)));
    }
    http_date(text).map(RetryAfter::Date)
}

fn http_date(text: &str) -> Option<WallTime> {
    let at = httpdate::parse_http_date(text).ok()?;
    let since = at.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(WallTime::from_unix_millis(i64::try_from(since.as_millis()).ok()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_keeps_its_path_and_loses_its_last_slash() {
        for (text, prefix) in [
            ("https://api.verifik.co", "https://api.verifik.co"),
            ("https://relay.example/verifik/", "https://relay.example/verifik"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080/x", "http://[::1]:8080/x"),
            ("http://localhost:1", "http://localhost:1"),
        ] {
            assert_eq!(Base::parse(text).unwrap().prefix, prefix);
        }
    }

    #[test]
    fn an_address_that_would_show_the_token_is_refused() {
        for text in [
            "http://api.verifik.co",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "https://user:pass@api.verifik.co",
            "https://api.verifik.co/?a=b",
            "ftp://api.verifik.co",
            "api.verifik.co",
            "",
        ] {
            let error = Base::parse(text).unwrap_err();
            assert!(!error.to_string().contains("pass@"), "{error}");
        }
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let read = |text: &'static str| retry_after(&HeaderValue::from_static(text));
        assert_eq!(read("120"), Some(RetryAfter::Seconds(120)));
        assert_eq!(read("99999999999999999999999"), Some(RetryAfter::Seconds(u64::MAX)));
        let date = WallTime::from_unix_millis(784_111_777_000);
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(RetryAfter::Date(date)));
        for bad in ["", "soon", "-1", "1.5"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
