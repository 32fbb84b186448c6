use portolan_core::{Executable, Sha256Digest, Untrusted};
use rusqlite::{Connection, Row};

use crate::{cache::Cache, ids::ExecutableId, ids::TextId, intern::find_or_insert, tables::text::Texts};

/// Write side of `executable`.
#[derive(Debug)]
pub(crate) struct Executables {
    known: Cache<(TextId, Sha256Digest), ExecutableId>,
}

impl Default for Executables {
    fn default() -> Self {
        Self { known: Cache::new(1024) }
    }
}

impl Executables {
    pub(crate) fn id(
        &mut self,
        connection: &Connection,
        texts: &mut Texts,
        executable: &Executable,
    ) -> rusqlite::Result<ExecutableId> {
        let path = texts.id(connection, executable.path.as_raw())?;
        let key = (path, executable.sha256);
        if let Some(id) = self.known.get(&key) {
            return Ok(id);
        }
        let id = find_or_insert(
            connection,
            "SELECT id FROM executable WHERE path_id = ?1 AND sha256 = ?2",
            "INSERT INTO executable (path_id, sha256) VALUES (?1, ?2)",
            &[&path, &executable.sha256.0],
        )?;
        self.known.put(key, id);
        Ok(id)
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }
}

/// Reads an executable from two columns, its path and its hash, that start at `column`; `None` when they are NULL.
pub(crate) fn from_columns(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Executable>> {
    let (path, sha256): (Option<String>, Option<[u8; 32]>) = (row.get(column)?, row.get(column + 1)?);
    Ok(path
        .zip(sha256)
        .map(|(path, sha256)| Executable { path: Untrusted::from(path), sha256: Sha256Digest(sha256) }))
}
