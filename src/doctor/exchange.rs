//! One question to the persons API, and what the checks of the network make of the answer.

use std::time::Duration;

use super::rounds::within;
use crate::app;
use crate::delivery::{Answer, Body, Credential, HttpPersonsApi, Knock, LinkFault};
use crate::domain::WallTime;

/// A little more than the client's own time-outs: it also bounds a name service that hangs.
const LIMIT: Duration = Duration::from_secs(4);

/// What came of the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Exchange {
    /// The server answered.
    Answered {
        credential: Credential,
        status: u16,
        kind: Kind,
        /// The origin that a redirect leads to.
        redirect: Option<String>,
        date: Option<WallTime>,
    },
    /// Nothing came back.
    Fault(LinkFault),
}

/// What kind of answer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As the persons API speaks: JSON, or short words.
    Words,
    /// A web page.
    Page,
    /// It broke off, or did not end.
    Cut,
}

/// Who answers in fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answerer {
    /// The persons API, content or not.
    Api,
    /// The login page of a network.
    Portal,
    /// A server that does not know the persons API.
    OtherServer,
    /// A gateway in front of it.
    Gateway,
}

impl Exchange {
    /// Judges who answered; `None` where nobody did.
    pub(super) fn answerer(&self) -> Option<Answerer> {
        let Self::Answered { status, kind, redirect, .. } = self else { return None };
        Some(match (status, kind) {
            (300..=399, _) if redirect.is_some() => Answerer::Portal,
            (511, _) | (200..=299, Kind::Page) => Answerer::Portal,
            (300..=499, Kind::Page) => Answerer::OtherServer,
            (500.., Kind::Page | Kind::Cut) => Answerer::Gateway,
            _ => Answerer::Api,
        })
    }
}

/// Asks.
pub(super) fn probe(api: HttpPersonsApi) -> Exchange {
    let knock = within(LIMIT, move || app::block_on(async { api.knock().await }));
    match knock {
        Some(Ok(knock)) => of_knock(knock),
        Some(Err(_)) | None => Exchange::Fault(LinkFault::TimedOut),
    }
}

fn of_knock(knock: Knock) -> Exchange {
    match knock.answer {
        Answer::Failed(fault) => Exchange::Fault(fault),
        Answer::NoToken { .. } => Exchange::Fault(LinkFault::Reset),
        Answer::Response(response) => Exchange::Answered {
            credential: knock.credential,
            status: response.status,
            kind: match response.body {
                Body::Person(_) | Body::Words(_) => Kind::Words,
                Body::Page => Kind::Page,
                Body::CutOff | Body::TooLong => Kind::Cut,
            },
            redirect: knock.redirect,
            date: response.date,
        },
    }
}

#[cfg(test)]
pub(super) mod samples {
    use super::*;

    pub(crate) const fn answered(status: u16, kind: Kind) -> Exchange {
        let credential = Credential::Token;
        Exchange::Answered { credential, status, kind, redirect: None, date: None }
    }

    pub(crate) fn redirected(status: u16, to: &str) -> Exchange {
        let credential = Credential::Token;
        let redirect = Some(to.to_owned());
        Exchange::Answered { credential, status, kind: Kind::Words, redirect, date: None }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{answered, redirected};
    use super::*;

    #[test]
    fn a_page_is_a_portal_another_server_or_a_gateway_by_its_status() {
        for (exchange, answerer) in [
            (answered(404, Kind::Words), Answerer::Api),
            (answered(401, Kind::Words), Answerer::Api),
            (answered(200, Kind::Words), Answerer::Api),
            (answered(500, Kind::Words), Answerer::Api),
            (answered(200, Kind::Page), Answerer::Portal),
            (answered(511, Kind::Page), Answerer::Portal),
            (redirected(302, "https://portal.example"), Answerer::Portal),
            (answered(404, Kind::Page), Answerer::OtherServer),
            (answered(403, Kind::Page), Answerer::OtherServer),
            (answered(502, Kind::Page), Answerer::Gateway),
        ] {
            assert_eq!(exchange.answerer(), Some(answerer), "{exchange:?}");
        }
        assert_eq!(Exchange::Fault(LinkFault::Dns).answerer(), None);
    }
}
