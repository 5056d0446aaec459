//! Asks the persons API for a person that nobody has: the harmless question that shows whether the way to the
//! server, its certificate and the token are good.
//!
//! It changes nothing and reads nobody: a server that is well answers 404, and one that refuses the token
//! answers 401 or 403. What is absent: any other call. The API's session call would give out a new token.

use reqwest::header::{AUTHORIZATION, HeaderMap, LOCATION};

use crate::domain::PersonId;

use super::fault::classify;
use super::http::{HttpPersonsApi, bearer};
use super::policy::Answer;
use super::wire::person_path;

/// The person that is asked for. Nobody is enrolled under such a name.
const NOBODY: &str = "kiosk-enroll-doctor-asks-for-nobody";

/// What a knock was sent with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// The token.
    Token,
    /// Nothing: there is no token that can be sent.
    Nothing,
}

/// What came of a knock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knock {
    /// What it was sent with.
    pub credential: Credential,
    /// What came back.
    pub answer: Answer,
    /// Where a redirect leads to, shortened; `None` where there is none. It is not followed.
    pub redirect: Option<String>,
}

impl HttpPersonsApi {
    /// Asks for a person that nobody has. Takes no longer than the request's time-out.
    pub async fn knock(&self) -> Knock {
        let path = PersonId::parse(NOBODY).map(|id| person_path(&id)).unwrap_or_default();
        let bearer = self.token.read().ok().and_then(|token| bearer(&token));
        let credential = bearer.as_ref().map_or(Credential::Nothing, |_| Credential::Token);
        let mut request = self.client.get(format!("{}{path}", self.base.prefix));
        if let Some(bearer) = bearer {
            request = request.header(AUTHORIZATION, bearer);
        }
        match request.timeout(self.request_timeout).send().await {
            Ok(response) => {
                let redirect = redirect(response.headers());
                Knock { credential, answer: self.read(response).await, redirect }
            }
            Err(error) => {
                Knock { credential, answer: Answer::Failed(classify(&error)), redirect: None }
            }
        }
    }
}

/// Scheme, host and port alone: what follows may hold a session of the portal.
fn redirect(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(LOCATION)?.to_str().ok()?;
    let url = reqwest::Url::parse(text).ok()?;
    Some(url.origin().ascii_serialization().chars().take(200).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use wiremock::matchers::{header, method};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::delivery::{Body, ClockGuard, HttpSettings, LinkFault, TokenFile};

    fn api(base_url: String, token: TokenFile) -> HttpPersonsApi {
        let timeout = Duration::from_secs(20);
        let settings =
            HttpSettings { base_url, request_timeout: timeout, ..HttpSettings::default() };
        HttpPersonsApi::new(&settings, Arc::new(token), Arc::new(ClockGuard::new(None))).unwrap()
    }

    #[tokio::test]
    async fn it_shows_the_token_in_a_get_and_follows_no_redirect() {
        let server = MockServer::start().await;
        let away = ResponseTemplate::new(302)
            .insert_header("location", "https://portal.example/login?session=secret");
        Mock::given(method("GET"))
            .and(header("authorization", "Bearer abc"))
            .respond_with(away)
            .expect(1)
            .mount(&server)
            .await;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "abc\n").unwrap();
        let knock = api(server.uri(), TokenFile::new(Some(path))).knock().await;
        assert_eq!(knock.credential, Credential::Token);
        assert_eq!(knock.redirect.as_deref(), Some("https://portal.example"));
    }

    #[tokio::test]
    async fn without_a_token_it_still_knocks() {
        let server = MockServer::start().await;
        let words = ResponseTemplate::new(401).set_body_string(r#"{"message":"no"}"#);
        Mock::given(method("GET")).respond_with(words).mount(&server).await;
        let knock = api(server.uri(), TokenFile::new(None)).knock().await;
        assert_eq!(knock.credential, Credential::Nothing);
        let Answer::Response(response) = knock.answer else { panic!("{:?}", knock.answer) };
        assert_eq!((response.status, response.body), (401, Body::Words("no".into())));
    }

    #[tokio::test]
    async fn a_closed_port_is_a_fault_of_the_link() {
        let knock = api("http://127.0.0.1:9".into(), TokenFile::new(None)).knock().await;
        assert_eq!(knock.answer, Answer::Failed(LinkFault::Connect));
    }
}
