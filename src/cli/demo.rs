//! `demo`: tells the whole story and prints it as a timeline.

use std::path::PathBuf;

use clap::Args;

use super::output::{Output, Tone};
use crate::app;
use crate::demo::{self, Addresses, Audience, Scene, Script, Summary};
use crate::failure::{Exit, Failure};

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Keep agent, page and stand-in until Ctrl-C
    #[arg(long)]
    serve: bool,
    /// Where the contact sheet goes (PNG) [default: kiosk-enroll-demo.png in the temporary directory]
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
    /// Replay these JPEG or PNG files instead of the embedded clip, ten a second
    #[arg(long, value_name = "DIR")]
    frames: Option<PathBuf>,
}

pub(super) fn run(args: &DemoArgs, output: &Output) -> Result<(), Failure> {
    let default_sheet = || std::env::temp_dir().join("kiosk-enroll-demo.png");
    let script = Script {
        frames: args.frames.clone(),
        sheet: args.sheet.clone().unwrap_or_else(default_sheet),
        person_id: "person_demo".to_owned(),
        serve: args.serve,
    };
    let summary = app::block_on(demo::tell(&script, &mut Timeline { output: *output }))??;
    if summary.pictures_left_on_disk > 0 || summary.images_at_server != summary.chosen.len() {
        return Err(Failure::new(
            Exit::Internal,
            "the story did not end as it should: see the summary",
        ));
    }
    Ok(())
}

struct Timeline {
    output: Output,
}

impl Audience for Timeline {
    fn scene(&mut self, scene: Scene) {
        let seconds = std::time::Duration::from_millis(scene.at_ms).as_secs_f64();
        let code = scene.code.as_deref().map(|code| {
            let tone = if scene.actor == "agent" { Tone::Warning } else { Tone::Strong };
            format!("  {}", self.output.paint(tone, code))
        });
        self.output.line(format!(
            "{}  {:<8} {}{}",
            self.output.paint(Tone::Faint, &format!("{seconds:5.1} s")),
            scene.actor,
            scene.text,
            code.unwrap_or_default()
        ));
        let _ = self.output.json(&scene);
    }

    fn summary(&mut self, summary: &Summary) {
        let good = |text: &str| self.output.paint(Tone::Good, text);
        self.output.line(String::new());
        self.output.line(format!(
            "{} frames judged, {} shots chosen, 1 update delivered and {} in {:.1} s; nothing was lost",
            summary.considered,
            summary.chosen.len(),
            good(&summary.receipt.confirmation),
            summary.seconds
        ));
        self.output.line(format!("contact sheet: {}", good(&summary.sheet.display().to_string())));
        let _ = self.output.json(summary);
    }

    async fn stay(&mut self, addresses: &Addresses) -> Result<(), Failure> {
        self.output.line(format!("kiosk page: {}", addresses.page));
        self.output
            .line(format!("stand-in:   {} (the persons and their pictures)", addresses.stand_in));
        self.output.line(format!(
            "try: kiosk-enroll --state-dir {} status, or enroll person_two; Ctrl-C ends",
            addresses.state_dir.display()
        ));
        self.output.json(addresses)?;
        tokio::signal::ctrl_c().await.map_err(|error| Failure::caused(Exit::Internal, &error))
    }
}
