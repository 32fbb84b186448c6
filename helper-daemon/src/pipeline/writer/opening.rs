//! How a history is opened and made ready to be written: what takes long goes in small steps, while rows wait.

use std::time::{Duration, Instant};

use portolan_core::FindingKind;
use portolan_history::{
    Checkpoint, History, KnownApplication, Learning, OpenError, ReadError, Salvage, SalvageError, WriteError,
};

use super::worker::{Failure, RETRY, Worker};
use crate::{clock::Now, sentence};

/// What a history knew when it was opened.
#[derive(Default)]
pub(in crate::pipeline) struct Known {
    pub(in crate::pipeline) applications: Vec<KnownApplication>,
    /// How much it has of the journal of the daemon before this one.
    pub(super) checkpoint: Option<Checkpoint>,
    /// Kinds of open findings about the daemon itself.
    pub(in crate::pipeline) open_kinds: Vec<FindingKind>,
    /// When it learned; `None` where there was no room to write that it begins.
    pub(super) learning: Option<Learning>,
}

impl Known {
    fn of(history: &History) -> Result<Self, ReadError> {
        Ok(Self {
            applications: history.known_applications()?,
            checkpoint: history.checkpoint()?,
            open_kinds: history.open_kinds()?,
            learning: history.learning()?,
        })
    }

    /// How long it was learned what begins to talk; `None` when that has ended.
    pub(in crate::pipeline) fn learned(&self) -> Option<Duration> {
        match self.learning {
            Some(Learning { ended: Some(_), .. }) => None,
            Some(Learning { learned, .. }) => Some(learned),
            // On a full disk; it begins when there is room.
            None => Some(Duration::ZERO),
        }
    }
}

/// What begins to talk is told rather than learned.
fn learned_all() -> Learning {
    let now = Now::read().wall;
    Learning { began: now, ended: Some(now), learned: Duration::ZERO }
}

impl Worker {
    /// Opens the history before anything is counted, where that takes no time, with what it knows. What does take time, as to save what can
    /// be read of a damaged one, comes afterwards, and what it knew is told when it is known.
    pub(super) fn open_first(&mut self) -> Known {
        let failure = match self.open_at_once() {
            Ok(known) => {
                self.is_known = true;
                return known;
            }
            Err(failure) => failure,
        };
        let is_damaged = matches!(failure, Failure::Damaged(_) | Failure::Unready(_));
        // What it knew may be read all the same, but not where only a part of it is in its place.
        let known = if matches!(failure, Failure::Unready(_)) { Ok(None) } else { self.known_without_room() };
        let known = known.unwrap_or_else(|problem| {
            tracing::warn!("what the history knew is not known for now: {problem}");
            None
        });
        self.is_known = known.is_some() && !is_damaged;
        let mut known = known.unwrap_or_default();
        if is_damaged {
            // SQLite stops where a log is damaged.
            known.checkpoint = Salvage::checkpoint(&self.path).or(known.checkpoint);
            // What turns out to be known is not told.
            known.learning = known.learning.or_else(|| Some(learned_all()));
        } else {
            self.ready_at = Instant::now() + RETRY;
        }
        self.note_health(&Err(failure.into_sentence()));
        known
    }

    fn known_without_room(&self) -> Result<Option<Known>, String> {
        let history = History::open_without_room(&self.path).map_err(|error| sentence::of(&error))?;
        history.map(|history| Known::of(&history).map_err(|error| sentence::of(&error))).transpose()
    }

    fn open_at_once(&mut self) -> Result<Known, Failure> {
        let is_being_saved =
            Salvage::is_under_way(&self.path).map_err(|error| Failure::Unready(sentence::of(&error)))?;
        if is_being_saved && !self.path.exists() {
            return Err(self.unready());
        }
        let mut history = self.open_sound()?;
        let mut known = Known::of(&history).map_err(|error| match error {
            ReadError::Damaged(_) => Failure::Damaged(error.into()),
            error => Failure::Other(sentence::of(&error)),
        })?;
        if known.learning.is_none() {
            // Where it cannot be written, it is noted once it can, or the next daemon begins anew.
            known.learning = history.begin_learning(Now::read().wall).ok();
        }
        if !is_being_saved {
            self.own(history);
        }
        Ok(known)
    }

