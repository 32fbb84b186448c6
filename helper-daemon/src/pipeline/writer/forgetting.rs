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
    done: oneshot::Sender<Result<(), Error>>,
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
            Ok(forgetting) => self.0 = Some(Under { forgetting, done }),
            Err(error) => drop(done.send(Err(refused(&error)))),
        }
    }

    /// A step of a few milliseconds; whether there was anything to do. `gone` is told the applications of which nothing is left.
    pub(super) fn step(&mut self, history: &mut History, gone: impl Fn(Vec<ApplicationKey>)) -> bool {
        let Some(under) = &mut self.0 else { return false };
        let result = history.forget(&mut under.forgetting);
        gone(under.forgetting.take_gone());
        let result = match result {
            Ok(true) => return true,
            Ok(false) => Ok(()),
            Err(error) => Err(Error::HistoryUnavailable(sentence::of(&error))),
        };
        if let Some(Under { done, .. }) = self.0.take() {
            // Who asked may have gone away in the meantime.
            drop(done.send(result));
        }
        true
    }
}

fn refused(error: &ForgetError) -> Error {
    match error {
        ForgetError::ByTotal | ForgetError::ByEnd => Error::InvalidArgument(format!("{error}.")),
        ForgetError::Read(_) | ForgetError::Write(_) => Error::HistoryUnavailable(sentence::of(error)),
    }
}
