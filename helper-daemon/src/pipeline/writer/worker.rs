//! The thread's own state and work.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::{Duration, Instant},
};

use portolan_bus::{Error, Finding};
use portolan_core::UnixMillis;
use portolan_history::{History, Salvage, WriteError};

use super::{
    Health, Job, Limits, Writing,
    backlog::Backlog,
    forgetting::{Oblivion, Oblivious},
    opening::Known,
    saving::Damage,
};
use crate::{
    clock::{Now, Steady},
    pipeline::Atlas,
    sentence,
    text_log::TextLog,
};

/// How often a history that could not be written is tried again.
pub(super) const RETRY: Duration = Duration::from_secs(2);
/// How often it is looked whether something is too old or too much, and how long the thread rests between two steps of deleting it.
const RETAIN: Duration = Duration::from_secs(60);
const REST: Duration = Duration::from_millis(20);
/// The same, while something forgotten is still in a log that somebody reads.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the end waits for a history that is not ready to be written.
const LAST: Duration = Duration::from_secs(10);
/// So many blocks are deleted in one step.
const RETAIN_STEP: usize = 32;

/// The thread's own state.
pub(super) struct Worker {
    pub(super) path: PathBuf,
    /// `None` while it is not there, or cannot be opened.
    pub(super) history: Option<History>,
    /// The one before, while its traffic is being saved. Nothing is written until then.
    pub(super) salvage: Option<Salvage>,
    /// When it goes on being made ready: opened, saved, brought to this version.
    pub(super) ready_at: Instant,
    pub(super) backlog: Backlog,
    /// Rows that were merged before the history could not be written the last time.
    pub(super) merged_before: u64,
    /// Since when, and why, it cannot be written.
    pub(super) failing: Option<(UnixMillis, String)>,
    /// Since when it could not be written when that was told last.
    pub(super) told: Option<UnixMillis>,
    /// Whether the daemon knows what the history knew.
    pub(super) is_known: bool,
    pub(super) damage: Damage,
    /// See [`Health::written`].
    pub(super) written: u64,
    /// When it is looked for what is to be deleted, if there is nothing else to do.
    pub(super) retain_at: Instant,
    steady: Steady,
    pub(super) oblivion: Oblivion,
    limits: Limits,
    pub(super) health: Arc<Mutex<Health>>,
    pub(super) writing: Arc<Writing>,
    atlas: Atlas,
    pub(super) tell: Box<dyn Fn(Finding) + Send>,
    log: Arc<TextLog>,
}

impl Worker {
    /// Opens the history, where that takes no time; one that is not there, or damaged, is opened later. With what it knows.
    pub(super) fn open(
        path: &Path,
        limits: Limits,
        health: Arc<Mutex<Health>>,
        writing: Arc<Writing>,
        atlas: Atlas,
        tell: Box<dyn Fn(Finding) + Send>,
        log: Arc<TextLog>,
    ) -> (Self, Known) {
        let (path, backlog) = (path.to_owned(), Backlog::default());
        let mut worker = Self {
            path,
            history: None,
            salvage: None,
            ready_at: Instant::now(),
            backlog,
            merged_before: 0,
            failing: None,
            told: None,
            is_known: false,
            damage: Damage::default(),
            written: 0,
            retain_at: Instant::now(),
            steady: Steady::new(Now::read()),
            oblivion: Oblivion::default(),
            limits,
            health,
            writing,
            atlas,
            tell,
            log,
        };
        let known = worker.open_first();
        (worker, known)
    }

