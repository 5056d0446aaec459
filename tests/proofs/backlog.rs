//! Weeks offline: ten thousand updates wait. The start stays quick, memory small, and the flush fast.

use std::io::Cursor;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kiosk_enroll::clock::{utc_date, wall_now};
use kiosk_enroll::domain::{PersonId, PersonUpdate, Portrait, PortraitFormat, Size, UpdateDraft};
use kiosk_enroll::queue::{DeviceKey, Queue, QueueOptions};
use kiosk_enroll::stand_in::{FaultKind, StandIn, StandInHandle, StandInOptions};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::agent::{Agent, Site};
use crate::plan::{Figures, Outcome, Plan, disk_usage, figure};

const BYTES: usize = 150_000;
const MOST_START: Duration = Duration::from_secs(1);
const MOST_MEMORY: u64 = 16 << 20;
const MOST_LEFT: u64 = 8 << 20;
const LEAST_PART: f64 = 0.8;
/// How long the agent, and then the plain client, are watched at a time, and how often.
const SLICE: Duration = Duration::from_secs(2);
const SLICES: usize = 20;
/// Neither is watched while it takes up its work again.
const RUN_UP: Duration = Duration::from_millis(200);
/// Memory is looked at when a start has calmed down.
const CALM: Duration = Duration::from_secs(3);

pub(crate) fn run(plan: &mut Plan) -> Outcome {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let runtime = Runtime::new().unwrap();
    let options = StandInOptions { fault: FaultKind::Down, ..StandInOptions::default() };
    let stand_in = runtime.block_on(StandIn::start(options)).unwrap();
    let plain = runtime.block_on(StandIn::start(StandInOptions::default())).unwrap();
    let site = Site::new(&folder.path().join("state"), &stand_in.base_url());
    let scene = Scene { runtime, stand_in, plain, site, picture: picture(&mut plan.rng) };
    let count = plan.rounds;
    let (_, empty_memory) = scene.start_and_measure().1;
    let empty_disk = disk_usage(scene.site.dir());
    let mut figures = scene.fill(count);
    let (agent, (start, memory)) = scene.start_and_measure();
    let grown = memory.saturating_sub(empty_memory);
    figures.push(figure("start with all of them (under 1 s)", format!("{start:.2?}")));
    figures.push(figure("memory without any", mib(empty_memory)));
    figures.push(figure("memory more with all of them (under 16 MiB)", mib(grown)));
    let drained = scene.drain(&agent, count);
    let peak = drained.peak.saturating_sub(empty_memory);
    agent.kill();
    let left = disk_usage(scene.site.dir()).saturating_sub(empty_disk);
    let of = |value: fn(&Slice) -> f64| median(drained.slices.iter().map(value).collect());
    let part = of(|slice| slice.rate / slice.plain);
    figures.extend([
        figure("stretches of two seconds each", drained.slices.len()),
        figure("delivered per second, median", format!("{:.1}", of(|slice| slice.rate))),
        figure("plain client per second, median", format!("{:.1}", of(|slice| slice.plain))),
        figure("part of the plain client's rate, median (at least 0.8)", format!("{part:.2}")),
        figure("most memory more while delivering, a request with it", mib(peak)),
        figure("disk more than when empty, afterwards (at most 8 MiB)", mib(left)),
    ]);
    let bounds = [
        (start < MOST_START, "the start is slow"),
        (grown < MOST_MEMORY, "memory grew"),
        (left <= MOST_LEFT, "the disk is not freed"),
        // A short run has no stretch to compare.
        (drained.slices.is_empty() || part >= LEAST_PART, "the rate is low"),
    ];
    let missed: Vec<_> =
        bounds.iter().filter(|(held, _)| !held).map(|(_, what)| (*what).to_owned()).collect();
    if missed.is_empty() { Outcome::Held(figures) } else { Outcome::Missed(figures, missed) }
}

struct Scene {
    runtime: Runtime,
    stand_in: StandInHandle,
    /// The plain client's: another of the same kind in the same process, for each remembers so many requests only.
    plain: StandInHandle,
    site: Site,
    picture: Vec<u8>,
}

struct Drained {
    slices: Vec<Slice>,
    peak: u64,
}

/// The agent's rate in one stretch of time, and the plain client's around it.
struct Slice {
    rate: f64,
    plain: f64,
}

impl Scene {
    /// Starts the agent; gives it with the time it took and its memory when it is calm.
    fn start_and_measure(&self) -> (Agent, (Duration, u64)) {
        let mut agent = self.site.start();
        let start = agent.wait_until_ready();
        std::thread::sleep(CALM);
        let memory = agent.memory();
        (agent, (start, memory))
    }

