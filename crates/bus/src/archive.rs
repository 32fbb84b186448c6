use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use zbus::proxy;
use zvariant::{OwnedFd, Type};

use crate::Error;

/// The interface that moves whole histories, on the same object as the others.
pub const ARCHIVE_INTERFACE: &str = "org.portolan.Archive1";

/// The most bytes that a batch of rows to import may have.
pub const BATCH_MAX_BYTES: usize = 8 * 1024 * 1024;

/// The last line of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportEnd {
    /// Why rows are missing; `None` where all are there.
    pub problem: Option<String>,
    /// How many lines came before this one.
    pub rows: u64,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Type)]
pub struct ImportResult {
    /// Rows that were added.
    pub added: u64,
    /// Rows that an import before this one had told.
    pub known: u64,
    /// Rows that are not believed, by the reason.
    pub refused: BTreeMap<String, u64>,
}

/// What the history's file holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct HistoryContents {
    /// Where it is; empty for who may only see their own traffic.
    pub path: String,
    /// The size of the file; `None` for who may only see their own traffic, because that of others makes it grow.
    #[ts(type = "number | null")]
    pub file_bytes: Option<u64>,
    /// The size of its write-ahead log; the same.
    #[ts(type = "number | null")]
    pub log_bytes: Option<u64>,
    /// How large the history may become; `None` where no daemon keeps it.
    #[ts(type = "number | null")]
    pub max_bytes: Option<u64>,
    /// The finest first.
    pub levels: Vec<HistoryLevel>,
    /// When somebody had something forgotten, the newest first; for who may only see their own traffic, what they wanted themselves.
    pub forgotten: Vec<ForgottenPart>,
}

/// What there is of one level. Who may only see their own traffic is told how long it is kept, and `None` of all else.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct HistoryLevel {
    /// `bucket`, `minute`, `hour` or `day`.
    pub level: String,
    /// Intervals in which something moved.
    #[ts(type = "number | null")]
    pub intervals: Option<u64>,
    /// Rows of them.
    #[ts(type = "number | null")]
    pub rows: Option<u64>,
    /// How large they are.
    #[ts(type = "number | null")]
    pub bytes: Option<u64>,
    /// The start of the oldest.
    #[ts(type = "number | null")]
    pub first_unix_ms: Option<i64>,
    /// The start of the newest.
    #[ts(type = "number | null")]
    pub last_unix_ms: Option<i64>,
    /// How long they are kept, as the configuration says it: `7 days`, `for ever`; empty where no daemon keeps them.
    pub kept: String,
}

/// That somebody had something forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct ForgottenPart {
    /// When it began.
    #[ts(type = "number")]
    pub unix_ms: i64,
    /// Who wanted it (a uid).
    pub by: u32,
    /// Rows that were deleted, of all levels.
    #[ts(type = "number")]
    pub rows: u64,
    /// By how many bytes the history became smaller.
    #[ts(type = "number")]
    pub bytes: u64,
}

/// What is in the history and what leaves it, whole. Everything counted up to a call is in its answer.
#[proxy(
    interface = "org.portolan.Archive1",
    default_service = "org.portolan.Daemon1",
    default_path = "/org/portolan/Daemon1",
    gen_blocking = false
)]
pub trait Archive1 {
    /// The rows that a query means, the oldest first, as lines of JSON (docs/export.md) in the pipe that comes back; the last line is an
    /// [`ExportEnd`], and without it the daemon ended before. Needs view-all or view-own; with the latter, only the caller's own rows.
    ///
    /// Who reads nothing for 20 seconds, or is not done after ten minutes, gets no more.
    fn export(&self, query: &str) -> Result<OwnedFd, Error>;

    /// What the history's file holds. Needs view-all or view-own.
    fn info(&self) -> Result<HistoryContents, Error>;

    /// Adds rows that another recorder has counted: a batch as JSON (docs/export.md), at most [`BATCH_MAX_BYTES`]. Rows that an import
    /// before told are not added again. Needs configure.
    ///
    /// polkit may ask the person for a password first.
    #[zbus(allow_interactive_auth)]
    fn import(&self, batch: &[u8]) -> Result<ImportResult, Error>;

    /// Forgets what a query means, of all users, and answers when neither the file nor its log has any of it. That something was
    /// forgotten, by whom and when, is kept. Needs configure.
    ///
    /// polkit may ask the person for a password first.
    #[zbus(allow_interactive_auth)]
    fn forget(&self, query: &str) -> Result<(), Error>;
}
