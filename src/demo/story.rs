//! The scenes, in their order.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::agent_process::{AgentProcess, Stage};
use super::{Addresses, Audience, Scene, Script, Summary, clip};
use crate::app::alone::list_alone;
use crate::app::contact_sheet::ContactSheet;
use crate::clock::monotonic_now;
use crate::config::{Config, Layers, PathOverrides, Paths, Sources};
use crate::domain::{MAX_IMAGES, Moment};
use crate::failure::{Exit, Failure};
use crate::stand_in::{FaultKind, StandIn, StandInHandle, StandInOptions};
use crate::web::client::Events;
use crate::web::wire::{EnrollmentReport, EnrollmentState, Event, PersonRequest, ReceiptReport};

const TOKEN: &str = "demo-token-for-the-stand-in-only";
/// No scene takes longer; the story must end by itself.
const SCENE_LIMIT: Duration = Duration::from_secs(60);

/// Tells the story from the beginning to the end.
///
/// # Errors
/// When a scene does not come out as it should.
pub async fn tell(script: &Script, audience: &mut impl Audience) -> Result<Summary, Failure> {
    let folder = Folder::make()?;
    let mut story = Story::begin(script, audience, &folder.0).await?;
    let agent = story.open().await?;
    let (report, sheet) = story.walk_up(&agent).await?;
    story.outage(&agent).await?;
    let agent = story.power_cut(agent).await?;
    let receipt = story.line_returns(&agent).await?;
    let summary = story.proof(&report, receipt, sheet).await?;
    story.audience.summary(&summary);
    if script.serve {
        let addresses = story.addresses();
        story.audience.stay(&addresses).await?;
    }
    agent.stop().await?;
    story.stand_in.stop().await;
    Ok(summary)
}

/// A folder that goes when the story ends, however it ends.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, Failure> {
        let name = format!("kiosk-enroll-demo-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).map_err(|error| cannot("make the demo's folder", &error))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "the demo's folder could not be removed");
        }
    }
}

fn cannot(what: &str, error: &std::io::Error) -> Failure {
    Failure::new(Exit::CannotCreate, format!("cannot {what}: {error}"))
}

struct Story<'a, A: Audience> {
    script: &'a Script,
    audience: &'a mut A,
    began: Moment,
    stage: Stage,
    page_port: u16,
    stand_in: StandInHandle,
}

impl<'a, A: Audience> Story<'a, A> {
    async fn begin(
        script: &'a Script,
        audience: &'a mut A,
        folder: &Path,
    ) -> Result<Self, Failure> {
        let frames = match &script.frames {
            Some(frames) => frames.clone(),
            None => folder.join("frames"),
        };
        if script.frames.is_none() {
            clip::write_into(&frames).map_err(|error| cannot("write the demo's frames", &error))?;
        }
        let state_dir = folder.join("state");
        fs::create_dir_all(&state_dir)
            .map_err(|error| cannot("make the state directory", &error))?;
        fs::write(state_dir.join("token"), TOKEN)
            .map_err(|error| cannot("write the token", &error))?;
        let stand_in = StandIn::start(StandInOptions {
            token: Some(TOKEN.to_owned()),
            fault: FaultKind::Down,
            ..StandInOptions::default()
        })
        .await
        .map_err(|error| Failure::caused(Exit::Unavailable, &error))?;
        let page_port = free_port()?;
        let settings = vec![
            format!("camera.source=frames:{}?fps={}", frames.display(), clip::FPS),
            format!("verifik.base_url=http://{}", stand_in.address()),
            format!("web.listen=127.0.0.1:{page_port}"),
            "kiosk.id=demo".to_owned(),
            "delivery.spread=0s".to_owned(),
            "delivery.backoff_min=200ms".to_owned(),
            "delivery.backoff_max=1s".to_owned(),
            "delivery.rate=20/1s".to_owned(),
        ];
        let stage = Stage { state_dir, settings, log: folder.join("agent.log") };
        Ok(Self { script, audience, began: monotonic_now(), stage, page_port, stand_in })
    }

    fn scene(&mut self, actor: &'static str, text: impl Into<String>) {
        self.scene_with(actor, text, None);
    }

