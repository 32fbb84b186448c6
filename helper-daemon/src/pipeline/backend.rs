//! Answers to what the bus asks.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    os::fd::OwnedFd,
    path::PathBuf,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use portolan_bus::{
    Application, DaemonState, DetailsResult, Error, Finding, HistoryContents, HistoryInfo, ImportResult,
    LiveTick, LookupResult, QueryResult, Resources, SelfTest, SeriesResult, Setting, Status,
};
use portolan_config::{Config, KEYS, Key, Loaded, Notifications};
use portolan_core::{ApplicationKey, ReviewState, Uid, UnixMillis};
use portolan_history::{
    Batch, Question, Reader, Step,
    language::{Field, Query},
};
use tokio::{sync::broadcast, time::timeout};

use super::{
    archive::{Archive, PATIENCE, hanging_disk},
    atlas::Atlas,
    flushing::Flushing,
    handle::{Command, Handle},
    import, lookup,
    writer::{Job, Writing},
};
use crate::{
    config::{ConfigError, Configuration},
    dbus::{Backend, Event, Of, Skipped, Viewer},
    resources,
    text_log::TextLog,
};

/// How long the status waits for the disk; it can do without.
const STATUS_PATIENCE: Duration = Duration::from_secs(2);

/// The daemon as the bus sees it.
pub struct DaemonBackend {
    handle: Handle,
    archive: Archive,
    flushing: Flushing,
    atlas: Atlas,
    configuration: Arc<Configuration>,
    log: Arc<TextLog>,
    started: UnixMillis,
    skipped_events: AtomicU64,
    skipped_rows: AtomicU64,
}

impl DaemonBackend {
    /// A backend that asks the recorder, and reads the history at `history_path`.
    #[must_use]
    pub fn new(
        handle: Handle,
        history_path: PathBuf,
        atlas: Atlas,
        configuration: Arc<Configuration>,
        log: Arc<TextLog>,
        started: UnixMillis,
    ) -> Self {
        let writing = Arc::clone(&handle.writing);
        let bound = Arc::clone(&writing.log);
        let archive =
            Archive::bounded(history_path, Arc::new(move |error| writing.found_damage(error)), bound);
        let flushing = Flushing::default();
        let (skipped_events, skipped_rows) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { handle, archive, flushing, atlas, configuration, log, started, skipped_events, skipped_rows }
    }

