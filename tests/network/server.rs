//! A persons API that answers by a script, over TLS, and remembers what it changed.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use rustls::ServerConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep};
use tokio_rustls::TlsAcceptor;

/// One request that arrived whole.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) person: String,
    pub(crate) token: String,
    pub(crate) body: Value,
    pub(crate) length: usize,
    /// When it was there.
    pub(crate) at: Instant,
}

impl Request {
    pub(crate) fn notes(&self) -> String {
        self.body["notes"].as_str().unwrap_or_default().to_owned()
    }
}

/// What a script answers.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    effect: Effect,
    bytes: Vec<u8>,
    /// The last so many bytes come one by one, this far apart.
    dripping: (usize, Duration),
    end: End,
}

/// Whether the person was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Changes,
    Nothing,
}

/// What becomes of the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Stays,
    Closes,
    /// It stays, and the server reads no more.
    Hangs,
}

impl Reply {
    /// 200, with the person as the vendor shows it.
    pub(crate) fn accept(request: &Request) -> Self {
        let mut person = request.body.clone();
        person["_id"] = request.person.clone().into();
        let body = json!({ "id": "x", "data": person, "signature": {} }).to_string();
        Self { effect: Effect::Changes, ..Self::say(200, "", &body) }
    }

    /// A whole answer; `fields` are header lines, each ended by CRLF.
    pub(crate) fn say(status: u16, fields: &str, body: &str) -> Self {
        let date = httpdate::fmt_http_date(std::time::SystemTime::now());
        let head = format!(
            "HTTP/1.1 {status} X\r\ndate: {date}\r\n{fields}content-length: {}\r\n\r\n",
            body.len()
        );
        Self::raw(head + body)
    }

    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        let dripping = (0, Duration::ZERO);
        Self { effect: Effect::Nothing, bytes: bytes.into(), dripping, end: End::Stays }
    }

    /// The person is changed whatever is said about it.
    pub(crate) fn but_done(self) -> Self {
        Self { effect: Effect::Changes, ..self }
    }

    pub(crate) fn and_closed(self) -> Self {
        Self { end: End::Closes, ..self }
    }

    pub(crate) fn and_hung(self) -> Self {
        Self { end: End::Hangs, ..self }
    }

    /// Only the first `length` bytes of it.
    pub(crate) fn cut_to(mut self, length: usize) -> Self {
        self.bytes.truncate(length);
        self
    }

    /// With the number in `content-length` changed by this much.
    pub(crate) fn with_length_off_by(mut self, difference: isize) -> Self {
        let text = String::from_utf8(self.bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let (start, _) = head.rsplit_once(' ').unwrap();
        let length = body.len().checked_add_signed(difference).unwrap();
        self.bytes = format!("{start} {length}\r\n\r\n{body}").into_bytes();
        self
    }

    /// And more that nobody asked for.
    pub(crate) fn followed_by(mut self, more: &str) -> Self {
        self.bytes.extend_from_slice(more.as_bytes());
        self
    }

    /// Its body comes byte by byte.
    pub(crate) fn dripping(mut self, apart: Duration) -> Self {
        let text = String::from_utf8_lossy(&self.bytes);
        let body = text.split_once("\r\n\r\n").unwrap().1.len();
        self.dripping = (body, apart);
        self
    }
}

type Script = Arc<dyn Fn(&Request, usize) -> Reply + Send + Sync>;

/// When a script is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// When the request is there.
    WholeRequest,
    /// When its head is there; the body is read and thrown away, then the connection ends.
    HeadOnly,
}

struct State {
    tls: Arc<ServerConfig>,
    script: Script,
    patience: Patience,
    requests: Vec<Request>,
    /// Person and notes of each change, in order.
    changes: Vec<(String, String)>,
    connections: usize,
}

/// See the module.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
    arrived: watch::Sender<usize>,
}

