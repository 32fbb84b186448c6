use std::{collections::HashMap, net::IpAddr};

use rusqlite::{Connection, OptionalExtension, types::ValueRef};

use crate::Program;

/// Bytes of the words that are remembered of each kind; beyond, all are looked up anew.
const REMEMBERED: usize = 8 * 1024 * 1024;
/// What one takes besides its text.
const ENTRY: usize = 128;
/// Bytes of a text that are read; what is longer is "not known".
const TEXT_MAX: usize = 16 * 1024;

/// What the numbers in a row stand for.
pub(super) struct Words<'c> {
    connection: &'c Connection,
    programs: Remembered<Program>,
    addresses: Remembered<Option<IpAddr>>,
    domains: Remembered<String>,
}

impl<'c> Words<'c> {
    pub(super) fn of(connection: &'c Connection) -> Self {
        let (programs, addresses, domains) = Default::default();
        Self { connection, programs, addresses, domains }
    }

    /// An executable; empty where there is none of this number.
    pub(super) fn program(&mut self, id: i64) -> rusqlite::Result<Program> {
        let look = |connection: &Connection| {
            let texts = texts(connection, "SELECT exe, sha256, cmdline FROM executables WHERE id = ?1", id)?;
            let [path, sha256, command_line] = texts;
            Ok(Program { path, sha256, command_line })
        };
        let bytes =
            |program: &Program| program.path.len() + program.sha256.len() + program.command_line.len();
        self.programs.get(id, bytes, || look(self.connection))
    }

    pub(super) fn address(&mut self, id: i64) -> rusqlite::Result<Option<IpAddr>> {
        let look = || {
            let [text] = texts(self.connection, "SELECT addr FROM addresses WHERE id = ?1", id)?;
            // An address of the network at hand may say on which interface that is.
            Ok(text.split('%').next().and_then(|text| text.parse().ok()))
        };
        self.addresses.get(id, |_| 0, look)
    }

    /// A name with its labels in the usual order; empty where there is none.
    pub(super) fn domain(&mut self, id: i64) -> rusqlite::Result<String> {
        let look = || {
            let [text] = texts(self.connection, "SELECT domain FROM domains WHERE id = ?1", id)?;
            let is_address = text.parse::<IpAddr>().is_ok();
            Ok(if is_address { String::new() } else { text.rsplit('.').collect::<Vec<_>>().join(".") })
        };
        self.domains.get(id, String::len, look)
    }
}

/// Words of one kind by their numbers.
#[derive(Default)]
struct Remembered<T> {
    words: HashMap<i64, T>,
    bytes: usize,
}

impl<T: Clone> Remembered<T> {
    fn get(
        &mut self,
        id: i64,
        bytes: impl Fn(&T) -> usize,
        look: impl FnOnce() -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        if let Some(word) = self.words.get(&id) {
            return Ok(word.clone());
        }
        let word = look()?;
        let more = ENTRY + bytes(&word);
        if self.bytes + more > REMEMBERED {
            *self = Self { words: HashMap::new(), bytes: 0 };
        }
        self.bytes += more;
        self.words.insert(id, word.clone());
        Ok(word)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_are_not_all_remembered() {
        let mut known = Remembered::default();
        for id in 0..3000 {
            known.get(id, String::len, || Ok("x".repeat(TEXT_MAX))).unwrap();
            let held: usize = known.words.values().map(String::len).sum();
            assert!(held <= known.bytes && known.bytes <= REMEMBERED, "{held}");
        }
        known.get(2999, String::len, || panic!("it is remembered")).unwrap();
    }
}
