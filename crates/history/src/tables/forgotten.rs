use std::collections::BTreeSet;

use portolan_core::{Uid, UnixMillis};
use rusqlite::{Connection, OptionalExtension};

use crate::language::Query;

/// That somebody had something forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// When.
    pub at: UnixMillis,
    /// Who wanted it.
    pub by: Uid,
    /// How many rows were deleted: of a row that is also part of a minute, an hour and a day, all four.
    pub rows: u64,
    /// By how many bytes the blocks became smaller.
    pub bytes: u64,
}

/// Notes that it begins, and keeps what it is until [`end`]; the number of the note.
pub(crate) fn begin(
    connection: &Connection,
    query: &Query,
    by: Uid,
    at: UnixMillis,
) -> rusqlite::Result<i64> {
    connection
        .execute("INSERT INTO forgotten (at_ms, uid, rows, bytes) VALUES (?1, ?2, 0, 0)", (at.0, by.0))?;
    let id = connection.last_insert_rowid();
    connection.execute(
        "INSERT INTO forgetting (note, query, at_ms) VALUES (?1, ?2, ?3)",
        (id, query.to_string(), at.0),
    )?;
    Ok(id)
}

/// The oldest of what is not forgotten to its end: the number of its note, the query, and when it was asked.
pub(crate) fn unfinished(connection: &Connection) -> rusqlite::Result<Option<(i64, String, UnixMillis)>> {
    connection
        .query_row("SELECT note, query, at_ms FROM forgetting ORDER BY note LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?, UnixMillis(row.get(2)?)))
        })
        .optional()
}

/// Notes that an actor lost something: its application may have nothing left.
pub(crate) fn touch_actor(connection: &Connection, id: i64, actor: u32) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO forgetting_application (application_id, note)
                SELECT application_id, ?1 FROM actor WHERE id = ?2 AND application_id IS NOT NULL",
        )?
        .execute((id, actor))
        .map(drop)
}

/// The same of a peer, whose name may have nothing left.
pub(crate) fn touch_peer(connection: &Connection, id: i64, peer: u32) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO forgetting_domain (domain_id, note)
                SELECT domain_id, ?1 FROM peer WHERE id = ?2 AND domain_id IS NOT NULL",
        )?
        .execute((id, peer))
        .map(drop)
}

/// Which applications and which names lost something; afterwards that is not known any more.
pub(crate) fn take_touched(
    connection: &Connection,
    id: i64,
) -> rusqlite::Result<(BTreeSet<i64>, BTreeSet<i64>)> {
    let take = |sql: &str| {
        connection.prepare(sql)?.query_map([id], |row| row.get(0))?.collect::<rusqlite::Result<_>>()
    };
    Ok((
        take("DELETE FROM forgetting_application WHERE note = ?1 RETURNING application_id")?,
        take("DELETE FROM forgetting_domain WHERE note = ?1 RETURNING domain_id")?,
    ))
}

/// Nothing of it is left; whether it was kept what it was.
pub(crate) fn end(connection: &Connection, id: i64) -> rusqlite::Result<bool> {
    take_touched(connection, id)?;
    Ok(connection.execute("DELETE FROM forgetting WHERE note = ?1", [id])? > 0)
}

/// Adds what a step deleted.
pub(crate) fn add(connection: &Connection, id: i64, rows: usize, bytes: usize) -> rusqlite::Result<()> {
    let [rows, bytes] = [rows, bytes].map(|number| i64::try_from(number).unwrap_or(i64::MAX));
    connection
        .prepare_cached("UPDATE forgotten SET rows = rows + ?2, bytes = bytes + ?3 WHERE id = ?1")?
        .execute((id, rows, bytes))?;
    Ok(())
}

/// All notes, the newest first.
pub(crate) fn list(connection: &Connection) -> rusqlite::Result<Vec<Forgotten>> {
    let number = |number: i64| u64::try_from(number).unwrap_or_default();
    connection
        .prepare("SELECT at_ms, uid, rows, bytes FROM forgotten ORDER BY id DESC")?
        .query_map([], |row| {
            Ok(Forgotten {
                at: UnixMillis(row.get(0)?),
                by: Uid(row.get(1)?),
                rows: number(row.get(2)?),
                bytes: number(row.get(3)?),
            })
        })?
        .collect()
}
