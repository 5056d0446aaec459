//! The index: attempts, not-before, place in line and the server's words of each update, in sled.
//!
//! # Invariants
//! - **The files are the truth.** A row without a file is forgotten, a file without a row starts anew; losing
//!   the whole index costs counters, never an update and never a parked one's place.
//! - **sled can stop nobody.** It runs on a thread of its own behind `catch_unwind` and a deadline. Whatever
//!   does not open is put aside as `index.bad` and built anew; what fails again, or later, is done without.
//!   A handle that failed or hangs is leaked, because closing it could hang as well.
//! - **Nothing about a person**: lanes are keyed hashes, words are sealed with the entry's data key.
//!
//! ```text
//!            opened, or built anew              error, panic, deadline
//! (opening) ──────────────────────▶ (at work) ────────────────────────▶ (absent)
//!     └───────────── failed twice ───────────────────────────────────────▶ ┘
//! ```

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use crate::domain::UpdateId;

/// How the index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IndexHealth {
    /// It opened as it was left.
    Healthy,
    /// It was damaged or missing and was built anew from the files.
    Rebuilt,
    /// It cannot be used; the queue goes on without it.
    Absent,
}

impl IndexHealth {
    /// The name as it stands in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Rebuilt => "rebuilt",
            Self::Absent => "absent",
        }
    }
}

/// A row as the store sees it.
pub(super) type Rows = BTreeMap<UpdateId, Vec<u8>>;

/// A change to the index.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Put(UpdateId, Vec<u8>),
    Remove(UpdateId),
}

/// What keeps the rows. It lives on the index's thread.
pub(super) trait Store: Send {
    /// Reads every row: damage may show only here.
    fn scan(&mut self) -> Result<Rows, String>;
    /// Makes changes.
    fn apply(&mut self, changes: Vec<Change>) -> Result<(), String>;
    /// Makes all changes so far durable.
    fn sync(&mut self) -> Result<(), String>;
}

/// Opens a store in a directory, which it may have to create.
pub(super) type Opener = Arc<dyn Fn(&Path) -> Result<Box<dyn Store>, String> + Send + Sync>;

/// How long the store may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadlines {
    pub(super) open: Duration,
    pub(super) change: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { open: Duration::from_secs(20), change: Duration::from_secs(5) }
    }
}

/// Whether the caller needs a change to be durable before it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    ForDisk,
    No,
}

enum Order {
    Change { changes: Vec<Change>, done: Option<Sender<()>> },
    Scan(Sender<Rows>),
}

struct Worker {
    orders: SyncSender<Order>,
    /// Never gets a message: it is disconnected when the thread has ended.
    ended: Receiver<()>,
}

/// Orders that may wait for the thread; more than this and it counts as hung.
const BACKLOG: usize = 1_024;

/// A handle of the thread that owns the store.
pub(super) struct Index {
    worker: Option<Worker>,
    health: IndexHealth,
    deadlines: Deadlines,
}

impl Index {
    /// Opens the index of a queue, with every row it has.
    pub(super) fn open(dir: &Path, opener: &Opener, deadlines: Deadlines) -> (Self, Rows) {
        let first = match start(dir, opener, deadlines) {
            Ok((worker, rows)) => {
                return Self::at_work(worker, rows, IndexHealth::Healthy, deadlines);
            }
            Err(why) => why,
        };
        tracing::warn!(dir = %dir.display(), why = first, "the index does not open: built anew");
        let again = put_aside(dir).and_then(|()| start(dir, opener, deadlines));
        match again {
            Ok((worker, _)) => Self::at_work(worker, Rows::new(), IndexHealth::Rebuilt, deadlines),
            Err(why) => {
                tracing::warn!(dir = %dir.display(), why, "going on without the index");
                (Self::absent(), Rows::new())
            }
        }
    }

    /// No index at all.
    pub(super) fn absent() -> Self {
        Self { worker: None, health: IndexHealth::Absent, deadlines: Deadlines::default() }
    }

    pub(super) const fn health(&self) -> IndexHealth {
        self.health
    }

    /// Says that it opened, but empty, where there should have been rows.
    pub(super) fn mark_rebuilt(&mut self) {
        if self.health == IndexHealth::Healthy {
            self.health = IndexHealth::Rebuilt;
        }
    }