    fn scene_with(&mut self, actor: &'static str, text: impl Into<String>, code: Option<String>) {
        let elapsed = monotonic_now().since(self.began).as_millis();
        let at_ms = u64::try_from(elapsed).unwrap_or(u64::MAX);
        self.audience.scene(Scene { at_ms, actor, text: text.into(), code });
    }

    fn addresses(&self) -> Addresses {
        Addresses {
            page: format!("http://127.0.0.1:{}/", self.page_port),
            stand_in: format!("http://{}/", self.stand_in.address()),
            state_dir: self.stage.state_dir.clone(),
        }
    }

    async fn open(&mut self) -> Result<AgentProcess, Failure> {
        let address = self.stand_in.address();
        self.scene(
            "network",
            format!("the persons API stands in at http://{address}, but its line is down"),
        );
        let agent = AgentProcess::start(&self.stage).await?;
        self.scene(
            "agent",
            format!("ready (process {}), watching the replayed camera, queue empty", agent.pid()),
        );
        Ok(agent)
    }

    /// A person is enrolled: every judged frame goes onto the contact sheet.
    async fn walk_up(
        &mut self,
        agent: &AgentProcess,
    ) -> Result<(EnrollmentReport, ContactSheet), Failure> {
        let mut events = agent.client.events().await?;
        let request = PersonRequest {
            person_id: self.script.person_id.clone(),
            notes: Some("re-enrolled at the demo kiosk".to_owned()),
            ..PersonRequest::default()
        };
        let mut report = agent.client.enroll(&request).await?;
        self.scene("site", format!("asks to enroll {}", self.script.person_id));
        let mut sheet = ContactSheet::new(format!("enrollment of {}", self.script.person_id));
        let mut last_reason = None;
        while report.state == EnrollmentState::Capturing {
            match self.next(&mut events, "the enrollment's end").await? {
                Event::Guidance { code, text, .. } => {
                    self.scene_with("person", format!("is told: {text}"), Some(code));
                }
                Event::Frame { frame, .. } => {
                    sheet.add_replayed(&frame);
                    let reason = frame.reasons.first().cloned();
                    if reason.is_some() && reason != last_reason {
                        let text = format!("refuses frame {}", frame.frame);
                        self.scene_with("agent", text, reason.clone());
                    }
                    last_reason = reason;
                }
                Event::Enrollment(ended) if ended.id == report.id => report = ended,
                _ => {}
            }
        }
        if let Some(failure) = report.failure {
            return Err(failure);
        }
        sheet.choose(report.chosen.iter().map(|shot| shot.frame));
        for (rank, shot) in report.chosen.iter().enumerate() {
            let pose = shot.pose;
            self.scene("agent", format!(
                "chooses frame {} as shot {} (score {:.2}, yaw {:+.0}, pitch {:+.0}, roll {:+.0})",
                shot.frame, rank + 1, shot.score, pose.yaw, pose.pitch, pose.roll
            ));
        }
        Ok((report, sheet))
    }

