use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

use portolan_core::{Protocol, Uid, UnixMillis};
use rusqlite::{Connection, functions::FunctionFlags};

use crate::{
    Answer, ApplicationRow, FindingRow, Forgotten, OpenError, Question, ReadError,
    block::Level,
    open, query,
    set_aside::with_suffix,
    tables::{address, application, block, finding, forgotten},
};

/// A connection that cannot write. It sees what was committed when a question starts, and delays no writer.
///
/// Opened for a question and dropped after it: a reader that stays keeps the log from being written back while it reads.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    path: PathBuf,
}

/// The usual name of a protocol's port; `None` where it has none.
pub type ServiceName = fn(Protocol, u16) -> Option<&'static str>;

/// What there is to know about the file itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Info {
    /// The start of the oldest bucket; `None` while nothing is recorded.
    pub first_bucket: Option<UnixMillis>,
    /// The size of the file.
    pub file_bytes: u64,
    /// The size of its write-ahead log; 0 when there is none.
    pub log_bytes: u64,
}

impl Reader {
    /// Opens the history at `path`, which must exist and have the newest version.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self { connection: open::reader(path)?, path: path.into() }.naming_services(|_, _| None)
    }

    /// The same reader, with names for services whose bytes did not tell what they are. Without, those are `tcp/12345`.
    pub fn naming_services(self, name: ServiceName) -> Result<Self, OpenError> {
        let flags = FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_UTF8;
        let named = self.connection.create_scalar_function("service", 2, flags, move |arguments| {
            let port: Option<u16> = arguments.get(1)?;
            let protocol = arguments.get_raw(0).as_str()?.parse();
            Ok(port.zip(protocol.ok()).and_then(|(port, protocol)| name(protocol, port)))
        });
        named.map_err(|error| open::failed(&self.path, error))?;
        Ok(self)
    }

    /// Sums up the traffic. Blocks until the answer is complete.
    pub fn query(&self, question: &Question) -> Result<Answer, ReadError> {
        Ok(query::answer(&self.connection, question)?)
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

    /// When somebody had something forgotten, the newest first.
    pub fn forgotten(&self) -> Result<Vec<Forgotten>, ReadError> {
        Ok(forgotten::list(&self.connection)?)
    }

    /// The age and the size of the file.
    pub fn info(&self) -> Result<Info, ReadError> {
        // Only the sizes: opening the file and closing it again would release SQLite's locks.
        let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        Ok(Info {
            first_bucket: block::first(&self.connection, Level::Bucket)?,
            file_bytes: size(&self.path),
            log_bytes: size(&with_suffix(&self.path, "-wal")),
        })
    }
}
