//! The thread's own state and work.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::{Duration, Instant},
};

use portolan_bus::{Error, Finding};
use portolan_core::{ApplicationKey, FindingKind, ReviewState, Uid};
use portolan_history::{
    Checkpoint, FindingRow, History, Imported, KnownApplication, Learning, OpenError, Ready, WriteError,
};

use super::{Health, Job, Limits, WriterError, Writing, backlog::Backlog, forgetting::Oblivion};
use crate::{
    clock::Now,
    pipeline::{Atlas, findings::to_wire},
    sentence,
};

/// How often a history that could not be written is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// How often it is looked whether something is too old or too much, and how long the thread rests between two steps of deleting it.
const RETAIN: Duration = Duration::from_secs(60);
const REST: Duration = Duration::from_millis(20);
/// So many blocks are deleted in one step.
const RETAIN_STEP: usize = 32;

/// The thread's own state.
pub(super) struct Worker {
    path: PathBuf,
    /// `None` while there is no room, and while a damaged one could not be replaced.
    history: Option<History>,
    backlog: Backlog,
    /// See [`Health::written`].
    written: u64,
    /// When it is looked for what is to be deleted, if there is nothing else to do.
    retain_at: Instant,
    oblivion: Oblivion,
    limits: Limits,
    health: Arc<Mutex<Health>>,
    writing: Arc<Writing>,
    atlas: Atlas,
    tell: Box<dyn Fn(Finding) + Send>,
}

/// What a history knew when it was opened.
#[derive(Default)]
pub(super) struct Known {
    pub(super) applications: Vec<KnownApplication>,
    /// How much it has of the journal of the daemon before this one.
    pub(super) checkpoint: Option<Checkpoint>,
    /// Kinds of open findings about the daemon itself.
    pub(super) open_kinds: Vec<FindingKind>,
    /// When it learned; `None` where there was no room to write that it begins.
    pub(super) learning: Option<Learning>,
}

impl Known {
    fn of(history: &History) -> Result<Self, WriterError> {
        Ok(Self {
            applications: history.known_applications()?,
            checkpoint: history.checkpoint()?,
            open_kinds: history.open_kinds()?,
            learning: history.learning()?,
        })
    }
}

impl Worker {
    /// Opens the history. A damaged file is set aside, and a new one begun; on a full disk it is opened later.
    pub(super) fn open(
        path: &Path,
        limits: Limits,
        health: Arc<Mutex<Health>>,
        writing: Arc<Writing>,
        atlas: Atlas,
        tell: Box<dyn Fn(Finding) + Send>,
    ) -> Result<(Self, Known), WriterError> {
        let (path, backlog) = (path.to_owned(), Backlog::default());
        let (written, retain_at, oblivion) = (0, Instant::now(), Oblivion::default());
        let mut worker = Self {
            path,
            history: None,
            backlog,
            written,
            retain_at,
            oblivion,
            limits,
            health,
            writing,
            atlas,
            tell,
        };
        match History::open(&worker.path) {
            Ok(history) => worker.history = Some(history),
            Err(problem @ (OpenError::NotADatabase { .. } | OpenError::Damaged { .. })) => {
                worker.begin_anew(&problem)?;
            }
            Err(problem @ OpenError::DiskFull { .. }) => {
                let known = match History::open_without_room(&worker.path)? {
                    Some(history) => Known::of(&history)?,
                    None => Known::default(),
                };
                worker.note_health(&Err(sentence::of(&problem)));
                return Ok((worker, known));
            }
            Err(error) => return Err(error.into()),
        }
        let mut known = worker.history.as_ref().map_or_else(|| Ok(Known::default()), Known::of)?;
        if let Some(history) = &mut worker.history {
            // Where it cannot be written, the next daemon begins anew.
            known.learning = history.begin_learning(Now::read().wall).ok();
        }
        Ok((worker, known))
    }

