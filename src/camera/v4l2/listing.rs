//! Lists the cameras of this machine, for people.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use v4l::Device;

use super::faults::{Phase, camera_error};
use super::holders::{Holder, holders};
use super::modes::modes;
use super::nodes::{self, Node, Roots, usb_device};
use super::{Control, Mode, Wish, check_capabilities, controls};
use crate::camera::CameraError;

/// What was found when cameras were looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct CameraInventory {
    /// The nodes that give pictures, and ribbon cameras with the reason why they cannot be used.
    pub cameras: Vec<CameraListing>,
    /// The nodes that give none, with what they call themselves.
    pub others: Vec<String>,
    /// Where was looked.
    pub looked_in: PathBuf,
}

/// A camera as it is found, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct CameraListing {
    /// The name for the configuration: it stays after a replug.
    pub name: String,
    /// Other names for the configuration that stay: by its place on the USB, by its serial number.
    pub other_names: Vec<String>,
    /// The device file at the moment.
    pub node: String,
    /// What the maker calls it.
    pub product: String,
    /// Its place on the USB, such as `1-1.2`; `None` where it has none.
    pub bus: Option<String>,
    /// Its kernel driver.
    pub driver: String,
    /// The programs that have it open, as far as this user may know.
    pub holders: Vec<Holder>,
    /// What it offers, or why it cannot be used.
    pub modes: Result<Vec<Mode>, String>,
    /// What can be set on it; none where it cannot be opened.
    pub controls: Vec<Control>,
}

/// Lists the cameras. Opens each device for a moment without changing anything.
pub fn list_cameras(wish: &Wish) -> CameraInventory {
    let roots = Roots::default();
    let mut inventory =
        CameraInventory { cameras: Vec::new(), others: Vec::new(), looked_in: roots.sysfs.clone() };
    for node in nodes::list(&roots) {
        let inspected = inspect(&node, wish);
        let gives_pictures = !matches!(inspected, Err(CameraError::Unusable { .. }));
        if node.index == 0 && (gives_pictures || nodes::is_ribbon(&node.driver)) {
            inventory.cameras.push(listing(&node, &roots, inspected));
        } else {
            inventory.others.push(format!("{} ({})", node.path.display(), node.card));
        }
    }
    inventory
}

fn listing(
    node: &Node,
    roots: &Roots,
    inspected: Result<(Vec<Mode>, Vec<Control>), CameraError>,
) -> CameraListing {
    let usb = usb_device(&roots.sysfs.join(format!("video{}", node.number)));
    let product = usb.as_ref().and_then(|usb| fs::read_to_string(usb.join("product")).ok());
    let bus = usb.as_ref().and_then(|usb| Some(usb.file_name()?.to_string_lossy().into_owned()));
    let (modes, controls) = match inspected {
        Ok((modes, controls)) => (Ok(modes), controls),
        Err(error) => (Err(error.to_string()), Vec::new()),
    };
    CameraListing {
        name: node.name(),
        other_names: node.other_names(),
        node: node.path.display().to_string(),
        product: product.map_or_else(|| node.card.clone(), |text| text.trim().to_owned()),
        bus,
        driver: node.driver.clone(),
        holders: holders(&node.path, Path::new("/proc")),
        modes,
        controls,
    }
}

fn inspect(node: &Node, wish: &Wish) -> Result<(Vec<Mode>, Vec<Control>), CameraError> {
    let fail = |error| camera_error(error, Phase::Opening, &node.name(), Duration::ZERO);
    let device = Device::with_path(&node.path).map_err(fail)?;
    check_capabilities(&device, node)?;
    Ok((modes(&device, wish), controls::offered(&device)))
}
