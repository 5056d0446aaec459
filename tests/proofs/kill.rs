//! Kills at random instants: of the agent while it takes in and delivers, and of commands while they queue.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kiosk_enroll::delivery::MOST_UNSETTLED;
use kiosk_enroll::stand_in::{FaultKind, StandIn, StandInHandle, StandInOptions};
use kiosk_enroll::vision::image::portrait_from_file_bytes;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::agent::Site;
use crate::ledger::{Field, Ledger, Values};
use crate::numbers;
use crate::plan::{Outcome, Plan, figure};
use crate::recorder::{Answer, Put, Recorder};

/// Each commander has persons of its own, so that the order of a person's updates is known.
const COMMANDERS: usize = 3;
const PERSONS: u64 = 3;
const FACES: [&str; 13] = [
    "collins_frontal",
    "collins_yaw+5",
    "collins_yaw-5",
    "collins_yaw+10",
    "collins_yaw-10",
    "collins_yaw+15",
    "collins_yaw-15",
    "collins_roll+15",
    "hopper_frontal",
    "hopper_yaw+10",
    "hopper_yaw-10",
    "hopper_pitch+10",
    "hopper_pitch-10",
];
const FAULTS: [FaultKind; 8] = [
    FaultKind::None,
    FaultKind::None,
    FaultKind::None,
    FaultKind::None,
    FaultKind::Cut,
    FaultKind::Cut,
    FaultKind::Error,
    FaultKind::Down,
];
/// Nobody waits longer for the last deliveries.
const DRAIN_LIMIT: Duration = Duration::from_secs(120);

pub(crate) fn run(plan: &mut Plan) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let stage = Stage::set(&runtime, folder.path());
    let story = Story::default();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for number in 0..COMMANDERS {
            let (story, stage, over) = (&story, &stage, &over);
            let rng = fastrand::Rng::with_seed(plan.rng.u64(..));
            scope.spawn(move || {
                // Where one side fails the other must end, too.
                let done = Raise(over);
                Commander { number, story, stage, rng }.command(over);
                drop(done);
            });
        }
        let done = Raise(&over);
        kill_agents(plan, &stage, &story, &over);
        drop(done);
    });
    let agent = stage.deliver_the_rest(plan.rounds);
    let parked = stage.site.ask(&["status"])["queue"]["parked"].clone();
    assert_eq!(parked, 0, "something was parked");
    agent.kill();
    let puts = stage.recorder.puts();
    let again = story.check(&puts, &stage);
    Outcome::Held(vec![
        figure("kills of the agent", plan.rounds),
        figure("kills of commands", story.killed.load(Ordering::Relaxed)),
        figure("updates acknowledged", story.acknowledged.load(Ordering::Relaxed)),
        figure("updates without an answer", story.unanswered.load(Ordering::Relaxed)),
        figure("PUTs that changed a person", puts.len()),
        figure(
            "of them with an answer that was cut off",
            puts.iter().filter(|put| put.answer == Answer::CutOff).count(),
        ),
        figure("PUTs again, all of updates not yet said to be delivered", again),
        figure("acknowledged and lost", 0),
        figure("older over newer", 0),
        figure("failed starts", 0),
    ])
}

/// Raised when its holder is done or fails.
struct Raise<'a>(&'a AtomicBool);

impl Drop for Raise<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn kill_agents(plan: &mut Plan, stage: &Stage, story: &Story, over: &AtomicBool) {
    for round in 0..plan.rounds {
        assert!(!over.load(Ordering::Relaxed), "a commander failed");
        let token = format!("start-{round}");
        stage.site.give_token(&token);
        stage.suffer(FAULTS[plan.rng.usize(..FAULTS.len())]);
        let mut agent = stage.site.start();
        // Every third is killed while it starts; that the others start shows that this does no harm.
        if round % 3 < 2 {
            agent.wait_until_ready();
            story.wait_for_more(plan.rng.usize(..8));
        }
        std::thread::sleep(Duration::from_millis(plan.rng.u64(..300)));
        agent.kill();
        story.told.lock().unwrap().insert(token, stage.site.told_delivered());
    }
}

