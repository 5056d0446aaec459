//! Decides what an answer of the persons API means. Pure: the answer comes parsed, the time as a value.
//!
//! | answer | verdict |
//! |---|---|
//! | 2xx with the person that was sent | accepted |
//! | 2xx cut off, or a web page | hold: offline (nobody knows whether it was done; a PUT may be repeated) |
//! | 2xx with anything else | retry |
//! | 401, 403, no token | hold: credential |
//! | 404 | park, unknown person |
//! | a web page with 400 to 499, but for 401, 408, 413, 425, 429 | hold: account (it is not the API that answers) |
//! | 408, 425, 429, 5xx | retry, not before `Retry-After` (a date counts by the `Date` beside it) |
//! | 413 | too large |
//! | 511 | hold: offline |
//! | 3xx | hold: offline (a login page of the network, or a wrong address; never followed) |
//! | other 4xx (409, 412 …) | park |
//! | no answer | hold: offline; a certificate's dates while the clock is in doubt: hold, clock |

use std::time::Duration;

use crate::domain::{Hold, PersonUpdate, Verdict, WallTime};

use super::confirmation::{AnsweredPerson, confirm};

/// The longest wait that a server may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3_600);

/// The API's code for a token whose time is over.
const EXPIRED: &str = "token_expired";

/// What came back for one PUT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A status line came back.
    Response(Response),
    /// No status line came back.
    Failed(LinkFault),
    /// Nothing was sent: there is no usable token.
    NoToken {
        /// What is wrong with it, and what to do.
        reason: String,
    },
}

impl Answer {
    /// Whether the update itself, by its size say, can be the cause of a fault that looks like the link's.
    pub(super) const fn blame(&self) -> Blame {
        match self {
            Self::Failed(LinkFault::Reset | LinkFault::TimedOut)
            | Self::Response(
                Response { body: Body::CutOff, .. } | Response { status: 300..=399, .. },
            ) => Blame::PerhapsUpdate,
            _ => Blame::Elsewhere,
        }
    }
}

/// Whose fault a failed delivery can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blame {
    /// Not the update's.
    Elsewhere,
    /// The update was on its way when the fault came.
    PerhapsUpdate,
}

/// An HTTP response, read and parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The `Retry-After` field.
    pub retry_after: Option<RetryAfter>,
    /// The server's own time, from its `Date` field.
    pub date: Option<WallTime>,
    /// What the body held.
    pub body: Body,
}

/// Both forms of `Retry-After` (RFC 9110, 10.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// A number of seconds.
    Seconds(u64),
    /// A point in time.
    Date(WallTime),
}

impl RetryAfter {
    /// The time to wait from `now` on, at most one hour.
    pub fn wait(self, now: WallTime) -> Duration {
        let asked = match self {
            Self::Seconds(seconds) => Duration::from_secs(seconds),
            Self::Date(at) => at.since(now),
        };
        asked.min(MAX_RETRY_AFTER)
    }
}

/// What a response's body held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// An envelope with a person: `{id, data, signature}`, `{success, data}` or `{data}`.
    Person(Box<AnsweredPerson>),
    /// Something else; the server's words, shortened. May be empty.
    Words(String),
    /// A web page.
    Page,
    /// It ended too early.
    CutOff,
    /// It did not end within what is read at most.
    TooLong,
}

/// Why no status line came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkFault {
    /// The host's name has no address.
    Dns,
    /// No connection: refused, no route, or no answer in time.
    Connect,
    /// The TLS handshake failed for another reason than the certificate.
    Tls,
    /// The server's certificate has expired, by this device's clock.
    CertificateExpired,
    /// The server's certificate is not valid yet, by this device's clock.
    CertificateNotYetValid,
    /// The server's certificate comes from an authority that is not trusted here.
    CertificateIssuer,
    /// The server's certificate is for another name.
    CertificateName,
    /// The server asked for a client certificate and got none that it accepts.
    ClientCertificate,
    /// The connection broke while the update was on its way.
    Reset,
    /// The answer took too long.
    TimedOut,
}

