use std::{
    fs,
    net::IpAddr,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use portolan_core::{Protocol, Uid, UnixMillis};
use rusqlite::{Connection, functions::FunctionFlags};

use crate::{
    Answer, ApplicationRow, Covered, FindingRow, FlowRow, Forgotten, Limits, OpenError, Question, ReadError,
    Series, Step,
    block::Level,
    language::{Field, Query},
    open, query,
    set_aside::with_suffix,
    tables::{address, application, block, finding, forgotten},
    watch::Watch,
};

/// A connection that cannot write. It sees what was committed when a question starts, and delays no writer.
///
/// Opened for a question and dropped after it: a reader that stays keeps the log from being written back while it reads.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    path: PathBuf,
    watch: Watch,
}

/// The usual name of a protocol's port; `None` where it has none.
pub type ServiceName = fn(Protocol, u16) -> Option<&'static str>;

/// What there is to know about the file itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Info {
    /// The start of the oldest interval, as exactly as it is still known; `None` while nothing is recorded.
    pub first_bucket: Option<UnixMillis>,
    /// The size of the file.
    pub file_bytes: u64,
    /// The size of its write-ahead log; 0 when there is none.
    pub log_bytes: u64,
}

/// What there is of one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelInfo {
    /// `bucket`, `minute`, `hour` or `day`.
    pub level: &'static str,
    /// The start of its oldest interval.
    pub first: Option<UnixMillis>,
    /// The start of its newest.
    pub last: Option<UnixMillis>,
    /// How many intervals there are in which something moved.
    pub intervals: u64,
    /// How many blocks there are.
    pub blocks: u64,
    /// How many rows.
    pub rows: u64,
    /// How large they are together.
    pub bytes: u64,
}

/// The names of the levels, the finest first.
#[must_use]
pub fn level_names() -> [&'static str; 4] {
    Level::ALL.map(Level::as_str)
}

/// From now on `service` is the name of a protocol's port, for SQL.
pub(crate) fn name_services(connection: &Connection, name: ServiceName) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_UTF8;
    connection.create_scalar_function("service", 2, flags, move |arguments| {
        let port: Option<u16> = arguments.get(1)?;
        let protocol = arguments.get_raw(0).as_str()?.parse();
        Ok(port.zip(protocol.ok()).and_then(|(port, protocol)| name(protocol, port)))
    })
}

impl Reader {
    /// Opens the history at `path`, which must exist and have the newest version.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::over(open::reader(path)?, path)
    }

    fn over(mut connection: Connection, path: &Path) -> Result<Self, OpenError> {
        let watch = Watch::new(&mut connection).map_err(|error| open::failed(path, error))?;
        Self { connection, path: path.into(), watch }.naming_services(|_, _| None)
    }

    /// Opens a history that is no daemon's, or whose folder this program may not write to. Where nobody has begun to write behind its end
    /// (it has no log), that is enough; else what is there must let itself be read.
    pub fn open_file(path: &Path) -> Result<Self, OpenError> {
        Self::over(open::file(path)?, path)
    }

    /// The same reader, with names for services whose bytes did not tell what they are. Without, those are `tcp/12345`.
    pub fn naming_services(self, name: ServiceName) -> Result<Self, OpenError> {
        name_services(&self.connection, name).map_err(|error| open::failed(&self.path, error))?;
        Ok(self)
    }

    /// Asks several questions, which all see what was committed when the first of them began.
    pub fn together<T>(&self, ask: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
        let _transaction = self.connection.unchecked_transaction()?;
        ask()
    }

    /// Asks within limits, and sees what was committed when it began, whatever is written meanwhile.
    fn ask<T>(
        &self,
        limits: &Limits,
        ask: impl FnOnce(&Connection) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        limits.check()?;
        let _watched = self.watch.within(limits);
        let is_alone = self.connection.is_autocommit();
        let _transaction = is_alone.then(|| self.connection.unchecked_transaction()).transpose()?;
        ask(&self.connection).map_err(|error| match error {
            // SQLite was interrupted: the limits know why.
            ReadError::Cancelled => limits.check().err().unwrap_or(error),
            error => error,
        })
    }

    /// Sums up the traffic by group. Blocks until the answer is complete, or the limits are reached.
    pub fn answer(&self, question: &Question, limits: &Limits) -> Result<Answer, ReadError> {
        self.ask(limits, |connection| query::answer(connection, question, limits))
    }

    /// Sums up the traffic by group and time. Where `step` is finer than what is kept, or has too many intervals, it is a longer one.
    pub fn series(&self, question: &Question, step: Step, limits: &Limits) -> Result<Series, ReadError> {
        self.ask(limits, |connection| query::series(connection, question, step, limits))
    }

    /// Values of a field that begin with `prefix` (without case), the newest first; at most `limit`.
    ///
    /// A `viewer` learns only those of their own traffic.
    pub fn values(
        &self,
        field: Field,
        prefix: &str,
        limit: usize,
        viewer: Option<Uid>,
        limits: &Limits,
    ) -> Result<Vec<String>, ReadError> {
        self.ask(limits, |connection| query::values(connection, field, prefix, limit, viewer, limits))
    }

    /// Tells every row, the oldest first, until `tell` breaks.
    pub fn flows(
        &self,
        query: &Query,
        viewer: Option<Uid>,
        limits: &Limits,
        tell: &mut dyn FnMut(FlowRow) -> ControlFlow<()>,
    ) -> Result<Covered, ReadError> {
        self.ask(limits, |connection| query::flows(connection, query, viewer, limits, tell))
    }

    /// Those of these addresses that stand anywhere in the history, whoever had to do with them.
    pub fn known_addresses(&self, addresses: &[IpAddr]) -> Result<Vec<IpAddr>, ReadError> {
        let mut known = Vec::new();
        for address in addresses {
            if address::is_known(&self.connection, *address)? {
                known.push(*address);
            }
        }
        Ok(known)
    }

    /// Findings, newest first; without `include_answered` only the open ones.
    ///
    /// A `viewer` sees the findings about programs of that uid, and none about the daemon itself.
    pub fn findings(
        &self,
        include_answered: bool,
        viewer: Option<Uid>,
    ) -> Result<Vec<FindingRow>, ReadError> {
        Ok(finding::list(&self.connection, include_answered, viewer)?)
    }

    /// Applications, the newest first. A `viewer` sees those that this uid used, with the executables and times of that use.
    pub fn applications(&self, viewer: Option<Uid>) -> Result<Vec<ApplicationRow>, ReadError> {
        Ok(application::list(&self.connection, viewer)?)
    }

    /// What there is of each level, the finest first. Looks at every block, if only at its size.
    pub fn levels(&self) -> Result<Vec<LevelInfo>, ReadError> {
        Level::ALL.into_iter().map(|level| Ok(block::info(&self.connection, level)?)).collect()
    }

    /// When somebody had something forgotten, the newest first.
    pub fn forgotten(&self) -> Result<Vec<Forgotten>, ReadError> {
        Ok(forgotten::list(&self.connection)?)
    }

    /// The age and the size of the file.
    pub fn info(&self) -> Result<Info, ReadError> {
        // Only the sizes: opening the file and closing it again would release SQLite's locks.
        let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        Ok(Info {
            first_bucket: block::first(&self.connection)?,
            file_bytes: size(&self.path),
            log_bytes: size(&with_suffix(&self.path, "-wal")),
        })
    }
}
