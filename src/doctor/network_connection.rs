//! Can the server be reached, and does its certificate hold?

use super::exchange::{Answerer, Exchange};
use super::finding::{Check, Finding, LIMIT};
use super::network_portal;
use super::site::Site;
use crate::delivery::{ClockTrust, LinkFault};
use crate::failure::Exit;

pub(super) const CHECK: Check = Check {
    id: "network.connection",
    expected: "a connection, and a certificate that is trusted here",
    exit: Exit::TryLater,
    limit: LIMIT,
    look: |site| match site.exchange() {
        Ok(exchange) => judge(exchange, site.clock.trust(), network_portal::stands_before(site)),
        Err(skipped) => skipped,
    },
};

/// Whether a portal was seen where the server should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Portal {
    Seen,
    NotSeen,
}

/// The address as it stands in the configuration.
pub(super) fn base_url(site: &Site) -> Result<reqwest::Url, Finding> {
    let config = site.config()?;
    config.verifik.base_url.parse().map_err(|_| Finding::skipped("verifik.base_url is no address"))
}

fn judge(exchange: &Exchange, clock: ClockTrust, portal: Portal) -> Finding {
    let Exchange::Fault(fault) = exchange else {
        return match exchange.answerer() {
            Some(Answerer::Portal) => Finding::skipped("a portal answers: see network.portal"),
            _ => Finding::ok("it stands"),
        };
    };
    if portal == Portal::Seen {
        return Finding::skipped("a portal answers: see network.portal");
    }
    let found = fault.words();
    match fault {
        LinkFault::Dns => Finding::skipped("the server's name has no address: see network.name"),
        LinkFault::CertificateExpired | LinkFault::CertificateNotYetValid
            if clock == ClockTrust::Implausible =>
        {
            Finding::failed(
                format!("{found}, but the clock of this device is in doubt"),
                "put the clock right first: see clock.time",
            )
            .command("timedatectl")
        }
        LinkFault::CertificateExpired | LinkFault::CertificateNotYetValid => Finding::failed(
            format!("{found}, by this device's clock"),
            "tell who runs the server, or the relay in front of it",
        ),
        LinkFault::CertificateIssuer => Finding::failed(
            found,
            "if the site's firewall opens TLS, name its CA in verifik.ca_file; else take the connection \
             for an attack",
        )
        .command("kiosk-enroll config show --origin | grep ca_file"),
        LinkFault::CertificateName => Finding::failed(
            found,
            "put verifik.base_url right; a certificate for another name can also be a portal's",
        )
        .command("kiosk-enroll config show --origin | grep base_url"),
        LinkFault::ClientCertificate => Finding::failed(
            "the server accepts no certificate of this device",
            "set verifik.client_cert_file and verifik.client_key_file to what the server's CA has issued",
        )
        .command("kiosk-enroll config show --origin | grep client_"),
        LinkFault::Tls => Finding::failed(
            found,
            "the server, or a firewall between, does not speak TLS 1.2 or 1.3",
        ),
        LinkFault::Connect | LinkFault::Reset | LinkFault::TimedOut => Finding::failed(
            found,
            "look at the cable or the Wi-Fi, and whether the site's firewall lets HTTPS to the server \
             out; updates are kept meanwhile",
        )
        .command("ip -brief address; ip route"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::exchange::Kind;
    use super::super::exchange::samples::answered;
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn each_fault_of_the_connection_is_named_by_its_kind() {
        let (right, wrong) = (ClockTrust::Plausible, ClockTrust::Implausible);
        for (fault, clock, words) in [
            (LinkFault::CertificateExpired, right, "who runs the server"),
            (LinkFault::CertificateExpired, wrong, "clock"),
            (LinkFault::CertificateNotYetValid, wrong, "clock"),
            (LinkFault::CertificateIssuer, right, "verifik.ca_file"),
            (LinkFault::CertificateName, right, "verifik.base_url"),
            (LinkFault::ClientCertificate, right, "client_cert_file"),
            (LinkFault::Tls, right, "TLS 1.2"),
            (LinkFault::Connect, right, "firewall"),
            (LinkFault::Reset, right, "firewall"),
            (LinkFault::TimedOut, wrong, "firewall"),
        ] {
            let finding = judge(&Exchange::Fault(fault), clock, Portal::NotSeen);
            assert_eq!(finding.status, Status::Failed, "{fault:?}");
            let remedy = finding.remedy.unwrap_or_default();
            assert!(remedy.contains(words), "{fault:?}: {remedy}");
            let before = judge(&Exchange::Fault(fault), clock, Portal::Seen);
            assert_eq!(before.status, Status::Skipped);
        }
    }

    #[test]
    fn any_answer_means_that_the_connection_stands_unless_a_portal_gave_it() {
        let judged = |exchange| judge(&exchange, ClockTrust::Plausible, Portal::NotSeen).status;
        assert_eq!(judged(answered(500, Kind::Words)), Status::Ok);
        assert_eq!(judged(answered(401, Kind::Words)), Status::Ok);
        assert_eq!(judged(answered(200, Kind::Page)), Status::Skipped);
        assert_eq!(judged(Exchange::Fault(LinkFault::Dns)), Status::Skipped);
    }
}
