//! A daemon with made-up data.

use std::{
    net::IpAddr,
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use portolan_bus::{
    Access, Application, Configuration, DetailsResult, Error, Finding, FindingState, HistoryContents,
    ImportResult, LiveTick, LookupResult, QueryResult, SelfTest, SeriesResult, Setting, Status,
};
use portolan_config::{Key, Notifications};
use portolan_core::{ApplicationKey, ReviewState, Uid, UnixMillis};
use portolan_history::{
    Batch, Question, Step,
    language::{Field, Query},
};
use portoland::dbus::{Backend, Event, Of, Skipped, Viewer};
use tokio::sync::{Semaphore, broadcast};

use crate::{
    past::Past,
    sample::{self, OTHER_UID, own_uid},
};

pub(crate) struct Memory {
    pub(crate) findings: Mutex<Vec<Finding>>,
    pub(crate) notifications: Mutex<Notifications>,
    pub(crate) ticks: Mutex<Vec<Arc<LiveTick>>>,
    /// What was asked of the history.
    pub(crate) queries: Mutex<Vec<(Viewer, Question)>>,
    /// The history that is asked; made up where there is none.
    pub(crate) past: Option<Past>,
    /// Each question takes one; without any it waits.
    pub(crate) question_permits: Semaphore,
    /// Questions that have arrived.
    pub(crate) question_arrivals: Semaphore,
    /// Questions whose flag said that nobody waits any more, after they had waited in vain.
    pub(crate) given_up: Arc<Semaphore>,
    pub(crate) lookups: Mutex<Vec<(Viewer, Vec<IpAddr>)>>,
    pub(crate) forgotten: Mutex<Vec<(Uid, Query)>>,
    pub(crate) imports: Mutex<Vec<(Uid, Batch)>>,
    pub(crate) reviews: Mutex<Vec<(Uid, ApplicationKey, ReviewState)>>,
    pub(crate) dismissed: Mutex<Vec<(Uid, i64)>>,
    pub(crate) snoozed: Mutex<Vec<(i64, Option<UnixMillis>)>>,
    pub(crate) learning_ended: Mutex<u32>,
    pub(crate) configured: Mutex<Vec<(&'static str, Option<String>)>>,
    pub(crate) self_tests: Mutex<u32>,
    /// What the service said it could not send.
    pub(crate) skipped: Mutex<Vec<(Skipped, u64)>>,
    /// Each `status` takes one; without any it waits.
    pub(crate) status_permits: Semaphore,
    /// `status` calls that have arrived.
    pub(crate) status_arrivals: Semaphore,
    pub(crate) broken_history: Mutex<bool>,
    pub(crate) events: broadcast::Sender<Event>,
}

impl Memory {
    pub(crate) fn new() -> Arc<Self> {
        Self::of(None)
    }

    /// The same, with a history that is really asked.
    pub(crate) fn remembering(past: Past) -> Arc<Self> {
        Self::of(Some(past))
    }

    fn of(past: Option<Past>) -> Arc<Self> {
        let own = own_uid();
        Arc::new(Self {
            past,
            question_permits: Semaphore::new(1000),
            question_arrivals: Semaphore::new(0),
            given_up: Arc::new(Semaphore::new(0)),
            findings: Mutex::new(vec![
                sample::daemon_finding(4),
                sample::finding(3, None),
                Finding { state: FindingState::Approved, ..sample::finding(2, Some(own)) },
                sample::finding(1, Some(OTHER_UID)),
                sample::finding(0, Some(own)),
            ]),
            notifications: Mutex::default(),
            ticks: Mutex::new(vec![
                Arc::new(sample::tick(1000, &[own, OTHER_UID])),
                Arc::new(sample::tick(2000, &[OTHER_UID])),
            ]),
            queries: Mutex::default(),
            lookups: Mutex::default(),
            forgotten: Mutex::default(),
            imports: Mutex::default(),
            reviews: Mutex::default(),
            dismissed: Mutex::default(),
            snoozed: Mutex::default(),
            learning_ended: Mutex::default(),
            configured: Mutex::default(),
            self_tests: Mutex::default(),
            skipped: Mutex::default(),
            status_permits: Semaphore::new(1000),
            status_arrivals: Semaphore::new(0),
            broken_history: Mutex::default(),
            events: broadcast::channel(8).0,
        })
    }

    pub(crate) fn tick(&self, tick: LiveTick) {
        self.events.send(Event::Tick(Arc::new(tick))).ok();
    }

    pub(crate) fn find(&self, finding: Finding) {
        self.findings.lock().unwrap().insert(0, finding.clone());
        self.events.send(Event::Finding(Arc::new(finding))).ok();
    }
}

/// Says so when a question is given up: its future is dropped, and its flag set.
struct GivenUp(Arc<Semaphore>, Arc<AtomicBool>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        let (given_up, cancelled) = (self.0.clone(), self.1.clone());
        std::thread::spawn(move || {
            while !cancelled.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            given_up.add_permits(1);
        });
    }
}

impl Backend for Memory {
    async fn status(&self, viewer: Viewer) -> Result<Status, Error> {
        self.status_arrivals.add_permits(1);
        self.status_permits.acquire().await.unwrap().forget();
        Ok(sample::status(viewer.access))
    }

    async fn query(
        &self,
        viewer: Viewer,
        question: Question,
        cancelled: Arc<AtomicBool>,
    ) -> Result<QueryResult, Error> {
        self.queries.lock().unwrap().push((viewer, question.clone()));
        self.question_arrivals.add_permits(1);
        let given_up = GivenUp(self.given_up.clone(), cancelled.clone());
        self.question_permits.acquire().await.unwrap().forget();
        std::mem::forget(given_up);
        match &self.past {
            Some(past) => past.archive.query(viewer, question, &past.atlas, cancelled).await,
            None => Ok(sample::query_result(viewer.access)),
        }
    }

    async fn series(
        &self,
        viewer: Viewer,
        question: Question,
        step: Step,
        cancelled: Arc<AtomicBool>,
    ) -> Result<SeriesResult, Error> {
        self.queries.lock().unwrap().push((viewer, question.clone()));
        match &self.past {
            Some(past) => past.archive.series(viewer, question, step, &past.atlas, cancelled).await,
            None => Ok(sample::series_result(viewer.access)),
        }
    }

    async fn values(
        &self,
        viewer: Viewer,
        field: Field,
        prefix: String,
        limit: usize,
        cancelled: Arc<AtomicBool>,
    ) -> Result<Vec<String>, Error> {
        match &self.past {
            Some(past) => past.archive.values(viewer, field, prefix, limit, cancelled).await,
            None => Ok(vec![format!("{}={prefix}\0", field.as_str()), "a b".to_owned()]),
        }
    }

    async fn details(
        &self,
        viewer: Viewer,
        of: Of,
        cancelled: Arc<AtomicBool>,
    ) -> Result<DetailsResult, Error> {
        match &self.past {
            Some(past) => past.archive.details(viewer, of, &past.atlas, cancelled).await,
            None => {
                let findings = self.findings.lock().unwrap().clone();
                Ok(sample::details_result(viewer.access, findings))
            }
        }
    }

    async fn export(&self, viewer: Viewer, query: Query) -> Result<OwnedFd, Error> {
        match &self.past {
            Some(past) => past.archive.export(viewer, query),
            None => Err(Error::HistoryUnavailable("there is none".into())),
        }
    }

    async fn contents(&self, viewer: Viewer) -> Result<HistoryContents, Error> {
        match &self.past {
            Some(past) => past.archive.contents(viewer, &portolan_config::Config::default()).await,
            None => Err(Error::HistoryUnavailable("there is none".into())),
        }
    }

    async fn import(&self, by: Uid, batch: Batch) -> Result<ImportResult, Error> {
        let added = u64::try_from(batch.flows.len()).unwrap();
        self.imports.lock().unwrap().push((by, batch));
        Ok(ImportResult { added, ..ImportResult::default() })
    }

    async fn forget(&self, by: Uid, query: Query) -> Result<(), Error> {
        self.forgotten.lock().unwrap().push((by, query));
        Ok(())
    }

    async fn lookup(&self, viewer: Viewer, addresses: Vec<IpAddr>) -> Result<LookupResult, Error> {
        let first = addresses.first().map(ToString::to_string).unwrap_or_default();
        self.lookups.lock().unwrap().push((viewer, addresses));
        Ok(sample::lookup_result(viewer.access, first, &[own_uid()]))
    }

    async fn findings(&self, _viewer: Viewer, include_answered: bool) -> Result<Vec<Finding>, Error> {
        if *self.broken_history.lock().unwrap() {
            return Err(Error::HistoryUnavailable("the disk is full".into()));
        }
        let findings = self.findings.lock().unwrap();
        let wanted = |finding: &&Finding| include_answered || finding.state == FindingState::Open;
        Ok(findings.iter().filter(wanted).cloned().collect())
    }

    fn notifications(&self) -> Notifications {
        self.notifications.lock().unwrap().clone()
    }

    async fn applications(&self, _viewer: Viewer) -> Result<Vec<Application>, Error> {
        Ok(vec![sample::application()])
    }

    async fn review(&self, by: Uid, application: ApplicationKey, state: ReviewState) -> Result<(), Error> {
        if application.as_untrusted().as_raw().ends_with("unknown") {
            return Err(Error::NotFound("No such application.".into()));
        }
        self.reviews.lock().unwrap().push((by, application, state));
        Ok(())
    }

    async fn dismiss(&self, by: Uid, finding: i64) -> Result<(), Error> {
        if finding < 0 {
            return Err(Error::NotFound("No such finding.".into()));
        }
        self.dismissed.lock().unwrap().push((by, finding));
        Ok(())
    }

    async fn snooze(&self, finding: i64, until: Option<UnixMillis>) -> Result<(), Error> {
        if finding < 0 {
            return Err(Error::NotFound("No such finding.".into()));
        }
        self.snoozed.lock().unwrap().push((finding, until));
        Ok(())
    }

    async fn end_learning(&self) -> Result<(), Error> {
        *self.learning_ended.lock().unwrap() += 1;
        Ok(())
    }

    async fn configuration(&self) -> Result<Configuration, Error> {
        Ok(Configuration {
            settings: vec![sample::setting("recording.tick", None)],
            problems: vec!["why".into()],
        })
    }

    async fn configure(&self, key: &'static Key, value: Option<String>) -> Result<Setting, Error> {
        self.configured.lock().unwrap().push((key.name, value.clone()));
        Ok(sample::setting(key.name, value.as_deref()))
    }

    async fn run_self_test(&self) -> Result<SelfTest, Error> {
        *self.self_tests.lock().unwrap() += 1;
        Ok(sample::status(Access::All).self_test)
    }

    fn skipped(&self, what: Skipped, count: u64) {
        self.skipped.lock().unwrap().push((what, count));
    }

    fn recent_ticks(&self) -> Vec<Arc<LiveTick>> {
        self.ticks.lock().unwrap().clone()
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }
}