    pub(super) fn run(mut self, queue: &mpsc::Receiver<Job>) {
        loop {
            let is_unready = !self.is_ready();
            let has_nothing_to_write = self.backlog.is_empty();
            let job = queue.recv_timeout(if is_unready {
                self.ready_at.saturating_duration_since(Instant::now())
            } else if has_nothing_to_write {
                self.retain_at.saturating_duration_since(Instant::now())
            } else {
                RETRY
            });
            self.writing.set_at_work(true);
            match job {
                Ok(job) => self.work(job),
                Err(mpsc::RecvTimeoutError::Timeout) if is_unready => drop(self.get_ready()),
                Err(mpsc::RecvTimeoutError::Timeout) if has_nothing_to_write => self.retain(),
                Err(mpsc::RecvTimeoutError::Timeout) => self.write_backlog().unwrap_or_default(),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            self.look_at_log();
            self.writing.set_at_work(false);
        }
        // Nothing is written before the history is ready. What is not written then stays in the journal.
        let until = Instant::now() + LAST;
        while !self.is_ready() && Instant::now() < until && self.get_ready() {}
        if let Err(problem) = self.write_backlog() {
            tracing::error!("{} rows and findings are not written: {problem}", self.backlog.len());
        }
    }

    fn work(&mut self, job: Job) {
        match job {
            Job::Write { mut records, checkpoint, recorded, done } => {
                self.atlas.locate(&mut records);
                self.log.flows(&records);
                self.backlog.add_records(records, checkpoint, &recorded);
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
                    (Ok(()), Some(history)) => {
                        self.oblivion.begin(history, by, &query, done);
                        // Somebody waits for it.
                        self.retain_at = Instant::now();
                    }
                    (result, _) => drop(done.send(result)),
                }
            }
            Job::Import { by, ready, done } => drop(done.send(self.import(by, &ready))),
            Job::Learned(learned) => {
                // What is not noted is learned once more.
                if let Some(Err(error)) = self.history.as_mut().map(|history| history.note_learned(learned)) {
                    tracing::debug!("how long was learned is not noted: {}", sentence::of(&error));
                }
            }
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
        let rest = match self.oblivion.step(history, |gone| self.writing.forgot(gone)) {
            Oblivious::Goes => REST,
            Oblivious::Waits => self.delete_old().min(PATIENCE),
            Oblivious::No => self.delete_old(),
        };
        // Who reads may end at any moment.
        let rest = if self.writing.log.is_long() { rest.min(PATIENCE) } else { rest };
        self.retain_at = Instant::now() + rest;
    }

    /// Tells those who read how long the log is, and shortens it where it has become long.
    pub(super) fn look_at_log(&mut self) {
        let Some(history) = &mut self.history else { return };
        if self.writing.log.note(history.log_bytes()) {
            if let Err(error) = history.shorten_log() {
                tracing::warn!("the history's log cannot be shortened: {}", sentence::of(&error));
            }
            self.writing.log.note(history.log_bytes());
        }
    }

    /// How long until there is more to do.
    fn delete_old(&mut self) -> Duration {
        let Some(history) = &mut self.history else { return RETAIN };
        // Before the configuration has said how long anything is kept, everything is.
        let Some(limits) = *self.limits.lock().unwrap_or_else(PoisonError::into_inner) else { return REST };
        let now = Now::read();
        let is_steady = self.steady.look(now);
        let now = now.wall;
        // Where it cannot be read, what follows says so.
        let is_believed = is_steady && history.believes(now).unwrap_or(false);
        let limits = if is_believed { limits } else { limits.by_size_only() };
        match history.retain(&limits, now, RETAIN_STEP) {
            Ok(retained) if retained.more => REST,
            Ok(_) => RETAIN,
            Err(error) => {
                tracing::warn!("nothing old can be deleted: {}", sentence::of(&error));
                RETAIN
            }
        }
    }

    /// Writes all that waits. What fails waits on; the error is a sentence.
    pub(super) fn write_backlog(&mut self) -> Result<(), String> {
        let result = self.write_once().or_else(|failure| match failure {
            Failure::Damaged(problem) => {
                self.begin_anew(&*problem).map_err(|error| sentence::of(&error))?;
                self.write_once().map_err(Failure::into_sentence)
            }
            Failure::Unready(problem) | Failure::Other(problem) => Err(problem),
        });
        if result.is_err() {
            self.backlog.bound();
        }
        self.note_health(&result);
        result
    }

    fn write_once(&mut self) -> Result<(), Failure> {
        if let Some(history) = self.history.take_if(|history| !history.is_in_place()) {
            self.leave(history)?;
        }
        if self.history.is_none() {
            self.reopen()?;
        }
        let found = self.writing.take_damage();
        if self.judge_damage(found) {
            return Err(Failure::Damaged(ReadDamage.into()));
        }
        if !self.is_ready() {
            return Err(self.unready());
        }
        let Some(history) = &mut self.history else { return Ok(()) };
        let Self { backlog, writing, tell, written, .. } = self;
        backlog.write(history, writing, &**tell, written).map_err(|error| match error {
            WriteError::Damaged(_) => Failure::Damaged(error.into()),
            error => {
                // Whether the last transaction reached the disk is not known: what is there now says so when it is opened again.
                if matches!(error, WriteError::Failed(_)) {
                    self.close();
                }
                Failure::Other(sentence::of(&error))
            }
        })
    }
}

/// A question found the file damaged.
#[derive(Debug, thiserror::Error)]
#[error("the history cannot be read, because its file is damaged")]
struct ReadDamage;

/// Why the backlog was not written.
pub(super) enum Failure {
    /// The file is damaged and can be replaced.
    Damaged(Box<dyn std::error::Error + Send + Sync>),
    /// It is being replaced, or brought to this version.
    Unready(String),
    Other(String),
}

impl Failure {
    pub(super) fn into_sentence(self) -> String {
        match self {
            Self::Damaged(error) => sentence::of(&*error),
            Self::Unready(problem) | Self::Other(problem) => problem,
        }
    }
}

#[cfg(test)]
mod tests;
