use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    path::Path,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, config::DbConfig, limits::Limit};

use crate::{
    OpenError,
    error::{Cause, Told},
    migrations::{self, APPLICATION_ID},
    salvage,
    set_aside::with_suffix,
};

/// How long the writer waits for another writer.
const WRITER_PATIENCE: Duration = Duration::from_secs(5);
/// How long a reader waits; readers wait for nobody but a writer that is opening or closing the file.
const READER_PATIENCE: Duration = Duration::from_secs(2);
/// The write-ahead log is cut to this size after a checkpoint; it is longer only while a reader holds an old state.
const LOG_LIMIT_BYTES: i64 = 8 * 1024 * 1024;

/// No value or row of ours is larger.
pub(crate) const LARGEST: i32 = 64 << 20;

/// The writing connection: the file exists (mode 0600 when it was created here) and is in WAL mode; whether it has the newest version, or
/// [`migrations::migrate`] is to be called again.
pub(crate) fn writer(path: &Path) -> Result<(Connection, bool), OpenError> {
    create(path)?;
    let sqlite = |error| failed(path, error);
    if salvage::is_log_damaged(path) {
        let damaged = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        let source = rusqlite::Error::SqliteFailure(damaged, Some("its log contradicts itself".to_owned()));
        return Err(OpenError::Damaged { path: path.into(), source: Told(source) });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(sqlite)?;
    // SQLite opens a file that it may not write for reading, without a word.
    if connection.is_readonly(rusqlite::MAIN_DB).map_err(sqlite)? {
        return Err(OpenError::ReadOnly { path: path.into() });
    }
    let found = prepare(&connection, WRITER_PATIENCE).map_err(sqlite)?;
    // Nothing is changed in a file before it is known to be ours.
    if !found.is_empty() {
        identity(path, found)?;
    }
    let is_newest = configure_writer(&mut connection).map_err(sqlite)?;
    Ok((connection, is_newest))
}

/// A connection that asks for no room, to a file that holds something. Alone: what others would share needs room, too.
pub(crate) fn without_room(path: &Path) -> Result<Option<Connection>, OpenError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() && metadata.len() == 0 => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // Any other trouble is SQLite's to find and to name.
        Ok(_) | Err(_) => {}
    }
    let sqlite = |error| failed(path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(sqlite)?;
    connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(())).map_err(sqlite)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(sqlite)?;
    let found = prepare(&connection, WRITER_PATIENCE).map_err(sqlite)?;
    if found.is_empty() {
        return Ok(None);
    }
    let known = migrations::newest();
    match identity(path, found)? {
        version if version < known => {
            Err(OpenError::OlderVersion { path: path.into(), found: version, known })
        }
        _ => Ok(Some(connection)),
    }
}

/// A connection that cannot write, to a file of the newest version.
pub(crate) fn reader(path: &Path) -> Result<Connection, OpenError> {
    is_there(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    read_by(path, || Connection::open_with_flags(path, flags))
}

/// The same, to a file that perhaps nobody writes, in a folder that perhaps cannot be written to. Nothing is put beside the file unless
/// something is there already.
pub(crate) fn file(path: &Path) -> Result<Connection, OpenError> {
    is_there(path)?;
    let log = fs::metadata(with_suffix(path, "-wal")).map(|log| log.len());
    // Whoever has a history open for writing has a log beside it.
    if matches!(&log, Err(error) if error.kind() == io::ErrorKind::NotFound) {
        return untouched(path);
    }
    match reader(path) {
        // An empty log holds nothing, but in a folder that cannot be written to it cannot be shared either.
        Err(OpenError::Open { .. } | OpenError::ReadOnly { .. }) if matches!(log, Ok(0)) => untouched(path),
        Err(OpenError::Open { source, .. }) => Err(OpenError::LogUnreadable { path: path.into(), source }),
        other => other,
    }
}

/// A connection that takes no locks and needs no other files: for a file that nobody writes.
fn untouched(path: &Path) -> Result<Connection, OpenError> {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => uri.push_str(&format!("%{byte:02x}")),
        }
    }
    uri.push_str("?immutable=1");
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    read_by(path, || Connection::open_with_flags(uri, flags))
}

fn is_there(path: &Path) -> Result<(), OpenError> {
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => Err(OpenError::NotAFile { path: path.into() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(OpenError::Missing { path: path.into() })
        }
        // Any other trouble is SQLite's to find and to name.
        Ok(_) | Err(_) => Ok(()),
    }
}

