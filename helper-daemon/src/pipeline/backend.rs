//! Answers to what the bus asks.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::PathBuf,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use portolan_bus::{
    Application, DaemonState, Error, Finding, HistoryInfo, LiveTick, LookupResult, QueryRequest, QueryResult,
    QueryRow, Resources, SelfTest, Status,
};
use portolan_core::{ApplicationKey, Dimension, Only, ParseError, ReviewState, Uid, UnixMillis};
use portolan_history::{OpenError, Question, ReadError, Reader};
use tokio::{
    sync::{Semaphore, broadcast},
    time::timeout,
};

use super::{
    applications,
    atlas::Atlas,
    findings::to_wire,
    handle::{Command, Handle},
    lookup,
    writer::Writing,
};
use crate::{
    dbus::{Backend, Event, ROWS_MAX, Skipped, Viewer},
    resources, sentence,
};

/// Questions that may be reading the history at a time; the others wait.
const READERS: usize = 4;
/// How long a question waits for the disk to answer, or to take another row. One that hangs keeps its reader, never the
/// caller.
const DISK_PATIENCE: Duration = Duration::from_secs(15);
/// The same for the status, which can do without.
const STATUS_PATIENCE: Duration = Duration::from_secs(2);

/// The daemon as the bus sees it.
pub struct DaemonBackend {
    handle: Handle,
    history_path: PathBuf,
    atlas: Atlas,
    started: UnixMillis,
    readers: Arc<Semaphore>,
    skipped_events: AtomicU64,
    skipped_rows: AtomicU64,
}

impl DaemonBackend {
    /// A backend that asks the recorder, and reads the history at `history_path`.
    #[must_use]
    pub fn new(handle: Handle, history_path: PathBuf, atlas: Atlas, started: UnixMillis) -> Self {
        let readers = Arc::new(Semaphore::new(READERS));
        let (skipped_events, skipped_rows) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { handle, history_path, atlas, started, readers, skipped_events, skipped_rows }
    }

    /// Runs a question on a thread that may wait for the disk. `late`: why there is no answer in time although the disk has let the
    /// file be opened.
    async fn read<T: Send + 'static>(
        &self,
        patience: Duration,
        late: fn(Duration) -> Error,
        ask: impl FnOnce(&Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, Error> {
        let (path, readers) = (self.history_path.clone(), Arc::clone(&self.readers));
        let is_asked = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&is_asked);
        let writing = Arc::clone(&self.handle.writing);
        let answer = async {
            let place = readers.acquire_owned().await;
            tokio::task::spawn_blocking(move || {
                let _place = place;
                let reader =
                    Reader::open(&path).and_then(|reader| reader.naming_services(portolan_names::service));
                let reader = reader.map_err(|error: OpenError| sentence::of(&error))?;
                asked.store(true, Ordering::Relaxed);
                ask(&reader).map_err(|error| {
                    if matches!(error, ReadError::Damaged(_)) {
                        writing.found_damage();
                    }
                    sentence::of(&error)
                })
            })
            .await
        };
        match timeout(patience, answer).await {
            Ok(Ok(answer)) => answer.map_err(Error::HistoryUnavailable),
            Ok(Err(error)) => Err(Error::Internal(format!("a question to the history ended early: {error}"))),
            Err(_) if is_asked.load(Ordering::Relaxed) => Err(late(patience)),
            Err(_) => Err(hanging_disk(patience)),
        }
    }

    /// Everything counted so far is in the history afterwards.
    async fn flush(&self) -> Result<(), Error> {
        let flushed = self.handle.ask(Command::Flush);
        match while_it_goes_on(&self.handle.writing, DISK_PATIENCE, flushed).await {
            Some(answer) => answer?,
            None => Err(hanging_disk(DISK_PATIENCE)),
        }
    }

    /// What was lost on the way to clients, beside the rest.
    fn with_skipped(&self, mut losses: BTreeMap<String, u64>) -> BTreeMap<String, u64> {
        let skipped =
            [("bus_events_skipped", &self.skipped_events), ("bus_rows_left_out", &self.skipped_rows)];
        losses.extend(skipped.map(|(kind, count)| (kind.to_owned(), count.load(Ordering::Relaxed))));
        losses
    }
}