    fn open_sound(&self) -> Result<History, Failure> {
        History::open(&self.path).map_err(|error| match error {
            OpenError::NotADatabase { .. } | OpenError::Damaged { .. } => Failure::Damaged(error.into()),
            error => Failure::Other(sentence::of(&error)),
        })
    }

    /// Opens what is there; a damaged one is saved first, but for its traffic.
    pub(super) fn reopen(&mut self) -> Result<(), Failure> {
        let saving = |error: SalvageError| Failure::Other(sentence::of(&error));
        if self.salvage.is_none() {
            self.salvage = Salvage::resume(&self.path).map_err(saving)?;
        }
        let mut history = match self.open_sound() {
            Err(Failure::Damaged(problem)) => {
                self.salvage = None;
                self.begin_anew(&*problem).map_err(saving)?;
                self.open_sound()?
            }
            opened => opened?,
        };
        let reached = history.checkpoint().map_err(|error| Failure::Other(sentence::of(&error)))?;
        self.backlog.has_reached(reached, &mut self.written);
        if !self.is_known {
            let mut known = Known::of(&history).map_err(|error| Failure::Other(sentence::of(&error)))?;
            self.backlog.forget_findings_about(&known.applications);
            known.learning = match known.learning {
                // Somebody ended it meanwhile, or the damage took it: then the next daemon is to know, too.
                _ if self.backlog.has_learned() => Some(learned_all()),
                None if self.salvage.is_some() => {
                    self.backlog.end_learning(Now::read().wall);
                    Some(learned_all())
                }
                // Where that cannot be written, the next daemon begins anew.
                None => history.begin_learning(Now::read().wall).ok(),
                learning => learning,
            };
            self.writing.knows(known);
            self.is_known = true;
        }
        self.own(history);
        Ok(())
    }

    fn own(&mut self, mut history: History) {
        if self.salvage.is_none() {
            self.oblivion.resume(&mut history);
            self.retain_at = Instant::now();
        }
        self.history = Some(history);
    }

    /// Whether the history can be written.
    pub(super) fn is_ready(&self) -> bool {
        self.salvage.is_none() && self.history.as_ref().is_some_and(|history| !history.is_behind())
    }

    /// Why it cannot.
    pub(super) fn unready(&self) -> Failure {
        let path = self.path.display();
        Failure::Unready(if self.history.as_ref().is_some_and(History::is_behind) {
            format!(
                "the history {path} is of an old version and is being brought to this one, which takes some minutes where it is large"
            )
        } else {
            format!(
                "the history {path} was damaged, and what can be read of it is being saved; try again in a minute"
            )
        })
    }

    /// One step towards a history that can be written; whether there is more to do at once.
    pub(super) fn get_ready(&mut self) -> bool {
        let Some(history) = &mut self.history else {
            self.ready_at = Instant::now() + RETRY;
            // With what waits, where it can be opened and has nothing to be made ready.
            drop(self.write_backlog());
            let has_more = self.history.is_some() && !self.is_ready();
            if has_more {
                self.ready_at = Instant::now();
            }
            return has_more;
        };
        if !history.is_behind() {
            return self.save_on();
        }
        match history.catch_up() {
            Ok(true) => true,
            Ok(false) => {
                tracing::info!("the history has the newest version");
                // It could not be noted before.
                if let Err(error) = history.begin_learning(Now::read().wall) {
                    tracing::warn!(
                        "that learning began is not noted, so the next daemon begins anew: {error}"
                    );
                }
                self.failing = None;
                drop(self.write_backlog());
                false
            }
            Err(error @ WriteError::Damaged(_)) => match self.begin_anew(&error) {
                Ok(()) => true,
                Err(error) => {
                    self.ready_at = Instant::now() + RETRY;
                    self.note_health(&Err(sentence::of(&error)));
                    false
                }
            },
            Err(error) => {
                self.could_not_get_ready(&error);
                false
            }
        }
    }

    /// What was being forgotten is known by numbers of this file alone.
    pub(super) fn close(&mut self) {
        self.history = None;
        self.oblivion.end();
        // Who opens it next sees its log, and until then nobody reads.
        self.writing.log.note(0);
    }

    /// Goes on in the place of a history that was deleted or replaced by somebody, with what is there now.
    pub(super) fn leave(&mut self, history: History) -> Result<(), Failure> {
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
}
