//! Does the server accept the token? Asked by a GET for a person that nobody has: it changes and reads nothing.

use super::exchange::{Answerer, Exchange};
use super::finding::{Check, Finding, LIMIT};
use crate::delivery::Credential;
use crate::failure::Exit;

pub(super) const CHECK: Check = Check {
    id: "token.accepted",
    expected: "a server that answers to the token",
    exit: Exit::Permission,
    limit: LIMIT,
    look: |site| site.exchange().map_or_else(|skipped| skipped, judge),
};

fn judge(exchange: &Exchange) -> Finding {
    let Exchange::Answered { credential, status, .. } = exchange else {
        return Finding::skipped("the server was not reached");
    };
    if *credential == Credential::Nothing {
        return Finding::skipped("there is no token: see token.file");
    }
    if exchange.answerer() != Some(Answerer::Api) {
        return Finding::skipped(
            "the persons API was not reached: see network.portal, api.answers",
        );
    }
    match status {
        401 | 403 => Finding::failed(
            format!("the server refuses the token ({status}): updates wait"),
            "ask for a new token for this account and set it; nothing is lost meanwhile",
        )
        .command("kiosk-enroll token set TOKEN-FILE"),
        200..=299 | 400 | 404 | 405 | 409 | 412 | 422 => {
            Finding::ok(format!("the server answers to it ({status})"))
        }
        _ => Finding::skipped(format!("{status} does not tell: see api.answers")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::exchange::Kind;
    use super::super::exchange::samples::answered;
    use super::*;
    use crate::delivery::LinkFault;
    use crate::doctor::Status;

    #[test]
    fn only_an_answer_of_the_api_tells_about_the_token() {
        for (exchange, status) in [
            (answered(404, Kind::Words), Status::Ok),
            (answered(200, Kind::Words), Status::Ok),
            (answered(401, Kind::Words), Status::Failed),
            (answered(403, Kind::Words), Status::Failed),
            (answered(403, Kind::Page), Status::Skipped),
            (answered(200, Kind::Page), Status::Skipped),
            (answered(429, Kind::Words), Status::Skipped),
            (answered(500, Kind::Words), Status::Skipped),
            (Exchange::Fault(LinkFault::Dns), Status::Skipped),
        ] {
            assert_eq!(judge(&exchange).status, status, "{exchange:?}");
        }
        let nothing = Exchange::Answered {
            credential: Credential::Nothing,
            status: 401,
            kind: Kind::Words,
            redirect: None,
            date: None,
        };
        assert_eq!(judge(&nothing).status, Status::Skipped);
    }
}
