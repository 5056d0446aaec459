//! The camera's own thread: it answers requests and sends a frame whenever one is due.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::descriptors::{self, Coding, Shape};
use super::negotiation::Negotiation;
use super::picture::{self, Fault};
use super::stream;
use super::usbip::{self, Command, Direction, Found, Request, STALL};
use super::{Controls, Flow, Model, Sent, Shared, lock};
use crate::clock::{Instant, now};

/// How long each picture is shown: the walk-up was recorded at ten pictures a second.
const SHOWN: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_millis(20);

pub(super) struct Engine {
    socket: UnixStream,
    model: Model,
    shared: Arc<Shared>,
    negotiation: Negotiation,
    pending: VecDeque<Request>,
    outgoing: VecDeque<Vec<u8>>,
    running: Option<Running>,
    streams: u64,
    pictures: HashMap<PathBuf, Arc<Vec<Vec<u8>>>>,
}

/// A stream that the driver has started.
struct Running {
    began: Instant,
    due: Instant,
    frames: u64,
}

impl Engine {
    pub(super) fn new(socket: UnixStream, model: Model, shared: Arc<Shared>) -> Self {
        let negotiation = Negotiation::new(model.offer, model.interval);
        let streams = lock(&shared.sent).last().map_or(0, |sent| sent.stream + 1);
        Self {
            socket,
            model,
            shared,
            negotiation,
            pending: VecDeque::new(),
            outgoing: VecDeque::new(),
            running: None,
            streams,
            pictures: HashMap::new(),
        }
    }

    /// Serves until the plug is pulled.
    pub(super) fn run(mut self) {
        while self.step().is_ok() {}
    }

    fn step(&mut self) -> io::Result<()> {
        let wait = self
            .running
            .as_ref()
            .map_or(LONGEST_WAIT, |running| running.due.saturating_since(now()).min(LONGEST_WAIT));
        if self.readable(wait)? {
            match usbip::read(&mut self.socket)? {
                Command::Submit(request) => self.submit(request)?,
                Command::Unlink { number, victim } => self.unlink(number, victim)?,
            }
        }
        self.send_due_frame()?;
        self.pump()
    }

    fn readable(&self, wait: Duration) -> io::Result<bool> {
        let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
        let wait = Timespec::try_from(wait).map_err(io::Error::other)?;
        Ok(poll(&mut fds, Some(&wait))? > 0)
    }

    fn submit(&mut self, request: Request) -> io::Result<()> {
        if request.endpoint != 0 {
            self.pending.push_back(request);
            return Ok(());
        }
        let answer = self.control(&request);
        let answer = answer.as_deref().map_err(|status| *status);
        usbip::answer(&mut self.socket, &request, answer)
    }

    fn unlink(&mut self, number: u32, victim: u32) -> io::Result<()> {
        let before = self.pending.len();
        self.pending.retain(|request| request.number != victim);
        let found = if self.pending.len() < before { Found::Pending } else { Found::Done };
        usbip::answer_unlink(&mut self.socket, number, found)
    }

    fn control(&mut self, request: &Request) -> Result<Vec<u8>, i32> {
        let [kind, code, low, high, index, ..] = request.setup;
        match (kind, code) {
            (0x80, 6) => self.descriptor(high, low),
            (0x80..=0x82, 0) => Ok(vec![0, 0]),
            (0x81, 10) => Ok(vec![u8::from(index == 1 && self.running.is_some())]),
            (0x80, 8) => Ok(vec![1]),
            (0x01, 11) => {
                if index == 1 {
                    self.set_streaming(low);
                }
                Ok(Vec::new())
            }
            (0x00..=0x02, _) => Ok(Vec::new()),
            // PROBE and COMMIT of the streaming interface.
            (0x21 | 0xA1, _) if index == 1 && (high == 1 || high == 2) => {
                debug_assert!(request.direction == Direction::In || !request.data.is_empty());
                Ok(self.negotiation.answer(code, &request.data))
            }
            // A control of the sensor or of the processing unit.
            (0x21 | 0xA1, _) if index == 0 => {
                let unit = request.setup[5];
                lock(&self.shared.settings).answer(unit, high, code, &request.data).ok_or(STALL)
            }
            _ => Err(STALL),
        }
    }

