//! A daemon that answers what a test tells it to.

use std::sync::{Arc, Mutex};

use portolan_bus::{
    Application, BUS_NAME, Error, Finding, LiveTick, LookupResult, OBJECT_PATH, QueryRequest, QueryResult,
    SelfTest, SeriesResult, Status, WrongQuery,
};
use tokio::sync::Notify;
use zbus::{
    Connection, connection::Builder, message::Flags, message::Header, names::UniqueName,
    object_server::SignalEmitter,
};

use crate::samples;

/// What the daemon answers, and what it was asked.
pub(crate) struct Answers {
    pub(crate) status: Status,
    pub(crate) query: QueryResult,
    pub(crate) series: Option<SeriesResult>,
    /// What the daemon finds wrong in every query.
    pub(crate) wrong: Option<WrongQuery>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) applications: Vec<Application>,
    pub(crate) backlog: Vec<LiveTick>,
    /// Refuse everything.
    pub(crate) deny: bool,
    /// Never answer a status.
    pub(crate) hang: bool,
    pub(crate) lookup: LookupResult,
    pub(crate) looked_up: Vec<String>,
    pub(crate) asked: Vec<QueryRequest>,
    pub(crate) asked_for_answered: Vec<bool>,
    /// Application, state, and whether a person may be asked.
    pub(crate) reviews: Vec<(String, String, bool)>,
    pub(crate) self_test: SelfTest,
    pub(crate) dismissed: Vec<i64>,
    pub(crate) snoozed: Vec<(i64, Option<i64>)>,
    pub(crate) learning_ended: u32,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            status: samples::status(),
            query: samples::result(Vec::new()),
            series: None,
            wrong: None,
            findings: Vec::new(),
            applications: Vec::new(),
            backlog: Vec::new(),
            deny: false,
            hang: false,
            lookup: samples::lookup(),
            looked_up: Vec::new(),
            asked: Vec::new(),
            asked_for_answered: Vec::new(),
            reviews: Vec::new(),
            self_test: samples::self_test(),
            dismissed: Vec::new(),
            snoozed: Vec::new(),
            learning_ended: 0,
        }
    }
}

#[derive(Default)]
struct Shared {
    answers: Mutex<Answers>,
    subscribers: Mutex<Vec<UniqueName<'static>>>,
    subscribed: Notify,
    called: Notify,
}

struct Interface(Arc<Shared>);

impl Interface {
    fn allowed(&self) -> Result<(), Error> {
        self.0.called.notify_one();
        match self.0.answers.lock().unwrap().deny {
            true => {
                Err(Error::AccessDenied("polkit does not let uid 1000 do org.portolan.view-own".to_owned()))
            }
            false => Ok(()),
        }
    }
}

/// Structs are returned as tuples of one, as the daemon does: zbus would spread a bare one over several arguments.
#[zbus::interface(name = "org.portolan.Daemon1")]
impl Interface {
    async fn status(&self) -> Result<(Status,), Error> {
        self.allowed()?;
        if self.0.answers.lock().unwrap().hang {
            std::future::pending::<()>().await;
        }
        Ok((self.0.answers.lock().unwrap().status.clone(),))
    }

    async fn lookup(&self, addresses: Vec<String>) -> Result<(LookupResult,), Error> {
        self.allowed()?;
        let mut answers = self.0.answers.lock().unwrap();
        answers.looked_up.extend(addresses);
        Ok((answers.lookup.clone(),))
    }

    async fn findings(&self, include_answered: bool) -> Result<Vec<Finding>, Error> {
        self.allowed()?;
        let mut answers = self.0.answers.lock().unwrap();
        answers.asked_for_answered.push(include_answered);
        Ok(answers.findings.clone())
    }

    async fn applications(&self) -> Result<Vec<Application>, Error> {
        self.allowed()?;
        Ok(self.0.answers.lock().unwrap().applications.clone())
    }

    async fn review(
        &self,
        #[zbus(header)] header: Header<'_>,
        application: String,
        state: String,
    ) -> Result<(), Error> {
        self.allowed()?;
        let ask = header.primary().flags().contains(Flags::AllowInteractiveAuth);
        let mut answers = self.0.answers.lock().unwrap();
        if !answers.applications.iter().any(|known| known.application == application) {
            return Err(Error::NotFound(format!("no application {application} has talked yet")));
        }
        answers.reviews.push((application, state, ask));
        Ok(())
    }

