use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use portolan_bus::Error;
use portolan_core::Uid;
use portolan_history::{Limits, OpenError, ReadError, Reader};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};

use super::{export::Exports, log_bound::LogBound};
use crate::{resources, sentence};

/// How long a question may take, and how long it waits for its turn. One that hangs on the disk keeps its reader, never the caller.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
/// How much later than that an answer may come that says why there is none.
const GRACE: Duration = Duration::from_secs(1);

/// How long an answer is on its way, and in memory.
const SENDING: Duration = Duration::from_secs(1);

/// Called with what a question met instead of an answer.
pub(super) type FoundDamage = Arc<dyn Fn(&ReadError) + Send + Sync>;

/// The history, as questions read it: a few at a time, so that neither many questions nor long ones of one user keep another from
/// an answer.
pub struct Archive {
    path: PathBuf,
    found_damage: FoundDamage,
    pub(super) log: Arc<LogBound>,
    turns: Turns,
    pub(super) exports: Exports,
    rest: Arc<Rest>,
}

impl Archive {
    /// The history at `path`. Nothing is opened yet. `found_damage` is called with why a question has no answer.
    #[must_use]
    pub fn new(path: PathBuf, found_damage: impl Fn(&ReadError) + Send + Sync + 'static) -> Self {
        Self::bounded(path, Arc::new(found_damage), Arc::default())
    }

    /// The same, with what the writer says of its log.
    pub(super) fn bounded(path: PathBuf, found_damage: FoundDamage, log: Arc<LogBound>) -> Self {
        Self {
            path,
            found_damage,
            log,
            turns: Turns::default(),
            exports: Exports::default(),
            rest: Arc::default(),
        }
    }

    pub(super) fn found_damage(&self) -> FoundDamage {
        Arc::clone(&self.found_damage)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Asks on behalf of a user, on a thread that may wait for the disk, until `cancelled` or the time is over.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        uid: Uid,
        cancelled: Arc<AtomicBool>,
        ask: impl FnOnce(&Reader, &Limits) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = self.turns.take(uid);
        let turn = timeout(PATIENCE, turn).await.map_err(|_| {
            Error::LimitExceeded(format!(
                "Other questions of yours, or of others, have taken {} s; ask again.",
                PATIENCE.as_secs()
            ))
        })?;
        self.log.admit()?;
        let (is_in_the_way, rest) = (self.log.is_too_long(), Arc::clone(&self.rest));
        let ask = move |reader: &Reader| {
            // Its time begins when there is a thread for it.
            let limits = Limits { deadline: Some(Instant::now() + PATIENCE), cancelled, is_in_the_way };
            let answer = ask(reader, &limits);
            // Once its answer has been sent.
            tokio::spawn(async move { rest.take(resources::give_back_much).await });
            answer
        };
        self.read(PATIENCE + GRACE, turn, ask).await
    }

    /// Looks something up that takes no time unless the disk hangs, and so needs no turn.
    pub(super) async fn glance<T: Send + 'static>(
        &self,
        patience: Duration,
        look: impl FnOnce(&Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, Error> {
        self.read(patience, (), look).await
    }

    async fn read<T: Send + 'static>(
        &self,
        patience: Duration,
        turn: impl Send + 'static,
        read: impl FnOnce(&Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, Error> {
        let (path, found_damage) = (self.path.clone(), self.found_damage());
        let is_open = Arc::new(AtomicBool::new(false));
        let opened = Arc::clone(&is_open);
        let answer = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let reader =
                Reader::open(&path).and_then(|reader| reader.naming_services(portolan_names::service));
            let reader =
                reader.map_err(|error: OpenError| Error::HistoryUnavailable(sentence::of(&error)))?;
            opened.store(true, Ordering::Relaxed);
            read(&reader).map_err(|error| {
                found_damage(&error);
                refused(&error)
            })
        });
        match timeout(patience, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Err(Error::Internal(format!("a question to the history ended early: {error}"))),
            Err(_) if is_open.load(Ordering::Relaxed) => Err(too_long()),
            Err(_) => Err(hanging_disk(patience)),
        }
    }
}

/// When what questions may have needed is given back: once in the time that an answer is on its way, for all threads wait for that.
#[derive(Debug)]
struct Rest {
    pause: Duration,
    /// One that waits for its answer to be sent, and one that waits for that: it does so for all that come meanwhile.
    places: Semaphore,
    turn: tokio::sync::Mutex<()>,
}

impl Default for Rest {
    fn default() -> Self {
        Self { pause: SENDING, places: Semaphore::new(2), turn: tokio::sync::Mutex::default() }
    }
}

impl Rest {
    async fn take(&self, give_back: impl FnOnce() + Send + 'static) {
        let Ok(_place) = self.places.try_acquire() else { return };
        let _turn = self.turn.lock().await;
        sleep(self.pause).await;
        // Where it fails, the next one does it.
        drop(tokio::task::spawn_blocking(give_back).await);
    }
}

