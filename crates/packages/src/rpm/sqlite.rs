//! The database in SQLite: a table `Packages` of headers by number, and a table `Basenames` that says in
//! which headers, and where in them, a file name is. Source: rpm, lib/backend/sqlite.cc.
//!
//! rpm writes into a log beside the file (`-wal`) and moves that into the file when it closes it, which
//! leaves an empty log. With an empty log the file alone is opened as one that nobody changes: no lock, no
//! other file. With a log that has something in it (rpm is at work, or was killed) SQLite reads both, with
//! shared locks that delay no writer. It opens the log for writing if it may, and as root sets its owner to
//! what it is (`robustFchown` in os_unix.c), but writes nothing: this connection is read-only.

use std::{
    cell::Cell,
    collections::HashMap,
    fs::File,
    io,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, blob::Blob, config::DbConfig, limits::Limit, params};

use super::{Bytes, Header, MOST_NAMESAKES, NAMESAKES_TEXT, answers, owner, split};
use crate::{Answers, Manager, OwnedFile, PackagesError, root::path_of};

/// In bytes: a path is shorter, and the text that makes a table too.
const LONGEST_VALUE: i32 = 1 << 20;

/// SQLite calls back after so many instructions of its machine, and so often until it is stopped: a second.
/// The search of a whole table without its index takes some five million instructions.
const INSTRUCTIONS: i32 = 100_000;
const MOST_CALLS: u32 = 300;

/// More than the headers that can be needed have.
const MOST_BYTES: u64 = 1 << 30;

pub(super) fn find(file: &File, at: &Path, spellings: &[Vec<Vec<u8>>]) -> Result<Answers, PackagesError> {
    let database = open(file, at)?;
    let left = Cell::new(MOST_BYTES);
    let mut owners: Vec<Vec<OwnedFile>> = spellings.iter().map(|_| Vec::new()).collect();
    // All spellings of a path end in one name, and many paths may.
    let mut places: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (place, spellings) in spellings.iter().enumerate() {
        if let Some((_, name)) = spellings.first().and_then(|path| split(path)) {
            places.entry(name).or_default().push(place);
        }
    }
    for (name, places) in places {
        for (package, index) in namesakes(&database, name, at)? {
            let blob = database.blob_open("main", "Packages", "blob", package, true);
            let blob = blob.map_err(|error| fault(&error, at))?;
            let room = u64::try_from(blob.len()).unwrap_or(0);
            let bytes = InBlob { blob: &blob, left: &left };
            let read = |error: io::Error| PackagesError::broken(at, error.to_string());
            let header = Header::read(&bytes, 0, room).map_err(read)?;
            for place in &places {
                let Some(spellings) = spellings.get(*place) else { continue };
                let found = owner(&header, index, spellings).map_err(read)?;
                if let Some(owners) = owners.get_mut(*place) {
                    owners.extend(found);
                }
            }
        }
    }
    Ok(answers(owners))
}

/// The headers that have a file `name`, with its number in each.
fn namesakes(database: &Connection, name: &[u8], at: &Path) -> Result<Vec<(i64, usize)>, PackagesError> {
    let read = || {
        // rpm binds its keys as text, whatever bytes they are.
        let mut statement = database
            .prepare_cached("SELECT hnum, idx FROM Basenames WHERE key = CAST(?1 AS TEXT) LIMIT ?2")?;
        let most = i64::try_from(MOST_NAMESAKES + 1).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![name, most], |row| {
            let index: i64 = row.get(1)?;
            Ok((row.get(0)?, usize::try_from(index).unwrap_or(usize::MAX)))
        })?;
        rows.collect::<Result<Vec<_>, _>>()
    };
    let mut found = read().map_err(|error| fault(&error, at))?;
    if found.len() > MOST_NAMESAKES {
        return Err(PackagesError::TooLarge { path: at.into(), limit: NAMESAKES_TEXT });
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn open(file: &File, at: &Path) -> Result<Connection, PackagesError> {
    let path =
        path_of(file).and_then(|path| is_at(file, path)).map_err(|error| PackagesError::read(at, error))?;
    let mut has_log = false;
    for suffix in ["-wal", "-journal", "-shm"] {
        let mut beside = path.clone().into_os_string();
        beside.push(suffix);
        let Ok(metadata) = std::fs::symlink_metadata(&beside) else { continue };
        if !metadata.is_file() {
            // SQLite would wait for the writer of a FIFO.
            return Err(PackagesError::broken(
                at,
                format!("what its name and {suffix} names is not a regular file"),
            ));
        }
        has_log |= suffix != "-shm" && metadata.len() > 0;
    }
    let how = if has_log { "readonly_shm=1" } else { "immutable=1" };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let opened = || {
        let mut calls = 0;
        let mut database = Connection::open_with_flags(uri(&path, how), flags)?;
        database.progress_handler(
            INSTRUCTIONS,
            Some(move || {
                calls += 1;
                calls > MOST_CALLS
            }),
        )?;
        // The database may be made to harm who reads it. Source: sqlite.org/security.html. Headers are
        // longer, and are read in pieces, which this limit allows.
        database.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST_VALUE)?;
        database.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        database.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        database.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        database
            .execute_batch("PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA cache_size = -512;")?;
        Ok(database)
    };
    opened().map_err(|error| fault(&error, at))
}

/// `path`, if it leads to `file`: in another mount namespace it would be another file's.
fn is_at(file: &File, path: PathBuf) -> io::Result<PathBuf> {
    let (opened, named) = (file.metadata()?, std::fs::symlink_metadata(&path)?);
    if (opened.dev(), opened.ino()) == (named.dev(), named.ino()) {
        Ok(path)
    } else {
        Err(io::Error::other("it was moved, or lies in another mount namespace"))
    }
}

fn uri(path: &Path, how: &str) -> String {
    let escaped: String = path
        .as_os_str()
        .as_bytes()
        .iter()
        .map(|byte| match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                char::from(*byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect();
    format!("file:{escaped}?mode=ro&{how}")
}

fn fault(error: &rusqlite::Error, at: &Path) -> PackagesError {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::ReadOnly,
        ) => PackagesError::BeingChanged { manager: Manager::Rpm },
        Some(ErrorCode::OperationInterrupted) => {
            PackagesError::TooLarge { path: at.into(), limit: "30 million steps of SQLite" }
        }
        _ => PackagesError::broken(at, error.to_string()),
    }
}

struct InBlob<'a> {
    blob: &'a Blob<'a>,
    left: &'a Cell<u64>,
}

impl Bytes for InBlob<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        super::header::spend(self.left, buffer.len())?;
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        self.blob.read_at_exact(buffer, offset).map_err(io::Error::other)
    }
}
