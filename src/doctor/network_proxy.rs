//! Does a proxy stand between, and can it be reached?
//!
//! The agent's own environment counts; a command in a terminal may have another one.

use std::env;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use reqwest::Url;

use super::finding::{Check, Finding, LIMIT};
use super::network_connection::base_url;
use super::rounds::within;
use super::site::Site;
use crate::failure::Exit;

pub(super) const CHECK: Check = Check {
    id: "network.proxy",
    expected: "no proxy, or one that can be reached",
    exit: Exit::TryLater,
    limit: LIMIT,
    look: |site| probe(site).map_or_else(|skipped| skipped, |facts| judge(&facts)),
};

/// How long the proxy is waited for.
const CONNECT: Duration = Duration::from_secs(3);

/// The proxy in use.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Facts {
    None,
    NoAddress,
    Reached(String),
    Refused(String),
}

fn probe(site: &Site) -> Result<Facts, Finding> {
    let Some(text) = proxy_text(&base_url(site)?, |name| env::var(name).ok()) else {
        return Ok(Facts::None);
    };
    let Some((host, port)) = address(&text) else { return Ok(Facts::NoAddress) };
    let shown = format!("{host}:{port}");
    let reached = within(CONNECT, move || {
        let mut addresses = (host.as_str(), port).to_socket_addrs().ok()?;
        TcpStream::connect_timeout(&addresses.next()?, CONNECT).ok()
    });
    Ok(if reached.flatten().is_some() { Facts::Reached(shown) } else { Facts::Refused(shown) })
}

/// Host and port of the proxy that is used for this address; never its user and password.
pub(super) fn proxy_for(url: &Url) -> Option<String> {
    let (host, port) = address(&proxy_text(url, |name| env::var(name).ok())?)?;
    Some(format!("{host}:{port}"))
}

/// The setting of the environment that holds for this address.
fn proxy_text(url: &Url, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
    let loopback = host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    // The client asks no proxy for this very machine.
    if loopback || host == "localhost" {
        return None;
    }
    let either = |name: &str| variable(name).or_else(|| variable(&name.to_uppercase()));
    let exempt = either("no_proxy").unwrap_or_default();
    let is_exempt = exempt.split(',').map(str::trim).filter(|name| !name.is_empty()).any(|name| {
        let name = name.trim_start_matches('.');
        name == "*" || host == name || host.ends_with(&format!(".{name}"))
    });
    if is_exempt {
        return None;
    }
    let own = either(&format!("{}_proxy", url.scheme()));
    own.or_else(|| either("all_proxy")).filter(|text| !text.is_empty())
}

fn address(text: &str) -> Option<(String, u16)> {
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&whole).ok()?;
    let port = url.port_or_known_default().unwrap_or(1080);
    Some((url.host_str()?.to_owned(), port))
}

fn judge(facts: &Facts) -> Finding {
    match facts {
        Facts::None => Finding::ok("none is used"),
        Facts::Reached(proxy) => Finding::ok(format!("{proxy} is used and can be reached")),
        Facts::NoAddress => Finding::failed(
            "the proxy setting of the environment is no address",
            "set https_proxy to http://HOST:PORT, or take it away",
        )
        .command("systemctl edit kiosk-enroll"),
        Facts::Refused(proxy) => Finding::failed(
            format!("{proxy} is to be used, but cannot be reached"),
            "put https_proxy right, take it away, or mend the way to the proxy",
        )
        .command("systemctl edit kiosk-enroll"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn the_environment_decides_as_it_does_for_the_client() {
        let proxy = |url: &str, set: &[(&str, &str)]| {
            let variable = |name: &str| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            };
            proxy_text(&Url::parse(url).ok()?, variable)
        };
        let api = "https://api.verifik.co";
        assert_eq!(proxy(api, &[]), None);
        assert_eq!(proxy(api, &[("https_proxy", "a:1")]).as_deref(), Some("a:1"));
        assert_eq!(proxy(api, &[("HTTPS_PROXY", "a:1")]).as_deref(), Some("a:1"));
        assert_eq!(proxy(api, &[("ALL_PROXY", "b:1")]).as_deref(), Some("b:1"));
        assert_eq!(proxy(api, &[("http_proxy", "a:1")]), None);
        assert_eq!(proxy(api, &[("https_proxy", "a:1"), ("no_proxy", "x, verifik.co")]), None);
        assert_eq!(proxy("https://127.0.0.1:3", &[("https_proxy", "a:1")]), None);
    }

    #[test]
    fn a_proxy_is_shown_without_its_password() {
        let found = address("http://user:secret@proxy.site.example:3128");
        assert_eq!(found, Some(("proxy.site.example".into(), 3128)));
        assert_eq!(address("proxy:3128"), Some(("proxy".into(), 3128)));
    }

    #[test]
    fn only_a_proxy_that_cannot_be_used_fails() {
        for (facts, status) in [
            (Facts::None, Status::Ok),
            (Facts::Reached("proxy:3128".into()), Status::Ok),
            (Facts::NoAddress, Status::Failed),
            (Facts::Refused("proxy:3128".into()), Status::Failed),
        ] {
            assert_eq!(judge(&facts).status, status, "{facts:?}");
        }
    }
}
