//! Has the server's name an address?

use std::fs;
use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::time::Duration;

use super::finding::{Check, Finding, LIMIT};
use super::network_connection::base_url;
use super::network_proxy;
use super::rounds::within;
use super::site::Site;
use crate::failure::Exit;

pub(super) const CHECK: Check = Check {
    id: "network.name",
    expected: "an address for the server's name",
    exit: Exit::TryLater,
    limit: LIMIT,
    look: |site| site.name().map_or_else(|skipped| skipped, judge),
};

/// How long the name service is waited for.
const LOOKUP: Duration = Duration::from_millis(3_500);

/// What came of looking the name up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    host: String,
    found: Lookup,
    /// The name servers of this device.
    servers: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Lookup {
    /// It is an address itself, or a name of this machine.
    NotNeeded,
    /// The proxy looks it up.
    Proxy(String),
    Addresses(Vec<IpAddr>),
    Refused(String),
    Silent,
}

impl Facts {
    /// Whether the name should have an address and has none.
    pub(super) fn is_unknown(&self) -> bool {
        match &self.found {
            Lookup::NotNeeded | Lookup::Proxy(_) => false,
            Lookup::Addresses(addresses) => addresses.is_empty(),
            Lookup::Refused(_) | Lookup::Silent => true,
        }
    }
}

/// Looks the name up, where that is needed.
pub(super) fn probe(site: &Site) -> Result<Facts, Finding> {
    let url = base_url(site)?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found = if bare.parse::<IpAddr>().is_ok() || host == "localhost" {
        Lookup::NotNeeded
    } else if let Some(proxy) = network_proxy::proxy_for(&url) {
        Lookup::Proxy(proxy)
    } else {
        look_up(host.clone())
    };
    let table = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    Ok(Facts { host, found, servers: name_servers(&table) })
}

fn look_up(host: String) -> Lookup {
    let asked = within(LOOKUP, move || -> io::Result<Vec<IpAddr>> {
        Ok((host.as_str(), 443).to_socket_addrs()?.map(|address| address.ip()).collect())
    });
    match asked {
        Some(Ok(addresses)) => Lookup::Addresses(addresses),
        Some(Err(error)) => Lookup::Refused(error.to_string()),
        None => Lookup::Silent,
    }
}

fn name_servers(table: &str) -> Vec<String> {
    let lines = table.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    lines.map(|rest| rest.trim().to_owned()).filter(|server| !server.is_empty()).collect()
}

fn judge(facts: &Facts) -> Finding {
    let Facts { host, servers, .. } = facts;
    let asked = match servers.len() {
        0 => "no name server is set".to_owned(),
        _ => format!("asked {}", servers.join(", ")),
    };
    let finding = match &facts.found {
        Lookup::NotNeeded => return Finding::ok(format!("{host} needs none")),
        Lookup::Proxy(proxy) => {
            return Finding::skipped(format!("the proxy {proxy} looks {host} up"));
        }
        Lookup::Addresses(addresses) if !addresses.is_empty() => {
            let shown: Vec<String> = addresses.iter().take(3).map(ToString::to_string).collect();
            return Finding::ok(format!("{host} is {}", shown.join(", ")));
        }
        Lookup::Addresses(_) => Finding::failed(
            format!("{host} has no address ({asked})"),
            "put verifik.base_url right, or have the site's name server know the name",
        ),
        Lookup::Refused(_) if servers.is_empty() => Finding::failed(
            format!("{host} is not found: {asked}"),
            "the network gives this device no name server: look at the cable, the Wi-Fi and DHCP",
        ),
        Lookup::Refused(why) => Finding::failed(
            format!("{host} is not found ({asked}): {why}"),
            "look whether other names are found; if so, put verifik.base_url right, else mend the \
             network or its name server",
        ),
        Lookup::Silent => Finding::failed(
            format!("no name server answers for {host} ({asked})"),
            "mend the network, or set a name server that can be reached from here",
        ),
    };
    finding.command(format!("getent ahosts {host}")).command("cat /etc/resolv.conf")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn a_name_that_is_not_found_says_who_was_asked() {
        let addresses = Lookup::Addresses(vec![IpAddr::from([192, 0, 2, 7])]);
        for (found, servers, status, words) in [
            (addresses, vec!["192.0.2.1"], Status::Ok, "192.0.2.7"),
            (Lookup::NotNeeded, vec![], Status::Ok, "needs none"),
            (Lookup::Proxy("proxy:3128".into()), vec![], Status::Skipped, "proxy:3128"),
            (Lookup::Addresses(vec![]), vec!["192.0.2.1"], Status::Failed, "192.0.2.1"),
            (Lookup::Refused("no".into()), vec!["192.0.2.1"], Status::Failed, "192.0.2.1"),
            (Lookup::Refused("no".into()), vec![], Status::Failed, "no name server is set"),
            (Lookup::Silent, vec!["192.0.2.1"], Status::Failed, "no name server answers"),
        ] {
            let servers = servers.into_iter().map(str::to_owned).collect();
            let finding = judge(&Facts { host: "api.example".into(), found, servers });
            assert_eq!(finding.status, status, "{}", finding.found);
            assert!(finding.found.contains(words), "{}", finding.found);
        }
    }

    #[test]
    fn name_servers_are_read_as_the_system_has_them() {
        assert_eq!(name_servers("# nameserver 1\nnameserver 192.0.2.1\nsearch x\n"), ["192.0.2.1"]);
    }
}
