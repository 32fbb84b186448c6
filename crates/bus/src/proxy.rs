use zbus::proxy;

use crate::{
    Application, Completion, DetailsResult, Error, Finding, LiveTick, LookupResult, QueryRequest,
    QueryResult, SelfTest, SeriesResult, Status,
};

/// The daemon as its clients see it. What each call needs of polkit stands beside the daemon's implementation and in
/// `docs/security.md`.
#[proxy(
    interface = "org.portolan.Daemon1",
    default_service = "org.portolan.Daemon1",
    default_path = "/org/portolan/Daemon1",
    gen_blocking = false
)]
pub trait Daemon1 {
    /// The daemon's state.
    fn status(&self) -> Result<Status, Error>;

    /// What is known of addresses, at most [`ADDRESSES_MAX`](crate::ADDRESSES_MAX): where they belong, and from all of the history who
    /// talked with them under which name. Nothing is sent anywhere for it.
    fn lookup(&self, addresses: &[&str]) -> Result<LookupResult, Error>;

    /// Findings, newest first; without `include_answered` only the open ones.
    fn findings(&self, include_answered: bool) -> Result<Vec<Finding>, Error>;

    /// All applications, the newest first.
    fn applications(&self) -> Result<Vec<Application>, Error>;

    /// Approves, ignores or resets an application (`approved`, `ignored`, `unreviewed`) and answers its open findings.
    ///
    /// polkit may ask the person for a password first.
    #[zbus(allow_interactive_auth)]
    fn review(&self, application: &str, state: &str) -> Result<(), Error>;

    /// Dismisses a finding that no review answers, by its number: about the daemon itself, or about several applications. The
    /// next one of its kind is told again.
    ///
    /// polkit may ask the person for a password first.
    #[zbus(allow_interactive_auth)]
    fn dismiss(&self, finding: i64) -> Result<(), Error>;

    /// Keeps an open finding from being shown before a time, in milliseconds since 1970; none: no longer. It is open again before
    /// that when what it rests on becomes another.
    ///
    /// polkit may ask the person for a password first.
    #[zbus(allow_interactive_auth)]
    fn snooze(&self, finding: i64, until_unix_ms: Option<i64>) -> Result<(), Error>;

    /// Ends learning: what was learned so far is told as one finding, and what is new from now on as it comes.
    ///
    /// polkit may ask the person for a password first.
    #[zbus(allow_interactive_auth)]
    fn end_learning(&self) -> Result<(), Error>;

    /// Moves known bytes through loopback now, and returns what was counted. Who calls while one runs gets its result;
    /// there is a pause between two.
    fn run_self_test(&self) -> Result<SelfTest, Error>;

    /// Starts `Ticked` signals to the caller. Returns the ticks of the last five minutes.
    fn subscribe_live(&self) -> Result<Vec<LiveTick>, Error>;

    /// Ends `Ticked` signals to the caller.
    fn unsubscribe_live(&self) -> Result<(), Error>;

    /// Starts `FindingChanged` signals to the caller, until it leaves the bus. Returns the open findings.
    fn subscribe_findings(&self) -> Result<Vec<Finding>, Error>;

    /// The counters were read.
    #[zbus(signal)]
    fn ticked(&self, tick: LiveTick) -> zbus::Result<()>;

    /// A finding is new, or was answered.
    #[zbus(signal)]
    fn finding_changed(&self, finding: Finding) -> zbus::Result<()>;
}

/// The history as the daemon's clients ask it. Everything counted up to a call is in its answer.
///
/// Each call needs view-all or view-own; with the latter, all answers are of the caller's own uid. A question ends after some
/// seconds at the latest ([`Error::TookTooLong`]), when it is cancelled, and when its caller leaves the bus.
#[proxy(
    interface = "org.portolan.History1",
    default_service = "org.portolan.Daemon1",
    default_path = "/org/portolan/Daemon1",
    gen_blocking = false
)]
pub trait History1 {
    /// Sums by group, largest first.
    fn query(&self, request: &QueryRequest) -> Result<QueryResult, Error>;

    /// What moved in each step of time, by line.
    fn series(&self, request: &QueryRequest) -> Result<SeriesResult, Error>;

    /// Values that a field of the query language has had and that begin with `prefix`, the likeliest first; `limit` 0 for as many as
    /// the daemon gives.
    fn values(&self, field: &str, prefix: &str, limit: u32) -> Result<Vec<String>, Error>;

    /// What could stand at the cursor of an unfinished query; `cursor` counts characters from 0.
    fn complete(&self, text: &str, cursor: u32) -> Result<Completion, Error>;

    /// What is known of an `application` (by its key), an `executable` (by `SHA-256 path`), or a `flow` (by a query that it fulfils).
    fn details(&self, kind: &str, key: &str) -> Result<DetailsResult, Error>;

    /// Cancels the questions of this connection that were asked with this token, and says whether there were any. They fail with
    /// [`Error::Cancelled`].
    fn cancel(&self, token: u32) -> Result<bool, Error>;
}
