use std::{
    future::Future,
    net::IpAddr,
    os::fd::OwnedFd,
    sync::{Arc, atomic::AtomicBool},
};

use portolan_bus::{
    Access, Application, Configuration, DetailsResult, Error, Finding, HistoryContents, ImportResult,
    LiveTick, LookupResult, QueryResult, SelfTest, SeriesResult, Setting, Status,
};
use portolan_config::{Key, Notifications};
use portolan_core::{ApplicationKey, Executable, ReviewState, Uid, UnixMillis};
use portolan_history::{
    Batch, Question, Step,
    language::{Field, Query},
};
use tokio::sync::broadcast;

/// On whose behalf something is asked, and how much they may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Viewer {
    /// The caller's uid, as the bus knows it.
    pub uid: Uid,
    /// Whose traffic they may see.
    pub access: Access,
}

impl Viewer {
    /// The uid whose rows alone they see; `None` for everybody's.
    pub(crate) fn only(self) -> Option<Uid> {
        match self.access {
            Access::All => None,
            Access::Own => Some(self.uid),
        }
    }
}

/// What details are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// An application.
    Application(ApplicationKey),
    /// Content behind a path.
    Executable(Executable),
    /// What fulfils a query.
    Flow(Query),
}

/// What happened, for those who subscribed.
#[derive(Debug, Clone)]
pub enum Event {
    /// The counters were read.
    Tick(Arc<LiveTick>),
    /// A finding is new, or was answered.
    Finding(Arc<Finding>),
}

/// What may not reach a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skipped {
    /// Ticks and findings, for the bus was slow. Findings are sent again.
    Events,
    /// Rows, for a message cannot hold them all.
    Rows,
}

/// What the service asks the rest of the daemon. Every right was checked before; arguments are well-formed.
///
/// Answers must not take long: a call holds one of its caller's few places until it is answered.
pub trait Backend: Send + Sync + 'static {
    /// The daemon's state, with the figures that the viewer may see.
    fn status(&self, viewer: Viewer) -> impl Future<Output = Result<Status, Error>> + Send;

    /// Sums from the history. The question has the viewer in it. `cancelled` turns true when nobody waits for the answer any more; so
    /// it does for all of these.
    fn query(
        &self,
        viewer: Viewer,
        question: Question,
        cancelled: Arc<AtomicBool>,
    ) -> impl Future<Output = Result<QueryResult, Error>> + Send;

    /// What moved over time.
    fn series(
        &self,
        viewer: Viewer,
        question: Question,
        step: Step,
        cancelled: Arc<AtomicBool>,
    ) -> impl Future<Output = Result<SeriesResult, Error>> + Send;

    /// Values of a field that begin with `prefix`.
    fn values(
        &self,
        viewer: Viewer,
        field: Field,
        prefix: String,
        limit: usize,
        cancelled: Arc<AtomicBool>,
    ) -> impl Future<Output = Result<Vec<String>, Error>> + Send;

    /// What is known of an application, an executable or a flow. `Error::NotFound` when the viewer has nothing to do with it. Findings that
    /// they may not see are taken out by the service.
    fn details(
        &self,
        viewer: Viewer,
        of: Of,
        cancelled: Arc<AtomicBool>,
    ) -> impl Future<Output = Result<DetailsResult, Error>> + Send;

    /// Starts to write the rows that a query means into a pipe, whose other end this is.
    fn export(&self, viewer: Viewer, query: Query) -> impl Future<Output = Result<OwnedFd, Error>> + Send;

    /// What the history's file holds. What the viewer may not see is not in it.
    fn contents(&self, viewer: Viewer) -> impl Future<Output = Result<HistoryContents, Error>> + Send;

    /// Adds rows of another recorder.
    fn import(&self, by: Uid, batch: Batch) -> impl Future<Output = Result<ImportResult, Error>> + Send;

    /// Forgets what a query means.
    fn forget(&self, by: Uid, query: Query) -> impl Future<Output = Result<(), Error>> + Send;

    /// What is known of addresses, each asked for once; the names from the viewer's own traffic unless they see all.
    fn lookup(
        &self,
        viewer: Viewer,
        addresses: Vec<IpAddr>,
    ) -> impl Future<Output = Result<LookupResult, Error>> + Send;

    /// Findings, newest first; without `include_answered` only the open ones. What the viewer may not see is taken out
    /// by the service, so that the backend may answer with all of them.
    fn findings(
        &self,
        viewer: Viewer,
        include_answered: bool,
    ) -> impl Future<Output = Result<Vec<Finding>, Error>> + Send;

    /// Which findings the machine's configuration lets disturb a person, now. The service makes the others quiet.
    fn notifications(&self) -> Notifications;

    /// Applications that the viewer may see, the newest first.
    fn applications(&self, viewer: Viewer) -> impl Future<Output = Result<Vec<Application>, Error>> + Send;

    /// Approves, ignores or resets an application and answers its open findings. `Error::NotFound` when it was never seen.
    fn review(
        &self,
        by: Uid,
        application: ApplicationKey,
        state: ReviewState,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Answers an open finding about the daemon itself or several applications. `Error::NotFound` when there is none of this number.
    fn dismiss(&self, by: Uid, finding: i64) -> impl Future<Output = Result<(), Error>> + Send;

    /// Keeps an open finding from being shown before a time. `Error::NotFound` when there is none of this number.
    fn snooze(
        &self,
        finding: i64,
        until: Option<UnixMillis>,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Ends learning; nothing when it had ended.
    fn end_learning(&self) -> impl Future<Output = Result<(), Error>> + Send;

    /// The configuration in force.
    fn configuration(&self) -> impl Future<Output = Result<Configuration, Error>> + Send;

    /// Sets a key to a value as a person types it, or takes it out of the daemon's own file; what is in force then.
    fn configure(
        &self,
        key: &'static Key,
        value: Option<String>,
    ) -> impl Future<Output = Result<Setting, Error>> + Send;

    /// Runs a self-test and waits for its end, which takes seconds.
    fn run_self_test(&self) -> impl Future<Output = Result<SelfTest, Error>> + Send;

    /// So many did not reach those who asked for them. For the status.
    fn skipped(&self, what: Skipped, count: u64);

    /// The ticks of the last five minutes, the oldest first, unfiltered.
    fn recent_ticks(&self) -> Vec<Arc<LiveTick>>;

    /// All events from now on, unfiltered. The channel loses the oldest when the service does not keep up.
    fn events(&self) -> broadcast::Receiver<Event>;
}
