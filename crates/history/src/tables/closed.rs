use rusqlite::{Connection, OptionalExtension};

use crate::block::Level;

/// Up to where a level is closed; `None` before anything was.
pub(crate) fn until(connection: &Connection, level: Level) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT until_ms FROM closed WHERE level = ?1")?
        .query_row([level.number()], |row| row.get(0))
        .optional()
}

/// A level is closed up to there.
pub(crate) fn set(connection: &Connection, level: Level, until_ms: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO closed (level, until_ms) VALUES (?1, ?2)")?
        .execute((level.number(), until_ms))?;
    Ok(())
}

/// Before when blocks of a level were deleted for their age; `None` when none was.
pub(crate) fn deleted(connection: &Connection, level: Level) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT before_ms FROM deleted WHERE level = ?1")?
        .query_row([level.number()], |row| row.get(0))
        .optional()
}
