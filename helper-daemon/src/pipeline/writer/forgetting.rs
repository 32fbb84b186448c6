use portolan_bus::Error;
use portolan_core::{ApplicationKey, Uid};
use portolan_history::{ForgetError, Forgetting, History, language::Query};
use tokio::sync::oneshot;

use crate::{clock::Now, sentence};

/// What a person wants gone, while it goes: one at a time, a step whenever there is nothing to write.
#[derive(Default)]
pub(super) struct Oblivion(Option<Under>);

struct Under {
    forgetting: Forgetting,
    /// Who waits for its end; nobody any more where a daemon before this one began it.
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
        if self.0.is_some() {
            let sentence = "Something else is being forgotten; wait for its end.".to_owned();
            return drop(done.send(Err(Error::LimitExceeded(sentence))));
        }
        match history.begin_forgetting(query, portolan_names::service, by, Now::read().wall) {
            Ok(forgetting) => self.0 = Some(Under { forgetting, done: Some(done) }),
            Err(error) => drop(done.send(Err(refused(&error)))),
        }
    }

    /// Goes on with what another daemon was forgetting when it was killed.
    pub(super) fn resume(&mut self, history: &mut History) {
        match history.resume_forgetting(portolan_names::service) {
            Ok(Some(forgetting)) if self.0.is_none() => {
                tracing::info!("going on with what was being forgotten when the daemon ended");
                self.0 = Some(Under { forgetting, done: None });
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!("what was being forgotten is not gone on with: {}", sentence::of(&error));
            }
        }
    }

    /// A step of a few milliseconds. `gone` is told the applications of which nothing is left.
    pub(super) fn step(&mut self, history: &mut History, gone: impl Fn(Vec<ApplicationKey>)) -> Oblivious {
        let Some(under) = &mut self.0 else { return Oblivious::No };
        let result = history.forget(&mut under.forgetting);
        gone(under.forgetting.take_gone());
        match result {
            Ok(true) if under.forgetting.is_held() => Oblivious::Waits,
            Ok(true) => Oblivious::Goes,
            Ok(false) => self.answer(Ok(())),
            Err(error) => self.answer(Err(Error::HistoryUnavailable(sentence::of(&error)))),
        }
    }

    /// Goes no further: the numbers by which it is known what to forget are those of a file that is not written any more.
    pub(super) fn end(&mut self) {
        let sentence = "the history became another one while something in it was being forgotten; ask again";
        self.answer(Err(Error::HistoryUnavailable(sentence.to_owned())));
    }

    fn answer(&mut self, result: Result<(), Error>) -> Oblivious {
        if let Some(Under { done: Some(done), .. }) = self.0.take() {
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
        ForgetError::Read(_) | ForgetError::Write(_) => Error::HistoryUnavailable(sentence::of(error)),
    }
}
