//! Is this device on a network that leads somewhere?

use std::fs;
use std::path::Path;

use super::finding::{Check, Finding, LIMIT};
use super::network_connection::base_url;
use super::site::Site;
use crate::failure::Exit;

pub(super) const CHECK: Check = Check {
    id: "network.route",
    expected: "an interface with a link, and a default route",
    exit: Exit::TryLater,
    limit: LIMIT,
    look: |site| probe(site).map_or_else(|skipped| skipped, |facts| judge(&facts)),
};

/// What the kernel tells about the network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Facts {
    /// Interfaces besides the loopback, and whether they have a link.
    interfaces: Vec<(String, Link)>,
    /// The interfaces that a default route leads through.
    routes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Up,
    Down,
}

fn probe(site: &Site) -> Result<Facts, Finding> {
    let url = base_url(site)?;
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if host == "localhost" || bare.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()) {
        return Err(Finding::skipped("the server is this very machine"));
    }
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let mut routes = default_routes(&read("/proc/net/route"));
    routes.extend(default_routes_v6(&read("/proc/net/ipv6_route")));
    routes.sort();
    routes.dedup();
    Ok(Facts { interfaces: interfaces(Path::new("/sys/class/net")), routes })
}

fn interfaces(root: &Path) -> Vec<(String, Link)> {
    let folders = fs::read_dir(root).into_iter().flatten().filter_map(Result::ok);
    let mut found: Vec<_> = folders
        .map(|folder| (folder.file_name().to_string_lossy().into_owned(), folder.path()))
        .filter(|(name, _)| name != "lo")
        .map(|(name, path)| {
            let carrier = fs::read_to_string(path.join("carrier")).unwrap_or_default();
            (name, if carrier.trim() == "1" { Link::Up } else { Link::Down })
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// `Iface Destination Gateway Flags RefCnt Use Metric Mask …`
fn default_routes(table: &str) -> Vec<String> {
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row.get(1) == Some(&"00000000") && row.get(7) == Some(&"00000000"))
        .map(|row| row[0].to_owned())
        .collect()
}

/// `destination length source length next-hop metric references uses flags interface`
fn default_routes_v6(table: &str) -> Vec<String> {
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row.get(1) == Some(&"00") && row[0].bytes().all(|byte| byte == b'0'))
        .filter_map(|row| row.get(9).map(|name| (*name).to_owned()))
        .filter(|name| name != "lo")
        .collect()
}

fn judge(facts: &Facts) -> Finding {
    let up: Vec<&str> = facts
        .interfaces
        .iter()
        .filter(|(_, link)| *link == Link::Up)
        .map(|(name, _)| name.as_str())
        .collect();
    if !facts.routes.is_empty() {
        return Finding::ok(format!("out through {}", facts.routes.join(", ")));
    }
    let names: Vec<&str> = facts.interfaces.iter().map(|(name, _)| name.as_str()).collect();
    let finding = if names.is_empty() {
        Finding::failed("there is no network interface", "plug a network adapter in")
    } else if up.is_empty() {
        Finding::failed(
            format!("no link on {}", names.join(", ")),
            "look at the cable and the switch, or at the name and password of the Wi-Fi",
        )
    } else {
        Finding::failed(
            format!("a link on {}, but no default route", up.join(", ")),
            "look at the site's DHCP, or set address and gateway by hand",
        )
    };
    finding.command("ip -brief address; ip route")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn no_adapter_no_link_and_no_route_are_told_apart() {
        let eth = |link| vec![("eth0".to_owned(), link)];
        let route = || vec!["eth0".to_owned()];
        for (interfaces, routes, status, words) in [
            (eth(Link::Up), route(), Status::Ok, "eth0"),
            (vec![], vec![], Status::Failed, "no network interface"),
            (eth(Link::Down), vec![], Status::Failed, "no link on eth0"),
            (eth(Link::Up), vec![], Status::Failed, "no default route"),
        ] {
            let finding = judge(&Facts { interfaces, routes });
            assert_eq!(finding.status, status);
            assert!(finding.found.contains(words), "{}", finding.found);
        }
    }

    #[test]
    fn default_routes_are_read_as_the_kernel_writes_them() {
        let table = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
                     eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                     eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        assert_eq!(default_routes(table), ["eth0"]);
        let zero = "0".repeat(32);
        let table = format!(
            "{zero} 00 {zero} 00 fe80 00000400 1 0 00000003 wlan0\n{zero} 00 {zero} 00 {zero} ffffffff 1 0 00200200 lo\n"
        );
        assert_eq!(default_routes_v6(&table), ["wlan0"]);
    }
}