    /// Everything counted so far is in the history afterwards.
    async fn flush(&self) -> Result<(), Error> {
        let flush = async {
            let flushed = self.handle.ask(Command::Flush);
            match while_it_goes_on(&self.handle.writing, PATIENCE, flushed).await {
                Some(answer) => answer?,
                None => Err(hanging_disk(PATIENCE)),
            }
        };
        self.flushing.once(flush).await
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

impl Backend for DaemonBackend {
    async fn status(&self, viewer: Viewer) -> Result<Status, Error> {
        let snapshot = self.handle.ask(Command::Snapshot).await?;
        let info = self.archive.glance(STATUS_PATIENCE, Reader::info).await;
        let mut notes = snapshot.notes;
        notes.extend(self.configuration.problems());
        notes.extend(self.atlas.problem());
        notes.extend(self.log.notes());
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
                problem: snapshot
                    .history_problem
                    .or_else(|| info.as_ref().err().map(|error| error.to_string())),
                ..self.archive.said(viewer, info.ok())
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

    async fn query(
        &self,
        viewer: Viewer,
        question: Question,
        cancelled: Arc<AtomicBool>,
    ) -> Result<QueryResult, Error> {
        self.flush().await?;
        self.archive.query(viewer, question, &self.atlas, cancelled).await
    }

    async fn series(
        &self,
        viewer: Viewer,
        question: Question,
        step: Step,
        cancelled: Arc<AtomicBool>,
    ) -> Result<SeriesResult, Error> {
        self.flush().await?;
        self.archive.series(viewer, question, step, &self.atlas, cancelled).await
    }

    async fn values(
        &self,
        viewer: Viewer,
        field: Field,
        prefix: String,
        limit: usize,
        cancelled: Arc<AtomicBool>,
    ) -> Result<Vec<String>, Error> {
        self.archive.values(viewer, field, prefix, limit, cancelled).await
    }

    async fn details(
        &self,
        viewer: Viewer,
        of: Of,
        cancelled: Arc<AtomicBool>,
    ) -> Result<DetailsResult, Error> {
        self.flush().await?;
        self.archive.details(viewer, of, &self.atlas, cancelled).await
    }

    async fn export(&self, viewer: Viewer, query: Query) -> Result<OwnedFd, Error> {
        self.flush().await?;
        self.archive.export(viewer, query)
    }

    async fn contents(&self, viewer: Viewer) -> Result<HistoryContents, Error> {
        self.flush().await?;
        self.archive.contents(viewer, &self.configuration.loaded().config).await
    }

    async fn import(&self, by: Uid, batch: Batch) -> Result<ImportResult, Error> {
        import::import(&self.handle, &self.configuration.loaded().config, by, batch).await
    }

    async fn forget(&self, by: Uid, query: Query) -> Result<(), Error> {
        // What was counted before the call is meant, too.
        self.flush().await?;
        let query = Box::new(query);
        self.handle.ask(|done| Command::Keep(Job::Forget { by, query, done })).await?
    }

    async fn lookup(&self, viewer: Viewer, addresses: Vec<IpAddr>) -> Result<LookupResult, Error> {
        self.flush().await?;
        let atlas = self.atlas.clone();
        let ask =
            move |reader: &Reader, limits: &_| lookup::look_up(reader, limits, &atlas, viewer, &addresses);
        self.archive.ask(viewer.uid, Arc::default(), ask).await
    }

    async fn findings(&self, viewer: Viewer, include_answered: bool) -> Result<Vec<Finding>, Error> {
        let ask = move |reader: &Reader, _: &_| reader.findings(include_answered, viewer.only());
        let rows = self.archive.ask(viewer.uid, Arc::default(), ask).await?;
        Ok(rows.into_iter().map(Finding::found).collect())
    }

    fn notifications(&self) -> Notifications {
        self.configuration.loaded().config.notifications.clone()
    }

    async fn applications(&self, viewer: Viewer) -> Result<Vec<Application>, Error> {
        self.flush().await?;
        let ask = move |reader: &Reader, _: &_| reader.applications(viewer.only());
        let rows = self.archive.ask(viewer.uid, Arc::default(), ask).await?;
        Ok(rows.into_iter().map(Application::found).collect())
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

    async fn configuration(&self) -> Result<portolan_bus::Configuration, Error> {
        let loaded = self.configuration.loaded();
        let settings = KEYS.iter().map(|key| setting(key, &loaded)).collect();
        Ok(portolan_bus::Configuration { settings, problems: self.configuration.problems() })
    }

    async fn configure(&self, key: &'static Key, value: Option<String>) -> Result<Setting, Error> {
        let configuration = Arc::clone(&self.configuration);
        let set =
            move || configuration.set(key, value.as_deref()).map(|()| setting(key, &configuration.loaded()));
        match tokio::task::spawn_blocking(set).await {
            Ok(Ok(setting)) => Ok(setting),
            Ok(Err(error @ ConfigError::Write { .. })) => {
                Err(Error::Internal(format!("the configuration is as it was: {}", error.sentence())))
            }
            Ok(Err(error)) => {
                Err(Error::InvalidArgument(format!("Nothing was changed: {}.", error.sentence())))
            }
            Err(error) => Err(Error::Internal(format!("the configuration was not changed: {error}"))),
        }
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

fn setting(key: &Key, loaded: &Loaded) -> Setting {
    let value = key.show(&loaded.config);
    let origins = loaded.origins.get(key.name).into_iter().flatten();
    Setting {
        key: key.name.to_owned(),
        is_default: value == key.show(&Config::default()),
        value,
        sources: origins.map(|origin| format!("{}:{}", origin.path.display(), origin.line)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, poll_fn},
        task::Poll,
    };

    use super::*;

    const BRIEF: Duration = Duration::from_millis(1);

    /// An answer that comes with the tenth look at it; at each look something may happen.
    async fn tenth_look(writing: &Writing, mut happens: impl FnMut()) -> Option<u32> {
        let mut looks = 0;
        let answer = poll_fn(|_| {
            looks += 1;
            happens();
            if looks < 10 { Poll::Pending } else { Poll::Ready(looks) }
        });
        while_it_goes_on(writing, BRIEF, answer).await
    }

    #[tokio::test]
    async fn an_answer_is_waited_for_while_rows_are_written_and_while_nothing_is_asked_of_the_disk() {
        let writing = Writing::default();
        assert_eq!(tenth_look(&writing, || ()).await, Some(10), "it is the recorder that takes so long");
        writing.set_at_work(true);
        assert_eq!(tenth_look(&writing, || writing.step()).await, Some(10));
        assert_eq!(while_it_goes_on(&writing, BRIEF, pending::<()>()).await, None, "the disk hangs");
    }
}
