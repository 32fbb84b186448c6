use std::{
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, Row, config::DbConfig, limits::Limit, types::ValueRef};

use super::words::Words;
use crate::{Batch, Flow, Program, Source, set_aside::with_suffix};

/// The version that picosnitch 2 writes.
const VERSION: i64 = 4;
/// The largest value or row that SQLite is to put together.
const VALUE_MAX: i32 = 1024 * 1024;
/// The tables, each with the columns that are read.
const TABLES: [(&str, &[&str]); 4] = [
    ("executables", &["id", "exe", "cmdline", "sha256"]),
    ("domains", &["id", "domain"]),
    ("addresses", &["id", "addr"]),
    ("connections", &CONNECTIONS),
];
const CONNECTIONS: [&str; 14] = [
    "contime",
    "send",
    "recv",
    "exe_id",
    "pexe_id",
    "gpexe_id",
    "uid",
    "protocol",
    "lport",
    "rport",
    "laddr_id",
    "raddr_id",
    "domain_id",
    "netns",
];

/// Why a file cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be opened.
    #[error("{path} cannot be read; check that it is there and who may read it")]
    Open {
        /// Which.
        path: PathBuf,
        /// What the system or SQLite answered.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It is something else.
    #[error("{path} is no database of picosnitch: {why}")]
    NotPicosnitch {
        /// Which.
        path: PathBuf,
        /// What is missing, or not as it should be.
        why: String,
    },
    /// It is one of another version.
    #[error(
        "{path} is a database of picosnitch in its version {found}; version {VERSION}, of picosnitch 2, can be imported. Start \
         picosnitch 2 once, which converts it"
    )]
    Version {
        /// Which.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// It is damaged, or could not be read to its end.
    #[error("{path} cannot be read to its end")]
    Read {
        /// Which.
        path: PathBuf,
        /// What SQLite answered.
        #[source]
        source: rusqlite::Error,
    },
    /// The one who takes the rows took no more.
    #[error("{0}")]
    Stopped(String),
}

/// A picosnitch's database, as it was when it was opened.
#[derive(Debug)]
pub struct Picosnitch {
    connection: Connection,
    path: PathBuf,
    source: Source,
}

impl Picosnitch {
    /// Opens the database at `path`, which nothing is written to.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let connection = connect(path)?;
        let path = path.to_owned();
        let read = |source| FileError::Read { path: path.clone(), source };
        let not_one = |why: String| FileError::NotPicosnitch { path: path.clone(), why };
        let version = match connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)) {
            Ok(version) => version,
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
                return Err(not_one("it is no database at all".to_owned()));
            }
            Err(error) => return Err(read(error)),
        };
        for (table, columns) in TABLES {
            if let Some(why) = missing(&connection, table, columns).map_err(&read)? {
                return Err(not_one(why));
            }
        }
        if version != VERSION {
            return Err(FileError::Version { path, found: version });
        }
        // One state of the file for all that follows.
        connection.execute_batch("BEGIN").map_err(&read)?;
        let source = source(&connection).map_err(&read)?;
        Ok(Self { connection, path, source })
    }

    /// What it holds, in figures.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Gives all rows away, the oldest first, at most `size` at a time; a batch ends where a time ends, if it can.
    ///
    /// Rows whose numbers are none are left out; how many is the result.
    pub fn batches(
        &self,
        size: usize,
        take: &mut dyn FnMut(Batch) -> Result<(), String>,
    ) -> Result<u64, FileError> {
        let failed = |source| FileError::Read { path: self.path.clone(), source };
        let sql = format!("SELECT {} FROM connections ORDER BY contime, rowid", CONNECTIONS.join(", "));
        let mut statement = self.connection.prepare(&sql).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        let mut words = Words::of(&self.connection);
        let mut gathered = Gathered::new(&self.source);
        let mut unreadable = 0;
        while let Some(row) = rows.next().map_err(failed)? {
            let Some(numbers) = numbers(row) else {
                unreadable += 1;
                continue;
            };
            let seconds = numbers.get(0);
            if gathered.is_full(size, seconds) {
                take(gathered.next()).map_err(FileError::Stopped)?;
            }
            gathered.add(&numbers, &mut words).map_err(failed)?;
        }
        if !gathered.flows.is_empty() {
            take(gathered.next()).map_err(FileError::Stopped)?;
        }
        Ok(unreadable)
    }
}

