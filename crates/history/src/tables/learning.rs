use std::time::Duration;

use portolan_core::UnixMillis;
use rusqlite::{Connection, OptionalExtension};

/// When the daemon learned what talks on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Learning {
    /// When it began.
    pub began: UnixMillis,
    /// When it ended; `None` as long as it goes on.
    pub ended: Option<UnixMillis>,
    /// How long it has lasted, as far as that was noted: what the two times are apart says nothing where the clock was set.
    pub learned: Duration,
}

/// `None` before it began. In files of before version 10 nothing was noted of how long.
pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Option<Learning>> {
    let learned = if connection.column_exists(None, "learning", "learned_ms")? { "learned_ms" } else { "0" };
    connection
        .query_row(&format!("SELECT began_ms, ended_ms, {learned} FROM learning"), [], |row| {
            let ended: Option<i64> = row.get(1)?;
            Ok(Learning {
                began: UnixMillis(row.get(0)?),
                ended: ended.map(UnixMillis),
                learned: Duration::from_millis(u64::try_from(row.get::<_, i64>(2)?).unwrap_or_default()),
            })
        })
        .optional()
}

/// It begins, unless it did before.
pub(crate) fn begin(connection: &Connection, now: UnixMillis) -> rusqlite::Result<()> {
    connection.execute("INSERT OR IGNORE INTO learning (one, began_ms) VALUES (1, ?1)", [now.0]).map(drop)
}

/// How long it has lasted.
pub(crate) fn note(connection: &Connection, learned: Duration) -> rusqlite::Result<()> {
    let learned_ms = i64::try_from(learned.as_millis()).unwrap_or(i64::MAX);
    connection
        .execute("UPDATE learning SET learned_ms = max(learned_ms, ?1) WHERE ended_ms IS NULL", [learned_ms])
        .map(drop)
}

/// It ends, unless it did before.
pub(crate) fn end(connection: &Connection, now: UnixMillis) -> rusqlite::Result<()> {
    begin(connection, now)?;
    connection.execute("UPDATE learning SET ended_ms = ?1 WHERE ended_ms IS NULL", [now.0]).map(drop)
}
