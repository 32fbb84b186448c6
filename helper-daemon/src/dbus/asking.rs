use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use portolan_bus::Error;
use tokio::sync::Notify;
use zbus::names::{OwnedUniqueName, UniqueName};

/// The questions to the history that are under way, so that they can be cancelled.
#[derive(Debug, Clone, Default)]
pub(super) struct Questions(Arc<Mutex<Vec<Arc<Question>>>>);

#[derive(Debug)]
struct Question {
    asker: OwnedUniqueName,
    /// 0 for none.
    token: u32,
    is_cancelled: Arc<AtomicBool>,
    told: Notify,
}

/// A question under way. Once this is dropped nobody waits for an answer, and whoever still reads the history for it stops.
#[derive(Debug)]
pub(super) struct Asking {
    questions: Questions,
    question: Arc<Question>,
}

impl Questions {
    /// Enters a question. To be done before the bus is asked who the caller is: one that left before that is found out there.
    pub(super) fn ask(&self, asker: &UniqueName<'_>, token: u32) -> Asking {
        let question = Arc::new(Question {
            asker: OwnedUniqueName::from(asker.to_owned()),
            token,
            is_cancelled: Arc::default(),
            told: Notify::new(),
        });
        self.lock().push(Arc::clone(&question));
        Asking { questions: self.clone(), question }
    }

    /// Cancels what a caller asked with this token. Whether there was anything.
    pub(super) fn cancel(&self, asker: &UniqueName<'_>, token: u32) -> bool {
        token != 0 && self.cancel_those(|question| question.asker == *asker && question.token == token)
    }

    /// A caller left the bus.
    pub(super) fn forget(&self, asker: &UniqueName<'_>) {
        self.cancel_those(|question| question.asker == *asker);
    }

    fn cancel_those(&self, wanted: impl Fn(&Question) -> bool) -> bool {
        let questions = self.lock();
        let mut cancelled = questions.iter().filter(|question| wanted(question)).peekable();
        let is_any = cancelled.peek().is_some();
        cancelled.for_each(|question| {
            question.is_cancelled.store(true, Ordering::Relaxed);
            question.told.notify_one();
        });
        is_any
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Question>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asking {
    /// What tells whoever looks for the answer to stop.
    pub(super) fn is_cancelled(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.question.is_cancelled)
    }

    /// The answer, unless the question is cancelled before.
    pub(super) async fn unless_cancelled<T>(
        &self,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::select! {
            answer = answer => answer,
            () = self.question.told.notified() => {
                Err(Error::Cancelled("The question was cancelled by its caller.".to_owned()))
            }
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.question.is_cancelled.store(true, Ordering::Relaxed);
        self.questions.lock().retain(|question| !Arc::ptr_eq(question, &self.question));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: usize) -> UniqueName<'static> {
        format!(":1.{number}").try_into().unwrap()
    }

    fn stops(asking: &Asking) -> bool {
        asking.is_cancelled().load(Ordering::Relaxed)
    }

    #[test]
    fn a_caller_cancels_its_own_questions_and_no_others() {
        let questions = Questions::default();
        let [first, second, untold, others] =
            [(1, 7), (1, 8), (1, 0), (2, 7)].map(|(asker, token)| questions.ask(&name(asker), token));
        assert!(!questions.cancel(&name(1), 9) && !questions.cancel(&name(1), 0));
        assert!(questions.cancel(&name(1), 7));
        assert_eq!([&first, &second, &untold, &others].map(stops), [true, false, false, false]);
        questions.forget(&name(1));
        assert_eq!([&first, &second, &untold, &others].map(stops), [true, true, true, false]);
    }

    #[tokio::test]
    async fn a_cancelled_question_has_its_answer_at_once_and_leaves_nothing() {
        let questions = Questions::default();
        let asking = questions.ask(&name(1), 7);
        assert!(matches!(asking.unless_cancelled(async { Ok(5) }).await, Ok(5)));
        questions.cancel(&name(1), 7);
        let answer = asking.unless_cancelled(std::future::pending::<Result<u32, Error>>()).await;
        assert!(matches!(answer, Err(Error::Cancelled(_))), "also when it was cancelled before it waited");
        let flag = questions.ask(&name(1), 7).is_cancelled();
        assert!(flag.load(Ordering::Relaxed), "whose call is gone waits for no answer");
        drop(asking);
        assert!(questions.lock().is_empty());
    }
}
