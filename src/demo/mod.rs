//! Tells the whole story on one machine: real frames, the real agent as a process of its own, the stand-in on
//! loopback, an outage, a kill, the flush, the receipt.
//!
//! Everything happens in a folder of its own that is removed at the end; only the contact sheet stays.

mod agent_process;
mod clip;
mod story;

use std::path::PathBuf;

use serde::Serialize;

use crate::failure::Failure;
use crate::web::wire::ReceiptReport;

pub use story::tell;

/// How the story is to be told.
#[derive(Debug, Clone)]
pub struct Script {
    /// Frames to replay instead of the embedded clip.
    pub frames: Option<PathBuf>,
    /// Where the contact sheet goes.
    pub sheet: PathBuf,
    /// Who is enrolled.
    pub person_id: String,
    /// Whether agent and stand-in stay at the end until the caller ends them.
    pub serve: bool,
}

/// One line of the timeline.
#[derive(Debug, Clone, Serialize)]
pub struct Scene {
    /// Milliseconds since the beginning.
    pub at_ms: u64,
    /// Who acts: `site`, `agent`, `person`, `network`, `disk` or `server`.
    pub actor: &'static str,
    /// What happens.
    pub text: String,
    /// The guidance or reason code, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// How the story ended.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// How many frames were judged.
    pub considered: u64,
    /// The frames of the chosen shots, best first.
    pub chosen: Vec<u64>,
    /// The proof of the delivery.
    pub receipt: ReceiptReport,
    /// How many pictures the stand-in holds of the person.
    pub images_at_server: usize,
    /// Files in the state directory that still hold a picture; must be none.
    pub pictures_left_on_disk: usize,
    /// Where the contact sheet lies.
    pub sheet: PathBuf,
    /// Seconds that the story took.
    pub seconds: f64,
}

/// Where a demo that stays can be looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Addresses {
    /// The agent's page.
    pub page: String,
    /// The stand-in's page.
    pub stand_in: String,
    /// The state directory, for commands of your own.
    pub state_dir: PathBuf,
}

/// Who listens to the story.
pub trait Audience {
    /// A line of the timeline.
    fn scene(&mut self, scene: Scene);

    /// The end.
    fn summary(&mut self, summary: &Summary);

    /// The demo stays: waits until the person has seen enough.
    fn stay(&mut self, addresses: &Addresses) -> impl Future<Output = Result<(), Failure>>;
}