/// The kiosk, the server, and the faces that are sent.
struct Stage {
    site: Site,
    stand_in: StandInHandle,
    recorder: Recorder,
    files: Vec<PathBuf>,
    /// What is sent of each file.
    sent: Vec<Vec<u8>>,
}

impl Stage {
    fn set(runtime: &Runtime, folder: &Path) -> Self {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/derived");
        let files: Vec<_> = FACES.iter().map(|face| fixtures.join(format!("{face}.jpg"))).collect();
        let portrait = |path| portrait_from_file_bytes(&std::fs::read(path).unwrap()).unwrap();
        let sent: Vec<_> = files.iter().map(|path| portrait(path).bytes().to_vec()).collect();
        let known = sent.iter().enumerate().map(|(number, bytes)| (STANDARD.encode(bytes), number));
        let known: HashMap<_, _> = known.collect();
        let (stand_in, (recorder, url)) = runtime.block_on(async {
            let stand_in = StandIn::start(StandInOptions::default()).await.unwrap();
            let door = Recorder::open(&stand_in.base_url(), known).await;
            (stand_in, door)
        });
        let site = Site::new(&folder.join("state"), &url);
        Self { site, stand_in, recorder, files, sent }
    }

    /// Makes the server fail like this. Answers are cut off at the door, which must know what was changed.
    fn suffer(&self, fault: FaultKind) {
        let cuts = fault == FaultKind::Cut;
        self.recorder.cut_answers(cuts);
        self.stand_in.set_fault(if cuts { FaultKind::None } else { fault });
    }

    fn deliver_the_rest(&self, rounds: u32) -> crate::agent::Agent {
        self.suffer(FaultKind::None);
        self.site.give_token(&format!("start-{rounds}"));
        let agent = self.site.start_ready();
        self.site.wait_until_empty(DRAIN_LIMIT);
        agent
    }

    fn file(&self, number: u64) -> &Path {
        &self.files[number as usize % self.files.len()]
    }
}

/// What commands and server have said.
#[derive(Default)]
struct Story {
    ledger: Mutex<Ledger>,
    /// The numbers of the pictures that were asked for.
    pictures: Mutex<BTreeMap<String, Vec<u64>>>,
    /// How many updates the agent of each token said to be delivered.
    told: Mutex<HashMap<String, usize>>,
    acknowledged: AtomicUsize,
    unanswered: AtomicUsize,
    killed: AtomicUsize,
}

/// Gives one command after the other.
struct Commander<'a> {
    number: usize,
    story: &'a Story,
    stage: &'a Stage,
    rng: fastrand::Rng,
}