    async fn dismiss(&self, finding: i64) -> Result<(), Error> {
        self.allowed()?;
        let mut answers = self.0.answers.lock().unwrap();
        if !answers.findings.iter().any(|known| known.id == finding && known.application.is_none()) {
            return Err(Error::NotFound(format!(
                "There is no open finding {finding} about the daemon itself."
            )));
        }
        answers.dismissed.push(finding);
        Ok(())
    }

    async fn snooze(&self, finding: i64, until_unix_ms: Option<i64>) -> Result<(), Error> {
        self.allowed()?;
        self.0.answers.lock().unwrap().snoozed.push((finding, until_unix_ms));
        Ok(())
    }

    async fn end_learning(&self) -> Result<(), Error> {
        self.allowed()?;
        self.0.answers.lock().unwrap().learning_ended += 1;
        Ok(())
    }

    async fn run_self_test(&self) -> Result<(SelfTest,), Error> {
        self.allowed()?;
        Ok((self.0.answers.lock().unwrap().self_test.clone(),))
    }

    async fn subscribe_live(&self, #[zbus(header)] header: Header<'_>) -> Result<Vec<LiveTick>, Error> {
        self.allowed()?;
        self.0.subscribers.lock().unwrap().push(header.sender().unwrap().to_owned());
        self.0.subscribed.notify_one();
        Ok(self.0.answers.lock().unwrap().backlog.clone())
    }

    #[zbus(signal)]
    async fn ticked(emitter: &SignalEmitter<'_>, tick: LiveTick) -> zbus::Result<()>;
}

struct History(Interface);

#[zbus::interface(name = "org.portolan.History1")]
impl History {
    async fn query(&self, request: QueryRequest) -> Result<(QueryResult,), Error> {
        self.0.allowed()?;
        let mut answers = self.0.0.answers.lock().unwrap();
        answers.asked.push(request);
        match &answers.wrong {
            Some(wrong) => Err(Error::WrongQuery(wrong.clone())),
            None => Ok((answers.query.clone(),)),
        }
    }

    async fn series(&self, request: QueryRequest) -> Result<(SeriesResult,), Error> {
        self.0.allowed()?;
        let mut answers = self.0.0.answers.lock().unwrap();
        answers.asked.push(request);
        answers
            .series
            .clone()
            .map(|series| (series,))
            .ok_or_else(|| Error::TookTooLong("No series.".to_owned()))
    }
}

/// The daemon on a bus; it leaves with this value.
pub(crate) struct Peer {
    connection: Connection,
    shared: Arc<Shared>,
}

impl Peer {
    pub(crate) async fn start(address: &str, answers: Answers) -> Self {
        let shared = Arc::new(Shared { answers: Mutex::new(answers), ..Shared::default() });
        let connection = Builder::address(address)
            .unwrap()
            .serve_at(OBJECT_PATH, Interface(shared.clone()))
            .unwrap()
            .serve_at(OBJECT_PATH, History(Interface(shared.clone())))
            .unwrap()
            .name(BUS_NAME)
            .unwrap()
            .build()
            .await
            .unwrap();
        Self { connection, shared }
    }

    pub(crate) fn answers(&self) -> std::sync::MutexGuard<'_, Answers> {
        self.shared.answers.lock().unwrap()
    }

    /// Waits for one more subscriber.
    pub(crate) async fn subscribed(&self) {
        self.shared.subscribed.notified().await;
    }

    /// Waits for one more call of any kind.
    pub(crate) async fn called(&self) {
        self.shared.called.notified().await;
    }

    /// Sends a reading to each subscriber.
    pub(crate) async fn tick(&self, tick: LiveTick) {
        let subscribers = self.shared.subscribers.lock().unwrap().clone();
        for subscriber in subscribers {
            let emitter = SignalEmitter::new(&self.connection, OBJECT_PATH).unwrap();
            let emitter = emitter.set_destination(subscriber.into());
            Interface::ticked(&emitter, tick.clone()).await.unwrap();
        }
    }

    /// Leaves the bus, also with calls that wait for an answer.
    pub(crate) async fn stop(self) {
        self.connection.close().await.unwrap();
    }
}
