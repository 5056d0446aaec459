//! Does a login page of the site's network stand before the server?
//!
//! Over HTTPS such a page shows itself by a redirect, a web page with status 200, or a certificate that is not
//! the server's. In the last case the server's port 80 is asked, without a token: a portal answers there too.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use super::exchange::{Answerer, Exchange};
use super::finding::{Check, Finding, LIMIT};
use super::network_connection::{Portal, base_url};
use super::rounds::within;
use super::site::Site;
use crate::delivery::LinkFault;
use crate::failure::Exit;

pub(super) const CHECK: Check = Check {
    id: "network.portal",
    expected: "nobody but the server answers",
    exit: Exit::TryLater,
    limit: LIMIT,
    look: |site| match site.exchange() {
        Ok(exchange) => judge(exchange, site.plain()),
        Err(skipped) => skipped,
    },
};

/// How long port 80 is waited for, for each step.
const STEP: Duration = Duration::from_millis(500);
/// How long it is waited for as a whole.
const WHOLE: Duration = Duration::from_millis(900);

/// What port 80 of the server's name answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plain {
    /// Nothing was asked, or nothing came.
    Silent,
    /// A redirect within the server's own name, or an error: servers do that.
    Own,
    /// A redirect to this other host.
    Away(String),
    /// A web page.
    Page,
}

/// Asks port 80, where the way to the server itself does not tell who is there.
pub(super) fn probe(site: &Site) -> Plain {
    let doubtful = matches!(
        site.exchange(),
        Ok(Exchange::Fault(fault)) if *fault != LinkFault::Dns && *fault != LinkFault::ClientCertificate
    );
    let Ok(url) = base_url(site) else { return Plain::Silent };
    let host = match url.host_str() {
        Some(host) if doubtful && url.scheme() == "https" && !is_local(host) => host.to_owned(),
        _ => return Plain::Silent,
    };
    let asked = host.clone();
    let answer = within(WHOLE, move || ask_port_80(&asked)).flatten();
    answer.map_or(Plain::Silent, |answer| read(&answer, &host))
}

fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn ask_port_80(host: &str) -> Option<String> {
    let address =
        (host.trim_start_matches('[').trim_end_matches(']'), 80).to_socket_addrs().ok()?;
    let mut stream = TcpStream::connect_timeout(&address.into_iter().next()?, STEP).ok()?;
    stream.set_read_timeout(Some(STEP)).ok()?;
    stream.set_write_timeout(Some(STEP)).ok()?;
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = vec![0; 4_096];
    let length = stream.read(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer[..length]).into_owned())
}

fn read(answer: &str, host: &str) -> Plain {
    let mut lines = answer.lines();
    let first = lines.next().unwrap_or_default();
    let status: u16 = first.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let location = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("location"))
        .and_then(|(_, target)| reqwest::Url::parse(target.trim()).ok())
        .and_then(|url| url.host_str().map(str::to_owned));
    match (status, location) {
        (300..=399, Some(target)) if target != host => Plain::Away(target),
        (200..=299 | 511, _) => Plain::Page,
        (0, _) => Plain::Silent,
        _ => Plain::Own,
    }
}

/// Whether a portal stands before the server.
pub(super) fn stands_before(site: &Site) -> Portal {
    match site.plain() {
        Plain::Away(_) | Plain::Page => Portal::Seen,
        Plain::Silent | Plain::Own => Portal::NotSeen,
    }
}

fn judge(exchange: &Exchange, plain: &Plain) -> Finding {
    let portal = |found: String| {
        Finding::failed(
            found,
            "have this device exempted from the network's login page, or log in once from a browser on \
             the same network; nothing was sent to that page but the question",
        )
        .command("curl --head http://neverssl.com")
    };
    match exchange {
        Exchange::Answered { redirect, status, .. } => match exchange.answerer() {
            Some(Answerer::Portal) => portal(match redirect {
                Some(to) => format!("the answer leads away to {to}"),
                None => format!("a web page answers ({status}) in the place of the persons API"),
            }),
            _ => Finding::ok("none: the server itself answers"),
        },
        Exchange::Fault(_) => match plain {
            Plain::Away(host) => portal(format!("port 80 of the server leads away to {host}")),
            Plain::Page => portal("a web page answers on port 80 of the server".to_owned()),
            Plain::Own | Plain::Silent => Finding::skipped("the server was not reached"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::exchange::Kind;
    use super::super::exchange::samples::{answered, redirected};
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn a_portal_is_known_by_its_page_its_redirect_or_port_80() {
        let fault = || Exchange::Fault(LinkFault::CertificateIssuer);
        let away = Plain::Away("login.hotel.example".into());
        for (exchange, plain, status) in [
            (answered(404, Kind::Words), Plain::Silent, Status::Ok),
            (answered(404, Kind::Page), Plain::Silent, Status::Ok),
            (answered(200, Kind::Page), Plain::Silent, Status::Failed),
            (redirected(302, "https://login.hotel.example"), Plain::Silent, Status::Failed),
            (fault(), away, Status::Failed),
            (fault(), Plain::Page, Status::Failed),
            (fault(), Plain::Own, Status::Skipped),
            (fault(), Plain::Silent, Status::Skipped),
        ] {
            assert_eq!(judge(&exchange, &plain).status, status, "{exchange:?} {plain:?}");
        }
    }

    #[test]
    fn port_80_is_read_as_servers_and_portals_answer_there() {
        let host = "api.verifik.co";
        for (answer, plain) in [
            ("HTTP/1.1 301 Moved\r\nLocation: https://api.verifik.co/\r\n\r\n", Plain::Own),
            ("HTTP/1.1 404 Not Found\r\n\r\n<html>", Plain::Own),
            (
                "HTTP/1.0 302 Found\r\nlocation: http://login.hotel.example/?s=1\r\n\r\n",
                Plain::Away("login.hotel.example".into()),
            ),
            ("HTTP/1.1 200 OK\r\n\r\n<html>", Plain::Page),
            ("HTTP/1.1 511 Network Authentication Required\r\n\r\n", Plain::Page),
            ("SSH-2.0-OpenSSH", Plain::Silent),
            ("", Plain::Silent),
        ] {
            assert_eq!(read(answer, host), plain, "{answer}");
        }
    }
}
