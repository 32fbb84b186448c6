//! One table, one file: its row, what writes it and what reads it. The tables themselves stand in `migrations/`.

use std::{error::Error, str::FromStr};

use rusqlite::{Row, types::Type};

pub(crate) mod actor;
pub(crate) mod address;
pub(crate) mod application;
pub(crate) mod block;
pub(crate) mod checkpoint;
pub(crate) mod closed;
pub(crate) mod domain;
pub(crate) mod executable;
pub(crate) mod finding;
pub(crate) mod finding_member;
pub(crate) mod finding_names;
pub(crate) mod forgotten;
pub(crate) mod import;
pub(crate) mod learning;
pub(crate) mod lineage;
pub(crate) mod peer;
pub(crate) mod place;
pub(crate) mod recorded;
pub(crate) mod sighting;
pub(crate) mod text;

/// Reads a word that this crate wrote; a word that it never writes is an error.
pub(crate) fn parse_column<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    let word: String = row.get(column)?;
    word.parse()
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}
