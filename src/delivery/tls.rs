//! Builds the TLS configuration: ring, the public roots or exactly the given ones, the client certificate if
//! there is one, and the guarded clock.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::clock_guard::ClockGuard;
use super::http::{ClientCertificate, HttpError};

/// Why a file cannot be used.
type Cause = Box<dyn Error + Send + Sync>;

/// TLS 1.2 and 1.3, HTTP/2 or 1.1. With a CA file only the authorities in it are trusted.
pub(super) fn client_config(
    ca_file: Option<&Path>,
    client: Option<&ClientCertificate>,
    clock: Arc<ClockGuard>,
) -> Result<ClientConfig, HttpError> {
    let roots = match ca_file {
        Some(path) => roots_in(path)?,
        None => RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_details(provider, clock)
        .with_safe_default_protocol_versions()
        .map_err(|source| HttpError::Client { source: source.into() })?
        .with_root_certificates(roots);
    let mut config = match client {
        None => builder.with_no_client_auth(),
        Some(files) => {
            let (chain, key) = identity(files)?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|source| refused(&files.cert_file, source))?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn roots_in(path: &Path) -> Result<RootCertStore, HttpError> {
    let refused = |source: Cause| HttpError::CaFile { path: path.to_owned(), source };
    let mut roots = RootCertStore::empty();
    for certificate in certificates_in(path).map_err(refused)? {
        roots.add(certificate).map_err(|e| refused(e.into()))?;
    }
    Ok(roots)
}

/// The chain and the key of a client certificate.
fn identity(
    files: &ClientCertificate,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), HttpError> {
    let chain =
        certificates_in(&files.cert_file).map_err(|source| refused(&files.cert_file, source))?;
    let key = PrivateKeyDer::from_pem_file(&files.key_file)
        .map_err(|source| refused(&files.key_file, source))?;
    Ok((chain, key))
}

fn refused(path: &Path, source: impl Into<Cause>) -> HttpError {
    HttpError::ClientCertificate { path: path.to_owned(), source: source.into() }
}

/// Every certificate of a PEM file, one at least.
fn certificates_in(path: &Path) -> Result<Vec<CertificateDer<'static>>, Cause> {
    let certificates = CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>()?;
    if certificates.is_empty() {
        return Err("it holds no certificate".into());
    }
    Ok(certificates)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    fn build(
        ca_file: Option<&Path>,
        client: Option<&ClientCertificate>,
    ) -> Result<ClientConfig, HttpError> {
        client_config(ca_file, client, Arc::new(ClockGuard::new(None)))
    }

    #[test]
    fn the_public_roots_are_there_without_any_file() {
        assert!(build(None, None).is_ok());
    }

    #[test]
    fn a_ca_file_without_a_certificate_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        assert!(build(Some(&path), None).unwrap_err().to_string().contains("ca.pem"));
        std::fs::write(&path, "not a certificate").unwrap();
        assert!(matches!(build(Some(&path), None).unwrap_err(), HttpError::CaFile { .. }));
    }

    #[test]
    fn each_half_of_a_client_certificate_is_refused_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["kiosk".to_owned()]).unwrap();
        let cert_file = write("kiosk.pem", &params.self_signed(&key).unwrap().pem());
        let key_file = write("kiosk.key", &key.serialize_pem());
        let other = write("other.key", &rcgen::KeyPair::generate().unwrap().serialize_pem());
        let empty = write("empty.pem", "");
        let missing = folder.path().join("missing.pem");
        let tried = |cert: &Path, key: &Path| {
            let files = ClientCertificate { cert_file: cert.into(), key_file: key.into() };
            build(None, Some(&files)).map_err(|error| error.to_string())
        };
        assert!(tried(&cert_file, &key_file).is_ok());
        for (cert, key, named) in [
            (&missing, &key_file, "missing.pem"),
            (&empty, &key_file, "empty.pem"),
            (&cert_file, &missing, "missing.pem"),
            (&cert_file, &empty, "empty.pem"),
            (&cert_file, &other, "kiosk.pem"),
        ] {
            let refusal = tried(cert, key).unwrap_err();
            assert!(refusal.contains(named), "{refusal}");
        }
    }
}
