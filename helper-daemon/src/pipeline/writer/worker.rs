//! The thread's own state and work.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::{Duration, Instant},
};

use portolan_bus::{Error, Finding};
use portolan_core::{FindingKind, UnixMillis};
use portolan_history::{
    Checkpoint, History, KnownApplication, Learning, OpenError, Salvage, SalvageError, WriteError,
};

use super::{
    Health, Job, Limits, WriterError, Writing,
    backlog::Backlog,
    forgetting::{Oblivion, Oblivious},
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
/// So many blocks are deleted in one step.
const RETAIN_STEP: usize = 32;

/// The thread's own state.
pub(super) struct Worker {
    pub(super) path: PathBuf,
    /// `None` while it is not there, or cannot be opened.
    pub(super) history: Option<History>,
    /// The one before, while its traffic is being saved. Nothing is written until then.
    pub(super) salvage: Option<Salvage>,
    /// When it goes on being saved.
    pub(super) save_at: Instant,
    pub(super) backlog: Backlog,
    /// Rows that were merged before the history could not be written the last time.
    pub(super) merged_before: u64,
    /// Since when, and why, it cannot be written.
    pub(super) failing: Option<(UnixMillis, String)>,
    /// Since when it could not be written when that was told last.
    pub(super) told: Option<UnixMillis>,
    /// Whether the daemon knows what the history knew.
    is_known: bool,
    pub(super) damage: Damage,
    /// See [`Health::written`].
    pub(super) written: u64,
    /// When it is looked for what is to be deleted, if there is nothing else to do.
    retain_at: Instant,
    steady: Steady,
    oblivion: Oblivion,
    limits: Limits,
    pub(super) health: Arc<Mutex<Health>>,
    writing: Arc<Writing>,
    atlas: Atlas,
    pub(super) tell: Box<dyn Fn(Finding) + Send>,
    log: Arc<TextLog>,
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
    /// Opens the history. What can be read of a damaged one is saved; one that is not there is opened later.
    pub(super) fn open(
        path: &Path,
        limits: Limits,
        health: Arc<Mutex<Health>>,
        writing: Arc<Writing>,
        atlas: Atlas,
        tell: Box<dyn Fn(Finding) + Send>,
        log: Arc<TextLog>,
    ) -> Result<(Self, Known), WriterError> {
        let (path, backlog) = (path.to_owned(), Backlog::default());
        let mut worker = Self {
            path,
            history: None,
            salvage: None,
            save_at: Instant::now(),
            backlog,
            merged_before: 0,
            failing: None,
            told: None,
            is_known: true,
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
        if let Err(failure) = worker.reopen() {
            // It is not there for now. What it knew may be read all the same.
            let known = History::open_without_room(&worker.path).map_err(|error| sentence::of(&error));
            let known = known.and_then(|history| {
                history.map(|history| Known::of(&history).map_err(|error| sentence::of(&error))).transpose()
            });
            let known = known.unwrap_or_else(|problem| {
                tracing::warn!("what the history knew is not known for now: {problem}");
                None
            });
            worker.is_known = known.is_some();
            worker.note_health(&Err(failure.into_sentence()));
            return Ok((worker, known.unwrap_or_default()));
        }
        let mut known = worker.history.as_ref().map_or_else(|| Ok(Known::default()), Known::of)?;
        if let Some(history) = &mut worker.history {
            // Where it cannot be written, the next daemon begins anew.
            known.learning = history.begin_learning(Now::read().wall).ok();
        }
        Ok((worker, known))
    }

    /// Opens what is there; a damaged one is saved first.
    fn reopen(&mut self) -> Result<(), Failure> {
        let saving = |error: SalvageError| Failure::Other(sentence::of(&error));
        if self.salvage.is_none() {
            self.salvage = Salvage::resume(&self.path).map_err(saving)?;
        }
        let opened = match History::open(&self.path) {
            Err(problem @ (OpenError::NotADatabase { .. } | OpenError::Damaged { .. })) => {
                self.salvage = None;
                self.begin_anew(&problem).map_err(saving)?;
                History::open(&self.path)
            }
            opened => opened,
        };
        let history = opened.map_err(|error| Failure::Other(sentence::of(&error)))?;
        let reached = history.checkpoint().map_err(|error| Failure::Other(sentence::of(&error)))?;
        self.backlog.has_reached(reached, &mut self.written);
        if !self.is_known {
            let known = history.known_applications().unwrap_or_default();
            self.backlog.forget_findings_about(&known);
            self.is_known = true;
        }
        self.history = Some(history);
        Ok(())
    }

    /// What was being forgotten is known by numbers of this file alone.
    pub(super) fn close(&mut self) {
        self.history = None;
        self.oblivion.end();
    }

    /// Goes on in the place of a history that was deleted or replaced by somebody, with what is there now.
    fn leave(&mut self, history: History) -> Result<(), Failure> {
        let path = self.path.display();
        let sentence = format!(
            "the history {path} was deleted or replaced while the daemon ran: what stands in the file that is gone is \
             missing; from then on all is written to {path} again"
        );
        self.note_replaced(sentence);
        self.close();
        // Who is known there is nobody's word for who is known in the next.
        self.salvage = None;
        history.leave().map_err(|error| {
            let path = self.path.display();
            Failure::Other(format!(
                "the log of the history {path}, which is gone, cannot be removed: {error}"
            ))
        })
    }

    pub(super) fn run(mut self, queue: &mpsc::Receiver<Job>) {
        loop {
            let is_saving = self.salvage.is_some() && self.history.is_some();
            let has_nothing_to_write = self.backlog.is_empty() && self.history.is_some();
            let job = queue.recv_timeout(if is_saving {
                self.save_at.saturating_duration_since(Instant::now())
            } else if has_nothing_to_write {
                self.retain_at.saturating_duration_since(Instant::now())
            } else {
                RETRY
            });
            self.writing.set_at_work(true);
            match job {
                Ok(job) => self.work(job),
                Err(mpsc::RecvTimeoutError::Timeout) if is_saving => drop(self.save_on()),
                Err(mpsc::RecvTimeoutError::Timeout) if has_nothing_to_write => self.retain(),
                Err(mpsc::RecvTimeoutError::Timeout) => self.write_backlog().unwrap_or_default(),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            self.writing.set_at_work(false);
        }
        // Nothing is written before all is saved.
        while self.save_on() {}
        if let Err(problem) = self.write_backlog() {
            tracing::error!("{} rows and findings are not written: {problem}", self.backlog.len());
        }
    }

    fn work(&mut self, job: Job) {
        match job {
            Job::Write { mut records, checkpoint, done } => {
                self.atlas.locate(&mut records);
                self.log.flows(&records);
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
        self.retain_at = Instant::now() + rest;
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
            Failure::Saving(problem) | Failure::Other(problem) => Err(problem),
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
        if self.salvage.is_some() {
            let path = self.path.display();
            return Err(Failure::Saving(format!(
                "the history {path} was damaged, and what can be read of it is being saved; try again in a minute"
            )));
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
enum Failure {
    /// The file is damaged and can be replaced.
    Damaged(Box<dyn std::error::Error + Send + Sync>),
    /// It is being replaced.
    Saving(String),
    Other(String),
}

impl Failure {
    fn into_sentence(self) -> String {
        match self {
            Self::Damaged(error) => sentence::of(&*error),
            Self::Saving(problem) | Self::Other(problem) => problem,
        }
    }
}

#[cfg(test)]
mod tests;
