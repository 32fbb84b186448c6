use portolan_core::{Domain, Name, NameSource};
use rusqlite::{Connection, Row};

use super::parse_column;
use crate::{cache::Cache, ids::DomainId};

/// A name as other tables have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Named {
    pub(crate) domain: DomainId,
    pub(crate) source: NameSource,
    pub(crate) is_inferred: bool,
}

/// Write side of `domain`.
#[derive(Debug)]
pub(crate) struct Domains {
    known: Cache<Box<str>, DomainId>,
}

impl Default for Domains {
    fn default() -> Self {
        Self { known: Cache::new(8192) }
    }
}

impl Domains {
    /// A name by its number, where there is one.
    pub(crate) fn id_of(
        &mut self,
        connection: &Connection,
        name: Option<&Name>,
    ) -> rusqlite::Result<Option<Named>> {
        name.map(|name| {
            let domain = self.id(connection, name)?;
            Ok(Named { domain, source: name.source, is_inferred: name.is_inferred })
        })
        .transpose()
    }

    /// What is registrable is the program's knowledge: what it says first of a name holds until it is started again.
    fn id(&mut self, connection: &Connection, name: &Name) -> rusqlite::Result<DomainId> {
        let text = name.domain.as_str();
        if let Some(id) = self.known.get(text) {
            return Ok(id);
        }
        let id = connection
            .prepare_cached(
                "INSERT INTO domain (name, registrable) VALUES (?1, ?2)
                    ON CONFLICT (name) DO UPDATE SET registrable = excluded.registrable RETURNING id",
            )?
            .query_row((text, name.registrable.as_ref().map(Domain::as_str)), |row| row.get(0))?;
        self.known.put(text.into(), id);
        Ok(id)
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }
}

/// Reads a name from four columns that may be NULL: name, registrable part, source, whether it is inferred.
pub(crate) fn from_columns(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Name>> {
    if row.get::<_, Option<String>>(first)?.is_none() {
        return Ok(None);
    }
    let has_registrable = row.get::<_, Option<String>>(first + 1)?.is_some();
    Ok(Some(Name {
        domain: parse_column(row, first)?,
        registrable: if has_registrable { Some(parse_column(row, first + 1)?) } else { None },
        source: parse_column(row, first + 2)?,
        is_inferred: row.get(first + 3)?,
    }))
}
