use std::ops::Range;

use portolan_core::UnixMillis;
use rusqlite::Connection;

use crate::spans::Spans;

/// One day of UTC.
const DAY_MS: i64 = 86_400_000;

/// Somebody recorded then. What continues a row becomes part of it.
pub(crate) fn add(connection: &Connection, spans: &Spans) -> rusqlite::Result<()> {
    for span in spans.iter() {
        let mut touched = touching(connection, &span)?;
        touched.add(span);
        for Range { start: UnixMillis(from), end: UnixMillis(until) } in touched.iter() {
            connection
                .prepare_cached("DELETE FROM recorded WHERE from_ms > ?1 AND from_ms <= ?2")?
                .execute((from, until))?;
            connection
                .prepare_cached("INSERT OR REPLACE INTO recorded (from_ms, until_ms) VALUES (?1, ?2)")?
                .execute((from, until))?;
        }
    }
    Ok(())
}

/// The rows that have something of a stretch, or touch it.
pub(crate) fn touching(connection: &Connection, span: &Range<UnixMillis>) -> rusqlite::Result<Spans> {
    let mut list = connection.prepare_cached(
        "SELECT from_ms, until_ms FROM (SELECT * FROM recorded WHERE from_ms < ?1 ORDER BY from_ms DESC LIMIT 1)
            WHERE until_ms >= ?1
        UNION ALL SELECT from_ms, until_ms FROM recorded WHERE from_ms BETWEEN ?1 AND ?2",
    )?;
    let mut rows = list.query((span.start.0, span.end.0))?;
    let mut spans = Spans::default();
    while let Some(row) = rows.next()? {
        spans.add(UnixMillis(row.get(0)?)..UnixMillis(row.get(1)?));
    }
    Ok(spans)
}

/// Until when somebody recorded last; `None` when nobody did.
pub(crate) fn last(connection: &Connection) -> rusqlite::Result<Option<UnixMillis>> {
    connection
        .prepare_cached(
            "SELECT max(until_ms) FROM (SELECT until_ms FROM recorded ORDER BY from_ms DESC LIMIT 1)",
        )?
        .query_row([], |row| row.get::<_, Option<i64>>(0))
        .map(|last| last.map(UnixMillis))
}

/// The day of UTC on which something moved that another recorder counted: when that did not run is not known.
pub(crate) fn day_of(UnixMillis(at): UnixMillis) -> Range<UnixMillis> {
    let start = at.saturating_sub(at.rem_euclid(DAY_MS));
    UnixMillis(start)..UnixMillis(start.saturating_add(DAY_MS))
}

/// Where rows were lost, as in a file of before version 13: of each day on which something moved, it is said again that somebody recorded.
pub(crate) fn restore(connection: &Connection) -> rusqlite::Result<()> {
    let mut list = connection.prepare(include_str!("../migrations/0013_days.sql"))?;
    let mut rows = list.query([])?;
    let mut spans = Spans::default();
    while let Some(row) = rows.next()? {
        spans.add(UnixMillis(row.get(0)?)..UnixMillis(row.get(1)?));
    }
    add(connection, &spans)
}

/// Of before that nothing is kept any more.
pub(crate) fn delete_before(connection: &Connection, before_ms: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM recorded WHERE from_ms < ?1 AND until_ms <= ?1")?
        .execute([before_ms])
        .map(drop)
}
