//! Tells from a transport error what went wrong, by the types in its chain, never by its text.

use std::error::Error;
use std::io::{self, ErrorKind};

use rustls::{AlertDescription as Alert, CertificateError as Certificate};

use super::policy::LinkFault;

/// Classifies an error that came before a status line.
pub(super) fn classify(error: &reqwest::Error) -> LinkFault {
    if let Some(fault) = find(error, tls) {
        return fault;
    }
    if error.is_dns() {
        LinkFault::Dns
    } else if error.is_connect() {
        LinkFault::Connect
    } else if error.is_timeout() {
        LinkFault::TimedOut
    } else {
        match find(error, |error| error.downcast_ref::<io::Error>().map(io::Error::kind)) {
            Some(ErrorKind::TimedOut) => LinkFault::TimedOut,
            Some(ErrorKind::ConnectionRefused | ErrorKind::NetworkUnreachable) => {
                LinkFault::Connect
            }
            _ => LinkFault::Reset,
        }
    }
}

fn tls(error: &(dyn Error + 'static)) -> Option<LinkFault> {
    Some(match error.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            Certificate::Expired | Certificate::ExpiredContext { .. } => {
                LinkFault::CertificateExpired
            }
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
                LinkFault::CertificateNotYetValid
            }
            Certificate::UnknownIssuer | Certificate::BadSignature => LinkFault::CertificateIssuer,
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                LinkFault::CertificateName
            }
            _ => LinkFault::Tls,
        },
        rustls::Error::AlertReceived(alert) if is_about_us(*alert) => LinkFault::ClientCertificate,
        _ => LinkFault::Tls,
    })
}

/// Whether a server complains about the certificate that it was shown, or not shown (RFC 8446, 6.2).
const fn is_about_us(alert: Alert) -> bool {
    matches!(
        alert,
        Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
    )
}

/// The first finding in the chain. An [`io::Error`] hides what it wraps from `source`, so it is looked into.
fn find<T>(
    error: &(dyn Error + 'static),
    look: impl Fn(&(dyn Error + 'static)) -> Option<T> + Copy,
) -> Option<T> {
    if let Some(found) = look(error) {
        return Some(found);
    }
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    if let Some(found) = wrapped.and_then(|inner| find(inner, look)) {
        return Some(found);
    }
    error.source().and_then(|source| find(source, look))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(error: rustls::Error) -> io::Error {
        io::Error::new(ErrorKind::InvalidData, io::Error::other(error))
    }

    #[test]
    fn a_certificates_fault_is_found_however_deep_it_is_wrapped() {
        for (certificate, fault) in [
            (Certificate::Expired, LinkFault::CertificateExpired),
            (Certificate::NotValidYet, LinkFault::CertificateNotYetValid),
            (Certificate::UnknownIssuer, LinkFault::CertificateIssuer),
            (Certificate::NotValidForName, LinkFault::CertificateName),
            (Certificate::Revoked, LinkFault::Tls),
        ] {
            let error = wrapped(rustls::Error::InvalidCertificate(certificate));
            assert_eq!(find(&error, tls), Some(fault));
        }
    }

    #[test]
    fn a_servers_complaint_about_our_certificate_is_found() {
        for (alert, fault) in [
            (Alert::CertificateRequired, LinkFault::ClientCertificate),
            (Alert::UnknownCA, LinkFault::ClientCertificate),
            (Alert::ProtocolVersion, LinkFault::Tls),
        ] {
            let error = wrapped(rustls::Error::AlertReceived(alert));
            assert_eq!(find(&error, tls), Some(fault));
        }
    }

    #[test]
    fn other_faults_of_the_handshake_are_faults_of_tls() {
        assert_eq!(find(&wrapped(rustls::Error::DecryptError), tls), Some(LinkFault::Tls));
        assert_eq!(find(&io::Error::from(ErrorKind::TimedOut), tls), None);
    }
}