/// Waits for an answer for as long as it takes to write what there is; `None` when the disk lets nothing be written meanwhile.
async fn while_it_goes_on<T>(
    writing: &Writing,
    patience: Duration,
    answer: impl Future<Output = T>,
) -> Option<T> {
    let mut answer = pin!(answer);
    loop {
        let steps = writing.steps();
        match timeout(patience, answer.as_mut()).await {
            Ok(answer) => return Some(answer),
            Err(_) if writing.is_stuck_at(steps) => return None,
            Err(_) => {}
        }
    }
}

fn hanging_disk(patience: Duration) -> Error {
    Error::HistoryUnavailable(format!(
        "the disk that holds the history has not answered for {} s. What was counted waits in memory.",
        patience.as_secs()
    ))
}

fn long_question(patience: Duration) -> Error {
    Error::HistoryUnavailable(format!(
        "the answer takes longer than {} s. Ask for a shorter time, or for less.",
        patience.as_secs()
    ))
}

impl Backend for DaemonBackend {
    async fn status(&self, viewer: Viewer) -> Result<Status, Error> {
        let snapshot = self.handle.ask(Command::Snapshot).await?;
        let info = self.read(STATUS_PATIENCE, hanging_disk, Reader::info).await;
        let mut notes = snapshot.notes;
        notes.extend(self.atlas.problem());
        notes.extend(
            snapshot
                .hooks
                .iter()
                .filter(|hook| !hook.active)
                .map(|hook| format!("{}: {}", hook.name, hook.reason)),
        );
        notes.extend(snapshot.history_problem.iter().map(|problem| {
            format!("{problem}. Recording goes on in memory and is written as soon as it can be.")
        }));
        let is_reduced = snapshot.hooks.iter().any(|hook| !hook.active) || snapshot.history_problem.is_some();
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            state: if is_reduced { DaemonState::Reduced } else { DaemonState::Recording },
            notes,
            access: viewer.access,
            started_unix_ms: self.started.0,
            self_test: snapshot.self_test,
            counting: snapshot.counting,
            hooks: snapshot.hooks,
            attribution: snapshot.attribution,
            ledger: snapshot.ledger,
            network: snapshot.network,
            losses: self.with_skipped(snapshot.losses),
            history: HistoryInfo {
                path: self.history_path.to_string_lossy().into_owned(),
                size_bytes: info.as_ref().map_or(0, |info| info.file_bytes + info.log_bytes),
                first_unix_ms: info.as_ref().ok().and_then(|info| info.first_bucket).map(|first| first.0),
                problem: snapshot.history_problem.or_else(|| info.err().map(|error| error.to_string())),
            },
            resources: Resources {
                cpu_ms: resources::cpu_ms(),
                pss_bytes: resources::pss_bytes(),
                sockets: snapshot.sockets,
                processes: snapshot.processes,
                process_events: snapshot.process_events,
            },
            unreviewed: snapshot.unreviewed,
            learning_until_unix_ms: snapshot.learning_until.map(|until| until.0),
        })
    }

    async fn query(&self, viewer: Viewer, request: QueryRequest) -> Result<QueryResult, Error> {
        let unparsable = |error: ParseError| Error::InvalidArgument(format!("{error}."));
        let by: Result<Vec<Dimension>, _> = request.by.iter().map(|word| word.parse()).collect();
        let conditions: Result<Vec<Only>, _> = request.only.iter().map(Only::try_from).collect();
        let limit = if request.limit == 0 { ROWS_MAX } else { request.limit };
        let question = Question {
            since: request.since_unix_ms.map(UnixMillis),
            until: request.until_unix_ms.map(UnixMillis),
            by: by.map_err(unparsable)?,
            only: conditions.map_err(unparsable)?,
            viewer: viewer.only(),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        };
        self.flush().await?;
        let names_places = question
            .by
            .iter()
            .any(|by| matches!(by, Dimension::Country | Dimension::Asn))
            .then(|| self.atlas.clone());
        let ask = move |reader: &Reader| {
            let answer = reader.query(&question)?;
            Ok((answer, names_places.map_or_else(Vec::new, |atlas| atlas.sources())))
        };
        let (answer, places) = self.read(DISK_PATIENCE, long_question, ask).await?;
        let rows = answer.rows.into_iter().map(|group| QueryRow {
            keys: group.keys,
            tx_bytes: group.bytes.tx,
            rx_bytes: group.bytes.rx,
            flows: group.flows,
            first_unix_ms: group.first.map_or(0, |first| first.0),
            last_unix_ms: group.last.map_or(0, |last| last.0),
        });
        Ok(QueryResult { rows: rows.collect(), places, truncated: answer.truncated, access: viewer.access })
    }

    async fn lookup(&self, viewer: Viewer, addresses: Vec<IpAddr>) -> Result<LookupResult, Error> {
        self.flush().await?;
        let atlas = self.atlas.clone();
        let ask = move |reader: &Reader| lookup::look_up(reader, &atlas, viewer, &addresses);
        self.read(DISK_PATIENCE, long_question, ask).await
    }

    async fn findings(&self, viewer: Viewer, include_answered: bool) -> Result<Vec<Finding>, Error> {
        let rows = self
            .read(DISK_PATIENCE, hanging_disk, move |reader| reader.findings(include_answered, viewer.only()))
            .await?;
        Ok(rows.into_iter().map(to_wire).collect())
    }

    async fn applications(&self, viewer: Viewer) -> Result<Vec<Application>, Error> {
        self.flush().await?;
        let rows =
            self.read(DISK_PATIENCE, hanging_disk, move |reader| reader.applications(viewer.only())).await?;
        Ok(rows.into_iter().map(applications::to_wire).collect())
    }

    async fn review(&self, by: Uid, application: ApplicationKey, state: ReviewState) -> Result<(), Error> {
        let reviewed = application.clone();
        self.handle.ask(|done| Command::Review { by, application, state, done }).await??;
        self.handle.ask(|done| Command::Reviewed(reviewed, state, done)).await
    }

    async fn dismiss(&self, by: Uid, finding: i64) -> Result<(), Error> {
        let finding = self.handle.ask(|done| Command::Dismiss { by, finding, done }).await??;
        match finding.kind.parse() {
            Ok(kind) => self.handle.ask(|done| Command::Dismissed(kind, done)).await,
            Err(_) => Ok(()),
        }
    }

    async fn snooze(&self, finding: i64, until: Option<UnixMillis>) -> Result<(), Error> {
        self.handle.ask(|done| Command::Snooze { finding, until, done }).await??;
        Ok(())
    }

    async fn end_learning(&self) -> Result<(), Error> {
        self.handle.ask(Command::EndLearning).await?
    }

    async fn run_self_test(&self) -> Result<SelfTest, Error> {
        self.handle.ask(Command::SelfTest).await
    }

    fn skipped(&self, what: Skipped, count: u64) {
        let counter = match what {
            Skipped::Events => &self.skipped_events,
            Skipped::Rows => &self.skipped_rows,
        };
        counter.fetch_add(count, Ordering::Relaxed);
    }

    fn recent_ticks(&self) -> Vec<Arc<LiveTick>> {
        self.handle.recent_ticks()
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.handle.events.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, poll_fn},
        task::Poll,
    };

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(1);

    /// An answer that comes with the tenth look at it; at each look something may happen.
    async fn tenth_look(writing: &Writing, mut happens: impl FnMut()) -> Option<u32> {
        let mut looks = 0;
        let answer = poll_fn(|_| {
            looks += 1;
            happens();
            if looks < 10 { Poll::Pending } else { Poll::Ready(looks) }
        });
        while_it_goes_on(writing, PATIENCE, answer).await
    }

    #[tokio::test]
    async fn an_answer_is_waited_for_while_rows_are_written_and_while_nothing_is_asked_of_the_disk() {
        let writing = Writing::default();
        assert_eq!(tenth_look(&writing, || ()).await, Some(10), "it is the recorder that takes so long");
        writing.set_at_work(true);
        assert_eq!(tenth_look(&writing, || writing.step()).await, Some(10));
        assert_eq!(while_it_goes_on(&writing, PATIENCE, pending::<()>()).await, None, "the disk hangs");
    }
}
