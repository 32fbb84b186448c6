use std::{io, path::PathBuf};

use portolan_core::UnixMillis;
use rusqlite::ErrorCode;

/// What SQLite answered. Its cause would say the same again, so that it has none.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Told(pub rusqlite::Error);

/// Why a history cannot be opened. The cause, where there is one, is the error's source.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A reader found no file.
    #[error("there is no history at {path}; the daemon creates it when it starts")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file does not exist and could not be created: the folder is missing or cannot be written.
    #[error("the history {path} cannot be created; its folder must exist, be writable and have free space")]
    Create {
        /// The file.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// The file exists and could not be opened or read.
    #[error("the history {path} cannot be opened; check who may read it, and the disk")]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite answered.
        source: Told,
    },
    /// What was written last stands in a log beside the file, and cannot be read from there.
    #[error(
        "the history {path} cannot be read together with {path}-wal, in which its newest part is; copy both into a folder of your own"
    )]
    LogUnreadable {
        /// The file.
        path: PathBuf,
        /// What SQLite answered.
        source: Told,
    },
    /// The path names a folder, a device or anything else that is no file.
    #[error("{path} is not a file, and so no history")]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file can be read, not written.
    #[error(
        "the history {path} cannot be written; check its permissions and whether its disk is mounted read-only"
    )]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// The file is not an SQLite database.
    #[error("{path} is not a history: it is not a database at all")]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// A reader found a file in which there is nothing at all.
    #[error("{path} is not a history: it is empty")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file is an SQLite database of another program.
    #[error("{path} is not a history: it is a database of another program")]
    NotAHistory {
        /// The file.
        path: PathBuf,
    },
    /// The file is a database whose content contradicts itself.
    #[error("the history {path} is damaged")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite answered.
        source: Told,
    },
    /// The file was written by a newer Portolan.
    #[error(
        "the history {path} has version {found}, this program knows versions up to {known}; install the newer Portolan again"
    )]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// The file's version.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// A reader found a file that the daemon has not brought to the newest version.
    #[error(
        "the history {path} has the old version {found}; the daemon brings it to version {known} when it starts, which takes some \
         minutes where it is large"
    )]
    OlderVersion {
        /// The file.
        path: PathBuf,
        /// The file's version.
        found: i64,
        /// The version that this program reads.
        known: i64,
    },
    /// Another program holds the file for longer than this one waits.
    #[error("the history {path} is in use by another program")]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// There is no room for the file.
    #[error("the history {path} cannot be opened, because its disk is full")]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
}

/// Why something was not written. Nothing of it was: the same call can be made again.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is no such application.
    #[error("there is no application “{application}” in the history")]
    NotFound {
        /// What was asked for, made safe for a terminal.
        application: String,
    },
    /// It has met more programs or other sides than a block can name: 4,294,967,295 of each.
    #[error("the history cannot be written, because it holds too much; move it away, and a new one is begun")]
    TooMuch,
    /// It is of an old version and not brought to this one yet: [`crate::History::catch_up`].
    #[error(
        "the history is of an old version and is being brought to the one of this program; try again in some minutes"
    )]
    Behind,
    /// There is no room.
    #[error("the history cannot be written, because its disk is full")]
    DiskFull(#[source] Told),
    /// The file is damaged; it can be set aside.
    #[error("the history cannot be written, because its file is damaged")]
    Damaged(#[source] Told),
    /// Another program holds the file for longer than this one waits.
    #[error("the history cannot be written, because another program holds it")]
    Busy(#[source] Told),
    /// Anything else, as an I/O error or a disk that became read-only.
    #[error("the history cannot be written")]
    Failed(#[source] Told),
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file is damaged; it can be set aside.
    #[error("the history cannot be read, because its file is damaged")]
    Damaged(#[source] Told),
    /// What moved in one interval is damaged; everything else can be asked for.
    #[error(
        "what the history holds of the {level} from {} on is damaged; ask for the time before or after it",
        instant(*start)
    )]
    DamagedInterval {
        /// `bucket`, `minute`, `hour` or `day`.
        level: &'static str,
        /// Where it starts.
        start: UnixMillis,
    },
    /// A row's number is larger than that of any row that this program writes.
    #[error("the history cannot be read, because it holds a row with the impossible number {0}")]
    NumberTooLarge(i64),
    /// A row's number is that of no row.
    #[error("the history cannot be read, because it lacks the row {0} that others name")]
    NumberUnknown(u32),
    /// Another program holds the file for longer than this one waits.
    #[error("the history cannot be read, because another program holds it")]
    Busy(#[source] Told),
    /// Whoever asked does not want the answer any more.
    #[error("the question was given up")]
    Cancelled,
    /// See [`crate::Limits::is_in_the_way`].
    #[error(
        "the question was ended, because the history's log could not be written back before its end and had become too long; ask for a \
         shorter time, or for less"
    )]
    LogTooLong,
    /// The deadline is over.
    #[error("the answer takes too long; ask for a shorter time, or for less")]
    TookTooLong,
    /// More groups than fit into memory.
    #[error("the answer has more than {limit} groups; ask for a shorter time, or by less")]
    TooManyGroups {
        /// How many there may be.
        limit: usize,
    },
    /// A question about ports or local addresses of a time of which only sums without them are kept.
    #[error(
        "local addresses, local and remote ports of that time are not kept any more; ask for what is newer, or for the service's port"
    )]
    EndsNotKept,
    /// Anything else, as an I/O error.
    #[error("the history cannot be read")]
    Failed(#[source] Told),
}

/// Why a damaged history could not be set aside.
#[derive(Debug, thiserror::Error)]
#[error("the damaged history {from} cannot be renamed to {to}")]
pub struct SetAsideError {
    /// The file that stays where it is.
    pub from: PathBuf,
    /// The name that it should have had.
    pub to: PathBuf,
    /// What the system answered.
    pub source: io::Error,
}

/// A time as a person reads it: in UTC, or as the number that it is where no calendar has it.
fn instant(time: UnixMillis) -> String {
    jiff::Timestamp::from_millisecond(time.0)
        .map_or_else(|_| format!("{} ms", time.0), |time| time.to_string())
}

/// What an error of SQLite means to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    DiskFull,
    Damaged,
    NotADatabase,
    Busy,
    ReadOnly,
    Interrupted,
    Other,
}

impl Cause {
    pub(crate) fn of(error: &rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DiskFull => Self::DiskFull,
                // What readers and writers share, beside the file.
                _ if failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE => Self::DiskFull,
                ErrorCode::DatabaseCorrupt => Self::Damaged,
                ErrorCode::NotADatabase => Self::NotADatabase,
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
                ErrorCode::ReadOnly => Self::ReadOnly,
                ErrorCode::OperationInterrupted => Self::Interrupted,
                _ => Self::Other,
            },
            // Values that the schema and this crate never let in.
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..) => Self::Damaged,
            _ => Self::Other,
        }
    }
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        match Cause::of(&error) {
            Cause::DiskFull => Self::DiskFull(Told(error)),
            Cause::Damaged | Cause::NotADatabase => Self::Damaged(Told(error)),
            Cause::Busy => Self::Busy(Told(error)),
            Cause::ReadOnly | Cause::Interrupted | Cause::Other => Self::Failed(Told(error)),
        }
    }
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        match Cause::of(&error) {
            Cause::Damaged | Cause::NotADatabase => Self::Damaged(Told(error)),
            Cause::Busy => Self::Busy(Told(error)),
            Cause::Interrupted => Self::Cancelled,
            Cause::DiskFull | Cause::ReadOnly | Cause::Other => Self::Failed(Told(error)),
        }
    }
}
