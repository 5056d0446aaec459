//! Asks the API for a token that lasts longer than the present one, which stays valid.
//!
//! What is absent: `renew-and-revoke`. It would end every token that was issued before, those of the other
//! kiosks of an account with it: nothing here can ask for it.

use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use zeroize::Zeroizing;

use super::fault::classify;
use super::http::{HttpPersonsApi, bearer};
use super::policy::LinkFault;
use super::token::{Token, TokenError};

/// More than any answer with a token has.
const MAX_BYTES: usize = 64 * 1024;

/// Why there is no other token. Shows nothing of any.
#[derive(Debug, thiserror::Error)]
pub enum RenewalError {
    /// There is no present token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The server could not be reached.
    #[error("{}", .0.words())]
    Link(LinkFault),
    /// The server refused.
    #[error("the server refused it with {status}")]
    Refused {
        /// The status of its answer.
        status: u16,
    },
    /// The answer cannot be used.
    #[error("the server's answer {what}")]
    Answer {
        /// What is wrong with it.
        what: &'static str,
    },
}

impl HttpPersonsApi {
    /// Asks for a token that lasts so many months. Takes no longer than the request's time-out.
    ///
    /// # Errors
    /// When there is no token, when the server cannot be reached or refuses, or when what it answers does not
    /// last longer than the present token.
    pub async fn renew(&self, months: u8) -> Result<Token, RenewalError> {
        let present = self.token.read()?;
        let unusable = RenewalError::Answer { what: "cannot be asked for: the token is malformed" };
        let bearer = bearer(&present).ok_or(unusable)?;
        let url = format!("{}/v2/auth/session?origin=refresh&expiresIn={months}", self.base.prefix);
        let request = self.client.get(url).header(AUTHORIZATION, bearer);
        let answer =
            tokio::time::timeout(self.request_timeout, self.exchange_session(request)).await;
        let body = answer.unwrap_or(Err(RenewalError::Link(LinkFault::TimedOut)))?;
        let next = parse(&body).map_err(|what| RenewalError::Answer { what })?;
        match (next.expires_at(), present.expires_at()) {
            (Some(next_end), Some(end)) if next_end > end => Ok(next),
            _ => Err(RenewalError::Answer { what: "holds no token that lasts longer" }),
        }
    }

    async fn exchange_session(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<Zeroizing<Vec<u8>>, RenewalError> {
        let link = |error: reqwest::Error| RenewalError::Link(classify(&error));
        let mut response = request
            .timeout(self.request_timeout + Duration::from_secs(1))
            .send()
            .await
            .map_err(link)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(RenewalError::Refused { status: response.status().as_u16() });
        }
        // In one piece from the start: growing would leave parts of the token behind in memory.
        let mut body = Zeroizing::new(Vec::with_capacity(MAX_BYTES));
        while let Some(chunk) = response.chunk().await.map_err(link)? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(RenewalError::Answer { what: "is longer than any token" });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

fn parse(body: &[u8]) -> Result<Token, &'static str> {
    let answer: serde_json::Value = serde_json::from_slice(body).map_err(|_| "is no JSON")?;
    let answer = answer.get("data").filter(|data| data.is_object()).unwrap_or(&answer);
    let kind = answer.get("tokenType").and_then(|kind| kind.as_str());
    if kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err("holds a token of another kind");
    }
    let text = answer.get("accessToken").and_then(|token| token.as_str());
    Token::parse(text.ok_or("holds no token")?).map_err(|_| "holds a malformed token")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::sync::Arc;

    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use wiremock::matchers::{header, method, path, query_param};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::delivery::{ClockGuard, HttpSettings, TokenFile};

    fn jwt(exp: u64) -> String {
        let body = URL_SAFE_NO_PAD.encode(format!(r#"{{"exp":{exp}}}"#));
        format!("eyJhbGciOiJIUzI1NiJ9.{body}.c2ln")
    }

    /// Renews the token that ends at 2,000 against a server with this answer.
    async fn renewed(answer: ResponseTemplate) -> Result<Token, RenewalError> {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .and(path("/v2/auth/session"))
            .and(query_param("origin", "refresh"))
            .and(query_param("expiresIn", "2"))
            .and(header("authorization", format!("Bearer {}", jwt(2_000)).as_str()))
            .respond_with(answer)
            .expect(1)
            .mount(&server)
            .await;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, jwt(2_000)).unwrap();
        let settings = HttpSettings { base_url: server.uri(), ..HttpSettings::default() };
        let token = Arc::new(TokenFile::new(Some(file)));
        let clock = Arc::new(ClockGuard::new(None));
        HttpPersonsApi::new(&settings, token, clock).unwrap().renew(2).await
    }

    fn says(body: &serde_json::Value) -> ResponseTemplate {
        ResponseTemplate::new(200).set_body_json(body)
    }

    #[tokio::test]
    async fn a_token_that_lasts_longer_is_taken_in_either_shape() {
        let flat = serde_json::json!({ "accessToken": jwt(3_000), "tokenType": "Bearer" });
        assert_eq!(renewed(says(&flat)).await.unwrap().reveal(), jwt(3_000));
        let wrapped = serde_json::json!({ "data": { "accessToken": jwt(3_000) } });
        assert_eq!(renewed(says(&wrapped)).await.unwrap().reveal(), jwt(3_000));
    }

    #[tokio::test]
    async fn what_is_no_better_token_changes_nothing_and_shows_nothing_of_it() {
        use serde_json::json;
        for (answer, words) in [
            (says(&json!({ "accessToken": jwt(2_000) })), "lasts longer"),
            (says(&json!({ "accessToken": "opaque-secret" })), "lasts longer"),
            (says(&json!({ "accessToken": "two secret words" })), "malformed"),
            (says(&json!({ "accessToken": jwt(3_000), "tokenType": "mac" })), "another kind"),
            (says(&json!({ "token": jwt(3_000) })), "no token"),
            (ResponseTemplate::new(200).set_body_string("<html>secret"), "no JSON"),
            (ResponseTemplate::new(200).set_body_string("x".repeat(MAX_BYTES + 1)), "longer than"),
            (ResponseTemplate::new(401), "401"),
            (ResponseTemplate::new(302).insert_header("location", "https://x.example"), "302"),
        ] {
            let error = renewed(answer).await.unwrap_err().to_string();
            assert!(error.contains(words) && !error.contains("secret"), "{error}");
        }
    }
}
