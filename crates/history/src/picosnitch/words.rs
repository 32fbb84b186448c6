use std::{collections::HashMap, hash::Hash, net::IpAddr};

use rusqlite::{Connection, OptionalExtension, types::ValueRef};

use crate::Program;

/// Words that are remembered of each kind; beyond, all are looked up anew.
const REMEMBERED: usize = 20_000;
/// Bytes of a text that are read; what is longer is "not known".
const TEXT_MAX: usize = 16 * 1024;

/// What the numbers in a row stand for.
pub(super) struct Words<'c> {
    connection: &'c Connection,
    programs: HashMap<i64, Program>,
    addresses: HashMap<i64, Option<IpAddr>>,
    domains: HashMap<i64, String>,
}

impl<'c> Words<'c> {
    pub(super) fn of(connection: &'c Connection) -> Self {
        Self { connection, programs: HashMap::new(), addresses: HashMap::new(), domains: HashMap::new() }
    }

    /// An executable; empty where there is none of this number.
    pub(super) fn program(&mut self, id: i64) -> rusqlite::Result<Program> {
        let look = |connection: &Connection| {
            let texts = texts(connection, "SELECT exe, sha256, cmdline FROM executables WHERE id = ?1", id)?;
            let [path, sha256, command_line] = texts;
            Ok(Program { path, sha256, command_line })
        };
        remembered(&mut self.programs, id, || look(self.connection))
    }

    pub(super) fn address(&mut self, id: i64) -> rusqlite::Result<Option<IpAddr>> {
        let look = || {
            let [text] = texts(self.connection, "SELECT addr FROM addresses WHERE id = ?1", id)?;
            // An address of the network at hand may say on which interface that is.
            Ok(text.split('%').next().and_then(|text| text.parse().ok()))
        };
        remembered(&mut self.addresses, id, look)
    }

    /// A name with its labels in the usual order; empty where there is none.
    pub(super) fn domain(&mut self, id: i64) -> rusqlite::Result<String> {
        let look = || {
            let [text] = texts(self.connection, "SELECT domain FROM domains WHERE id = ?1", id)?;
            let is_address = text.parse::<IpAddr>().is_ok();
            Ok(if is_address { String::new() } else { text.rsplit('.').collect::<Vec<_>>().join(".") })
        };
        remembered(&mut self.domains, id, look)
    }
}

fn remembered<K: Hash + Eq, T: Clone>(
    known: &mut HashMap<K, T>,
    key: K,
    look: impl FnOnce() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    if let Some(value) = known.get(&key) {
        return Ok(value.clone());
    }
    let value = look()?;
    if known.len() >= REMEMBERED {
        known.clear();
    }
    known.insert(key, value.clone());
    Ok(value)
}

/// The texts of one row; empty for what is no text, is too long, or stands in no row.
fn texts<const N: usize>(connection: &Connection, sql: &str, id: i64) -> rusqlite::Result<[String; N]> {
    let mut statement = connection.prepare_cached(sql)?;
    let row = statement.query_row([id], |row| {
        let mut texts = [const { String::new() }; N];
        for (column, text) in texts.iter_mut().enumerate() {
            if let ValueRef::Text(bytes) = row.get_ref(column)?
                && bytes.len() <= TEXT_MAX
            {
                *text = String::from_utf8_lossy(bytes).into_owned();
            }
        }
        Ok(texts)
    });
    match row.optional() {
        Ok(texts) => Ok(texts.unwrap_or([const { String::new() }; N])),
        Err(error) if is_too_long(&error) => Ok([const { String::new() }; N]),
        Err(error) => Err(error),
    }
}

fn is_too_long(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::TooBig)
}
