//! A door in front of the stand-in that writes down every PUT: whose it was, what it said, how it was answered.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH};
use axum::response::Response;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::ledger::Values;
use crate::numbers;

/// One PUT that changed a person, in the order in which the changes were made.
#[derive(Debug, Clone)]
pub(crate) struct Put {
    /// The token it came with: every start of the agent has its own.
    pub token: String,
    pub person: String,
    /// The numbers in it, except that of the picture.
    pub values: Values,
    /// Which of the known pictures it carried.
    pub picture: Option<usize>,
    /// Whether the whole answer went out.
    pub answer: Answer,
}

impl Put {
    pub(crate) fn is_whole(&self) -> bool {
        self.answer == Answer::Whole
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Whole,
    CutOff,
}

/// The door; it stays open as long as its runtime.
#[derive(Clone)]
pub(crate) struct Recorder {
    behind: Arc<str>,
    http: reqwest::Client,
    pictures: Arc<HashMap<String, usize>>,
    puts: Arc<Mutex<Vec<Put>>>,
    /// Whether answers break off on their way back.
    cuts: Arc<AtomicBool>,
    /// One after the other, so that what is written down has the order of what happened.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Recorder {
    /// Opens a door before `behind`, which knows these pictures (base64); gives it and its base URL.
    pub(crate) async fn open(behind: &str, pictures: HashMap<String, usize>) -> (Self, String) {
        let recorder = Self {
            behind: behind.into(),
            http: reqwest::Client::new(),
            pictures: Arc::new(pictures),
            puts: Arc::default(),
            cuts: Arc::default(),
            turn: Arc::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(pass).with_state(recorder.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (recorder, url)
    }

    /// Lets answers break off from now on, or no longer.
    pub(crate) fn cut_answers(&self, cuts: bool) {
        self.cuts.store(cuts, Ordering::Relaxed);
    }

    /// Every PUT so far.
    pub(crate) fn puts(&self) -> Vec<Put> {
        self.puts.lock().unwrap().clone()
    }

    fn note(&self, path: &str, token: &str, body: &[u8], answer: Answer) {
        let body: Value = serde_json::from_slice(body).unwrap();
        let text = |field: &str| body.get(field).and_then(Value::as_str);
        let found = [
            ("notes", text("notes").map(|text| text.parse().unwrap())),
            ("name", text("name").map(numbers::from_name)),
            ("collections", body["collections"][0].as_str().map(|text| text.parse().unwrap())),
        ];
        let values = found.into_iter().filter_map(|(field, number)| Some((field, number?)));
        let picture = body["images"][0].as_str().map(|picture| self.pictures[picture]);
        self.puts.lock().unwrap().push(Put {
            token: token.to_owned(),
            person: path.rsplit('/').next().unwrap().to_owned(),
            values: values.collect(),
            picture,
            answer,
        });
    }
}

async fn pass(State(recorder): State<Recorder>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // Who is killed while it sends leaves half a body: that one changes nothing.
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else { return unavailable() };
    let _turn = recorder.turn.lock().await;
    let path = parts.uri.path();
    let asked = recorder
        .http
        .request(parts.method, format!("{}{path}", recorder.behind))
        .headers(parts.headers.clone())
        .body(body.clone())
        .send()
        .await;
    let Ok(answer) = asked else { return unavailable() };
    let status = answer.status();
    let Ok(whole) = answer.bytes().await else { return unavailable() };
    let how = match recorder.cuts.load(Ordering::Relaxed) {
        true => Answer::CutOff,
        false => Answer::Whole,
    };
    if status.is_success() {
        let token = parts.headers.get(AUTHORIZATION).map(|it| it.to_str().unwrap()).unwrap();
        recorder.note(path, token.trim_start_matches("Bearer "), &body, how);
    }
    let response = Response::builder().status(status).header("content-type", "application/json");
    match how {
        Answer::Whole => response.body(Body::from(whole)),
        Answer::CutOff => response.header(CONTENT_LENGTH, whole.len()).body(broken()),
    }
    .unwrap()
}

fn unavailable() -> Response {
    Response::builder().status(503).body(Body::empty()).unwrap()
}

/// A body that breaks off.
fn broken() -> Body {
    let end: Result<Bytes, std::io::Error> = Err(std::io::ErrorKind::ConnectionAborted.into());
    Body::from_stream(futures_util::stream::iter([Ok(Bytes::from_static(b"{")), end]))
}
