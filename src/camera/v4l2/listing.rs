//! Lists the cameras of this machine, for people.

use std::time::Duration;

use v4l::Device;

use super::faults::{Phase, camera_error};
use super::modes::modes;
use super::nodes::{self, Node, Roots};
use super::{Mode, Wish, check_capabilities};
use crate::camera::CameraError;

/// A camera as it is found, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct CameraListing {
    /// The name for the configuration: it stays after a replug.
    pub name: String,
    /// The device file at the moment.
    pub node: String,
    /// What the camera calls itself.
    pub card: String,
    /// Its kernel driver.
    pub driver: String,
    /// What it offers, or why that is not known.
    pub modes: Result<Vec<Mode>, String>,
}

/// Lists the nodes that give pictures, ribbon cameras with the reason why they cannot be used.
///
/// Opens each device for a moment without changing anything.
pub fn list_cameras(wish: &Wish) -> Vec<CameraListing> {
    let list = nodes::list(&Roots::default()).into_iter();
    list.filter(|node| node.index == 0)
        .filter_map(|node| {
            let inspected = inspect(&node, wish);
            let is_camera = inspected.is_ok() || nodes::is_ribbon(&node.driver);
            let open = !matches!(inspected, Err(CameraError::Unusable { .. }));
            (is_camera || open).then(|| CameraListing {
                name: node.name(),
                node: node.path.display().to_string(),
                card: node.card,
                driver: node.driver,
                modes: inspected.map_err(|error| error.to_string()),
            })
        })
        .collect()
}

fn inspect(node: &Node, wish: &Wish) -> Result<Vec<Mode>, CameraError> {
    let fail = |error| camera_error(error, Phase::Opening, &node.name(), Duration::ZERO);
    let device = Device::with_path(&node.path).map_err(fail)?;
    check_capabilities(&device, node)?;
    Ok(modes(&device, wish))
}
