//! The thread that finds foreign code.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use portolan_core::{ApplicationKey, Executable, ForeignCode, ProcessEvidence, ProcessKey, Uid, Untrusted};

use super::{databases::Databases, environment::Markers, inspection::Inspection};
use crate::{clock::Now, resources};

/// Processes that may wait. Who asks for another one is told so, and asks again when that process talks again.
const QUEUE: usize = 1024;
/// Of a thousand microseconds, those in which processes are looked at, on the average.
const SHARE: u64 = 50;
/// What may be used at once: to read a browser's libraries, or to look at a thousand processes.
const BURST_US: u64 = 2_000_000;

/// A process that talks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Which.
    pub process: ProcessKey,
    /// Its real uid.
    pub uid: Uid,
    /// Which application it is.
    pub application: ApplicationKey,
    /// What it runs.
    pub executable: Executable,
    /// The script, where that is an interpreter.
    pub script: Option<Untrusted>,
    /// What its linker was told at exec.
    pub markers: Markers,
    /// When it was executed.
    pub executed: Now,
}

impl Request {
    /// The process as it was asked about.
    pub fn to_evidence(&self, now: Now) -> ProcessEvidence {
        ProcessEvidence {
            pid: self.process.pid,
            started: now.wall_at(self.process.started),
            uid: self.uid,
            path: self.executable.path.clone(),
            sha256: Some(self.executable.sha256),
            command_line: None,
            working_directory: None,
        }
    }
}

/// What was found in a process and not told before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// Which, as it was asked about: it may be gone and forgotten by now.
    pub request: Request,
    /// Never empty.
    pub foreign: Vec<ForeignCode>,
}

/// What was looked at and what was not, cumulative.
#[derive(Debug, Default)]
pub struct Counts {
    /// Requests that were answered; what was found was handed over before.
    pub looks: AtomicU64,
    /// CPU time that they took, in microseconds.
    pub cpu_us: AtomicU64,
    /// Processes that were not taken on, because too many waited.
    pub refused: AtomicU64,
    /// Processes that had ended before: only what their linker was told is known.
    pub ended: AtomicU64,
    /// Processes whose memory did not answer, or could not be read.
    pub unreadable: AtomicU64,
    /// Looks at processes that have more mapped than is looked at.
    pub cut_off: AtomicU64,
}

impl Counts {
    /// Processes that were not looked at, or not to the end.
    #[must_use]
    pub fn not_inspected(&self) -> u64 {
        [&self.refused, &self.unreadable, &self.cut_off]
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .sum()
    }
}

/// Finds foreign code in processes. Ends when this is dropped.
pub struct Inspector {
    requests: Option<mpsc::SyncSender<Request>>,
    is_ending: Arc<AtomicBool>,
    counts: Arc<Counts>,
    thread: Option<JoinHandle<()>>,
}

impl Inspector {
    /// Starts the thread. `done` is called on it.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        databases: impl Databases + 'static,
        done: impl Fn(Inspected) + Send + 'static,
    ) -> io::Result<Self> {
        let (requests, queue) = mpsc::sync_channel::<Request>(QUEUE);
        let (is_ending, all_counts) = (Arc::new(AtomicBool::new(false)), Arc::new(Counts::default()));
        let (ending, counts) = (Arc::clone(&is_ending), Arc::clone(&all_counts));
        let thread = thread::Builder::new().name("inspector".to_owned()).spawn(move || {
            resources::stand_back();
            let mut inspection =
                Inspection::new(Box::new(databases), Arc::clone(&ending), Arc::clone(&counts));
            let mut told = Told::default();
            let mut budget = Budget::new(Now::read());
            for request in queue {
                if ending.load(Ordering::Relaxed) {
                    break;
                }
                let (found, used_us) = inspection.of(&request);
                let new = told.new_of(request.process, found);
                if !new.is_empty() {
                    done(Inspected { request, foreign: new });
                }
                counts.cpu_us.fetch_add(used_us, Ordering::Relaxed);
                counts.looks.fetch_add(1, Ordering::Release);
                let pause = budget.spend(used_us, Now::read());
                if !pause.is_zero() {
                    thread::park_timeout(pause);
                }
            }
        })?;
        Ok(Self { requests: Some(requests), is_ending, counts: all_counts, thread: Some(thread) })
    }

    /// Asks for a look at a process. False when too many wait: ask again when it talks again.
    #[must_use]
    pub fn inspect(&self, request: Request) -> bool {
        let is_taken = self.requests.as_ref().is_some_and(|requests| requests.try_send(request).is_ok());
        if !is_taken {
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
        }
        is_taken
    }

    /// What was looked at and what was not.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }
}

impl Drop for Inspector {
    fn drop(&mut self) {
        self.is_ending.store(true, Ordering::Relaxed);
        self.requests = None;
        let Some(thread) = self.thread.take() else { return };
        thread.thread().unpark();
        if thread.join().is_err() {
            tracing::error!("the thread that looks for foreign code ended with a panic");
        }
    }
}