    async fn outage(&mut self, agent: &AgentProcess) -> Result<(), Failure> {
        let queue = agent.client.queue().await?;
        let [item] = queue.as_slice() else {
            return Err(Failure::new(
                Exit::Internal,
                format!("{} updates queued where 1 belongs", queue.len()),
            ));
        };
        let bytes = bytesize::ByteSize(item.bytes);
        self.scene(
            "disk",
            format!("update {} is durable and sealed: {} images, {bytes}", item.id, item.images),
        );
        let began = monotonic_now();
        loop {
            let delivery = agent.client.status().await?.delivery;
            if delivery.state == "offline" {
                let reason = delivery.reason.unwrap_or_default();
                self.scene("network", format!("is down, so the update waits ({reason})"));
                return Ok(());
            }
            if monotonic_now().since(began) > SCENE_LIMIT {
                return Err(Failure::new(
                    Exit::Internal,
                    format!("delivery is {} where offline belongs", delivery.state),
                ));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn power_cut(&mut self, agent: AgentProcess) -> Result<AgentProcess, Failure> {
        agent.kill()?;
        self.scene("site", "the agent is killed without warning");
        let left = list_alone(&demo_config(&self.stage)?, &demo_paths(&self.stage))?;
        self.scene("disk", format!("{} update waits", left.len()));
        if left.len() != 1 {
            return Err(Failure::new(
                Exit::Internal,
                format!("{} updates on disk where 1 belongs", left.len()),
            ));
        }
        let agent = AgentProcess::start(&self.stage).await?;
        let waiting = agent.client.queue().await?.len();
        self.scene(
            "agent",
            format!("ready again (process {}), found {waiting} update", agent.pid()),
        );
        Ok(agent)
    }

    async fn line_returns(&mut self, agent: &AgentProcess) -> Result<ReceiptReport, Failure> {
        let mut events = agent.client.events().await?;
        self.stand_in.set_fault(FaultKind::None);
        self.scene("network", "is back");
        loop {
            if let Event::Delivered(receipt) = self.next(&mut events, "the delivery").await? {
                let fields = receipt.fields.join(", ");
                self.scene(
                    "server",
                    format!(
                        "accepts PUT /v2/face-recognition/persons/{} ({fields}; {} images)",
                        receipt.person_id, receipt.images
                    ),
                );
                self.scene(
                    "agent",
                    format!("keeps the receipt of {}: {}", receipt.id, receipt.confirmation),
                );
                return Ok(receipt);
            }
        }
    }

    /// Looks at the server and at the disk, and writes the contact sheet.
    async fn proof(
        &mut self,
        report: &EnrollmentReport,
        receipt: ReceiptReport,
        sheet: ContactSheet,
    ) -> Result<Summary, Failure> {
        let images_at_server = (0..MAX_IMAGES)
            .filter(|n| self.stand_in.image(&self.script.person_id, *n).is_some())
            .count();
        let pictures = pictures_below(&self.stage.state_dir)
            .map_err(|error| cannot("look through the state directory", &error))?;
        self.scene("disk", format!("{pictures} readable pictures are left in the state directory"));
        if let Some(folder) =
            self.script.sheet.parent().filter(|folder| !folder.as_os_str().is_empty())
        {
            fs::create_dir_all(folder)
                .map_err(|error| cannot("make the sheet's folder", &error))?;
        }
        sheet.write(&self.script.sheet)?;
        Ok(Summary {
            considered: report.considered,
            chosen: report.chosen.iter().map(|shot| shot.frame).collect(),
            receipt,
            images_at_server,
            pictures_left_on_disk: pictures,
            sheet: self.script.sheet.clone(),
            seconds: monotonic_now().since(self.began).as_secs_f64(),
        })
    }

    async fn next(&self, events: &mut Events, awaited: &str) -> Result<Event, Failure> {
        match tokio::time::timeout(SCENE_LIMIT, events.next()).await {
            Ok(Some(event)) => Ok(event),
            Ok(None) => {
                Err(Failure::new(Exit::Internal, format!("the agent has gone before {awaited}")))
            }
            Err(_) => Err(Failure::new(
                Exit::Internal,
                format!("nothing heard of {awaited} for {SCENE_LIMIT:?}"),
            )),
        }
    }
}

fn demo_config(stage: &Stage) -> Result<Config, Failure> {
    let sources = Sources { settings: stage.settings.clone(), ..Sources::default() };
    Ok(Config::resolve(&Layers::gather(&sources)?)?)
}

fn demo_paths(stage: &Stage) -> Paths {
    Paths::of_this_process(&PathOverrides { state_dir: Some(stage.state_dir.clone()) })
}

fn free_port() -> Result<u16, Failure> {
    std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| cannot("find a free port", &error))
}

/// Counts the files below `folder` in which the beginning of a JPEG or PNG can be read.
fn pictures_below(folder: &Path) -> std::io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let kind = fs::symlink_metadata(&path)?.file_type();
        if kind.is_dir() {
            count += pictures_below(&path)?;
        } else if kind.is_file() {
            let bytes = fs::read(&path)?;
            let magic = |magic: &[u8]| bytes.windows(magic.len()).any(|window| window == magic);
            count += usize::from(magic(b"\xFF\xD8\xFF\xE0") || magic(b"\x89PNG\r\n"));
        }
    }
    Ok(count)
}
