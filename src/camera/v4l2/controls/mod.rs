//! Sets a camera's controls after each opening, and shows them to people.
//!
//! ```text
//! wishes ┐
//!        ├─plan─▶ writes in their order ──▶ driver
//! offer ─┘    └──▶ complaints ──▶ log, each once
//! ```
//!
//! **Invariants**
//! * A wish is met whole or not at all: no regulation is switched off for a value that the camera refuses.
//! * What is not wished for is neither written nor reset.
//! * A control that cannot be set never keeps the camera from streaming.
//!
//! What is absent: nothing is read back; a camera may round what it was told.

mod offer;
mod plan;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use v4l::Device;
use v4l::control::{Control as Setting, Value};

pub(super) use self::offer::offered;
pub use self::offer::{Choice, Control, Extent, Settable};
use self::plan::{Write, plan};
use crate::domain::ControlWishes;

/// What is wished of the controls, and what was already said about it.
#[derive(Debug, Clone, Default)]
pub struct ControlSettings {
    wishes: ControlWishes,
    told: Arc<Mutex<BTreeSet<String>>>,
}

impl ControlSettings {
    /// Wishes about which nothing was said yet; clones remember together.
    pub fn new(wishes: ControlWishes) -> Self {
        Self { wishes, told: Arc::default() }
    }

    /// Carries the wishes out as far as the camera goes along, and logs the rest once.
    pub(super) fn apply(&self, device: &Device, source_name: &str) {
        if self.wishes == ControlWishes::default() {
            return;
        }
        let plan = plan(&self.wishes, &offered(device));
        for complaint in &plan.complaints {
            self.complain(source_name, &complaint.to_string());
        }
        let mut failed = BTreeSet::new();
        for write in plan.writes {
            // The value behind a regulation that could not be switched off would be refused too.
            if failed.contains(write.key) {
                continue;
            }
            if let Err(error) = set(device, &write) {
                failed.insert(write.key);
                self.complain(source_name, &format!("{write} was refused: {error}"));
            }
        }
    }

    /// A camera is opened again and again; its complaint is news only once.
    fn complain(&self, source_name: &str, what: &str) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(what.to_owned()) {
            tracing::warn!("camera {source_name}: {what}");
        }
    }
}

fn set(device: &Device, write: &Write) -> std::io::Result<()> {
    tracing::debug!(%write, "camera control");
    device.set_control(Setting { id: write.id, value: Value::Integer(write.value) })
}