impl LinkFault {
    /// What happened, for people, with what to do where a person must act.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Dns => {
                "the server's name was not found (no network, or a wrong verifik.base_url)"
            }
            Self::Connect => "no connection to the server",
            Self::Tls => "the TLS handshake failed",
            Self::CertificateExpired => "the server's certificate has expired",
            Self::CertificateNotYetValid => "the server's certificate is not valid yet",
            Self::CertificateIssuer => {
                "the server's certificate comes from an authority that is not trusted here \
                 (a proxy that opens TLS? see verifik.ca_file)"
            }
            Self::CertificateName => "the server's certificate is for another name",
            Self::ClientCertificate => {
                "the server accepts no certificate of this device \
                 (see verifik.client_cert_file and verifik.client_key_file)"
            }
            Self::Reset => "the connection broke while sending",
            Self::TimedOut => "no answer in time",
        }
    }

    /// Whether it goes away only when a person acts.
    pub const fn needs_a_person(self) -> bool {
        matches!(
            self,
            Self::CertificateExpired
                | Self::CertificateIssuer
                | Self::CertificateName
                | Self::ClientCertificate
        )
    }
}

/// Whether the device's clock is good enough to judge a certificate's dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockTrust {
    /// Something has confirmed it.
    Plausible,
    /// Nothing has confirmed it, or something contradicts it.
    Implausible,
}

/// What was sent, and when its answer was judged.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// The update.
    pub update: &'a PersonUpdate,
    /// This device's wall time.
    pub now: WallTime,
    /// How far that time can be trusted.
    pub clock: ClockTrust,
}

/// Decides what `answer` means for what was `sent`.
pub fn verdict(answer: &Answer, sent: &Sent<'_>) -> Verdict {
    match answer {
        Answer::Response(response) => response_verdict(response, sent),
        Answer::Failed(fault) => fault_verdict(*fault, sent.clock),
        Answer::NoToken { reason } => {
            Verdict::Hold { hold: Hold::Credential, after: None, reason: reason.clone() }
        }
    }
}

fn response_verdict(response: &Response, sent: &Sent<'_>) -> Verdict {
    // A date is told by the server's clock, and this device's may be years away from it.
    let present = response.date.unwrap_or(sent.now);
    let after = response.retry_after.map(|asked| asked.wait(present));
    let reason = words(response);
    let hold = |hold| Verdict::Hold { hold, after, reason: own_words(response) };
    match response.status {
        200..=299 => success_verdict(response, sent),
        // Whatever leads elsewhere leads all updates there: no reason to park one after the other.
        300..=399 | 511 => hold(Hold::Offline),
        408 | 425 | 429 | 500..=599 => Verdict::Retry { after, reason },
        413 => Verdict::TooLarge { reason },
        401 => hold(Hold::Credential),
        status @ 400..=499 if response.body == Body::Page => Verdict::Hold {
            hold: Hold::Account,
            after,
            reason: format!(
                "{status} with a web page: it is not the persons API that answers \
                 (see verifik.base_url and verifik.client_cert_file)"
            ),
        },
        403 => hold(Hold::Credential),
        404 => Verdict::Park { reason, unknown_person: true },
        400..=499 => Verdict::Park { reason, unknown_person: false },
        _ => Verdict::Retry { after, reason },
    }
}

fn success_verdict(response: &Response, sent: &Sent<'_>) -> Verdict {
    let status = response.status;
    let retry = |why: &str| Verdict::Retry { after: None, reason: format!("{status} {why}") };
    let offline = |why: &str| Verdict::Hold {
        hold: Hold::Offline,
        after: None,
        reason: format!("{status} {why}"),
    };
    match &response.body {
        Body::Person(person) if person.is(sent.update.person_id()) => {
            Verdict::Accepted(confirm(person, sent.update, response.date))
        }
        Body::Person(_) => retry("with another person than the one that was sent"),
        Body::Page => {
            offline("with a web page: a login page of the network stands in front of the server")
        }
        Body::CutOff => offline("with an answer cut off: whether it was done is unknown"),
        Body::TooLong => retry("with an answer that does not end"),
        Body::Words(_) => retry("without a person: not an answer of the persons API"),
    }
}

fn fault_verdict(fault: LinkFault, clock: ClockTrust) -> Verdict {
    let dates = matches!(fault, LinkFault::CertificateExpired | LinkFault::CertificateNotYetValid);
    let (hold, reason) = if dates && clock == ClockTrust::Implausible {
        let reason = format!(
            "{}, but this device's clock is not confirmed: set its date and time, or let it \
             synchronise",
            fault.words()
        );
        (Hold::Clock, reason)
    } else {
        (Hold::Offline, fault.words().to_owned())
    };
    Verdict::Hold { hold, after: None, reason }
}