    fn descriptor(&self, kind: u8, number: u8) -> Result<Vec<u8>, i32> {
        let serial = format!("LAB{:04}", self.model.port + 1);
        match kind {
            1 => Ok(descriptors::device()),
            2 => Ok(descriptors::configuration(self.model.offer, self.model.interval)),
            3 => descriptors::string(number, &serial).ok_or(STALL),
            _ => Err(STALL),
        }
    }

    fn set_streaming(&mut self, setting: u8) {
        self.outgoing.clear();
        self.running = (setting == 1).then(|| {
            self.streams += 1;
            Running { began: now(), due: now(), frames: 0 }
        });
    }

    fn send_due_frame(&mut self) -> io::Result<()> {
        let controls = lock(&self.shared.controls).clone();
        let shape = self.negotiation.shape();
        let interval = Duration::from_nanos(u64::from(self.negotiation.interval()) * 100);
        let Some(running) = self.running.as_mut() else { return Ok(()) };
        let at = now();
        if at < running.due || !self.outgoing.is_empty() {
            return Ok(());
        }
        // A sensor does not wait: what could not be sent in time is left out.
        while running.due <= at {
            running.due = running.due + interval;
        }
        if controls.flow == Flow::Frozen {
            return Ok(());
        }
        let number = running.frames;
        running.frames += 1;
        let shown = (at.saturating_since(running.began).as_millis() / SHOWN.as_millis()) as usize;
        let fault = if number % controls.fault_every == 0 { controls.fault } else { Fault::None };
        let pictures = self.pictures(&controls, shape)?;
        let picture = &pictures[shown % pictures.len()];
        let bytes = match shape.coding {
            Coding::Mjpeg => picture::frame(picture, number, fault),
            Coding::Yuyv => {
                let mut bytes = picture.clone();
                picture::damage(&mut bytes, fault);
                bytes
            }
        };
        self.outgoing = stream::packets(&bytes, number, fault);
        let person = controls.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let sent = Sent { stream: self.streams, number, at, person, fault };
        lock(&self.shared.sent).push(sent);
        Ok(())
    }

    fn pictures(&mut self, controls: &Controls, shape: Shape) -> io::Result<Arc<Vec<Vec<u8>>>> {
        let ending = match shape.coding {
            Coding::Mjpeg => "jpg",
            Coding::Yuyv => "yuyv",
        };
        let folder = controls.folder.join(format!("{}x{}", shape.width, shape.height));
        let key = folder.with_extension(ending);
        if let Some(known) = self.pictures.get(&key) {
            return Ok(Arc::clone(known));
        }
        let pictures = Arc::new(load(&folder, ending)?);
        self.pictures.insert(key, Arc::clone(&pictures));
        Ok(pictures)
    }

    /// Fills the driver's waiting requests with packets that have not left yet.
    fn pump(&mut self) -> io::Result<()> {
        while !self.outgoing.is_empty() {
            let Some(request) = self.pending.pop_front() else { return Ok(()) };
            let count = request.packets.len().min(self.outgoing.len());
            let contents: Vec<Vec<u8>> = self.outgoing.drain(..count).collect();
            if self.outgoing.is_empty()
                && let Some(last) = lock(&self.shared.sent).last_mut()
            {
                last.at = now();
            }
            usbip::answer_packets(&mut self.socket, &request, &contents)?;
        }
        Ok(())
    }
}

fn load(folder: &Path, ending: &str) -> io::Result<Vec<Vec<u8>>> {
    let entries = fs::read_dir(folder)?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(io::Error::other(format!("no .{ending} in {}", folder.display())));
    }
    files.iter().map(fs::read).collect()
}
