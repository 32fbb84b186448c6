use zbus::proxy;

use crate::{
    Application, Error, Finding, LiveTick, LookupResult, QueryRequest, QueryResult, SelfTest, Status,
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

    /// Asks the history. Everything counted up to the call is in the answer.
    fn query(&self, request: &QueryRequest) -> Result<QueryResult, Error>;

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
