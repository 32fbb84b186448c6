use std::time::{Duration, Instant};

use portolan_bus::Error;
use portolan_core::{ApplicationKey, Uid};
use portolan_history::{ForgetError, Forgetting, History, language::Query};
use tokio::sync::oneshot;

use crate::{clock::Now, sentence};

/// When it is gone on with after an error.
const AGAIN: Duration = Duration::from_secs(60);

/// What a person wants gone, while it goes: one at a time, a step whenever there is nothing to write.
#[derive(Default)]
pub(super) struct Oblivion {
    under: Option<Under>,
    /// When it is looked for what was begun and is not at its end; `None` when there is nothing of that kind.
    look_at: Option<Instant>,
}

struct Under {
    forgetting: Forgetting,
    /// Who waits for its end; nobody any more where a daemon before this one began it, or after an error.
    done: Option<oneshot::Sender<Result<(), Error>>>,
}

impl Oblivion {
    /// Begins; who asks is told when all is gone, or at once why nothing goes.
    pub(super) fn begin(
        &mut self,
        history: &mut History,
        by: Uid,
        query: &Query,
        done: oneshot::Sender<Result<(), Error>>,
    ) {
        if self.under.is_some() {
            let sentence = "Something else is being forgotten; wait for its end.".to_owned();
            return drop(done.send(Err(Error::LimitExceeded(sentence))));
        }
        match history.begin_forgetting(query, portolan_names::service, by, Now::read().wall) {
            Ok(forgetting) => self.under = Some(Under { forgetting, done: Some(done) }),
            Err(error) => drop(done.send(Err(refused(&error)))),
        }
    }

    /// Goes on with what this daemon, or another, was forgetting when it was killed or an error came.
    pub(super) fn resume(&mut self, history: &mut History) {
        if self.under.is_some() {
            return;
        }
        self.look_at = match history.resume_forgetting(portolan_names::service) {
            Ok(Some(forgetting)) => {
                tracing::info!("going on with what was being forgotten");
                self.under = Some(Under { forgetting, done: None });
                None
            }
            Ok(None) => None,
            Err(error) => {
                tracing::warn!("what was being forgotten is not gone on with: {}", sentence::of(&error));
                let is_gone = matches!(error, ForgetError::Unreadable);
                Some(Instant::now() + if is_gone { Duration::ZERO } else { AGAIN })
            }
        }
    }

    /// A step of a few milliseconds. `gone` is told the applications of which nothing is left.
    pub(super) fn step(&mut self, history: &mut History, gone: impl Fn(Vec<ApplicationKey>)) -> Oblivious {
        if self.look_at.is_some_and(|at| at <= Instant::now()) {
            self.resume(history);
        }
        let Some(under) = &mut self.under else { return Oblivious::No };
        let result = history.forget(&mut under.forgetting);
        gone(under.forgetting.take_gone());
        match result {
            Ok(true) if under.forgetting.is_held() => Oblivious::Waits,
            Ok(true) => Oblivious::Goes,
            Ok(false) => {
                // There may be another one.
                self.look_at = Some(Instant::now());
                self.answer(Ok(()))
            }
            Err(error) => {
                self.look_at = Some(Instant::now() + AGAIN);
                let problem = sentence::of(&error);
                tracing::warn!("what is being forgotten is gone on with in a minute: {problem}");
                self.answer(Err(Error::HistoryUnavailable(format!(
                    "{problem}; what is left to forget goes as soon as the history can be written"
                ))))
            }
        }
    }

    /// Goes no further: the numbers by which it is known what to forget are those of a file that is not written any more.
    pub(super) fn end(&mut self) {
        let sentence = "the history was closed while something in it was being forgotten; where it is the same when it is opened \
                        again, what is left goes then, and otherwise ask again";
        self.look_at = None;
        self.answer(Err(Error::HistoryUnavailable(sentence.to_owned())));
    }

    fn answer(&mut self, result: Result<(), Error>) -> Oblivious {
        if let Some(Under { done: Some(done), .. }) = self.under.take() {
            // Who asked may have gone away in the meantime.
            drop(done.send(result));
        }
        Oblivious::Goes
    }
}

/// Whether something is being forgotten.
pub(super) enum Oblivious {
    No,
    /// There is more to do at once.
    Goes,
    /// Somebody reads what is gone already; it is tried again after a while.
    Waits,
}

fn refused(error: &ForgetError) -> Error {
    match error {
        ForgetError::ByTotal | ForgetError::ByEnd => Error::InvalidArgument(format!("{error}.")),
        ForgetError::Read(_) | ForgetError::Write(_) | ForgetError::Unreadable => {
            Error::HistoryUnavailable(sentence::of(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_error_stopped_is_told_and_gone_on_with() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history.sqlite");
        let mut history = History::open(&path).unwrap();
        let mut oblivion = Oblivion::default();
        let (done, mut answer) = oneshot::channel();
        oblivion.begin(&mut history, Uid(0), &Query::default(), done);
        let other = rusqlite::Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        oblivion.step(&mut history, |_| {});
        let told = answer.try_recv().unwrap();
        assert!(
            matches!(&told, Err(Error::HistoryUnavailable(why)) if why.contains("goes as soon")),
            "{told:?}"
        );
        other.execute_batch("ROLLBACK").unwrap();
        assert!(matches!(oblivion.step(&mut history, |_| {}), Oblivious::No), "not at once");
        let again = oblivion.look_at.replace(Instant::now());
        assert!(again.is_some_and(|at| at > Instant::now()), "but in a while");
        while !matches!(oblivion.step(&mut history, |_| {}), Oblivious::No) {}
        let left: i64 = other.query_row("SELECT count(*) FROM forgetting", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 0);
    }
}
