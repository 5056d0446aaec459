//! A disk that is full to the last byte: refused in words, nothing lost, and what is queued still goes out.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use kiosk_enroll::stand_in::{FaultKind, StandIn, StandInHandle, StandInOptions};
use tokio::runtime::Runtime;

use crate::agent::Site;
use crate::ext4::{Ext4, inside};
use crate::plan::{Figures, Outcome, Plan, figure};

const IMAGE: u64 = 64 << 20;
const PERSONS: u64 = 8;
const FACE: &str = "tests/fixtures/derived/hopper_frontal.jpg";
const DRAIN_LIMIT: Duration = Duration::from_secs(60);
/// The exit code of a queue that takes nothing more.
const FULL: i32 = 73;

pub(crate) fn run(plan: &mut Plan) -> Outcome {
    inside("disk", plan, fill_up)
}

fn fill_up(plan: &mut Plan) -> Figures {
    let runtime = Runtime::new().unwrap();
    let stand_in = runtime.block_on(StandIn::start(StandInOptions::default())).unwrap();
    let disk = Ext4::new(IMAGE);
    let scene = Scene {
        site: Site::new(&disk.site().join("state"), &stand_in.base_url()),
        filler: disk.site().join("filler"),
        stand_in,
    };
    let (mut acknowledged, mut refused) = (0, 0);
    for round in 1..=u64::from(plan.rounds) {
        acknowledged += PERSONS;
        refused += if round % 2 == 1 {
            scene.drain_while_full(round)
        } else {
            scene.drain_afterwards(round)
        };
    }
    vec![
        figure("times the disk was filled", plan.rounds),
        figure("updates acknowledged before", acknowledged),
        figure("of them lost", 0),
        figure("updates refused with exit code 73", refused),
        figure("failed starts on the full disk", 0),
    ]
}

struct Scene {
    site: Site,
    filler: std::path::PathBuf,
    stand_in: StandInHandle,
}

impl Scene {
    /// The agent stays up on the full disk and delivers what it has.
    fn drain_while_full(&self, round: u64) -> u64 {
        let mut agent = self.site.start_ready();
        self.queue_offline(round);
        fill(&self.filler);
        let refused = self.refused();
        assert!(agent.is_running(), "the agent went down on the full disk");
        self.stand_in.set_fault(FaultKind::None);
        self.site.wait_until_empty(DRAIN_LIMIT);
        self.all_arrived(round);
        assert!(agent.is_running(), "the agent went down on the full disk");
        agent.kill();
        self.room_again();
        refused
    }

    /// The agent is killed and started again on the full disk, and delivers when there is room again.
    fn drain_afterwards(&self, round: u64) -> u64 {
        let agent = self.site.start_ready();
        self.queue_offline(round);
        fill(&self.filler);
        agent.kill();
        let agent = self.site.start_ready();
        let refused = self.refused();
        let held = self.site.ask(&["queue", "list"]).as_array().unwrap().len() as u64;
        assert_eq!(held, PERSONS, "after a start on the full disk");
        fs::remove_file(&self.filler).unwrap();
        self.stand_in.set_fault(FaultKind::None);
        self.site.wait_until_empty(DRAIN_LIMIT);
        self.all_arrived(round);
        agent.kill();
        self.room_again();
        refused
    }

    /// Queues one update for each person while the server cannot be reached.
    fn queue_offline(&self, round: u64) {
        self.stand_in.set_fault(FaultKind::Down);
        for person in 0..PERSONS {
            let (person, round) = (format!("p{person}"), round.to_string());
            self.site.ask(&["update", &person, "--notes", &round, "--image", FACE]);
        }
    }

    /// Tries to queue more, with and without a running agent's help; gives how often it was refused.
    fn refused(&self) -> u64 {
        for _ in 0..5 {
            let output = self.site.run(&["update", "too-late", "--notes", "0", "--image", FACE]);
            let words = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(FULL), "{words}");
            assert!(words.contains("error: ") && words.contains("hint: "), "{words}");
        }
        5
    }

    fn all_arrived(&self, round: u64) {
        for person in 0..PERSONS {
            let shown = self.stand_in.person(&format!("p{person}")).expect("lost");
            assert_eq!(shown["notes"], round.to_string(), "p{person} at the server");
        }
        assert!(self.stand_in.person("too-late").is_none(), "what was refused was sent");
    }

    fn room_again(&self) {
        let _ = fs::remove_file(&self.filler);
        self.site.ask(&["update", "afterwards", "--notes", "1", "--image", FACE]);
        self.site.ask(&["flush"]);
    }
}

/// Writes until not a single byte more fits.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for size in [1 << 20, 4_096, 1] {
        let chunk = vec![7; size];
        while file.write_all(&chunk).is_ok() {}
    }
    let _ = file.sync_all();
}
