//! Takes up a changed configuration while the agent runs, as far as it can be taken up.
//!
//! **Invariant:** a configuration that cannot be used changes nothing; the agent goes on with the one it has.
//!
//! What is absent: the token. Its file is looked at all the time, so a new one needs no reload.

use crate::config::{Config, LIVE, Layers};
use crate::delivery::CourierHandle;
use crate::failure::Failure;

/// Reads every layer of the configuration anew.
pub type Reread = Box<dyn Fn() -> Result<Layers, Failure> + Send + Sync>;

/// The configuration in force, and how to read it again.
pub struct Reload {
    started_with: Layers,
    in_force: Layers,
    reread: Reread,
}

/// The keys whose values differ from those in force, by what it takes to take them up.
#[derive(Debug, PartialEq, Eq)]
struct Changes {
    live: Vec<String>,
    at_the_next_start: Vec<String>,
}

impl Reload {
    /// The agent starts with what `reread` finds now.
    ///
    /// # Errors
    /// When the configuration cannot be read.
    pub fn new(reread: Reread) -> Result<Self, Failure> {
        let layers = reread()?;
        Ok(Self { started_with: layers.clone(), in_force: layers, reread })
    }

    /// Reads the configuration anew, takes up what can be taken up, and logs both.
    pub fn again(&mut self, courier: &CourierHandle) {
        let (layers, config) = match self.read() {
            Ok(read) => read,
            Err(Failure { error, hint, .. }) => {
                tracing::error!(error, hint, "the changed configuration is not taken up");
                return;
            }
        };
        let changes = changes(&self.started_with, &self.in_force, &layers);
        courier.set_flow(super::post::flow(&config));
        self.in_force = layers;
        if !changes.at_the_next_start.is_empty() {
            let keys = changes.at_the_next_start.join(", ");
            tracing::warn!(keys, "these keys have changed and need a restart");
        }
        tracing::info!(taken_up = changes.live.join(", "), "the configuration was read again");
    }

    fn read(&self) -> Result<(Layers, Config), Failure> {
        let layers = (self.reread)()?;
        let config = Config::resolve(&layers)?;
        super::Rig::new(&config)?;
        super::rig::camera_spec(&config)?;
        Ok((layers, config))
    }
}

fn changes(started_with: &Layers, in_force: &Layers, new: &Layers) -> Changes {
    let differs = |old: &Layers, key: &str| {
        old.get(key).map(|(value, _)| value) != new.get(key).map(|(value, _)| value)
    };
    // A limit of a gate that was taken away is in the old layers only.
    let mut keys: Vec<&str> = new.iter().chain(started_with.iter()).map(|(key, ..)| key).collect();
    keys.sort_unstable();
    keys.dedup();
    let (live, fixed): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| LIVE.contains(key));
    let owned = |keys: Vec<&str>, old| {
        keys.into_iter().filter(|key| differs(old, key)).map(str::to_owned).collect()
    };
    Changes { live: owned(live, in_force), at_the_next_start: owned(fixed, started_with) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn layers(settings: &[&str]) -> Layers {
        let settings = settings.iter().map(|it| (*it).to_owned()).collect();
        let gate_keys = crate::app::gate_keys();
        Layers::gather(&Sources { settings, gate_keys, ..Sources::default() }).unwrap()
    }

    #[test]
    fn what_is_live_is_told_apart_from_what_needs_a_restart() {
        let old = layers(&["capture.gates.sharpness_max=0.5"]);
        let new = layers(&["delivery.paused=true", "camera.width=640"]);
        let found = changes(&old, &old, &new);
        assert_eq!(found.live, ["delivery.paused"]);
        assert_eq!(found.at_the_next_start, ["camera.width", "capture.gates.sharpness_max"]);
    }

    #[test]
    fn what_was_taken_up_is_told_once_and_what_needs_a_restart_until_there_is_one() {
        let (old, new) = (layers(&[]), layers(&["delivery.paused=true", "camera.width=640"]));
        let found = changes(&old, &new, &new);
        assert!(found.live.is_empty());
        assert_eq!(found.at_the_next_start, ["camera.width"]);
    }

    #[test]
    fn a_value_written_another_way_at_another_place_is_no_change() {
        let (old, new) = (layers(&[]), layers(&["delivery.paused=false"]));
        assert_eq!(changes(&old, &old, &new).live, Vec::<String>::new());
    }
}
