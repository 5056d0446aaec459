//! Power cuts at random instants while updates are queued and settled.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::ext4::{Ext4, bound_to_us, inside};
use crate::ledger::{Ledger, Values};
use crate::numbers;
use crate::plan::{Figures, Outcome, Plan, figure};

const IMAGE: u64 = 96 << 20;
/// A start that takes longer has hung.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The longest time between two cuts.
const LONGEST: u64 = 400;

pub(crate) fn run(plan: &mut Plan) -> Outcome {
    inside("power", plan, cuts)
}

/// What is known across all cuts.
#[derive(Default)]
struct Story {
    ledger: Ledger,
    /// Ids whose delivery was acknowledged.
    delivered: BTreeSet<String>,
    next_number: u64,
    acknowledged: usize,
    settled: usize,
    /// Starts that found the index other than they left it.
    rebuilt: usize,
}

fn cuts(plan: &mut Plan) -> Figures {
    let disk = Ext4::new(IMAGE);
    let mut story = Story { next_number: 1, ..Story::default() };
    for round in 0..=plan.rounds {
        let writer = Writer::start(&disk, plan.rng.u64(..), story.next_number);
        story.look_at_what_is_there(&writer.lines);
        if round < plan.rounds {
            std::thread::sleep(Duration::from_millis(plan.rng.u64(..LONGEST)));
            disk.cut();
        }
        story.listen(writer.end());
        disk.restore();
    }
    vec![
        figure("power cuts", plan.rounds),
        figure("updates acknowledged", story.acknowledged),
        figure("settlements acknowledged", story.settled),
        figure("acknowledged and lost", 0),
        figure("older over newer", 0),
        figure("deliveries that came back", 0),
        figure("failed starts", 0),
        figure("starts that built the index anew", story.rebuilt),
    ]
}

impl Story {
    /// Reads what a start says, up to `ready`, and checks it against all that was said before.
    fn look_at_what_is_there(&mut self, lines: &Receiver<String>) {
        let mut held = Vec::new();
        loop {
            let line = lines.recv_timeout(START_LIMIT);
            let line = line.expect("failed start: it says nothing any more");
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["open", unusable, index] => {
                    assert_eq!(*unusable, "0", "unusable files after a power cut");
                    self.rebuilt += usize::from(*index != "healthy");
                }
                ["holds", id, person, values] => {
                    assert!(!self.delivered.contains(*id), "{id} was delivered and came back");
                    held.push(((*person).to_owned(), numbers::read(values)));
                }
                ["ready"] => break,
                _ => panic!("failed start: {line}"),
            }
        }
        self.ledger.nothing_is_lost(&held);
    }

    /// Takes note of all that was said until the cut.
    fn listen(&mut self, lines: Receiver<String>) {
        let mut asked: Option<(String, Values)> = None;
        // By their ids.
        let mut sending: BTreeMap<String, (String, Values)> = BTreeMap::new();
        let mut last = String::new();
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["asks", person, values] => {
                    let values = numbers::read(values);
                    self.next_number = values["notes"] + 1;
                    self.ledger.asked(person, &values);
                    asked = Some(((*person).to_owned(), values));
                }
                ["queued", _] => {
                    let (person, values) = asked.take().unwrap();
                    self.ledger.acknowledged(&person, &values);
                    self.acknowledged += 1;
                }
                ["sends", id, person, values] => {
                    let values = numbers::read(values);
                    self.ledger.sent(person, &values);
                    sending.insert((*id).to_owned(), ((*person).to_owned(), values));
                    last = (*id).to_owned();
                }
                ["settles", "delivered"] => {}
                // Nothing but a delivery may remove an update.
                ["settles", _] => drop(sending.remove(&last)),
                ["delivered", id] => {
                    let (person, values) = sending.remove(*id).unwrap();
                    self.ledger.gone(&person, &values);
                    self.delivered.insert((*id).to_owned());
                    self.settled += 1;
                }
                ["released" | "parked" | "delayed", _] => self.settled += 1,
                ["requeued", _] | ["ended", ..] => {}
                _ => panic!("{line}"),
            }
        }
        // Whether the last deliveries reached the disk nobody was told.
        for (person, values) in sending.into_values() {
            self.ledger.gone(&person, &values);
        }
    }
}

/// The process that writes; see `writer`.
struct Writer {
    child: std::process::Child,
    lines: Receiver<String>,
}

impl Writer {
    fn start(disk: &Ext4, seed: u64, from: u64) -> Self {
        let mut child = bound_to_us(&std::env::current_exe().unwrap())
            .arg("--writer")
            .arg(disk.site())
            .args(["--seed", &seed.to_string(), "--from", &from.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// Ends it, if it has not ended by itself, and gives all that it has said and nobody has read.
    fn end(mut self) -> Receiver<String> {
        let _ = self.child.kill();
        self.child.wait().unwrap();
        self.lines
    }
}

fn lines_of(out: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
