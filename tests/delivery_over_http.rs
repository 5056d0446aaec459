//! What goes over the wire, as a server sees it that is not ours.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod delivery_outbox;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use delivery_outbox::{note, picture, update};
use kiosk_enroll::delivery::{
    Answer, Body, ClockGuard, HttpPersonsApi, HttpSettings, LinkFault, PersonsApi, RetryAfter,
    TokenFile,
};
use kiosk_enroll::domain::UpdateDraft;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wiremock::matchers::{body_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn client(base_url: &str, folder: &TempDir) -> HttpPersonsApi {
    let token = folder.path().join("token");
    std::fs::write(&token, "t0ken\n").unwrap();
    let settings = HttpSettings {
        base_url: base_url.to_owned(),
        read_timeout: Duration::from_secs(2),
        ..HttpSettings::default()
    };
    let token = Arc::new(TokenFile::new(Some(token)));
    HttpPersonsApi::new(&settings, token, Arc::new(ClockGuard::new(None))).unwrap()
}

fn answered() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "id": "x", "data": { "_id": "p 1" } }))
}

#[tokio::test]
async fn every_field_arrives_as_it_was_given_and_images_decode_to_their_bytes() {
    let server = MockServer::start().await;
    Mock::given(method("PUT")).respond_with(answered()).mount(&server).await;
    let pictures = vec![picture(1, 64), picture(2, 512), picture(3, 300)];
    assert!(pictures[1].bytes().len() > 150_000, "spans several chunks");
    let draft = UpdateDraft {
        name: Some("José \"Pepe\" Núñez".into()),
        gender: Some("M".into()),
        date_of_birth: Some("1990-01-15".into()),
        nationality: Some("CO".into()),
        collections: Some(vec!["collection_1".into(), "collection_2".into()]),
        notes: Some("first line\nsecond \\ \u{1F600}".into()),
        images: Some(pictures.clone()),
    };
    let folder = tempfile::tempdir().unwrap();
    let api = client(&server.uri(), &folder);
    let answer = api.put(Arc::new(update("person_1", draft))).await;
    assert!(matches!(answer, Answer::Response(_)), "{answer:?}");

    let request = &server.received_requests().await.unwrap()[0];
    assert_eq!(request.url.path(), "/v2/face-recognition/persons/person_1");
    let header = |name: &str| request.headers.get(name).unwrap().to_str().unwrap();
    assert_eq!(header("authorization"), "Bearer t0ken");
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("content-length"), request.body.len().to_string());
    assert!(header("user-agent").starts_with("kiosk-enroll/"));
    assert!(request.headers.get("transfer-encoding").is_none());

    let mut body: Value = serde_json::from_slice(&request.body).unwrap();
    let images = body.as_object_mut().unwrap().remove("images").unwrap();
    let texts: Vec<&str> = images.as_array().unwrap().iter().map(|i| i.as_str().unwrap()).collect();
    let decoded: Vec<_> = texts.iter().map(|text| STANDARD.decode(text).unwrap()).collect();
    assert_eq!(decoded, pictures.iter().map(|p| p.bytes().to_vec()).collect::<Vec<_>>());
    let expected = json!({
        "name": "José \"Pepe\" Núñez",
        "gender": "M",
        "date_of_birth": "1990-01-15",
        "nationality": "CO",
        "collections": ["collection_1", "collection_2"],
        "notes": "first line\nsecond \\ \u{1F600}",
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn only_the_given_fields_go_and_the_base_urls_path_stays() {
    let server = MockServer::start().await;
    Mock::given(method("PUT"))
        .and(path("/relay/v2/face-recognition/persons/a%3Fb"))
        .and(header("authorization", "Bearer t0ken"))
        .and(body_json(json!({ "notes": "VIP" })))
        .respond_with(answered())
        .expect(1)
        .mount(&server)
        .await;
    let folder = tempfile::tempdir().unwrap();
    let api = client(&format!("{}/relay/", server.uri()), &folder);
    api.put(Arc::new(note("a?b", "VIP"))).await;
}

#[tokio::test]
async fn a_redirect_is_never_followed_with_the_token() {
    let elsewhere = MockServer::start().await;
    Mock::given(method("PUT")).respond_with(answered()).expect(0).mount(&elsewhere).await;
    Mock::given(method("GET")).respond_with(answered()).expect(0).mount(&elsewhere).await;
    let server = MockServer::start().await;
    let away = ResponseTemplate::new(307).insert_header("location", elsewhere.uri());
    Mock::given(method("PUT")).respond_with(away).mount(&server).await;
    let folder = tempfile::tempdir().unwrap();
    let answer = client(&server.uri(), &folder).put(Arc::new(note("a", "1"))).await;
    assert!(matches!(answer, Answer::Response(response) if response.status == 307));
}

#[tokio::test]
async fn retry_after_and_the_servers_words_come_through() {
    let server = MockServer::start().await;
    let busy = ResponseTemplate::new(503)
        .insert_header("retry-after", "7")
        .set_body_json(json!({ "message": "internal_error", "code": "ERROR" }));
    Mock::given(method("PUT")).respond_with(busy).mount(&server).await;
    let folder = tempfile::tempdir().unwrap();
    let answer = client(&server.uri(), &folder).put(Arc::new(note("a", "1"))).await;
    let Answer::Response(response) = answer else { panic!("{answer:?}") };
    assert_eq!(response.retry_after, Some(RetryAfter::Seconds(7)));
    assert_eq!(response.body, Body::Words("ERROR: internal_error".into()));
}

#[tokio::test]
async fn an_answer_full_of_faces_is_understood_without_being_kept() {
    let server = MockServer::start().await;
    let faces = vec!["A".repeat(6_000_000); 3];
    let full = json!({ "data": { "images": faces, "_id": "a", "notes": "1" } });
    let full = ResponseTemplate::new(200).set_body_json(full);
    Mock::given(method("PUT")).respond_with(full).mount(&server).await;
    let folder = tempfile::tempdir().unwrap();
    let answer = client(&server.uri(), &folder).put(Arc::new(note("a", "1"))).await;
    let Answer::Response(response) = answer else { panic!("{answer:?}") };
    let Body::Person(person) = response.body else { panic!("{:?}", response.body) };
    assert_eq!((person.id.as_deref(), person.images), (Some("a"), Some(3)));
}

#[tokio::test]
async fn a_token_is_read_anew_when_its_file_changes() {
    let server = MockServer::start().await;
    Mock::given(method("PUT")).respond_with(answered()).mount(&server).await;
    let folder = tempfile::tempdir().unwrap();
    let api = client(&server.uri(), &folder);
    api.put(Arc::new(note("a", "1"))).await;
    let mark = api.token_mark();
    std::fs::remove_file(folder.path().join("token")).unwrap();
    assert_ne!(api.token_mark(), mark);
    let answer = api.put(Arc::new(note("a", "1"))).await;
    assert!(matches!(&answer, Answer::NoToken { reason } if reason.contains("token set")));
    std::fs::write(folder.path().join("token"), "another").unwrap();
    api.put(Arc::new(note("a", "1"))).await;
    let requests = server.received_requests().await.unwrap();
    let tokens: Vec<_> = requests.iter().map(|r| r.headers["authorization"].clone()).collect();
    assert_eq!(tokens, ["Bearer t0ken", "Bearer another"]);
}

/// Serves one connection with raw bytes, then closes it.
async fn raw_server(answer: &'static [u8]) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 64 * 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn a_broken_line_is_told_from_a_broken_answer() {
    let folder = tempfile::tempdir().unwrap();
    let put = async |base: String| client(&base, &folder).put(Arc::new(note("a", "1"))).await;

    let answer = put(raw_server(b"").await).await;
    assert_eq!(answer, Answer::Failed(LinkFault::Reset));

    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"data\":{\"_id\":\"a\"";
    let answer = put(raw_server(half).await).await;
    assert!(
        matches!(&answer, Answer::Response(r) if r.status == 200 && r.body == Body::CutOff),
        "{answer:?}"
    );

    let unframed = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"data\":{\"_id\":\"a\"";
    let answer = put(raw_server(unframed).await).await;
    assert!(matches!(&answer, Answer::Response(r) if r.body == Body::CutOff), "{answer:?}");

    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let answer = put(format!("http://{address}")).await;
    assert_eq!(answer, Answer::Failed(LinkFault::Connect));
}
