//! Turns the layers of the configuration into one resolved [`Config`].
//!
//! ```text
//! built-in defaults < kiosk-enroll.toml < conf.d/*.toml (by name) < KIOSK_ENROLL_<SECTION>__<KEY> < --set
//! ```
//!
//! [`keys`] is the one list of keys: the check for unknown keys, the defaults, the commented default file
//! and `config show` all come from it. [`layers`] gathers raw values with their origin; this file parses them
//! into types. The rest of the program sees only [`Config`].

mod camera;
pub mod keys;
pub mod layers;
mod paths;
mod reference;
mod resolve;
mod secret_file;
mod shipped;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::domain::{ControlWishes, Lens, Liveness, Profile};
use crate::vision::image::Framing;

pub use layers::{Layers, Origin, Sources};
pub use paths::{PathOverrides, Paths, default_config_file};
pub use reference::{LIVE, reference};
pub use secret_file::SecretRights;
pub use shipped::default_file;

/// Every setting, parsed and bounded.
#[derive(Debug, Clone)]
pub struct Config {
    /// Names this kiosk in status and logs.
    pub kiosk_id: String,
    /// Language of the guidance: `en`, `es` or `pt-BR`.
    pub locale: String,
    /// The camera.
    pub camera: Camera,
    /// Shots and gates.
    pub capture: Capture,
    /// The persons API.
    pub verifik: Verifik,
    /// The queue's limits.
    pub queue: QueueLimits,
    /// When and how fast to deliver.
    pub delivery: Delivery,
    /// Where the pages and the local API listen besides the Unix socket, if anywhere.
    pub web_listen: Option<SocketAddr>,
    /// Where the figures are written for node_exporter's textfile collector, if anywhere.
    pub metrics_file: Option<PathBuf>,
    /// What may ask for an enrollment.
    pub trigger: Trigger,
}

/// `[camera]`
#[derive(Debug, Clone)]
pub struct Camera {
    /// Where frames come from, as `camera::spec` reads it.
    pub source: String,
    /// Wished width in pixels.
    pub width: u32,
    /// Wished height in pixels.
    pub height: u32,
    /// Wished frames a second.
    pub fps: u32,
    /// How long a camera may send nothing before it is opened anew.
    pub stall_timeout: Duration,
    /// What its controls are set to after each opening.
    pub controls: ControlWishes,
    /// By how many degrees it looks down; negative: up.
    pub tilt: f32,
    /// Its lens, if the angle of view is known.
    pub lens: Option<Lens>,
}

/// `[capture]`
#[derive(Debug, Clone)]
pub struct Capture {
    /// How many shots to choose, 1 to 3.
    pub shots: usize,
    /// How long one session may take.
    pub timeout: Duration,
    /// How demanding the gates are.
    pub profile: Profile,
    /// After how long without shots the gates are relaxed by a step; `None`: never.
    pub relax_after: Option<Duration>,
    /// What a person has to show before shots are taken.
    pub liveness: Liveness,
    /// Whether one of the shots is preferably slightly turned.
    pub turned_shot: bool,
    /// What of the frame is sent.
    pub framing: Framing,
    /// JPEG quality of what is sent, in percent.
    pub jpeg_quality: u8,
    /// `[capture.gates]`: limits that differ from the profile's, by `<measure>_min` and `<measure>_max`.
    pub gates: BTreeMap<String, f64>,
}

/// `[verifik]`
#[derive(Debug, Clone)]
pub struct Verifik {
    /// Where the persons API is, without a trailing slash.
    pub base_url: String,
    /// The file that holds the bearer token.
    pub token_file: Option<PathBuf>,
    /// For how many months the token is renewed, if it is.
    pub renew_months: Option<u8>,
    /// If given, only certificates of these CAs are trusted.
    pub ca_file: Option<PathBuf>,
    /// What this kiosk shows to a server that asks who it is.
    pub client_certificate: Option<ClientCertificate>,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long a server may pause in the middle of its answer.
    pub read_timeout: Duration,
    /// How long a request may take before its size is added.
    pub request_timeout: Duration,
}

/// `verifik.client_cert_file` and `verifik.client_key_file`: never one without the other.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    /// The PEM file with the certificate and its chain.
    pub cert_file: PathBuf,
    /// The PEM file with its private key.
    pub key_file: PathBuf,
}

/// `[queue]`
#[derive(Debug, Clone)]
pub struct QueueLimits {
    /// The most bytes on disk.
    pub max_bytes: u64,
    /// The most updates.
    pub max_items: usize,
    /// How long the oldest update may wait for a line before new ones are refused.
    pub max_age: Duration,
    /// The file with the device key.
    pub key_file: Option<PathBuf>,
}

/// `[delivery]`
#[derive(Debug, Clone)]
pub struct Delivery {
    /// After an outage each kiosk waits a random part of this before it sends.
    pub spread: Duration,
    /// The first back-off.
    pub backoff_min: Duration,
    /// The longest back-off.
    pub backoff_max: Duration,
    /// How many requests in the long run, in each of this time.
    pub rate: (u32, Duration),
    /// Whether an operator has paused the delivery.
    pub paused: bool,
}

/// `[trigger]`
#[derive(Debug, Clone)]
pub struct Trigger {
    /// Whether QR badges shown to the camera ask for an enrollment.
    pub qr: bool,
    /// The list of persons who may be enrolled by a badge.
    pub roster: Option<PathBuf>,
}

/// Why the configuration cannot be used. The exit code is 78: systemd must not restart on it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("configuration file {path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not TOML.
    #[error("configuration file {path}, line {line}: {what}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// What the parser says.
        what: String,
    },
    /// A key that does not exist.
    #[error("{origin}: unknown key \"{key}\"")]
    UnknownKey {
        /// The key as it was found.
        key: String,
        /// Where it stands.
        origin: Origin,
        /// The known key that is most like it.
        nearest: Option<String>,
    },
    /// A value that cannot be used.
    #[error("{origin}: {key} = {found}: allowed is {allowed}")]
    Value {
        /// The key.
        key: String,
        /// What was found.
        found: String,
        /// What is allowed.
        allowed: String,
        /// Where it stands.
        origin: Origin,
    },
}

impl ConfigError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Read { .. } => {
                "give the file read permission for this user, or name another with --config".into()
            }
            Self::Syntax { .. } => {
                "compare with the output of `kiosk-enroll config default`".into()
            }
            Self::UnknownKey { nearest: Some(nearest), .. } => {
                format!("did you mean \"{nearest}\"?")
            }
            Self::UnknownKey { nearest: None, .. } => {
                "`kiosk-enroll config default` lists every key".into()
            }
            Self::Value { key, .. } => {
                format!("`kiosk-enroll config default` explains {key}")
            }
        }
    }
}