fn read_by(
    path: &Path,
    open: impl FnOnce() -> rusqlite::Result<Connection>,
) -> Result<Connection, OpenError> {
    let sqlite = |error| failed(path, error);
    let connection = open().map_err(sqlite)?;
    let found = prepare(&connection, READER_PATIENCE).map_err(sqlite)?;
    connection.pragma_update(None, "query_only", true).map_err(sqlite)?;
    if found.is_empty() {
        return Err(OpenError::Empty { path: path.into() });
    }
    let known = migrations::newest();
    match identity(path, found)? {
        version if version < known => {
            Err(OpenError::OlderVersion { path: path.into(), found: version, known })
        }
        _ => Ok(connection),
    }
}

/// Creates an empty file that only its owner may read, unless there is a file.
///
/// SQLite gives its two side files the same mode. An existing file is not opened here: closing it again would release
/// the locks that SQLite holds on it in this process.
fn create(path: &Path) -> Result<(), OpenError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            OpenError::DiskFull { path: path.into() }
        }
        _ => OpenError::Create { path: path.into(), source },
    };
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => match path.parent() {
            Some(dir) if dir != Path::new("") => {
                File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)
            }
            _ => Ok(()),
        },
        // A link is not followed: who can put one there would choose what is written to.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_file() => Ok(()),
            Ok(_) => Err(OpenError::NotAFile { path: path.into() }),
            Err(error) => Err(failed(error)),
        },
        Err(error) => Err(failed(error)),
    }
}

fn configure_writer(connection: &mut Connection) -> rusqlite::Result<bool> {
    // Takes effect on an empty file only: lets retention give pages back in small steps.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    // A filesystem without shared memory keeps the rollback journal: as safe, only slower.
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_LIMIT_BYTES, |_| Ok(()))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What is deleted is overwritten: somebody may want that it is gone.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    connection.set_prepared_statement_cache_capacity(96);
    migrations::migrate(connection)
}

/// Writes the log back into the file and cuts it; whether somebody reads it, which is not waited for.
pub(crate) fn is_log_held(connection: &Connection) -> rusqlite::Result<bool> {
    connection.busy_timeout(Duration::ZERO)?;
    let is_held = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
    connection.busy_timeout(WRITER_PATIENCE)?;
    is_held
}

fn prepare(connection: &Connection, patience: Duration) -> rusqlite::Result<Found> {
    connection.busy_timeout(patience)?;
    harden(connection)?;
    sort_beside(connection);
    Found::look(connection)
}

/// The content of a file, also of a damaged or hostile one, must not make SQLite do anything but read and write rows.
fn harden(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LARGEST)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)
}

/// What is too large to be sorted in memory goes into nameless files beside the history. SQLite would put them into /tmp, /var/tmp or
/// the working directory, all of which a service may find read-only. This is said for the whole process.
fn sort_beside(connection: &Connection) {
    let dir = connection.path().and_then(|path| Path::new(path).parent()).and_then(Path::to_str);
    // A folder that cannot be written to is refused: who only reads there keeps SQLite's own choice.
    let _ = connection.pragma_update(None, "temp_store_directory", dir.unwrap_or_default());
}

/// What a database says about itself.
#[derive(Debug, Clone, Copy)]
struct Found {
    application_id: i64,
    version: i64,
    objects: i64,
    /// Of them, those that are not stored but computed when somebody reads them, with no end if they want it: views, and tables of
    /// modules.
    computed: i64,
}

impl Found {
    fn look(connection: &Connection) -> rusqlite::Result<Self> {
        let count = |of: &str| {
            connection.query_row(&format!("SELECT count(*) FROM sqlite_schema{of}"), [], |row| row.get(0))
        };
        Ok(Self {
            application_id: connection.pragma_query_value(None, "application_id", |row| row.get(0))?,
            version: migrations::version(connection)?,
            objects: count("")?,
            computed: count(" WHERE type != 'trigger' AND rootpage = 0")?,
        })
    }

    fn is_empty(self) -> bool {
        self.application_id == 0 && self.version == 0 && self.objects == 0
    }
}

/// The version of a history; an error when it is no history, or too new for this program.
fn identity(path: &Path, found: Found) -> Result<i64, OpenError> {
    let known = migrations::newest();
    if found.application_id != APPLICATION_ID || found.version < 1 || found.computed > 0 {
        return Err(OpenError::NotAHistory { path: path.into() });
    }
    if found.version > known {
        return Err(OpenError::NewerVersion { path: path.into(), found: found.version, known });
    }
    Ok(found.version)
}

pub(crate) fn failed(path: &Path, source: rusqlite::Error) -> OpenError {
    let (path, cause) = (path.into(), Cause::of(&source));
    let source = Told(source);
    match cause {
        Cause::DiskFull => OpenError::DiskFull { path },
        Cause::Damaged => OpenError::Damaged { path, source },
        Cause::NotADatabase => OpenError::NotADatabase { path },
        Cause::Busy => OpenError::Busy { path },
        Cause::ReadOnly => OpenError::ReadOnly { path },
        Cause::Interrupted | Cause::Other => OpenError::Open { path, source },
    }
}
