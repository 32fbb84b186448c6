//! The contract on the D-Bus system bus between `portoland` and its clients.
//!
//! Every type here is at once the wire format (zvariant), the JSON that the command line prints and the TypeScript that
//! the windows read (ts-rs). `Option` is an array of no or one element on the bus (`option-as-array`) and `null` in JSON.
//!
//! Invariant: no logic but conversion; nothing here opens a connection.
#![forbid(unsafe_code)]

#[cfg(feature = "history")]
mod answers;
mod application;
mod archive;
mod config;
mod details;
mod error;
mod groups;
mod ledger;
mod lookup;
mod proxy;
mod query;
#[cfg(feature = "history")]
mod stored;
mod wire;

pub use application::{Application, Provenance, Script};
pub use archive::{
    ARCHIVE_INTERFACE, Archive1Proxy, BATCH_MAX_BYTES, ExportEnd, ForgottenPart, HistoryContents,
    HistoryLevel, ImportResult,
};
pub use config::{Config1Proxy, Configuration, Setting};
pub use details::DetailsResult;
pub use error::{Error, WrongQuery};
pub use groups::{Column, Groups, Other, QueryRow, Sum};
pub use ledger::{Ledger, LedgerState, NetworkLayer, NetworkLine, ProtocolBytes};
pub use lookup::{ADDRESSES_MAX, AddressInfo, LookupResult, PlaceData, SeenName, SeenService};
pub use proxy::{Daemon1Proxy, FindingChanged, FindingChangedStream, History1Proxy, Ticked, TickedStream};
pub use query::{BY_MAX, Completion, Covered, Gap, Line, QueryRequest, QueryResult, SeriesResult};
pub use wire::{
    Access, Attribution, DaemonState, Finding, FindingState, HistoryInfo, Hook, LiveRow, LiveTick, Resources,
    SelfTest, SelfTestPart, SelfTestState, Severity, Status,
};

/// The well-known name of the daemon.
pub const BUS_NAME: &str = "org.portolan.Daemon1";
/// The interface that answers from the history, on the same object.
pub const HISTORY_INTERFACE: &str = "org.portolan.History1";
/// The path of its one object.
pub const OBJECT_PATH: &str = "/org/portolan/Daemon1";

/// The polkit actions that guard the interface.
pub mod action {
    /// See the traffic of one's own uid.
    pub const VIEW_OWN: &str = "org.portolan.view-own";
    /// See everybody's traffic.
    pub const VIEW_ALL: &str = "org.portolan.view-all";
    /// Approve and ignore applications.
    pub const REVIEW: &str = "org.portolan.review";
    /// Change the configuration.
    pub const CONFIGURE: &str = "org.portolan.configure";
    /// Capture packets.
    pub const CAPTURE: &str = "org.portolan.capture";
}
