//! Renews the token by itself where the configuration asks for it: off unless it does.
//!
//! **Invariants**
//! - The token that the kiosk had stays valid, and its file is replaced as a whole or not at all.
//! - What somebody puts there meanwhile wins: an answer to a question that was asked with another token is dropped.
//! - A line in the audit log stands before the file changes. Neither it nor any log shows a token.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::post;
use crate::audit::AuditLog;
use crate::clock::{rfc3339, wall_now};
use crate::config::{Config, Paths};
use crate::delivery::{
    ClockGuard, HttpPersonsApi, Life, Renewal, RenewalError, RenewalOutlook, RenewalStep, Token,
    TokenFile,
};
use crate::domain::{Caller, Door};

/// How often the token and the clock are looked at.
const ROUND: Duration = Duration::from_secs(30);
const COMMAND: &str = "token renew";

/// What the configuration and the place of the token's file let happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permission {
    /// Nobody asked for it.
    Off,
    /// The token is renewed for so many months.
    Months(u8),
    /// It was asked for and cannot be, because.
    Hindered(String),
}

/// Whether the agent may renew the token of this kiosk.
pub fn permission(config: &Config, paths: &Paths) -> Permission {
    let Some(months) = config.verifik.renew_months else { return Permission::Off };
    let path = paths.token_file(config.verifik.token_file.as_deref());
    if paths.credentials.as_ref().is_some_and(|dir| path.starts_with(dir)) {
        return Permission::Hindered(format!("{} is a credential of systemd's", path.display()));
    }
    match TokenFile::new(Some(path)).obstacle() {
        Some(obstacle) => Permission::Hindered(obstacle),
        None => Permission::Months(months),
    }
}

/// The permission and the stretch of time in words, for whoever does not run the agent.
pub fn plan_words(permission: &Permission, life: Option<Life>) -> String {
    match (permission, life.map(Life::window)) {
        (Permission::Off, _) => "off (verifik.renew_token)".to_owned(),
        (Permission::Hindered(why), _) => format!("impossible: {why}"),
        (Permission::Months(_), None) => {
            "impossible: the token does not say when it ends".to_owned()
        }
        (Permission::Months(months), Some((from, until))) => format!(
            "by the running agent between {} and {}, for {months} months",
            rfc3339(from),
            rfc3339(until)
        ),
    }
}

/// Renews the token of a running agent.
pub struct Renewer {
    permission: Permission,
    file: TokenFile,
    api: Arc<HttpPersonsApi>,
    clock: Arc<ClockGuard>,
    audit: AuditLog,
    words: watch::Sender<Option<String>>,
}

impl Renewer {
    /// One for this kiosk, and what it says about itself: nothing while it is off.
    pub fn new(
        config: &Config,
        paths: &Paths,
        api: Arc<HttpPersonsApi>,
        clock: Arc<ClockGuard>,
    ) -> (Self, watch::Receiver<Option<String>>) {
        let permission = permission(config, paths);
        let told = match &permission {
            Permission::Hindered(why) => Some(format!("impossible: {why}")),
            Permission::Off | Permission::Months(_) => None,
        };
        let (words, heard) = watch::channel(told);
        let file = TokenFile::new(Some(post::token_path(config, paths)));
        let audit = AuditLog::in_dir(&paths.state);
        (Self { permission, file, api, clock, audit, words }, heard)
    }

    /// Looks after the token until `stop` ends.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let months = match &self.permission {
            Permission::Off => return,
            Permission::Hindered(why) => {
                tracing::warn!(why, "the token cannot be renewed");
                return;
            }
            Permission::Months(months) => *months,
        };
        tokio::select! {
            () = stop => {}
            () = self.look_after(months) => {}
        }
    }

    async fn look_after(&self, months: u8) {
        let mut renewal = Renewal::default();
        loop {
            self.round(&mut renewal, months).await;
            let now = self.clock.time();
            self.words.send_replace(Some(outlook_words(&renewal.outlook(now))));
            tokio::time::sleep(ROUND).await;
        }
    }

    async fn round(&self, renewal: &mut Renewal, months: u8) {
        let mark = self.file.mark();
        let life = self.file.read().ok().and_then(|token| token.life());
        let step = renewal.look(life, self.clock.time(), fastrand::f64());
        if step == RenewalStep::Wait {
            return;
        }
        let renewed = match self.api.renew(months).await {
            Ok(_) if self.file.mark() != mark => return,
            Ok(token) => self.replace(token),
            Err(error) => Err(error),
        };
        let now = self.clock.time();
        match renewed {
            Ok(token) => drop(renewal.look(token.life(), now, fastrand::f64())),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the token could not be renewed");
                renewal.failed(error.to_string(), now, fastrand::f64());
            }
        }
    }

    fn replace(&self, token: Token) -> Result<Token, RenewalError> {
        let uid = Some(rustix::process::getuid().as_raw());
        let caller = Caller { door: Door::Agent, uid };
        self.audit.record(caller, COMMAND, &[], wall_now());
        self.file.replace(&token)?;
        let until = token.expires_at().map(rfc3339).unwrap_or_default();
        tracing::info!(until, "the token was renewed");
        Ok(token)
    }
}

fn outlook_words(outlook: &RenewalOutlook) -> String {
    match outlook {
        RenewalOutlook::At(at) => format!("at {}", rfc3339(*at)),
        RenewalOutlook::Again(at, why) => format!("failed, again at {}: {why}", rfc3339(*at)),
        RenewalOutlook::Never(why) => format!("impossible: {why}"),
    }
}