/// The status with the server's words.
fn words(response: &Response) -> String {
    let status = response.status;
    match &response.body {
        Body::Words(words) if !words.is_empty() => format!("{status} {words}"),
        Body::Page => format!("{status} with a web page"),
        Body::Person(_) | Body::Words(_) | Body::CutOff | Body::TooLong => {
            format!("{status} {}", meaning(status))
        }
    }
}

/// The status with words of this program's own: a hold stands in logs, and a server may name a person.
fn own_words(response: &Response) -> String {
    let Response { status, body, .. } = response;
    let expired = matches!(body, Body::Words(words) if words.contains(EXPIRED));
    let code = if expired { " (token_expired)" } else { "" };
    format!("{status} {}{code}", meaning(*status))
}

const fn meaning(status: u16) -> &'static str {
    match status {
        300..=399 => {
            "redirect, never followed with a token: a login page of the network, or \
             verifik.base_url is not the persons API's address"
        }
        401 | 403 => "the token was refused",
        404 => "the person is unknown",
        413 => "the update is too large",
        429 => "too many requests",
        511 => "the network wants a login first",
        500..=599 => "the server failed",
        _ => "without an explanation",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::domain::{Confirmation, Date, PersonId, UpdateDraft};

    const NOW: WallTime = WallTime::from_unix_millis(1_795_466_530_000);

    fn update() -> PersonUpdate {
        let draft = UpdateDraft { notes: Some("VIP".into()), ..Default::default() };
        let id = PersonId::parse("person_1").unwrap();
        PersonUpdate::parse(id, draft, Date::new(2026, 11, 23).unwrap()).unwrap()
    }

    fn judge(answer: &Answer, clock: ClockTrust) -> Verdict {
        verdict(answer, &Sent { update: &update(), now: NOW, clock })
    }

    fn respond(status: u16, body: Body) -> Verdict {
        let response = Response { status, retry_after: None, date: None, body };
        judge(&Answer::Response(response), ClockTrust::Plausible)
    }

    fn person(id: &str) -> Body {
        let notes = Some("VIP".into());
        let id = Some(id.into());
        Body::Person(Box::new(AnsweredPerson { id, notes, ..Default::default() }))
    }

    fn class(verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::Accepted(Confirmation::Confirmed) => "confirmed",
            Verdict::Accepted(Confirmation::Unconfirmed(_)) => "unconfirmed",
            Verdict::Retry { .. } => "retry",
            Verdict::Park { unknown_person: true, .. } => "park, unknown",
            Verdict::Park { .. } => "park",
            Verdict::TooLarge { .. } => "too large",
            Verdict::Hold { hold, .. } => hold.name(),
        }
    }

    #[test]
    fn every_status_has_its_verdict() {
        let words = || Body::Words("said something".into());
        let table: [(u16, Body, &str); 39] = [
            (200, person("person_1"), "confirmed"),
            (201, person("person_1"), "confirmed"),
            (200, person("person_2"), "retry"),
            (200, words(), "retry"),
            (204, Body::Words(String::new()), "retry"),
            (200, Body::Page, "offline"),
            (200, Body::CutOff, "offline"),
            (200, Body::TooLong, "retry"),
            (301, Body::Page, "offline"),
            (302, words(), "offline"),
            (307, words(), "offline"),
            (399, words(), "offline"),
            (400, words(), "park"),
            (401, words(), "credential"),
            (403, words(), "credential"),
            (400, Body::Page, "account"),
            (401, Body::Page, "credential"),
            (403, Body::Page, "account"),
            (405, Body::Page, "account"),
            (408, Body::Page, "retry"),
            (421, Body::Page, "account"),
            (429, Body::Page, "retry"),
            (451, Body::Page, "account"),
            (404, words(), "park, unknown"),
            (404, Body::Words(String::new()), "park, unknown"),
            (404, Body::Page, "account"),
            (405, words(), "park"),
            (408, words(), "retry"),
            (409, words(), "park"),
            (412, words(), "park"),
            (413, Body::Page, "too large"),
            (422, words(), "park"),
            (425, words(), "retry"),
            (429, words(), "retry"),
            (500, words(), "retry"),
            (502, Body::Page, "retry"),
            (503, Body::CutOff, "retry"),
            (511, Body::Page, "offline"),
            (600, words(), "retry"),
        ];
        for (status, body, expected) in table {
            let shown = format!("{status} {body:?}");
            assert_eq!(class(&respond(status, body)), expected, "{shown}");
        }
    }

    #[test]
    fn what_a_server_says_about_a_person_is_in_no_reason_of_a_hold() {
        for status in [302, 401, 403, 511] {
            let said = "may not change Ada Lovelace: token_expired";
            let Verdict::Hold { reason, .. } = respond(status, Body::Words(said.into())) else {
                panic!("{status} holds nothing")
            };
            assert!(!reason.contains("Ada"), "{reason}");
            assert!(reason.contains("token_expired"), "{reason}");
        }
    }

    #[test]
    fn no_fault_of_the_link_is_charged_or_parks() {
        let faults = [
            LinkFault::Dns,
            LinkFault::Connect,
            LinkFault::Tls,
            LinkFault::CertificateExpired,
            LinkFault::CertificateNotYetValid,
            LinkFault::CertificateIssuer,
            LinkFault::CertificateName,
            LinkFault::ClientCertificate,
            LinkFault::Reset,
            LinkFault::TimedOut,
        ];
        for fault in faults {
            let answer = Answer::Failed(fault);
            assert_eq!(class(&judge(&answer, ClockTrust::Plausible)), "offline", "{fault:?}");
        }
    }

    #[test]
    fn a_certificates_dates_are_the_clocks_fault_while_the_clock_is_in_doubt() {
        for fault in [LinkFault::CertificateExpired, LinkFault::CertificateNotYetValid] {
            let verdict = judge(&Answer::Failed(fault), ClockTrust::Implausible);
            assert_eq!(class(&verdict), "clock");
        }
        let issuer = judge(&Answer::Failed(LinkFault::CertificateIssuer), ClockTrust::Implausible);
        assert_eq!(class(&issuer), "offline");
    }

    #[test]
    fn retry_after_counts_in_both_forms_and_never_beyond_an_hour() {
        let waits = |asked: RetryAfter| asked.wait(NOW);
        assert_eq!(waits(RetryAfter::Seconds(7)), Duration::from_secs(7));
        assert_eq!(waits(RetryAfter::Seconds(u64::MAX)), MAX_RETRY_AFTER);
        let ahead = NOW + Duration::from_secs(90);
        assert_eq!(waits(RetryAfter::Date(ahead)), Duration::from_secs(90));
        assert_eq!(waits(RetryAfter::Date(NOW - Duration::from_secs(90))), Duration::ZERO);
        let far = NOW + Duration::from_secs(86_400 * 365);
        assert_eq!(waits(RetryAfter::Date(far)), MAX_RETRY_AFTER);
    }

    #[test]
    fn a_date_to_wait_for_counts_by_the_servers_own_clock() {
        let date = Some(NOW - Duration::from_secs(86_400 * 4_000));
        let retry_after = date.map(|date| RetryAfter::Date(date + Duration::from_secs(90)));
        let response = Response { status: 503, retry_after, date, body: Body::Words("".into()) };
        let verdict = judge(&Answer::Response(response), ClockTrust::Implausible);
        let Verdict::Retry { after, .. } = verdict else { panic!("{verdict:?}") };
        assert_eq!(after, Some(Duration::from_secs(90)));
    }

    #[test]
    fn the_servers_words_reach_the_operator() {
        let verdict = respond(404, Body::Words("PERSON_NOT_FOUND: Person not found".into()));
        let Verdict::Park { reason, .. } = verdict else { panic!("{verdict:?}") };
        assert_eq!(reason, "404 PERSON_NOT_FOUND: Person not found");
        let verdict = respond(302, Body::Words(String::new()));
        let Verdict::Hold { reason, .. } = verdict else { panic!("{verdict:?}") };
        assert!(reason.contains("never followed"), "{reason}");
    }

    #[test]
    fn only_a_fault_on_the_way_can_be_the_updates_own() {
        assert_eq!(Answer::Failed(LinkFault::TimedOut).blame(), Blame::PerhapsUpdate);
        assert_eq!(Answer::Failed(LinkFault::Connect).blame(), Blame::Elsewhere);
        let redirect =
            Response { status: 302, retry_after: None, date: None, body: Body::Words("".into()) };
        assert_eq!(Answer::Response(redirect).blame(), Blame::PerhapsUpdate, "one person's alone");
        assert_eq!(Answer::NoToken { reason: String::new() }.blame(), Blame::Elsewhere);
    }
}
