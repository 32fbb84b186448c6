//! The one thread that writes the history.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use portolan_bus::{Error, Finding};
use portolan_core::{ApplicationKey, Executable, ReviewState, Uid};
use portolan_history::{History, OpenError, Record, SetAsideError, WriteError};
use tokio::sync::oneshot;

use super::findings::{to_history, to_wire};
use crate::{
    clock::Now,
    findings::{KnownApplication, Verdict},
};

mod backlog;

use backlog::Backlog;

/// Jobs that may wait. Rows stay with the recorder while there is no room.
const QUEUE: usize = 64;
/// How often a history that could not be written is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// Why there is no history at all.
#[derive(Debug, thiserror::Error)]
pub enum WriterError {
    /// It cannot be opened, and setting it aside would not help.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It is damaged and in the way.
    #[error(transparent)]
    SetAside(#[from] SetAsideError),
    /// What it holds cannot be read.
    #[error(transparent)]
    Read(#[from] portolan_history::ReadError),
    /// No thread can be started.
    #[error("no thread can be started for the history: {0}")]
    Thread(#[from] io::Error),
}

/// What the thread is asked to do.
pub(super) enum Job {
    /// Write rows; `done` is told when all rows so far are on the disk, or why not.
    Write { records: Vec<Record>, done: Vec<oneshot::Sender<Result<(), Error>>> },
    /// Store a finding and tell it.
    Raise(Verdict, Option<Executable>),
    /// Store a review.
    Review {
        by: Uid,
        application: ApplicationKey,
        state: ReviewState,
        done: oneshot::Sender<Result<Vec<Finding>, Error>>,
    },
}

/// How the history fares, for the status.
#[derive(Debug, Clone, Default)]
pub(super) struct Health {
    /// Why it cannot be written at the moment.
    pub(super) problem: Option<String>,
    /// Rows that had to be merged because too many waited.
    pub(super) merged_rows: u64,
}

/// The thread, and what it knows from before.
pub struct Writer {
    jobs: Option<mpsc::SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    health: Arc<Mutex<Health>>,
    known: Vec<KnownApplication>,
    set_aside: Option<String>,
}

impl Writer {
    /// Opens the history and starts the thread. A damaged file is set aside, and a new one begun.
    ///
    /// `tell` is called on the thread with each finding that was stored.
    ///
    /// # Errors
    /// When there can be no history at this path.
    pub fn start(path: &Path, tell: impl Fn(Finding) + Send + 'static) -> Result<Self, WriterError> {
        let (history, set_aside) = open(path)?;
        let known = history
            .known_applications()?
            .into_iter()
            .map(|known| KnownApplication {
                application: known.application,
                review: known.review,
                executables: known.executables,
            })
            .collect();
        let (jobs, queue) = mpsc::sync_channel(QUEUE);
        let health = Arc::new(Mutex::new(Health::default()));
        let thread = thread::Builder::new().name("history".to_owned()).spawn({
            let health = Arc::clone(&health);
            move || Worker { history, backlog: Backlog::default(), health, tell: Box::new(tell) }.run(&queue)
        })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), health, known, set_aside })
    }

    /// All applications of the history.
    #[must_use]
    pub fn take_known(&mut self) -> Vec<KnownApplication> {
        std::mem::take(&mut self.known)
    }

    /// Where a damaged history was put, as a sentence.
    #[must_use]
    pub fn set_aside(&self) -> Option<&str> {
        self.set_aside.as_deref()
    }

    pub(super) fn health(&self) -> Health {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives the thread something to do; the job comes back when there is no room.
    pub(super) fn try_send(&self, job: Job) -> Result<(), Job> {
        let Some(jobs) = &self.jobs else { return Err(job) };
        jobs.try_send(job).map_err(|error| match error {
            mpsc::TrySendError::Full(job) | mpsc::TrySendError::Disconnected(job) => job,
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

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the history's thread ended with a panic");
        }
    }
}

fn open(path: &Path) -> Result<(History, Option<String>), WriterError> {
    let problem = match History::open(path) {
        Ok(history) => return Ok((history, None)),
        Err(
            error @ (OpenError::NotADatabase { .. }
            | OpenError::NotAHistory { .. }
            | OpenError::Damaged { .. }),
        ) => error,
        Err(error) => return Err(error.into()),
    };
    let aside = History::set_aside(path, Now::read().wall)?;
    let sentence = format!("{problem}. It was put aside as {} and a new history was begun.", aside.display());
    tracing::warn!("{sentence}");
    Ok((History::open(path)?, Some(sentence)))
}

/// The thread's own state.
struct Worker {
    history: History,
    backlog: Backlog,
    health: Arc<Mutex<Health>>,
    tell: Box<dyn Fn(Finding) + Send>,
}

impl Worker {
    fn run(mut self, queue: &mpsc::Receiver<Job>) {
        loop {
            let job = if self.backlog.is_empty() {
                queue.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected)
            } else {
                queue.recv_timeout(RETRY)
            };
            match job {
                Ok(job) => self.work(job),
                Err(mpsc::RecvTimeoutError::Timeout) => self.write_backlog().unwrap_or_default(),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
        if let Err(problem) = self.write_backlog() {
            tracing::error!("{} rows and findings are not written: {problem}", self.backlog.len());
        }
    }

    fn work(&mut self, job: Job) {
        match job {
            Job::Write { records, done } => {
                self.backlog.add_records(records);
                let result = self.write_backlog();
                for done in done {
                    // Who asked may have gone away in the meantime.
                    drop(done.send(result.clone().map_err(Error::HistoryUnavailable)));
                }
            }
            Job::Raise(verdict, parent) => {
                self.backlog.add_finding(to_history(verdict, parent));
                self.write_backlog().unwrap_or_default();
            }
            Job::Review { by, application, state, done } => {
                // Waiting findings first, so that the review answers them too.
                let result = self.write_backlog().map_err(Error::HistoryUnavailable);
                let result = result.and_then(|()| self.review(by, &application, state));
                drop(done.send(result));
            }
        }
    }

    fn review(
        &mut self,
        by: Uid,
        application: &ApplicationKey,
        state: ReviewState,
    ) -> Result<Vec<Finding>, Error> {
        match self.history.review(application, state, by, Now::read().wall) {
            Ok(rows) => {
                let findings: Vec<Finding> = rows.into_iter().map(to_wire).collect();
                for finding in &findings {
                    (self.tell)(finding.clone());
                }
                Ok(findings)
            }
            Err(error @ WriteError::NotFound { .. }) => Err(Error::NotFound(sentence(&error))),
            Err(error) => Err(Error::HistoryUnavailable(sentence(&error))),
        }
    }

    /// Writes all that waits. What fails waits on; the error is a sentence.
    fn write_backlog(&mut self) -> Result<(), String> {
        let result = self.backlog.write(&mut self.history, &*self.tell).map_err(|error| sentence(&error));
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.merged_rows = self.backlog.merged_rows();
        if health.problem.is_none()
            && let Err(problem) = &result
        {
            tracing::error!("{problem}; recording goes on in memory and is written as soon as it can be");
        }
        if health.problem.is_some() && result.is_ok() {
            tracing::info!("the history can be written again; nothing was lost");
        }
        health.problem = result.clone().err();
        result
    }
}

/// An error with its causes, as one sentence.
fn sentence(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
