use std::{collections::HashMap, sync::Arc};

use portolan_core::{Executable, Package, PackageManager, Provenance, Sha256Digest, UnixMillis, Untrusted};
use rusqlite::{Connection, Row};

use crate::{cache::Cache, ids::ExecutableId, ids::TextId, intern::find_or_insert, tables::text::Texts};

/// Write side of `executable`.
#[derive(Debug)]
pub(crate) struct Executables {
    known: Cache<(TextId, Sha256Digest), ExecutableId>,
    /// What stands in the rows of some of them.
    provenances: HashMap<ExecutableId, Arc<Provenance>>,
}

/// Provenances that are remembered.
const PROVENANCES: usize = 1024;

impl Default for Executables {
    fn default() -> Self {
        Self { known: Cache::new(1024), provenances: HashMap::new() }
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

    /// Stores where an executable comes from, as seen at `at`. What is not known replaces nothing that was.
    pub(crate) fn note_provenance(
        &mut self,
        connection: &Connection,
        id: ExecutableId,
        provenance: &Arc<Provenance>,
        at: UnixMillis,
    ) -> rusqlite::Result<()> {
        if self.provenances.get(&id).is_some_and(|known| known == provenance) {
            return Ok(());
        }
        let package = provenance.package();
        let reason = match &**provenance {
            Provenance::Unknown(reason) => Some(reason),
            _ => None,
        };
        connection
            .prepare_cached(
                "UPDATE executable SET provenance = ?2, package_manager = ?3, package_name = ?4, package_version = ?5,
                    provenance_reason = ?6, provenance_ms = ?7
                    WHERE id = ?1 AND (?2 != 'unknown' OR ifnull(provenance, 'unknown') = 'unknown')
                    AND (provenance, package_manager, package_name, package_version, provenance_reason)
                        IS NOT (?2, ?3, ?4, ?5, ?6)",
            )?
            .execute((
                id,
                provenance.as_str(),
                package.map(|package| package.manager.as_str()),
                package.map(|package| &package.name),
                package.map(|package| &package.version),
                reason,
                at.0,
            ))?;
        if self.provenances.len() >= PROVENANCES {
            self.provenances.clear();
        }
        self.provenances.insert(id, Arc::clone(provenance));
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
        self.provenances.clear();
    }
}

/// The columns that [`provenance_from`] reads, of the table `executable` by another name.
pub(crate) fn provenance_of(table: &str) -> String {
    ["provenance", "package_manager", "package_name", "package_version", "provenance_reason"]
        .map(|column| format!("{table}.{column}"))
        .join(", ")
}

/// Reads a provenance from the columns of [`provenance_of`] that start at `column`; `None` where nobody looked.
pub(crate) fn provenance_from(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Provenance>> {
    let text = |offset| row.get::<_, Option<String>>(column + offset);
    let (Some(word), reason) = (text(0)?, text(4)?) else { return Ok(None) };
    let package = match (text(1)?.and_then(|manager| PackageManager::from_word(&manager)), text(2)?, text(3)?)
    {
        (Some(manager), Some(name), Some(version)) => Some(Package { manager, name, version }),
        _ => None,
    };
    Ok(Some(match (word.as_str(), package) {
        ("verified", Some(package)) => Provenance::Verified(package),
        ("modified", Some(package)) => Provenance::Modified(package),
        ("unchecked", Some(package)) => Provenance::Unchecked(package),
        ("unowned", None) => Provenance::Unowned,
        _ => Provenance::Unknown(reason.unwrap_or_default()),
    }))
}

/// Reads an executable from two columns, its path and its hash, that start at `column`; `None` when they are NULL.
pub(crate) fn from_columns(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Executable>> {
    let (path, sha256): (Option<String>, Option<[u8; 32]>) = (row.get(column)?, row.get(column + 1)?);
    Ok(path
        .zip(sha256)
        .map(|(path, sha256)| Executable { path: Untrusted::from(path), sha256: Sha256Digest(sha256) }))
}
