use portolan_core::UnixMillis;
use rusqlite::{Connection, OptionalExtension};

/// When the daemon learned what talks on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Learning {
    /// When it began.
    pub began: UnixMillis,
    /// When it ended; `None` as long as it goes on.
    pub ended: Option<UnixMillis>,
}

/// `None` before it began.
pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Option<Learning>> {
    connection
        .query_row("SELECT began_ms, ended_ms FROM learning", [], |row| {
            let ended: Option<i64> = row.get(1)?;
            Ok(Learning { began: UnixMillis(row.get(0)?), ended: ended.map(UnixMillis) })
        })
        .optional()
}

/// It begins, unless it did before.
pub(crate) fn begin(connection: &Connection, now: UnixMillis) -> rusqlite::Result<()> {
    connection.execute("INSERT OR IGNORE INTO learning (one, began_ms) VALUES (1, ?1)", [now.0]).map(drop)
}

/// It ends, unless it did before.
pub(crate) fn end(connection: &Connection, now: UnixMillis) -> rusqlite::Result<()> {
    begin(connection, now)?;
    connection.execute("UPDATE learning SET ended_ms = ?1 WHERE ended_ms IS NULL", [now.0]).map(drop)
}
