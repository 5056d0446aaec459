//! Does the persons API answer, and is it well?

use super::exchange::{Answerer, Exchange};
use super::finding::{Check, Finding, LIMIT};
use crate::failure::Exit;

pub(super) const CHECK: Check = Check {
    id: "api.answers",
    expected: "an answer of the persons API",
    exit: Exit::TryLater,
    limit: LIMIT,
    look: |site| site.exchange().map_or_else(|skipped| skipped, judge),
};

fn judge(exchange: &Exchange) -> Finding {
    let Exchange::Answered { status, .. } = exchange else {
        return Finding::skipped("the server was not reached: see network.connection");
    };
    match (exchange.answerer(), status) {
        (Some(Answerer::Portal), _) => {
            Finding::skipped("another answers in its place: see network.portal")
        }
        (Some(Answerer::OtherServer), _) => Finding::failed(
            format!("{status} with a web page: this is not the persons API"),
            "put verifik.base_url right; a relay needs its path too",
        )
        .command("kiosk-enroll config show --origin | grep base_url"),
        (Some(Answerer::Gateway), _) => Finding::failed(
            format!("{status} from a gateway: the server behind it is down"),
            "wait; updates are kept and sent by themselves. If it stays, tell the API's vendor",
        ),
        (_, 429) => Finding::warning(
            "429: the server asks for fewer requests",
            "wait; if it stays, lower delivery.rate",
        ),
        (_, 408 | 425 | 500..) => Finding::failed(
            format!("{status}: the server is not well"),
            "wait; updates are kept and sent by themselves. If it stays, tell the API's vendor",
        ),
        _ => Finding::ok(format!("it answers ({status} to a harmless question)")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::exchange::Kind;
    use super::super::exchange::samples::{answered, redirected};
    use super::*;
    use crate::delivery::LinkFault;
    use crate::doctor::Status;

    #[test]
    fn what_the_server_answers_tells_who_must_act() {
        for (exchange, status) in [
            (answered(404, Kind::Words), Status::Ok),
            (answered(401, Kind::Words), Status::Ok),
            (answered(429, Kind::Words), Status::Warning),
            (answered(500, Kind::Words), Status::Failed),
            (answered(503, Kind::Page), Status::Failed),
            (answered(404, Kind::Page), Status::Failed),
            (answered(200, Kind::Page), Status::Skipped),
            (redirected(302, "https://portal.example"), Status::Skipped),
            (Exchange::Fault(LinkFault::TimedOut), Status::Skipped),
        ] {
            assert_eq!(judge(&exchange).status, status, "{exchange:?}");
        }
    }
}