/// Opens the file for reading. One that nobody has open, in a folder that cannot be written to, is read as it lies.
fn connect(path: &Path) -> Result<Connection, FileError> {
    let open_failed =
        |source: Box<dyn std::error::Error + Send + Sync>| FileError::Open { path: path.into(), source };
    let metadata = path.metadata().map_err(|error| open_failed(error.into()))?;
    if !metadata.is_file() {
        return Err(open_failed(io::Error::other("it is no file").into()));
    }
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let uri = |more: &str| {
        let escaped: String =
            path.as_os_str().as_encoded_bytes().iter().map(|byte| format!("%{byte:02x}")).collect();
        format!("file:{escaped}?mode=ro{more}")
    };
    let open = |more: &str| -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(uri(more), flags)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_MAX)?;
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(connection)
    };
    match open("") {
        Err(error)
            if error.sqlite_error_code() == Some(rusqlite::ErrorCode::CannotOpen) && !has_log(path) =>
        {
            open("&immutable=1")
        }
        opened => opened,
    }
    .map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => {
            FileError::NotPicosnitch { path: path.into(), why: "it is no database at all".to_owned() }
        }
        Some(rusqlite::ErrorCode::DatabaseCorrupt) => FileError::Read { path: path.into(), source: error },
        _ => open_failed(error.into()),
    })
}

/// Whether a write-ahead log holds a part of the file's content.
fn has_log(path: &Path) -> bool {
    with_suffix(path, "-wal").metadata().is_ok_and(|log| log.len() > 0)
}

/// What a table lacks. A view of its name, or a virtual table, would run what the file's maker wrote.
fn missing(connection: &Connection, table: &str, columns: &[&str]) -> rusqlite::Result<Option<String>> {
    let mut kinds =
        connection.prepare("SELECT type FROM pragma_table_list WHERE schema = 'main' AND name = ?1")?;
    let kinds: Vec<String> = kinds.query_map([table], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    match kinds.first().map(String::as_str) {
        None => return Ok(Some(format!("it has no table {table}"))),
        Some("table") => {}
        Some(_) => return Ok(Some(format!("its {table} is no plain table"))),
    }
    let mut found = connection
        .prepare("SELECT name, type = 'INTEGER' COLLATE NOCASE AND pk = 1 FROM pragma_table_xinfo(?1) WHERE hidden = 0")?;
    let found: Vec<(String, bool)> =
        found.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    for column in columns {
        match found.iter().find(|(name, _)| name == column) {
            None => return Ok(Some(format!("its table {table} has no column {column}"))),
            // Rows are looked up by it, one by one.
            Some((_, false)) if *column == "id" => {
                return Ok(Some(format!("the id of its table {table} is no INTEGER PRIMARY KEY")));
            }
            Some(_) => {}
        }
    }
    Ok(None)
}

/// The figures that tell one state of a database from others.
fn source(connection: &Connection) -> rusqlite::Result<Source> {
    let mut source = Source { recorder: "picosnitch".to_owned(), ..Source::default() };
    let mut statement = connection.prepare("SELECT contime, send, recv FROM connections")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let number = |column| whole(row, column);
        source.rows += 1;
        for bytes in [number(1), number(2)].into_iter().flatten() {
            source.bytes = source.bytes.wrapping_add(bytes.unsigned_abs());
        }
        let Some(seconds) = number(0) else { continue };
        let ms = seconds.saturating_mul(1000);
        let is_first = source.first_unix_ms == 0 && source.last_unix_ms == 0;
        source.first_unix_ms = if is_first { ms } else { source.first_unix_ms.min(ms) };
        source.last_unix_ms = if is_first { ms } else { source.last_unix_ms.max(ms) };
    }
    Ok(source)
}