    /// Makes changes; from the first failure on the index is absent.
    pub(super) fn change(&mut self, changes: Vec<Change>, wait: Wait) {
        let Some(worker) = &self.worker else { return };
        let (done, answer) = channel();
        let order = Order::Change { changes, done: (wait == Wait::ForDisk).then_some(done) };
        let sent = worker.orders.try_send(order).is_ok();
        let kept = match wait {
            Wait::ForDisk => sent && answer.recv_timeout(self.deadlines.change).is_ok(),
            Wait::No => sent,
        };
        if !kept {
            tracing::warn!("the index failed: going on without it");
            self.worker = None;
            self.health = IndexHealth::Absent;
        }
    }

    /// Every row as it is now, `None` without an index; changes nothing.
    pub(super) fn rows(&self) -> Option<Rows> {
        let (tell, answer) = channel();
        self.worker.as_ref()?.orders.try_send(Order::Scan(tell)).ok()?;
        answer.recv_timeout(self.deadlines.open).ok()
    }

    fn at_work(
        worker: Worker,
        rows: Rows,
        health: IndexHealth,
        deadlines: Deadlines,
    ) -> (Self, Rows) {
        (Self { worker: Some(worker), health, deadlines }, rows)
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        if let Some(Worker { orders, ended }) = self.worker.take() {
            drop(orders);
            let _ = ended.recv_timeout(self.deadlines.change);
        }
    }
}

fn start(dir: &Path, opener: &Opener, deadlines: Deadlines) -> Result<(Worker, Rows), String> {
    let (orders, received) = sync_channel(BACKLOG);
    let (end, ended) = channel();
    let (opened, answer) = channel();
    let (dir, opener) = (dir.to_owned(), Arc::clone(opener));
    std::thread::Builder::new()
        .name("queue-index".into())
        .spawn(move || {
            work(&dir, &opener, &opened, &received);
            drop(end);
        })
        .map_err(|error| format!("no thread: {error}"))?;
    let rows =
        answer.recv_timeout(deadlines.open).map_err(|_| "it does not answer".to_owned())??;
    Ok((Worker { orders, ended }, rows))
}

/// The life of the thread.
fn work(
    dir: &Path,
    opener: &Opener,
    opened: &Sender<Result<Rows, String>>,
    orders: &Receiver<Order>,
) {
    let store = guarded(|| opener(dir));
    let mut store = match store {
        Ok(store) => store,
        Err(why) => return drop(opened.send(Err(why))),
    };
    let rows = guarded(|| store.scan());
    let failed = rows.is_err();
    if opened.send(rows).is_err() || failed {
        return std::mem::forget(store);
    }
    while let Ok(order) = orders.recv() {
        if let Err(why) = guarded(|| carry_out(store.as_mut(), order)) {
            tracing::warn!(why, "the index cannot be used");
            return std::mem::forget(store);
        }
    }
    if guarded(|| store.sync()).is_err() {
        return std::mem::forget(store);
    }
    let _ = catch_unwind(AssertUnwindSafe(|| drop(store)));
}

fn carry_out(store: &mut dyn Store, order: Order) -> Result<(), String> {
    match order {
        Order::Scan(tell) => {
            let _ = tell.send(store.scan()?);
        }
        Order::Change { changes, done } => {
            store.apply(changes)?;
            // A row that nobody waits for may be lost: a sync for each would cost more than the entry's own.
            if let Some(done) = done {
                store.sync()?;
                let _ = done.send(());
            }
        }
    }
    Ok(())
}

/// Reads every row of an index that no queue has open, from a copy: opening one may change it.
pub(super) fn rows_of_copy(dir: &Path, copy: &Path, opener: &Opener) -> Result<Rows, String> {
    let told = |error: std::io::Error| error.to_string();
    for file in std::fs::read_dir(dir).map_err(told)?.flatten() {
        if file.file_type().map_err(told)?.is_file() {
            std::fs::copy(file.path(), copy.join(file.file_name())).map_err(told)?;
        }
    }
    guarded(|| opener(copy)?.scan())
}

fn guarded<T>(step: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|_| Err("it panicked".to_owned()))
}