    /// Puts a damaged file aside, where nothing of it is lost, and begins a new one.
    fn begin_anew(&mut self, problem: &(dyn std::error::Error + 'static)) -> Result<(), WriterError> {
        self.history = None;
        let aside = History::set_aside(&self.path, Now::read().wall)?;
        let aside = aside.display();
        let sentence =
            format!("{}. It was put aside as {aside}, and a new history was begun", sentence::of(problem));
        self.note_replaced(sentence);
        self.history = Some(History::open(&self.path)?);
        Ok(())
    }

    /// Goes on in the place of a history that was deleted or replaced by somebody, with what is there now.
    fn leave(&mut self, history: History) -> Result<(), Failure> {
        let path = self.path.display();
        let sentence = format!(
            "the history {path} was deleted or replaced while the daemon ran: what stands in the file that is gone is \
             missing; from then on all is written to {path} again"
        );
        self.note_replaced(sentence);
        history.leave().map_err(|error| {
            let path = self.path.display();
            Failure::Other(format!(
                "the log of the history {path}, which is gone, cannot be removed: {error}"
            ))
        })
    }

    /// Keeps a sentence for the status, once however often it happens.
    fn note_replaced(&self, sentence: String) {
        tracing::error!("{sentence}");
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        if !health.replaced.contains(&sentence) {
            health.replaced.push(sentence);
        }
    }

    pub(super) fn run(mut self, queue: &mpsc::Receiver<Job>) {
        loop {
            let has_nothing_to_write = self.backlog.is_empty() && self.history.is_some();
            let job = queue.recv_timeout(if has_nothing_to_write {
                self.retain_at.saturating_duration_since(Instant::now())
            } else {
                RETRY
            });
            self.writing.set_at_work(true);
            match job {
                Ok(job) => self.work(job),
                Err(mpsc::RecvTimeoutError::Timeout) if has_nothing_to_write => self.retain(),
                Err(mpsc::RecvTimeoutError::Timeout) => self.write_backlog().unwrap_or_default(),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            self.writing.set_at_work(false);
        }
        if let Err(problem) = self.write_backlog() {
            tracing::error!("{} rows and findings are not written: {problem}", self.backlog.len());
        }
    }

    fn work(&mut self, job: Job) {
        match job {
            Job::Write { mut records, checkpoint, done } => {
                self.atlas.locate(&mut records);
                self.backlog.add_records(records, checkpoint);
                let result = self.write_backlog();
                self.writing.ended();
                for done in done {
                    // Who asked may have gone away in the meantime.
                    drop(done.send(result.clone().map_err(Error::HistoryUnavailable)));
                }
            }
            Job::Raise(finding) => {
                self.backlog.add_finding(*finding);
                self.write_backlog().unwrap_or_default();
            }
            Job::Review { by, application, state, done } => {
                // Waiting findings first, so that the review answers them too.
                let result = self.write_backlog().map_err(Error::HistoryUnavailable);
                let result = result.and_then(|()| self.review(by, &application, state));
                drop(done.send(result));
            }
            Job::Forget { by, query, done } => {
                let result = self.write_backlog().map_err(Error::HistoryUnavailable);
                match (result, &mut self.history) {
                    (Ok(()), Some(history)) => self.oblivion.begin(history, by, &query, done),
                    (result, _) => drop(done.send(result)),
                }
            }
            Job::Import { by, ready, done } => drop(done.send(self.import(by, &ready))),
            Job::EndLearning { at, done } => {
                self.backlog.end_learning(at);
                let result = self.write_backlog().map_err(Error::HistoryUnavailable);
                if let Some(done) = done {
                    drop(done.send(result));
                }
            }
            Job::Snooze { finding, until, done } => {
                let result = self.write_backlog().map_err(Error::HistoryUnavailable);
                let snooze = |history: &mut History| history.snooze(finding, until);
                let none = || format!("There is no open finding {finding}.");
                drop(done.send(result.and_then(|()| self.change(snooze, none))));
            }
            Job::Dismiss { by, finding, done } => {
                let result = self.write_backlog().map_err(Error::HistoryUnavailable);
                let dismiss = |history: &mut History| history.dismiss(finding, by, Now::read().wall);
                let none = || {
                    format!(
                        "There is no open finding {finding} that can be dismissed. One about an application is answered by \
                         a review of the application."
                    )
                };
                drop(done.send(result.and_then(|()| self.change(dismiss, none))));
            }
        }
    }

    /// One small step of deleting what is too old or too much.
    fn retain(&mut self) {
        let Some(history) = &mut self.history else { return };
        if self.oblivion.step(history) {
            self.retain_at = Instant::now() + REST;
            return;
        }
        // Before the configuration has said how long anything is kept, everything is.
        let Some(limits) = *self.limits.lock().unwrap_or_else(PoisonError::into_inner) else { return };
        let retained = history.retain(&limits, Now::read().wall, RETAIN_STEP);
        let rest = match retained {
            Ok(retained) if retained.more => REST,
            Ok(_) => RETAIN,
            Err(error) => {
                tracing::warn!("nothing old can be deleted: {}", sentence::of(&error));
                RETAIN
            }
        };
        self.retain_at = Instant::now() + rest;
    }

    fn review(
        &mut self,
        by: Uid,
        application: &ApplicationKey,
        state: ReviewState,
    ) -> Result<Vec<Finding>, Error> {
        let Some(history) = &mut self.history else {
            return Err(Error::HistoryUnavailable("the history cannot be opened".to_owned()));
        };
        match history.review(application, state, by, Now::read().wall) {
            Ok(rows) => {
                let findings: Vec<Finding> = rows.into_iter().map(to_wire).collect();
                for finding in &findings {
                    (self.tell)(finding.clone());
                }
                Ok(findings)
            }
            Err(error @ WriteError::NotFound { .. }) => Err(Error::NotFound(sentence::of(&error))),
            Err(error) => Err(Error::HistoryUnavailable(sentence::of(&error))),
        }
    }

    fn import(&mut self, by: Uid, ready: &Ready) -> Result<Imported, Error> {
        self.write_backlog().map_err(Error::HistoryUnavailable)?;
        let Some(history) = &mut self.history else {
            return Err(Error::HistoryUnavailable("the history cannot be opened".to_owned()));
        };
        history
            .import(ready, by, Now::read().wall)
            .map_err(|error| Error::HistoryUnavailable(sentence::of(&error)))
    }

    /// Changes one finding and tells it; `none` is the sentence for a number that none has.
    fn change(
        &mut self,
        change: impl FnOnce(&mut History) -> Result<Option<FindingRow>, WriteError>,
        none: impl FnOnce() -> String,
    ) -> Result<Finding, Error> {
        let Some(history) = &mut self.history else {
            return Err(Error::HistoryUnavailable("the history cannot be opened".to_owned()));
        };
        match change(history) {
            Ok(Some(row)) => {
                let finding = to_wire(row);
                (self.tell)(finding.clone());
                Ok(finding)
            }
            Ok(None) => Err(Error::NotFound(none())),
            Err(error) => Err(Error::HistoryUnavailable(sentence::of(&error))),
        }
    }

    /// Writes all that waits. What fails waits on; the error is a sentence.
    fn write_backlog(&mut self) -> Result<(), String> {
        let result = self.write_once().or_else(|failure| match failure {
            Failure::Damaged(problem) => {
                self.begin_anew(&problem).map_err(|error| sentence::of(&error))?;
                self.write_once().map_err(Failure::into_sentence)
            }
            Failure::Other(problem) => Err(problem),
        });
        if result.is_err() {
            self.backlog.bound();
        }
        self.note_health(&result);
        result
    }

    fn note_health(&self, result: &Result<(), String>) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.merged_rows = self.backlog.merged_rows();
        health.written = self.written;
        health.findings_refused = self.backlog.findings_refused();
        if health.problem.is_none()
            && let Err(problem) = result
        {
            tracing::error!("{problem}; recording goes on in memory and is written as soon as it can be");
        }
        if health.problem.is_some() && result.is_ok() {
            tracing::info!("the history can be written again; nothing was lost");
        }
        health.problem = result.clone().err();
    }

    fn write_once(&mut self) -> Result<(), Failure> {
        if let Some(history) = self.history.take_if(|history| !history.is_in_place()) {
            self.leave(history)?;
        }
        if self.history.is_none() {
            // There was no room, or replacing a damaged one failed; by now there may be room, or the right.
            self.history =
                Some(History::open(&self.path).map_err(|error| Failure::Other(sentence::of(&error)))?);
        }
        let Some(history) = &mut self.history else { return Ok(()) };
        let Self { backlog, writing, tell, written, .. } = self;
        backlog.write(history, writing, &**tell, written).map_err(|error| match error {
            WriteError::Damaged(_) => Failure::Damaged(error),
            error => Failure::Other(sentence::of(&error)),
        })
    }
}

/// Why the backlog was not written.
enum Failure {
    /// The file is damaged and can be replaced.
    Damaged(WriteError),
    Other(String),
}

impl Failure {
    fn into_sentence(self) -> String {
        match self {
            Self::Damaged(error) => sentence::of(&error),
            Self::Other(problem) => problem,
        }
    }
}