impl Server {
    pub(crate) async fn start(tls: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = State {
            tls,
            script: Arc::new(|request, _| Reply::accept(request)),
            patience: Patience::WholeRequest,
            requests: Vec::new(),
            changes: Vec::new(),
            connections: 0,
        };
        let arrived = watch::Sender::new(0);
        let server = Self { address, state: Arc::new(Mutex::new(state)), arrived };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = serving.clone();
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        server
    }

    pub(crate) fn answer(&self, script: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) {
        self.state().script = Arc::new(script);
    }

    pub(crate) fn set_patience(&self, patience: Patience) {
        self.state().patience = patience;
    }

    pub(crate) fn certify(&self, tls: Arc<ServerConfig>) {
        self.state().tls = tls;
    }

    /// How many requests have arrived whole.
    pub(crate) fn arrived(&self) -> watch::Receiver<usize> {
        self.arrived.subscribe()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    pub(crate) fn changes(&self) -> Vec<(String, String)> {
        self.state().changes.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state().connections
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn serve(&self, stream: TcpStream) {
        let tls = {
            let mut state = self.state();
            state.connections += 1;
            Arc::clone(&state.tls)
        };
        let accepting = TlsAcceptor::from(tls).accept(stream).into_fallible();
        match accepting.await {
            Ok(mut stream) => {
                let _ = self.converse(&mut stream).await;
                let _ = stream.shutdown().await;
                drain(&mut stream).await;
            }
            // What the server has against the client must reach it before the end of the connection does.
            Err((_, mut stream)) => drain(&mut stream).await,
        }
    }

    async fn converse(&self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Option<()> {
        let mut buffer = Vec::new();
        loop {
            let head = loop {
                if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                    break at + 4;
                }
                more(stream, &mut buffer).await?;
            };
            let mut request = read_head(&buffer[..head])?;
            let early = self.state().patience == Patience::HeadOnly;
            if !early {
                while buffer.len() < head + request.length {
                    more(stream, &mut buffer).await?;
                }
                let body: Vec<u8> = buffer.drain(..head + request.length).skip(head).collect();
                request.body = serde_json::from_slice(&body).unwrap();
                request.at = Instant::now();
            }
            let reply = self.decide(request);
            let (slow, apart) = reply.dripping;
            let (quick, slow) = reply.bytes.split_at(reply.bytes.len() - slow);
            stream.write_all(quick).await.ok()?;
            stream.flush().await.ok()?;
            for byte in slow {
                sleep(apart).await;
                stream.write_all(&[*byte]).await.ok()?;
                stream.flush().await.ok()?;
            }
            match reply.end {
                End::Stays if !early => {}
                End::Hangs => return std::future::pending().await,
                End::Stays | End::Closes => return None,
            }
        }
    }

    fn decide(&self, request: Request) -> Reply {
        let mut state = self.state();
        let script = Arc::clone(&state.script);
        let reply = script(&request, state.requests.len());
        if reply.effect == Effect::Changes {
            state.changes.push((request.person.clone(), request.notes()));
        }
        state.requests.push(request);
        let count = state.requests.len();
        drop(state);
        self.arrived.send_replace(count);
        reply
    }
}

async fn more(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<()> {
    (stream.read_buf(buffer).await.ok()? > 0).then_some(())
}

async fn drain(stream: &mut (impl AsyncRead + Unpin)) {
    let mut piece = [0; 16 * 1024];
    while matches!(stream.read(&mut piece).await, Ok(1..)) {}
}

fn read_head(head: &[u8]) -> Option<Request> {
    let head = std::str::from_utf8(head).ok()?;
    let field = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let path = head.split(' ').nth(1)?;
    Some(Request {
        person: path.rsplit('/').next()?.to_owned(),
        token: field("authorization")?.strip_prefix("Bearer ")?.to_owned(),
        body: json!({}),
        length: field("content-length")?.parse().ok()?,
        at: Instant::now(),
    })
}