impl Commander<'_> {
    fn command(&mut self, over: &AtomicBool) {
        let mut given = [0; PERSONS as usize];
        while !over.load(Ordering::Relaxed) {
            let person = self.rng.usize(..given.len());
            given[person] += 1;
            let values = numbers::draw(&mut self.rng, given[person]);
            self.update(&format!("c{}-p{person}", self.number), &values);
        }
    }

    fn update(&mut self, person: &str, values: &Values) {
        let story = self.story;
        story.ledger.lock().unwrap().asked(person, values);
        if let Some(number) = values.get("images") {
            story.pictures.lock().unwrap().entry(person.to_owned()).or_default().push(*number);
        }
        let mut child = self.line(person, values).spawn().unwrap();
        if self.rng.u8(..6) == 0 {
            std::thread::sleep(Duration::from_millis(self.rng.u64(..250)));
            story.killed.fetch_add(1, Ordering::Relaxed);
            let _ = child.kill();
        }
        let output = child.wait_with_output().unwrap();
        match output.status.code() {
            Some(0) => {
                let report: Value = serde_json::from_slice(&output.stdout).unwrap();
                assert!(report["id"].as_str().unwrap().starts_with('u'));
                story.ledger.lock().unwrap().acknowledged(person, values);
                story.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            // Killed, the agent went away under it, or somebody else has the queue open.
            None | Some(69 | 75) => drop(story.unanswered.fetch_add(1, Ordering::Relaxed)),
            Some(code) => {
                panic!("update ended with {code}: {}", String::from_utf8_lossy(&output.stderr));
            }
        }
    }

    fn line(&self, person: &str, values: &Values) -> Command {
        let mut command = self.stage.site.command(&["update", person, "--json"]);
        for (field, number) in values {
            match *field {
                "name" => command.arg("--name").arg(numbers::name(*number)),
                "collections" => command.arg("--collection").arg(number.to_string()),
                "images" => command.arg("--image").arg(self.stage.file(*number)),
                _ => command.arg("--notes").arg(number.to_string()),
            };
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

impl Story {
    /// Waits until so many more updates are acknowledged, but not for ever: an answer may be on its way.
    fn wait_for_more(&self, more: usize) {
        let wanted = self.acknowledged.load(Ordering::Relaxed) + more;
        for _ in 0..300 {
            if self.acknowledged.load(Ordering::Relaxed) >= wanted {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Checks what the server has seen and what it has now; gives how many PUTs came again.
    fn check(&self, puts: &[Put], stage: &Stage) -> usize {
        let mut ledger = self.ledger.lock().unwrap();
        let told = self.told.lock().unwrap();
        let places = places(puts);
        let mut seen: HashMap<(&str, Field), (u64, usize)> = HashMap::new();
        let mut again = 0;
        for (at, put) in puts.iter().enumerate() {
            let mut values = put.values.clone();
            if let Some(picture) = put.picture {
                values.insert("images", self.number_of(&put.person, picture, values["notes"]));
            }
            ledger.sent(&put.person, &values);
            let mut repeats = false;
            for (field, number) in values {
                let before = seen.insert((&put.person, field), (number, at));
                let Some((_, first)) = before.filter(|(known, _)| *known == number) else {
                    continue;
                };
                repeats = true;
                // The agent was killed before it could say so; what it does say is on the disk.
                let before = &puts[first];
                let untold = before.token != put.token && places[first] >= told[&before.token];
                let unknown = before.answer == Answer::CutOff || untold;
                assert!(unknown, "sent again although it was delivered: {put:?}");
            }
            again += usize::from(repeats);
        }
        for (token, told) in told.iter() {
            let answered = puts.iter().filter(|put| put.token == *token && put.is_whole()).count();
            assert!(*told <= answered, "{token} says that {told} of {answered} are delivered");
            let unsettled = answered - told;
            assert!(unsettled <= MOST_UNSETTLED + 1, "{token} left {unsettled} unsettled");
        }
        ledger.arrived(|person, field| self.shown(stage, person, field));
        again
    }

    /// What the server shows of a person.
    fn shown(&self, stage: &Stage, person: &str, field: Field) -> Option<u64> {
        let shown = stage.stand_in.person(person)?;
        let notes = shown["notes"].as_str()?.parse().ok();
        match field {
            "notes" => notes,
            "name" => {
                shown["name"].as_str().filter(|name| !name.is_empty()).map(numbers::from_name)
            }
            "collections" => shown["collections"][0].as_str()?.parse().ok(),
            _ => {
                let bytes = stage.stand_in.image(person, 0)?;
                let picture = stage.sent.iter().position(|sent| *sent == bytes);
                Some(self.number_of(person, picture.expect("a picture that nobody sent"), notes?))
            }
        }
    }

    /// The newest number up to that of the notes with which this picture was asked for.
    fn number_of(&self, person: &str, picture: usize, notes: u64) -> u64 {
        let pictures = self.pictures.lock().unwrap();
        let asked = pictures.get(person).map_or(&[][..], Vec::as_slice);
        let fits = |number: &&u64| **number <= notes && **number as usize % FACES.len() == picture;
        *asked.iter().rev().find(fits).expect("a picture that was never asked for")
    }
}

/// The place of each PUT among those of its agent that were answered as a whole: in this order they are settled.
fn places(puts: &[Put]) -> Vec<usize> {
    let mut answered: HashMap<&str, usize> = HashMap::new();
    let mut places = Vec::new();
    for put in puts {
        let place = answered.entry(&put.token).or_default();
        places.push(*place);
        *place += usize::from(put.is_whole());
    }
    places
}
