//! The site that is examined, and what several checks ask of it: each asked once, by whoever needs it first.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::exchange::{self, Exchange};
use super::finding::Finding;
use super::kernel::KernelLog;
use super::network_portal::{self, Plain};
use super::rounds::within;
use super::{agent_running, agent_unit, network_name};
use crate::app::{self, cameras, post};
use crate::camera::SourceSpec;
use crate::config::{Config, Paths};
use crate::delivery::{ClockGuard, HttpPersonsApi, LinkFault, Token, TokenError, TokenFile};
use crate::failure::Failure;
use crate::web::camera::CameraListReport;

/// How long a connection to the server is waited for: less than a check may take.
const CONNECT: Duration = Duration::from_millis(2_500);
/// How long the server's answer is waited for.
const ANSWER: Duration = Duration::from_millis(3_500);
/// How long the cameras are waited for.
const CAMERAS: Duration = Duration::from_secs(3);

/// What is examined.
#[derive(Debug)]
pub struct Site {
    pub(super) config: Result<Config, Failure>,
    pub(super) paths: Paths,
    pub(super) kernel: KernelLog,
    pub(super) clock: Arc<ClockGuard>,
    exchange: OnceLock<Result<Exchange, Failure>>,
    name: OnceLock<Result<network_name::Facts, Finding>>,
    plain: OnceLock<Plain>,
    agent: OnceLock<agent_running::Facts>,
    unit: OnceLock<agent_unit::Facts>,
    cameras: OnceLock<Option<CameraListReport>>,
}

impl Site {
    /// A site with this configuration, or the reason why there is none. `kernel` is read before, by a user
    /// who may.
    pub fn new(config: Result<Config, Failure>, paths: Paths, kernel: KernelLog) -> Self {
        Self {
            config,
            clock: Arc::new(post::load_clock(&paths)),
            paths,
            kernel,
            exchange: OnceLock::new(),
            name: OnceLock::new(),
            plain: OnceLock::new(),
            agent: OnceLock::new(),
            unit: OnceLock::new(),
            cameras: OnceLock::new(),
        }
    }

    /// The configuration, or why there is none.
    pub fn configuration(&self) -> Result<Config, Failure> {
        self.config.clone()
    }

    /// Where the site keeps its files.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// The configuration, or what a check says that needs one.
    pub(super) fn config(&self) -> Result<&Config, Finding> {
        self.config.as_ref().map_err(|_| Finding::skipped("there is no valid configuration"))
    }

    /// The client of the persons API, with time-outs that fit a check.
    pub(super) fn api(&self) -> Result<HttpPersonsApi, Failure> {
        let mut config = self.config.clone()?;
        let times = &mut config.verifik;
        times.connect_timeout = times.connect_timeout.min(CONNECT);
        times.read_timeout = times.read_timeout.min(CONNECT);
        times.request_timeout = times.request_timeout.min(ANSWER);
        post::persons_api(&config, &self.paths, Arc::clone(&self.clock))
    }

    /// What came of one harmless question to the persons API.
    pub(super) fn exchange(&self) -> Result<&Exchange, Finding> {
        let asked = self.exchange.get_or_init(|| {
            let exchange = exchange::probe(self.api()?);
            let unnamed = exchange == Exchange::Fault(LinkFault::TimedOut)
                && self.name().is_ok_and(network_name::Facts::is_unknown);
            // A name service that hangs takes the time of the whole question: the fault is its.
            Ok(if unnamed { Exchange::Fault(LinkFault::Dns) } else { exchange })
        });
        asked.as_ref().map_err(|_| Finding::skipped("the client cannot be made: see config.valid"))
    }

    /// What came of looking the server's name up.
    pub(super) fn name(&self) -> Result<&network_name::Facts, Finding> {
        self.name.get_or_init(|| network_name::probe(self)).as_ref().map_err(Clone::clone)
    }

    /// What port 80 of the server answers, where that helps.
    pub(super) fn plain(&self) -> &Plain {
        self.plain.get_or_init(|| network_portal::probe(self))
    }

    /// The token as the agent would read it.
    pub(super) fn token(&self) -> Result<Result<Token, TokenError>, Finding> {
        Ok(TokenFile::new(Some(self.token_path()?)).read())
    }

    /// Where the token lies.
    pub(super) fn token_path(&self) -> Result<std::path::PathBuf, Finding> {
        let configured = self.config()?.verifik.token_file.as_deref();
        let path = self.paths.token_file(configured);
        let is_credential = configured.is_none()
            && !path.exists()
            && matches!(self.unit(), agent_unit::Facts::Unit(unit) if unit.gives_token);
        if is_credential {
            return Err(Finding::skipped(
                "the unit gives the agent its token as a credential, which no other program can read: \
                 `kiosk-enroll status` tells how delivery goes and when the token ends",
            ));
        }
        Ok(path)
    }

    /// The running agent.
    pub(super) fn agent(&self) -> &agent_running::Facts {
        self.agent.get_or_init(|| agent_running::probe(&self.paths.socket))
    }

    /// The agent's unit.
    pub(super) fn unit(&self) -> &agent_unit::Facts {
        self.unit.get_or_init(agent_unit::probe)
    }

    /// Where frames come from.
    pub(super) fn source(&self) -> Result<SourceSpec, Finding> {
        app::rig::camera_spec(self.config()?)
            .map_err(|_| Finding::skipped("camera.source cannot be understood: see config.valid"))
    }

    /// The cameras of this machine; `None` when a driver does not answer.
    pub(super) fn cameras(&self) -> Result<Option<&CameraListReport>, Finding> {
        let config = self.config()?.clone();
        let listed = self.cameras.get_or_init(|| within(CAMERAS, move || cameras::list(&config)));
        Ok(listed.as_ref())
    }

    /// A site without anything.
    #[cfg(test)]
    pub(super) fn nowhere() -> Self {
        use crate::config::PathOverrides;
        use crate::failure::Exit;
        let overrides = PathOverrides { state_dir: Some("/nowhere".into()) };
        let paths = Paths::decide(&overrides, &[], false, false);
        let failure = Failure::new(Exit::Configuration, "there is none");
        Self::new(Err(failure), paths, KernelLog::default())
    }
}