fn whole(row: &Row<'_>, column: usize) -> Option<i64> {
    match row.get_ref(column) {
        Ok(ValueRef::Integer(number)) => Some(number),
        _ => None,
    }
}

/// The numbers of a row of `connections`.
struct Numbers([i64; CONNECTIONS.len()]);

impl Numbers {
    fn get(&self, column: usize) -> i64 {
        self.0.get(column).copied().unwrap_or_default()
    }
}

/// `None` where one of them is none, or is negative and cannot be.
fn numbers(row: &Row<'_>) -> Option<Numbers> {
    let mut numbers = Numbers([0; CONNECTIONS.len()]);
    for (column, number) in numbers.0.iter_mut().enumerate() {
        *number = whole(row, column)?;
    }
    (numbers.get(0) >= 0 && numbers.get(1) >= 0 && numbers.get(2) >= 0).then_some(numbers)
}

/// Rows on their way into a batch.
struct Gathered<'s> {
    source: &'s Source,
    before: u64,
    programs: Vec<Program>,
    places: std::collections::HashMap<i64, usize>,
    flows: Vec<Flow>,
    bytes: usize,
}

/// Bytes of texts in a batch: one that holds more is sent.
const TEXTS_MAX: usize = 512 * 1024;

impl<'s> Gathered<'s> {
    fn new(source: &'s Source) -> Self {
        let (programs, flows) = (Vec::new(), Vec::new());
        Self { source, before: 0, programs, places: std::collections::HashMap::new(), flows, bytes: 0 }
    }

    /// Whether the next row, of this second, belongs to another batch: at three quarters, one that begins a second does.
    fn is_full(&self, size: usize, seconds: i64) -> bool {
        let begins = self.flows.last().is_some_and(|last| last.unix_ms != seconds.saturating_mul(1000));
        self.flows.len() >= size || self.bytes >= TEXTS_MAX || begins && self.flows.len() >= size * 3 / 4
    }

    fn next(&mut self) -> Batch {
        let flows = std::mem::take(&mut self.flows);
        let before = self.before;
        self.before += u64::try_from(flows.len()).unwrap_or(u64::MAX);
        self.places.clear();
        self.bytes = 0;
        Batch { source: self.source.clone(), before, programs: std::mem::take(&mut self.programs), flows }
    }

    fn program(&mut self, id: i64, words: &mut Words<'_>) -> rusqlite::Result<usize> {
        if let Some(place) = self.places.get(&id) {
            return Ok(*place);
        }
        let program = words.program(id)?;
        self.bytes += program.path.len() + program.sha256.len() + program.command_line.len();
        self.programs.push(program);
        self.places.insert(id, self.programs.len() - 1);
        Ok(self.programs.len() - 1)
    }

    fn add(&mut self, numbers: &Numbers, words: &mut Words<'_>) -> rusqlite::Result<()> {
        let [
            seconds,
            tx,
            rx,
            exe,
            parent,
            grandparent,
            uid,
            protocol,
            local_port,
            remote_port,
            local,
            remote,
            domain,
            namespace,
        ] = numbers.0;
        let mut programs = Vec::with_capacity(3);
        // The number 0 is nobody; what stands above it is not known either.
        for id in [exe, parent, grandparent].into_iter().take_while(|id| *id != 0) {
            programs.push(self.program(id, words)?);
        }
        let port = |port: i64| u16::try_from(port).ok().filter(|port| *port != 0);
        let domain = words.domain(domain)?;
        self.bytes += domain.len();
        self.flows.push(Flow {
            unix_ms: seconds.saturating_mul(1000),
            programs,
            uid: u32::try_from(uid).ok(),
            protocol: u8::try_from(protocol).ok().filter(|protocol| *protocol != 0),
            local: words.address(local)?,
            local_port: port(local_port),
            remote: words.address(remote)?,
            remote_port: port(remote_port),
            domain,
            network_namespace: u32::try_from(namespace).ok().filter(|namespace| *namespace != 0),
            tx_bytes: tx.unsigned_abs(),
            rx_bytes: rx.unsigned_abs(),
        });
        Ok(())
    }
}
