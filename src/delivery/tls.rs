//! Builds the TLS configuration: ring, the public roots or exactly the given ones, and the guarded clock.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::clock_guard::ClockGuard;
use super::http::HttpError;

/// TLS 1.2 and 1.3, HTTP/2 or 1.1. With a CA file only the authorities in it are trusted.
pub(super) fn client_config(
    ca_file: Option<&Path>,
    clock: Arc<ClockGuard>,
) -> Result<ClientConfig, HttpError> {
    let roots = match ca_file {
        Some(path) => roots_in(path)?,
        None => RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_details(provider, clock)
        .with_safe_default_protocol_versions()
        .map_err(|source| HttpError::Client { source: source.into() })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn roots_in(path: &Path) -> Result<RootCertStore, HttpError> {
    let refused = |source: Box<dyn std::error::Error + Send + Sync>| HttpError::CaFile {
        path: path.to_owned(),
        source,
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|e| refused(e.into()))? {
        let certificate = certificate.map_err(|e| refused(e.into()))?;
        roots.add(certificate).map_err(|e| refused(e.into()))?;
    }
    if roots.is_empty() {
        return Err(refused("it holds no certificate".into()));
    }
    Ok(roots)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    fn build(ca_file: Option<&Path>) -> Result<ClientConfig, HttpError> {
        client_config(ca_file, Arc::new(ClockGuard::new(None)))
    }

    #[test]
    fn the_public_roots_are_there_without_any_file() {
        assert!(build(None).is_ok());
    }

    #[test]
    fn a_ca_file_without_a_certificate_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        assert!(build(Some(&path)).unwrap_err().to_string().contains("ca.pem"));
        std::fs::write(&path, "not a certificate").unwrap();
        assert!(matches!(build(Some(&path)).unwrap_err(), HttpError::CaFile { .. }));
    }
}
