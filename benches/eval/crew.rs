//! Shares trials out among threads; the results do not depend on how many there are.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use kiosk_enroll::app::examiner::{Examiner, EyesLook};
use kiosk_enroll::domain::Profile;
use kiosk_enroll::measure;
use kiosk_enroll::vision::NetFaceFinder;

/// Runs trials `0..count`, each with an examiner of its thread, and gives their results in order.
pub(crate) fn spread<T: Send>(
    name: &str,
    count: usize,
    eyes: EyesLook,
    trial: impl Fn(&mut Examiner, usize) -> T + Sync,
) -> Vec<T> {
    let began = Instant::now();
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(count)));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(count.max(1));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut examiner = examiner(eyes);
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return;
                    }
                    let result = trial(&mut examiner, index);
                    let mut results = results.lock().unwrap();
                    results.push((index, result));
                    progress(name, results.len(), count);
                }
            });
        }
    });
    println!("{name}: {count} trials in {:.1} s", began.elapsed().as_secs_f64());
    let results: BTreeMap<usize, T> = results.into_inner().unwrap().into_iter().collect();
    results.into_values().collect()
}

/// An examiner as a kiosk's own.
pub(crate) fn examiner(eyes: EyesLook) -> Examiner {
    let gates = measure::gates(Profile::Standard, &BTreeMap::new()).unwrap();
    Examiner::new(Box::new(NetFaceFinder::load().unwrap()), gates, eyes)
}

fn progress(name: &str, done: usize, count: usize) {
    if std::io::stderr().is_terminal() {
        let end = if done == count { "\n" } else { "" };
        let _ = write!(std::io::stderr(), "\r{name}: {done} of {count}{end}");
    }
}

/// What the seeds of a figure are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seeds {
    /// For whoever tries out another limit.
    Tuning,
    /// For the judgement afterwards.
    HeldOut,
}

impl Seeds {
    pub(crate) const BOTH: [Self; 2] = [Self::Tuning, Self::HeldOut];

    /// Every third seed is held out.
    pub(crate) const fn of(trial: usize) -> Self {
        if trial % 3 == 2 { Self::HeldOut } else { Self::Tuning }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tuning => "tuning",
            Self::HeldOut => "held out",
        }
    }
}
