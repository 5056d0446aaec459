//! HTTP/2, which the client offers and a large service speaks.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use kiosk_enroll::delivery::{
    Answer, Body, ClockGuard, HttpPersonsApi, HttpSettings, PersonsApi, TokenFile,
};
use kiosk_enroll::domain::UpdateDraft;
use rustls::ServerConfig;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::authority::{ALL_YEARS, Authority, Clients};
use crate::delivery_outbox::{picture, update};

/// Starts a server that answers with the version of the request and the checksum of each image.
async fn serve(tls: Arc<ServerConfig>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(TlsAcceptor::from(Arc::clone(&tls)), stream));
        }
    });
    address
}

async fn converse(acceptor: TlsAcceptor, stream: TcpStream) {
    let stream = acceptor.accept(stream).await.unwrap();
    // Windows far smaller than a picture, as a frugal server has them.
    let mut handshake = h2::server::Builder::new();
    handshake.initial_window_size(20_000).initial_connection_window_size(50_000);
    let mut connection = handshake.handshake::<_, Bytes>(stream).await.unwrap();
    while let Some(request) = connection.accept().await {
        let (request, mut respond) = request.unwrap();
        tokio::spawn(async move {
            let (head, mut body) = request.into_parts();
            let mut whole = Vec::new();
            while let Some(piece) = body.data().await {
                let piece = piece.unwrap();
                whole.extend_from_slice(&piece);
                body.flow_control().release_capacity(piece.len()).unwrap();
            }
            let declared = head.headers["content-length"].to_str().unwrap().parse();
            assert_eq!(declared, Ok(whole.len()));
            let sent: Value = serde_json::from_slice(&whole).unwrap();
            let notes = format!("{:?} {}", head.version, checksums(&sent));
            let data = json!({ "_id": "ada", "notes": notes, "images": sent["images"] });
            let answer = json!({ "id": "x", "data": data }).to_string();
            let mut stream = respond.send_response(http::Response::new(()), false).unwrap();
            stream.send_data(answer.into(), true).unwrap();
        });
    }
}

fn checksums(sent: &Value) -> String {
    let images = sent["images"].as_array().unwrap().iter();
    images.map(|image| checksum(image.as_str().unwrap())).collect::<Vec<_>>().join(" ")
}

fn checksum(base64: &str) -> String {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64).unwrap();
    Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn an_update_of_several_megabytes_arrives_whole_over_http_2() {
    let authority = Authority::new();
    let tls = authority.certify("localhost", ALL_YEARS, Clients::Anyone, b"h2");
    let address = serve(tls).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "t0ken").unwrap();
    let settings = HttpSettings {
        base_url: format!("https://localhost:{}", address.port()),
        ca_file: Some(authority.write_to(folder.path())),
        ..HttpSettings::default()
    };
    let token = Arc::new(TokenFile::new(Some(folder.path().join("token"))));
    let api = HttpPersonsApi::new(&settings, token, Arc::new(ClockGuard::new(None))).unwrap();
    let pictures: Vec<_> = (1..=3).map(|seed| picture(seed, 1_600)).collect();
    let sizes: usize = pictures.iter().map(|picture| picture.bytes().len()).sum();
    assert!(sizes > 3_000_000, "{sizes}");
    let sums: Vec<_> = pictures
        .iter()
        .map(|picture| {
            Sha256::digest(picture.bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
        })
        .collect::<Vec<String>>();
    let draft = UpdateDraft { images: Some(pictures), ..UpdateDraft::default() };
    let draft = Arc::new(update("ada", draft));
    for _ in 0..2 {
        let answer = api.put(Arc::clone(&draft)).await;
        let Answer::Response(response) = &answer else { panic!("{answer:?}") };
        let Body::Person(person) = &response.body else { panic!("{answer:?}") };
        assert_eq!(person.notes.as_deref(), Some(format!("HTTP/2.0 {}", sums.join(" ")).as_str()));
        assert_eq!(person.images, Some(3));
    }
}
