//! A USB camera in user space: it answers the kernel's virtual host controller over a socket pair.
//!
//! ```text
//! Camera::plug ──fd──▶ vhci_hcd ──USB──▶ uvcvideo ──▶ /dev/videoN
//!      │                  ▲
//!   controls ──▶ Engine ──┘ USB/IP
//! ```
//!
//! **Invariants**
//! * A frame's number is its place in the stream since the driver last started it, as the driver counts too.
//! * What was sent, and when its last packet left, stands in the log before the driver can see the frame.

mod controls;
mod descriptors;
mod engine;
mod negotiation;
mod picture;
mod stream;
mod usbip;

use std::fs;
use std::io;
use std::net::Shutdown;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use controls::Settings;
pub use controls::{Setting, Written};
pub use descriptors::Offer;
use engine::Engine;
pub use picture::Fault;

use crate::clock::Instant;

const CONTROLLER: &str = "/sys/devices/platform/vhci_hcd.0";
/// High speed in the controller's numbers.
const HIGH_SPEED: u32 = 3;

/// A frame that was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Which start of the stream it belongs to.
    pub stream: u64,
    /// Its place there.
    pub number: u64,
    /// When its last packet left.
    pub at: Instant,
    /// The folder that its picture came from.
    pub person: String,
    /// What was wrong with it.
    pub fault: Fault,
}

/// What the scenario sets while the camera runs.
#[derive(Debug, Clone)]
struct Controls {
    fault: Fault,
    /// Damages only every n-th frame; 1 is every frame.
    fault_every: u64,
    flow: Flow,
    folder: PathBuf,
}

/// Whether frames come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Sending,
    Frozen,
}

/// What is shared with the engine's thread.
#[derive(Debug)]
struct Shared {
    controls: Mutex<Controls>,
    sent: Mutex<Vec<Sent>>,
    settings: Mutex<Settings>,
}

/// A model of the camera.
#[derive(Debug, Clone)]
pub struct Model {
    /// The port of the virtual controller, 0 to 7.
    pub port: u32,
    /// What it offers.
    pub offer: Offer,
    /// The rate that it was left at, as an interval in units of 100 ns.
    pub interval: u32,
}

impl Model {
    /// A camera that offers everything, at 30 frames a second.
    pub fn usual() -> Self {
        Self { port: 0, offer: Offer::Everything, interval: descriptors::INTERVALS[0] }
    }

    /// The same at the second port.
    pub fn second() -> Self {
        Self { port: 1, ..Self::usual() }
    }

    /// A camera that was left at 7.5 frames a second.
    pub fn left_slow() -> Self {
        Self { interval: descriptors::INTERVALS[2], ..Self::usual() }
    }

    /// A camera without MJPEG.
    pub fn yuyv_only() -> Self {
        Self { offer: Offer::YuyvOnly, ..Self::usual() }
    }
}

/// A camera. Dropping it unplugs it.
#[derive(Debug)]
pub struct Camera {
    model: Model,
    shared: Arc<Shared>,
    plugged: Option<Plugged>,
}

#[derive(Debug)]
struct Plugged {
    socket: UnixStream,
    engine: JoinHandle<()>,
}

impl Camera {
    /// A camera that shows the pictures below `folder`; not plugged in yet.
    pub fn new(model: Model, folder: &Path) -> Self {
        let controls = Controls {
            fault: Fault::None,
            fault_every: 1,
            flow: Flow::Sending,
            folder: folder.to_owned(),
        };
        let shared = Shared {
            controls: Mutex::new(controls),
            sent: Mutex::default(),
            settings: Mutex::default(),
        };
        Self { model, shared: Arc::new(shared), plugged: None }
    }

    /// Plugs it in.
    ///
    /// # Errors
    /// When the virtual host controller refuses it.
    pub fn plug(&mut self) -> io::Result<()> {
        let (ours, theirs) = UnixStream::pair()?;
        let engine = Engine::new(ours.try_clone()?, self.model.clone(), Arc::clone(&self.shared));
        let engine = std::thread::Builder::new()
            .name("usb camera".to_owned())
            .spawn(move || engine.run())?;
        let Model { port, .. } = self.model;
        let device = 0x10002 + port;
        let line = format!("{port} {} {device} {HIGH_SPEED}", theirs.as_raw_fd());
        // The port is free again only a moment after the last unplugging.
        let mut attempts = 0;
        while let Err(error) = fs::write(format!("{CONTROLLER}/attach"), &line) {
            attempts += 1;
            if attempts > 50 {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.plugged = Some(Plugged { socket: ours, engine });
        Ok(())
    }

    /// Pulls the plug: what is under way is lost.
    pub fn unplug(&mut self) {
        if let Some(Plugged { socket, engine }) = self.plugged.take() {
            let _ = socket.shutdown(Shutdown::Both);
            let _ = engine.join();
        }
    }

    /// Damages frames from now on.
    pub fn fault(&self, fault: Fault) {
        self.fault_every(fault, 1);
    }

    /// Damages every `every`-th frame from now on.
    pub fn fault_every(&self, fault: Fault, every: u64) {
        let mut controls = lock(&self.shared.controls);
        controls.fault = fault;
        controls.fault_every = every.max(1);
    }

    /// Sends nothing more, but stays plugged in.
    pub fn freeze(&self) {
        lock(&self.shared.controls).flow = Flow::Frozen;
    }

    /// Sends again.
    pub fn thaw(&self) {
        lock(&self.shared.controls).flow = Flow::Sending;
    }

    /// Shows other pictures from now on.
    pub fn show(&self, folder: &Path) {
        lock(&self.shared.controls).folder = folder.to_owned();
    }

    /// What the driver wrote into the camera's controls so far, in its order.
    pub fn written(&self) -> Vec<Written> {
        lock(&self.shared.settings).written().to_vec()
    }

    /// Forgets what was sent, but for the last frame.
    pub fn forget(&self) {
        let mut sent = lock(&self.shared.sent);
        let all_but_one = sent.len().saturating_sub(1);
        sent.drain(..all_but_one);
    }

    /// What was sent so far.
    pub fn sent(&self) -> Vec<Sent> {
        lock(&self.shared.sent).clone()
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.unplug();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
