//! Certificates: who is trusted, and what each fault of a certificate is called.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod delivery_outbox;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use delivery_outbox::note;
use kiosk_enroll::clock::wall_now;
use kiosk_enroll::delivery::{
    Answer, Body, ClockGuard, ClockTrust, HttpPersonsApi, HttpSettings, LinkFault, PersonsApi,
    TokenFile,
};
use kiosk_enroll::domain::WallTime;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

/// A certificate authority that exists for one test.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = date_time_ymd(1990, 1, 1);
        params.not_after = date_time_ymd(2190, 1, 1);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Starts a server with a certificate for `name`, valid in these years.
    fn serve(&self, name: &str, years: std::ops::Range<i32>) -> SocketAddr {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(years.start, 1, 1);
        params.not_after = date_time_ymd(years.end, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        listen(Arc::new(config))
    }

    fn write_to(&self, folder: &TempDir) -> std::path::PathBuf {
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, self.0.pem()).unwrap();
        path
    }
}

fn listen(config: Arc<ServerConfig>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            // A client that refuses the certificate ends here.
            let _ = answer(&mut stream);
        }
    });
    address
}

fn answer(stream: &mut (impl Read + Write)) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"}") {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&piece[..read]);
    }
    let body = r#"{"data":{"_id":"a","notes":"1"}}"#;
    let date = httpdate::fmt_http_date(std::time::SystemTime::now());
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ndate: {date}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    stream.flush()
}

struct Client {
    api: HttpPersonsApi,
    clock: Arc<ClockGuard>,
    _folder: TempDir,
}

impl Client {
    /// Trusts `authority`, or the public ones.
    fn new(address: SocketAddr, authority: Option<&Authority>, floor: Option<WallTime>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "t0ken").unwrap();
        let settings = HttpSettings {
            base_url: format!("https://localhost:{}", address.port()),
            ca_file: authority.map(|authority| authority.write_to(&folder)),
            ..HttpSettings::default()
        };
        let token = Arc::new(TokenFile::new(Some(folder.path().join("token"))));
        let clock = Arc::new(ClockGuard::new(floor));
        let api = HttpPersonsApi::new(&settings, token, Arc::clone(&clock)).unwrap();
        Self { api, clock, _folder: folder }
    }

    async fn put(&self) -> Answer {
        self.api.put(Arc::new(note("a", "1"))).await
    }
}

#[tokio::test]
async fn a_server_of_the_given_authority_is_trusted_and_confirms_the_clock() {
    let authority = Authority::new();
    let client = Client::new(authority.serve("localhost", 2000..2100), Some(&authority), None);
    let answer = client.put().await;
    assert!(
        matches!(&answer, Answer::Response(r) if matches!(r.body, Body::Person(_))),
        "{answer:?}"
    );
    assert_eq!(client.clock.trust(), ClockTrust::Plausible);
}

#[tokio::test]
async fn each_fault_of_a_certificate_has_its_name() {
    let authority = Authority::new();
    let stranger = Authority::new();
    for (name, years, trusted, fault) in [
        ("localhost", 2000..2001, Some(&authority), LinkFault::CertificateExpired),
        ("localhost", 2180..2181, Some(&authority), LinkFault::CertificateNotYetValid),
        ("other.example", 2000..2100, Some(&authority), LinkFault::CertificateName),
        ("localhost", 2000..2100, Some(&stranger), LinkFault::CertificateIssuer),
        ("localhost", 2000..2100, None, LinkFault::CertificateIssuer),
    ] {
        let client = Client::new(authority.serve(name, years), trusted, None);
        assert_eq!(client.put().await, Answer::Failed(fault));
    }
}

#[tokio::test]
async fn a_clock_that_lost_its_years_still_judges_certificates_by_its_floor() {
    let authority = Authority::new();
    let address = authority.serve("localhost", 2150..2160);
    let year_2155 = WallTime::from_unix_millis(5_839_516_800_000);
    let client = Client::new(address, Some(&authority), Some(year_2155));
    assert!(matches!(client.put().await, Answer::Response(_)));
    assert!(client.clock.floor() > wall_now());
    assert_eq!(client.clock.trust(), ClockTrust::Implausible);
}
