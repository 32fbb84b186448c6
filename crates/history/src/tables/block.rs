use std::ops::RangeInclusive;

use portolan_core::UnixMillis;
use rusqlite::{Connection, types::Type};

use crate::{
    LevelInfo,
    block::{self, Columns, Damaged, Level, Moved},
};

/// A block as its row says it; its data is read apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) start_ms: i64,
    pub(crate) part: i64,
    pub(crate) width_ms: u32,
}

impl From<Damaged> for rusqlite::Error {
    /// As every other column says it.
    fn from(damaged: Damaged) -> Self {
        Self::FromSqlConversionFailure(0, Type::Blob, Box::new(damaged))
    }
}

/// Shows each block of a level that starts in the range, with its rows where it is not damaged, in the order of time.
pub(crate) fn each(
    connection: &Connection,
    level: Level,
    starts: RangeInclusive<i64>,
    mut show: impl FnMut(Head, Result<&[Moved], Damaged>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT start_ms, part, width_ms, data FROM block WHERE level = ?1 AND start_ms BETWEEN ?2 AND ?3
            ORDER BY start_ms, part",
    )?;
    let mut blocks = statement.query((level.number(), starts.start(), starts.end()))?;
    let mut rows = Vec::new();
    while let Some(row) = blocks.next()? {
        rows.clear();
        let read = Columns::open(row.get_ref(3)?.as_blob()?).and_then(|columns| columns.rows_into(&mut rows));
        let head = Head { start_ms: row.get(0)?, part: row.get(1)?, width_ms: row.get(2)? };
        show(head, read.map(|()| rows.as_slice()))?;
    }
    Ok(())
}

/// Writes rows as the block that `head` says, in the place of what stood there. No rows are no block; those that are too many for one are
/// also in parts behind all others.
pub(crate) fn put(
    connection: &Connection,
    level: Level,
    head: Head,
    rows: &mut Vec<Moved>,
) -> rusqlite::Result<()> {
    let mut part = head.part;
    for (rows, data) in block::encode(rows, level) {
        write(connection, level, Head { part, ..head }, rows, &data)?;
        part = parts(connection, level, head.start_ms)?.1;
    }
    Ok(())
}

fn write(
    connection: &Connection,
    level: Level,
    head: Head,
    rows: &[Moved],
    data: &[u8],
) -> rusqlite::Result<()> {
    let mut by_actor = if level.has_actors() { block::by_actor(rows) } else { Vec::new() };
    let actors = block::encode(&mut by_actor, level).next().map(|(_, actors)| actors);
    let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            // After all of this level, and before all of the next finer one.
            "INSERT INTO block (level, start_ms, part, width_ms, rows, actors, data, id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7,
                1 + max((3 - ?1) << 48, ifnull((SELECT id FROM block WHERE id < (4 - ?1) << 48 ORDER BY id DESC LIMIT 1), 0)))
                ON CONFLICT (level, start_ms, part) DO UPDATE SET
                width_ms = excluded.width_ms, rows = excluded.rows, actors = excluded.actors, data = excluded.data",
        )?
        .execute((level.number(), head.start_ms, head.part, head.width_ms, count, actors, data))?;
    Ok(())
}

/// How many parts an interval has, and the number of the next one.
pub(crate) fn parts(connection: &Connection, level: Level, start_ms: i64) -> rusqlite::Result<(i64, i64)> {
    connection
        .prepare_cached(
            "SELECT count(*), ifnull(max(part) + 1, 0) FROM block WHERE level = ?1 AND start_ms = ?2",
        )?
        .query_row((level.number(), start_ms), |row| Ok((row.get(0)?, row.get(1)?)))
}

/// The starts of intervals that have more than one part.
pub(crate) fn in_parts(
    connection: &Connection,
    level: Level,
    starts: RangeInclusive<i64>,
) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached(
            "SELECT start_ms FROM block WHERE level = ?1 AND start_ms BETWEEN ?2 AND ?3
                GROUP BY start_ms HAVING count(*) > 1",
        )?
        .query_map((level.number(), starts.start(), starts.end()), |row| row.get(0))?
        .collect()
}

/// Deletes a part of an interval.
pub(crate) fn delete(
    connection: &Connection,
    level: Level,
    start_ms: i64,
    part: i64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM block WHERE level = ?1 AND start_ms = ?2 AND part = ?3")?
        .execute((level.number(), start_ms, part))?;
    Ok(())
}

/// The start of the first interval of a level that starts at `from` or later and has a block.
pub(crate) fn next(connection: &Connection, level: Level, from: i64) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT min(start_ms) FROM block WHERE level = ?1 AND start_ms >= ?2")?
        .query_row((level.number(), from), |row| row.get(0))
}

/// The start of the last bucket of all; `None` where there is none.
pub(crate) fn last(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT max(start_ms) FROM block WHERE level = 0")?
        .query_row([], |row| row.get(0))
}

/// How large the blocks of an interval are.
pub(crate) fn bytes(connection: &Connection, level: Level, start_ms: i64) -> rusqlite::Result<usize> {
    connection
        .prepare_cached("SELECT ifnull(sum(length(data) + ifnull(length(actors), 0)), 0) FROM block WHERE level = ?1 AND start_ms = ?2")?
        .query_row((level.number(), start_ms), |row| row.get(0))
        .map(|bytes: i64| usize::try_from(bytes).unwrap_or_default())
}

/// When the oldest interval starts that is known, as exactly as it is; `None` where there is none.
pub(crate) fn first(connection: &Connection) -> rusqlite::Result<Option<UnixMillis>> {
    let mut first: Option<i64> = None;
    let mut width_ms = 0;
    for level in Level::ALL.into_iter().rev() {
        let start = next(connection, level, i64::MIN)?;
        // A finer level that begins later has lost what was before.
        if first.is_none_or(|first| start.is_some_and(|start| start < first.saturating_add(width_ms))) {
            first = start.or(first);
        }
        width_ms = level.width_ms().into();
    }
    Ok(first.map(UnixMillis))
}

/// How many blocks of a level there are, how large they are, and where they begin.
pub(crate) fn info(connection: &Connection, level: Level) -> rusqlite::Result<LevelInfo> {
    let number = |number: i64| u64::try_from(number).unwrap_or_default();
    let sql = "SELECT min(start_ms), count(*), ifnull(sum(length(data) + ifnull(length(actors), 0)), 0), max(start_ms),
        count(DISTINCT start_ms), ifnull(sum(rows), 0) FROM block WHERE level = ?1";
    connection.query_row(sql, [level.number()], |row| {
        Ok(LevelInfo {
            level: level.as_str(),
            first: row.get::<_, Option<i64>>(0)?.map(UnixMillis),
            last: row.get::<_, Option<i64>>(3)?.map(UnixMillis),
            intervals: number(row.get(4)?),
            rows: number(row.get(5)?),
            blocks: number(row.get(1)?),
            bytes: number(row.get(2)?),
        })
    })
}
