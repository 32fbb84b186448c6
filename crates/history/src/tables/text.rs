use portolan_core::Untrusted;
use rusqlite::Connection;

use crate::{cache::Cache, ids::TextId, intern::find_or_insert};

/// Longer texts are looked up in the database each time, so that long command lines cannot fill the memory.
const LONGEST_CACHED_BYTES: usize = 256;

/// Write side of `text`: paths, command lines, and the names of units and containers.
#[derive(Debug)]
pub(crate) struct Texts {
    known: Cache<Box<str>, TextId>,
}

impl Default for Texts {
    fn default() -> Self {
        Self { known: Cache::new(2048) }
    }
}

impl Texts {
    pub(crate) fn id(&mut self, connection: &Connection, value: &str) -> rusqlite::Result<TextId> {
        if let Some(id) = self.known.get(value) {
            return Ok(id);
        }
        let id = find_or_insert(
            connection,
            "SELECT id FROM text WHERE value = ?1",
            "INSERT INTO text (value) VALUES (?1)",
            &[&value],
        )?;
        if value.len() <= LONGEST_CACHED_BYTES {
            self.known.put(value.into(), id);
        }
        Ok(id)
    }

    /// The number of a text, where there is one.
    pub(crate) fn id_of(
        &mut self,
        connection: &Connection,
        value: Option<&Untrusted>,
    ) -> rusqlite::Result<Option<TextId>> {
        value.map(|value| self.id(connection, value.as_raw())).transpose()
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }
}
