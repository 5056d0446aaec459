//! What most commands need first: the resolved configuration, the paths, and who owns the queue.

use super::Globals;
use crate::app;
use crate::config::{Config, Layers, PathOverrides, Paths, Sources, default_config_file};
use crate::failure::Failure;
use crate::web::client::Client;

/// The resolved configuration and paths of this invocation.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) config: Config,
    pub(super) paths: Paths,
}

impl Setting {
    /// Reads every layer of the configuration.
    pub(super) fn load(globals: &Globals) -> Result<Self, Failure> {
        let layers = Layers::gather(&sources(globals)?)?;
        let config = Config::resolve(&layers)?;
        Ok(Self { config, paths: paths(globals) })
    }

    /// The running agent, if there is one. If there is none, the command works on the state directory itself, and
    /// root becomes its owner for that.
    pub(super) fn agent(&self) -> Result<Option<Client>, Failure> {
        let agent = Client::connect(&self.paths.socket)?;
        if agent.is_none() {
            app::owner::act_as_owner(&self.paths.state)?;
        }
        Ok(agent)
    }
}

/// The layers of the configuration that `globals` ask for.
pub(super) fn sources(globals: &Globals) -> Result<Sources, Failure> {
    let main = globals.config.clone().unwrap_or_else(default_config_file);
    Ok(Sources {
        environment: std::env::vars().collect(),
        settings: globals.settings.clone(),
        gate_keys: app::gate_keys(),
        ..Sources::with_files(&main, globals.config.is_some())?
    })
}

/// The paths that `globals` ask for.
pub(super) fn paths(globals: &Globals) -> Paths {
    Paths::of_this_process(&PathOverrides { state_dir: globals.state_dir.clone() })
}
