//! The one thread that writes the history.

use std::{
    collections::BTreeMap,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::abort,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use portolan_bus::{Error, Finding};
use portolan_core::{ApplicationKey, FindingKind, ReviewState, Uid, UnixMillis};
use portolan_history::{
    Checkpoint, Imported, KnownApplication, NewFinding, ReadError, Ready, Record, Retention, Spans,
    language::Query,
};
use tokio::sync::oneshot;

use super::{atlas::Atlas, log_bound::LogBound, waker::Waker};
use crate::{sentence, text_log::TextLog};

mod backlog;
mod deciding;
mod forgetting;
mod opening;
mod saving;
mod worker;

pub(super) use opening::Known;
use worker::Worker;

/// Jobs that may wait, one of them with rows: a disk that hangs must not be given more and more.
const QUEUE: usize = 64;

/// Damaged intervals that are told before the history is another one.
const DAMAGE_MAX: usize = 100;

/// Why there is no history at all.
#[derive(Debug, thiserror::Error)]
pub enum WriterError {
    /// No thread can be started.
    #[error("no thread can be started for the history: {0}")]
    Thread(#[from] io::Error),
}

/// Whether rows are being written, who waits for the end of that, and whether the thread gets on with what it does.
#[derive(Default)]
pub(super) struct Writing {
    under_way: AtomicBool,
    waker: OnceLock<Waker>,
    /// Whether the thread has something to do.
    is_at_work: AtomicBool,
    /// Jobs begun and rows given to the history, ever.
    steps: AtomicU64,
    /// What questions found damaged: a sentence, and whether that is the whole file.
    damage: Mutex<BTreeMap<String, bool>>,
    /// Applications of which nothing is known any more.
    forgotten: Mutex<Vec<ApplicationKey>>,
    /// What the history knew, where that was found out only after the start.
    known_late: Mutex<Option<Known>>,
    pub(super) log: Arc<LogBound>,
}

impl Writing {
    pub(super) fn set_at_work(&self, is_at_work: bool) {
        self.step();
        self.is_at_work.store(is_at_work, Ordering::Release);
    }

    /// Takes note of damage, if that is why a question has no answer.
    pub(super) fn found_damage(&self, error: &ReadError) {
        let is_file = matches!(error, ReadError::Damaged(_));
        if is_file || matches!(error, ReadError::DamagedInterval { .. }) {
            let mut damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
            if damage.len() < DAMAGE_MAX {
                damage.insert(sentence::of(error), is_file);
            }
        }
    }

    /// Nothing is known of these any more.
    fn forgot(&self, applications: Vec<ApplicationKey>) {
        if applications.is_empty() {
            return;
        }
        self.forgotten.lock().unwrap_or_else(PoisonError::into_inner).extend(applications);
        if let Some(waker) = self.waker.get() {
            waker.wake();
        }
    }

    fn knows(&self, known: Known) {
        *self.known_late.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        if let Some(waker) = self.waker.get() {
            waker.wake();
        }
    }

    fn take_damage(&self) -> BTreeMap<String, bool> {
        std::mem::take(&mut *self.damage.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn step(&self) {
        self.steps.fetch_add(1, Ordering::Release);
    }

    pub(super) fn steps(&self) -> u64 {
        self.steps.load(Ordering::Acquire)
    }

    /// Whether the thread has got no further since there were so many steps, although it has something to do.
    pub(super) fn is_stuck_at(&self, steps: u64) -> bool {
        self.is_at_work.load(Ordering::Acquire) && self.steps() == steps
    }

    pub(super) fn ended(&self) {
        self.under_way.store(false, Ordering::Release);
        if let Some(waker) = self.waker.get() {
            waker.wake();
        }
    }
}

/// What the thread is asked to do.
pub(super) enum Job {
    /// Write rows; `done` is told when all rows so far are on the disk, or why not.
    Write {
        records: Vec<Record>,
        /// Up to where these are all that the journal has; `None` without a journal.
        checkpoint: Option<Checkpoint>,
        /// When it was recorded; what moved then is among these rows or those before them.
        recorded: Box<Spans>,
        done: Vec<oneshot::Sender<Result<(), Error>>>,
    },
    /// Store a finding and tell it.
    Raise(Box<NewFinding>),
    /// Store a review.
    Review {
        by: Uid,
        application: ApplicationKey,
        state: ReviewState,
        done: oneshot::Sender<Result<Vec<Finding>, Error>>,
    },
    /// Store until when nobody wants to see a finding.
    Snooze { finding: i64, until: Option<UnixMillis>, done: oneshot::Sender<Result<Finding, Error>> },
    /// Store how long learning has lasted.
    Learned(Duration),
    /// Store that learning has ended, and tell what was learned.
    EndLearning { at: UnixMillis, done: Option<oneshot::Sender<Result<(), Error>>> },
    /// Add rows of another recorder.
    Import { by: Uid, ready: Box<Ready>, done: oneshot::Sender<Result<Imported, Error>> },
    /// Forget what a query means, a little at a time.
    Forget { by: Uid, query: Box<Query>, done: oneshot::Sender<Result<(), Error>> },
    /// Store that somebody dismissed a finding that no review answers.
    Dismiss { by: Uid, finding: i64, done: oneshot::Sender<Result<Finding, Error>> },
}

/// How the history fares, for the status.
#[derive(Debug, Clone, Default)]
pub(super) struct Health {
    /// Why it cannot be written at the moment.
    pub(super) problem: Option<String>,
    /// Why the history is another one than before: that was damaged, or somebody took it away. A sentence for each.
    pub(super) replaced: Vec<String>,
    /// The last number of the journal whose rows are on the disk.
    pub(super) written: u64,
    /// Rows that had to be merged because too many waited.
    pub(super) merged_rows: u64,
    /// Findings that were not kept for the same reason.
    pub(super) findings_refused: u64,
}

/// How long what was recorded is kept; `None` before that is known.
type Limits = Arc<Mutex<Option<Retention>>>;

/// The thread, and what it knows from before.
pub struct Writer {
    jobs: Option<mpsc::SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    limits: Limits,
    health: Arc<Mutex<Health>>,
    writing: Arc<Writing>,
    known: Known,
}

impl Writer {
    /// Opens the history and starts the thread. What can be read of a damaged file is saved; where there is none that can be
    /// written, what is to be written waits.
    ///
    /// `tell` is called on the thread with each finding that was stored. The log gets what is recorded from now on, and these.
    ///
    /// # Errors
    /// When there can be no history at this path.
    pub fn start(
        path: &Path,
        atlas: Atlas,
        log: Arc<TextLog>,
        tell: impl Fn(Finding) + Send + 'static,
    ) -> Result<Self, WriterError> {
        let (limits, health) = (Limits::default(), Arc::new(Mutex::new(Health::default())));
        let writing = Arc::new(Writing::default());
        let (worker, known) = Worker::open(
            path,
            Arc::clone(&limits),
            Arc::clone(&health),
            Arc::clone(&writing),
            atlas,
            {
                let log = Arc::clone(&log);
                Box::new(move |finding| {
                    log.finding(&finding);
                    tell(finding);
                })
            },
            log,
        );
        let (jobs, queue) = mpsc::sync_channel(QUEUE);
        let thread = thread::Builder::new().name("history".to_owned()).spawn(move || {
            // A daemon that went on without it would count for nobody: it ends as by a crash, and the next one goes on.
            if catch_unwind(AssertUnwindSafe(|| worker.run(&queue))).is_err() {
                abort();
            }
        })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), limits, health, writing, known })
    }

    /// How long what was recorded is kept from now on.
    pub(super) fn keep(&self, limits: Retention) {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner).replace(limits);
    }

    /// All applications of the history.
    #[must_use]
    pub fn take_known(&mut self) -> Vec<KnownApplication> {
        std::mem::take(&mut self.known.applications)
    }

    /// What the history had of a journal when it was opened.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        self.known.checkpoint
    }

    /// How long it was learned what begins to talk; `None` when that has ended.
    #[must_use]
    pub fn learned(&self) -> Option<Duration> {
        self.known.learned()
    }

    /// Kinds of findings about the daemon itself that nobody has answered.
    #[must_use]
    pub fn take_open_kinds(&mut self) -> Vec<FindingKind> {
        std::mem::take(&mut self.known.open_kinds)
    }

    /// Wakes the recorder whenever rows have been written or refused.
    pub(super) fn wake_after_writing(&self, waker: Waker) {
        // A second one would be the same.
        drop(self.writing.waker.set(waker));
    }

    pub(super) fn writing(&self) -> Arc<Writing> {
        Arc::clone(&self.writing)
    }

    /// What the history knew, where it could not be read at the start; once.
    pub(super) fn take_known_late(&self) -> Option<Known> {
        self.writing.known_late.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Applications that a person wanted nothing to be known of, since this was asked.
    pub(super) fn take_forgotten(&self) -> Vec<ApplicationKey> {
        std::mem::take(&mut *self.writing.forgotten.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn health(&self) -> Health {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives the thread something to do; the job comes back when there is no room.
    pub(super) fn try_send(&self, job: Job) -> Result<(), Job> {
        let Some(jobs) = &self.jobs else { return Err(job) };
        let has_rows = matches!(job, Job::Write { .. });
        if has_rows && self.writing.under_way.swap(true, Ordering::AcqRel) {
            return Err(job);
        }
        jobs.try_send(job).map_err(|error| {
            if has_rows {
                self.writing.under_way.store(false, Ordering::Release);
            }
            match error {
                mpsc::TrySendError::Full(job) | mpsc::TrySendError::Disconnected(job) => job,
            }
        })
    }

    /// The same, waiting for room. Only for the end of the daemon.
    pub(super) fn send(&self, job: Job) {
        if let Some(jobs) = &self.jobs
            && jobs.send(job).is_err()
        {
            tracing::error!("the history's thread is gone; what moved last is not written");
        }
    }
}

impl Writer {
    /// Waits until all jobs are done; there can be no more.
    pub(super) fn close(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the history's thread ended with a panic");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}