/// CPU time that may be used.
struct Budget {
    left_us: u64,
    at: Now,
}

impl Budget {
    fn new(at: Now) -> Self {
        Self { left_us: BURST_US, at }
    }

    /// Spends some, and says how long to wait before more is spent.
    fn spend(&mut self, used_us: u64, now: Now) -> Duration {
        let elapsed_us = now.monotonic.0.saturating_sub(self.at.monotonic.0) / 1000;
        let left = (self.left_us.saturating_add(elapsed_us * SHARE / 1000)).min(BURST_US);
        self.at = now;
        self.left_us = left.saturating_sub(used_us);
        Duration::from_micros(used_us.saturating_sub(left) * 1000 / SHARE)
    }
}

/// What was told, so that it is told once. Paths are long and chosen by programs: of each, there is a hash that no program can guess.
#[derive(Default)]
struct Told {
    hashes: HashSet<u64>,
    hasher: RandomState,
}

/// Something that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) code: ForeignCode,
    pub(super) is_for_all: bool,
}

impl Told {
    /// 2.3 MiB at most: when there are more, all are told again.
    const MAX: usize = 200_000;

    fn new_of(&mut self, process: ProcessKey, mut found: Vec<Found>) -> Vec<ForeignCode> {
        if self.hashes.len() + found.len() > Self::MAX {
            self.hashes = HashSet::new();
        }
        found.retain(|Found { code, is_for_all }| {
            // What is loaded into all programs is told for one of them.
            let process = (!is_for_all).then_some(process);
            self.hashes.insert(self.hasher.hash_one((process, code.kind, code.path.as_raw(), code.sha256)))
        });
        found.into_iter().map(|found| found.code).collect()
    }
}

/// A path as it was noted, as far as it is one.
pub(super) fn path_of(text: &Untrusted) -> PathBuf {
    PathBuf::from(text.as_raw())
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use portolan_core::{ForeignCodeKind, MonotonicNs, Pid, UnixMillis};

    use super::*;

    fn now(ms: u64) -> Now {
        Now {
            monotonic: MonotonicNs(ms * 1_000_000),
            stamp: MonotonicNs(ms * 1_000_000),
            wall: UnixMillis(0),
        }
    }

    #[test]
    fn who_uses_more_than_its_share_waits_until_that_is_made_up_for() {
        let mut budget = Budget::new(now(0));
        assert_eq!(budget.spend(BURST_US, now(1)), Duration::ZERO);
        assert_eq!(budget.spend(500, now(1)), Duration::from_micros(500 * 1000 / SHARE));
        assert_eq!(budget.spend(500, now(11)), Duration::ZERO, "10 ms give 500 µs");
    }

    fn found(path: &str, is_for_all: bool) -> Found {
        let kind = ForeignCodeKind::Preload;
        let code =
            ForeignCode { kind, path: path.into(), sha256: None, provenance: None, since: UnixMillis(0) };
        Found { code, is_for_all }
    }

    fn process(pid: u32) -> ProcessKey {
        ProcessKey { pid: Pid(pid), started: MonotonicNs(0), exec_generation: 0 }
    }

    #[test]
    fn a_process_that_was_asked_about_is_known_when_it_is_gone() {
        let executable =
            Executable { path: "/usr/bin/curl".into(), sha256: portolan_core::Sha256Digest([1; 32]) };
        let request = Request {
            process: process(7),
            uid: Uid(1000),
            application: "/usr/bin/curl".parse().unwrap(),
            executable: executable.clone(),
            script: None,
            markers: Markers::default(),
            executed: now(0),
        };
        let evidence = request.to_evidence(now(5));
        assert_eq!((evidence.pid, evidence.uid, evidence.started), (Pid(7), Uid(1000), UnixMillis(-5)));
        assert_eq!((evidence.path, evidence.sha256), (executable.path, Some(executable.sha256)));
    }

    #[test]
    fn a_library_is_told_once_in_each_process_and_once_when_it_is_in_all() {
        let mut told = Told::default();
        let mut new = |pid| told.new_of(process(pid), vec![found("/a", false), found("/b", true)]).len();
        assert_eq!([new(1), new(1), new(2), new(2)], [2, 0, 1, 0]);
    }

    #[test]
    fn when_too_much_was_told_it_is_told_again() {
        let mut told = Told::default();
        let mut count = |files: Range<usize>| {
            told.new_of(process(1), files.map(|file| found(&file.to_string(), false)).collect()).len()
        };
        assert_eq!([count(0..Told::MAX), count(0..1)], [Told::MAX, 1], "two hashes are hardly ever the same");
        assert_eq!(count(0..1), 0);
        assert!(told.hashes.capacity() * 9 <= 2_400_000, "{}", told.hashes.capacity());
    }
}