fn refused(error: &ReadError) -> Error {
    let said = || format!("{}.", sentence::of(error));
    match error {
        ReadError::Cancelled => Error::Cancelled("The question was cancelled by its caller.".to_owned()),
        ReadError::TookTooLong => too_long(),
        ReadError::TooManyGroups { .. } | ReadError::LogTooLong => Error::LimitExceeded(said()),
        ReadError::EndsNotKept => Error::InvalidArgument(said()),
        ReadError::Damaged(_)
        | ReadError::DamagedInterval { .. }
        | ReadError::NumberTooLarge(_)
        | ReadError::NumberUnknown(_)
        | ReadError::Busy(_)
        | ReadError::Failed(_) => Error::HistoryUnavailable(sentence::of(error)),
    }
}

/// Whether it is mended by saving what can be read.
fn too_long() -> Error {
    Error::TookTooLong(format!(
        "The answer takes longer than {} s. Ask for a shorter time, or for less.",
        PATIENCE.as_secs()
    ))
}

pub(super) fn hanging_disk(patience: Duration) -> Error {
    Error::HistoryUnavailable(format!(
        "the disk that holds the history has not answered for {} s. What was counted waits in memory.",
        patience.as_secs()
    ))
}

/// Questions that may be reading at a time, in all.
const IN_TOTAL: usize = 6;
/// Threads for them, and some for all else that may wait for a disk.
pub const THREADS: usize = IN_TOTAL + 4;
/// The same of one user: whoever asks too much waits for themselves.
const PER_UID: usize = 2;

#[derive(Debug)]
struct Turns {
    in_total: Arc<Semaphore>,
    by_uid: Mutex<HashMap<Uid, Weak<Semaphore>>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { in_total: Arc::new(Semaphore::new(IN_TOTAL)), by_uid: Mutex::default() }
    }
}

impl Turns {
    /// A turn, when there is one. It ends when it is dropped.
    async fn take(&self, uid: Uid) -> [Option<OwnedSemaphorePermit>; 2] {
        let own = self.of(uid).acquire_owned().await;
        // Who waits for the others has a place of their own already, so that nobody fills this queue.
        let everybodys = Arc::clone(&self.in_total).acquire_owned().await;
        [own.ok(), everybodys.ok()]
    }

    fn of(&self, uid: Uid) -> Arc<Semaphore> {
        let mut by_uid = self.by_uid.lock().unwrap_or_else(PoisonError::into_inner);
        by_uid.retain(|_, turns| turns.strong_count() > 0);
        by_uid.get(&uid).and_then(Weak::upgrade).unwrap_or_else(|| {
            let turns = Arc::new(Semaphore::new(PER_UID));
            by_uid.insert(uid, Arc::downgrade(&turns));
            turns
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_user_waits_for_themselves_and_not_for_another() {
        let turns = Turns::default();
        let mut held = Vec::new();
        for _ in 0..PER_UID {
            held.push(turns.take(Uid(1)).now_or_never().unwrap());
        }
        let mut waiting: Vec<_> = (0..100).map(|_| Box::pin(turns.take(Uid(1)))).collect();
        assert!(waiting.iter_mut().all(|turn| turn.as_mut().now_or_never().is_none()));
        let mut third = Box::pin(turns.take(Uid(1)));
        assert!(third.as_mut().now_or_never().is_none());
        assert!(turns.take(Uid(2)).now_or_never().is_some());
        drop(waiting);
        held.pop();
        assert!(third.now_or_never().is_some());
        drop(held);
        assert_eq!(turns.in_total.available_permits(), IN_TOTAL);
        turns.of(Uid(3));
        assert_eq!(turns.by_uid.lock().unwrap().len(), 1, "who asks nothing is forgotten");
    }

    #[tokio::test]
    async fn what_many_questions_needed_is_given_back_once_in_a_while_and_after_the_last() {
        let pause = Duration::from_millis(50);
        let rest = Arc::new(Rest { pause, ..Rest::default() });
        let given = Arc::new(Mutex::new(Vec::new()));
        let begun = Instant::now();
        let mut questions = Vec::new();
        for _ in 0..25 {
            let (rest, given) = (Arc::clone(&rest), Arc::clone(&given));
            let at = move || given.lock().unwrap().push(begun.elapsed());
            questions.push(tokio::spawn(async move { rest.take(at).await }));
            sleep(pause / 10).await;
        }
        let last = begun.elapsed() - pause / 10;
        for question in questions {
            question.await.unwrap();
        }
        let given = given.lock().unwrap();
        assert!(given.windows(2).all(|pair| pair[1] - pair[0] >= pause), "{given:?}");
        assert!(given.len() < 25 && given.last().is_some_and(|at| *at >= last), "{given:?}");
    }

    #[tokio::test]
    async fn everybodys_turns_are_bounded_too() {
        let turns = Turns::default();
        let mut held = Vec::new();
        for number in 0..IN_TOTAL {
            held.push(turns.take(Uid(u32::try_from(number).unwrap())).now_or_never().unwrap());
        }
        assert!(turns.take(Uid(99)).now_or_never().is_none());
    }
}