    /// Queues so many updates, each of another person.
    fn fill(&self, count: u32) -> Figures {
        let key = DeviceKey::load_or_create(&self.site.dir().join("device.key")).unwrap();
        let dir = self.site.dir().join("queue");
        let (queue, _) = Queue::open(&dir, key, QueueOptions::default(), wall_now()).unwrap();
        let part = (count / 10).max(1);
        let mut times = Vec::new();
        let mut began = Instant::now();
        for number in 0..count {
            queue.enqueue(self.update(number), wall_now()).unwrap();
            if (number + 1) % part == 0 {
                times.push(began.elapsed() / part);
                began = Instant::now();
            }
        }
        vec![
            figure("updates that wait", count),
            figure("mean of an enqueue, first tenth", format!("{:.2?}", times[0])),
            figure("mean of an enqueue, last tenth", format!("{:.2?}", times[times.len() - 1])),
            figure("disk", mib(disk_usage(self.site.dir()))),
        ]
    }

    /// Lets the agent deliver everything. Now and then it is stopped, and a plain client sends meanwhile: both
    /// meet equal servers, the same disk and load, and never each other.
    fn drain(&self, agent: &Agent, count: u32) -> Drained {
        self.stand_in.set_fault(FaultKind::None);
        let over = AtomicBool::new(false);
        let (slices, peak) = std::thread::scope(|scope| {
            let watch = scope.spawn(|| {
                let mut peak = 0;
                while !over.load(Ordering::Relaxed) {
                    peak = agent.memory().max(peak);
                    std::thread::sleep(Duration::from_millis(100));
                }
                peak
            });
            let slices = self.slices(agent, count);
            self.site.wait_until_empty(Duration::from_secs(3_600));
            over.store(true, Ordering::Relaxed);
            (slices, watch.join().unwrap())
        });
        for number in 0..count {
            let shown = self.stand_in.image(&format!("p{number}"), 0);
            assert!(shown.is_some_and(|bytes| bytes == self.picture), "p{number} has not arrived");
        }
        assert_eq!(self.arrived(), count as usize, "each exactly once");
        Drained { slices, peak }
    }

    fn slices(&self, agent: &Agent, count: u32) -> Vec<Slice> {
        // It has noticed that the server is there, and the connections are warm.
        self.wait_for_arrivals(count as usize / 100);
        let mut slices: Vec<Slice> = Vec::new();
        let mut before = self.while_stopped(agent);
        while slices.len() < SLICES {
            std::thread::sleep(RUN_UP);
            let (began, arrived) = (Instant::now(), self.arrived());
            std::thread::sleep(SLICE);
            let delivered = self.arrived() - arrived;
            if self.arrived() == count as usize {
                break;
            }
            let rate = delivered as f64 / began.elapsed().as_secs_f64();
            let after = self.while_stopped(agent);
            slices.push(Slice { rate, plain: f64::midpoint(before, after) });
            before = after;
        }
        slices
    }

    /// The rate of a plain client while the agent stands still.
    fn while_stopped(&self, agent: &Agent) -> f64 {
        agent.stop();
        let rate = self.plain_rate();
        agent.go_on();
        rate
    }

    fn wait_for_arrivals(&self, wanted: usize) {
        while self.arrived() < wanted {
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// How many PUTs of the agent were answered.
    fn arrived(&self) -> usize {
        self.stand_in.requests().len()
    }

    /// How many equal bodies a second a client gets through that does nothing else.
    fn plain_rate(&self) -> f64 {
        let notes = "0";
        let body =
            json!({ "images": [STANDARD.encode(&self.picture)], "notes": notes }).to_string();
        let body = axum::body::Bytes::from(body);
        let url = format!("{}/v2/face-recognition/persons/plain", self.plain.base_url());
        self.runtime.block_on(async {
            let client = reqwest::Client::new();
            let send = async || {
                let request = client.put(&url).bearer_auth("proof");
                let request = request.header("content-type", "application/json");
                let answer = request.body(body.clone()).send().await.unwrap();
                assert!(answer.status().is_success());
                answer.bytes().await.unwrap();
            };
            let run_up = Instant::now();
            while run_up.elapsed() < RUN_UP {
                send().await;
            }
            let (began, mut sent) = (Instant::now(), 0_u32);
            while began.elapsed() < SLICE {
                send().await;
                sent += 1;
            }
            f64::from(sent) / began.elapsed().as_secs_f64()
        })
    }

    fn update(&self, number: u32) -> PersonUpdate {
        let size = Size::new(400, 400);
        let picture = Portrait::from_decoded(PortraitFormat::Jpeg, size, self.picture.clone());
        let draft = UpdateDraft {
            notes: Some(number.to_string()),
            images: Some(vec![picture.unwrap()]),
            ..UpdateDraft::default()
        };
        let person = PersonId::parse(&format!("p{number}")).unwrap();
        PersonUpdate::parse(person, draft, utc_date(wall_now())).unwrap()
    }
}

/// A JPEG of noise of about [`BYTES`] bytes.
fn picture(rng: &mut fastrand::Rng) -> Vec<u8> {
    for side in (160..800).step_by(16) {
        let noise =
            image::RgbImage::from_fn(side, side, |_, _| image::Rgb([(); 3].map(|()| rng.u8(..))));
        let mut bytes = Cursor::new(Vec::new());
        noise.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
        let bytes = bytes.into_inner();
        if bytes.len() >= BYTES {
            return bytes;
        }
    }
    unreachable!("noise of 800 x 800 is larger than {BYTES} bytes")
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