/// Keeps one damaged index for an expert to look at.
fn put_aside(dir: &Path) -> Result<(), String> {
    let aside = dir.with_added_extension("bad");
    let gone = |path: &PathBuf| match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            std::fs::remove_file(path)
        }
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    gone(&aside)
        .and_then(|()| match std::fs::rename(dir, &aside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
        .map_err(|error| format!("it cannot be put aside: {error}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    type Opening = fn() -> Result<Box<dyn Store>, String>;
    type Step<T> = Box<dyn FnMut() -> Result<T, String> + Send>;

    struct Scripted {
        scan: Step<Rows>,
        apply: Step<()>,
    }

    impl Store for Scripted {
        fn scan(&mut self) -> Result<Rows, String> {
            (self.scan)()
        }

        fn apply(&mut self, _changes: Vec<Change>) -> Result<(), String> {
            (self.apply)()
        }

        fn sync(&mut self) -> Result<(), String> {
            Ok(())
        }
    }

    fn store(scan: Step<Rows>, apply: Step<()>) -> Box<dyn Store> {
        Box::new(Scripted { scan, apply })
    }

    fn sound() -> Box<dyn Store> {
        store(Box::new(|| Ok(Rows::new())), Box::new(|| Ok(())))
    }

    fn short() -> Deadlines {
        Deadlines { open: Duration::from_millis(50), change: Duration::from_millis(50) }
    }

    /// Opens with a store that misbehaves `times` times and is sound afterwards.
    fn open(times: usize, bad: Opening) -> (Index, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("db"), b"damaged").unwrap();
        let opened = AtomicUsize::new(0);
        let opener: Opener = Arc::new(move |_: &Path| {
            if opened.fetch_add(1, Ordering::Relaxed) < times { bad() } else { Ok(sound()) }
        });
        (Index::open(&path, &opener, Deadlines::default()).0, dir)
    }

    #[test]
    fn an_index_that_errs_or_panics_at_the_start_is_put_aside_and_built_anew() {
        let failing: [Opening; 4] = [
            || Err("corrupt".into()),
            || panic!("sled panics inside open"),
            || Ok(store(Box::new(|| Err("corrupt row".into())), Box::new(|| Ok(())))),
            || Ok(store(Box::new(|| panic!("in the scan")), Box::new(|| Ok(())))),
        ];
        for bad in failing {
            let (index, dir) = open(1, bad);
            assert_eq!(index.health(), IndexHealth::Rebuilt);
            assert_eq!(std::fs::read(dir.path().join("index.bad/db")).unwrap(), b"damaged");
        }
    }

    #[test]
    fn an_index_that_fails_twice_is_done_without() {
        let (mut index, _dir) = open(2, || Err("corrupt".into()));
        assert_eq!(index.health(), IndexHealth::Absent);
        index.change(vec![Change::Remove(UpdateId(1))], Wait::ForDisk);
    }

    #[test]
    fn an_index_that_hangs_is_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let (release, gate) = channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let opener: Opener = Arc::new(move |_: &Path| {
            let gate = Arc::clone(&gate);
            let wait = move || {
                let _ = gate.lock().map(|gate| gate.recv());
                Ok(())
            };
            Ok(store(Box::new(|| Ok(Rows::new())), Box::new(wait)))
        });
        let (mut index, _) = Index::open(&dir.path().join("index"), &opener, short());
        assert_eq!(index.health(), IndexHealth::Healthy);
        index.change(vec![Change::Remove(UpdateId(1))], Wait::ForDisk);
        assert_eq!(index.health(), IndexHealth::Absent);
        drop(index);
        drop(release);
    }

    #[test]
    fn an_index_that_panics_at_work_is_done_without() {
        let dir = tempfile::tempdir().unwrap();
        let opener: Opener = Arc::new(|_: &Path| {
            Ok(store(Box::new(|| Ok(Rows::new())), Box::new(|| panic!("at work"))))
        });
        let (mut index, _) = Index::open(&dir.path().join("index"), &opener, Deadlines::default());
        index.change(vec![Change::Remove(UpdateId(1))], Wait::ForDisk);
        assert_eq!(index.health(), IndexHealth::Absent);
    }
}
