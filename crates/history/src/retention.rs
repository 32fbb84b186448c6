//! What is deleted because of its age, or because the file became too large; a little in each transaction.

use std::time::Duration;

use portolan_core::{Retention, UnixMillis};
use rusqlite::Connection;

use crate::{
    block::Level,
    rollup,
    tables::{closed, recorded},
};

/// A clock is believed when something moved in so many minutes of the last days that it shows.
const BELIEVED_MINUTES: i64 = 60;
const BELIEVED_MS: i64 = 3 * 86_400_000;
/// What is labelled a year later than now was labelled by a wrong clock; less than that, it grows old like everything.
const AHEAD_MS: i64 = 366 * 86_400_000;

/// What one step of keeping to the limits did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retained {
    /// Blocks that are gone.
    pub deleted_blocks: usize,
    /// Programs, addresses, names and so on that are gone, because nothing spoke of them any more.
    pub deleted_numbers: usize,
    /// By how many bytes the file became smaller, or will when its log is written back.
    pub freed_bytes: u64,
    /// Whether there is more to do at once.
    pub more: bool,
}

fn age(limits: &Retention, level: Level) -> Option<Duration> {
    match level {
        Level::Bucket => limits.bucket,
        Level::Minute => limits.minute,
        Level::Hour => limits.hour,
        Level::Day => limits.day,
    }
}

/// Deletes at most `step` blocks that are too old, or too many; how many.
///
/// What a wrong clock labelled goes when it is a year further ahead than what is too old lies back.
pub(crate) fn delete(
    limits: &Retention,
    connection: &Connection,
    now: UnixMillis,
    step: usize,
) -> rusqlite::Result<usize> {
    for level in Level::ALL {
        let Some(age) = age(limits, level) else { continue };
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        // Whole intervals of the coarser level, so that none of them is known in part.
        let whole = |time: i64| level.above().map_or(time, |above| above.start_of(time));
        let before = whole(now.0.saturating_sub(age));
        let mut deleted = delete_before(connection, level, before, step)?;
        if deleted == 0 {
            let ahead = Level::Day.start_of(now.0.saturating_add(age).saturating_add(AHEAD_MS));
            deleted = delete_ahead(connection, level, ahead, step)?;
        }
        if deleted > 0 {
            return Ok(deleted);
        }
    }
    if used_bytes(connection)? > limits.max_bytes {
        for level in Level::ALL {
            let deleted = delete_before(connection, level, i64::MAX, step)?;
            if deleted > 0 {
                return Ok(deleted);
            }
        }
    }
    Ok(0)
}

/// Deletes the oldest blocks of a level that start before that, are part of a sum, and are not the newest.
fn delete_before(connection: &Connection, level: Level, before: i64, step: usize) -> rusqlite::Result<usize> {
    let before = match level.above() {
        Some(above) => closed::until(connection, above)?.map(|until| until.min(before)),
        None => connection.query_row(
            "SELECT max(start_ms) FROM block WHERE level = ?1",
            [level.number()],
            |row| row.get::<_, Option<i64>>(0).map(|newest| newest.map(|newest| newest.min(before))),
        )?,
    };
    let Some(before) = before else { return Ok(0) };
    let step = i64::try_from(step).unwrap_or(i64::MAX);
    let (count, last): (i64, Option<i64>) = connection
        .prepare_cached(
            "SELECT count(*), max(start_ms) FROM (SELECT start_ms FROM block WHERE level = ?1 AND start_ms < ?2
                ORDER BY start_ms, part LIMIT ?3)",
        )?
        .query_row((level.number(), before, step), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let Some(last) = last else { return Ok(0) };
    let gone = if count < step { before } else { last.saturating_add(1) };
    if level == Level::Day {
        recorded::delete_before(connection, gone)?;
    }
    connection
        .prepare_cached(
            "INSERT INTO deleted (level, before_ms) VALUES (?1, ?2)
                ON CONFLICT (level) DO UPDATE SET before_ms = max(before_ms, excluded.before_ms)",
        )?
        .execute((level.number(), gone))?;
    connection
        .prepare_cached(
            "DELETE FROM block WHERE id IN (SELECT id FROM block WHERE level = ?1 AND start_ms < ?2
                ORDER BY start_ms, part LIMIT ?3)",
        )?
        .execute((level.number(), before, step))
}

/// Deletes blocks of a level that start there or later, once they are part of a sum. Coarser ones tell of them as long as they are kept.
fn delete_ahead(connection: &Connection, level: Level, from: i64, step: usize) -> rusqlite::Result<usize> {
    let has_any = "SELECT 1 FROM block WHERE level = ?1 AND start_ms >= ?2";
    if !connection.prepare_cached(has_any)?.exists((level.number(), from))? {
        return Ok(0);
    }
    rollup::close_all(connection)?;
    connection
        .prepare_cached(
            "DELETE FROM block WHERE id IN (SELECT id FROM block WHERE level = ?1 AND start_ms >= ?2
                ORDER BY start_ms DESC, part DESC LIMIT ?3)",
        )?
        .execute((level.number(), from, i64::try_from(step).unwrap_or(i64::MAX)))
}

/// Whether the history itself shows that the clock has been about right: something moved in an hour's minutes of the last days before
/// `now`. So no jump of the clock, however far, makes everything old before it has lasted.
pub(crate) fn is_believed(connection: &Connection, now: UnixMillis) -> rusqlite::Result<bool> {
    let minutes: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM (SELECT DISTINCT start_ms / 60000 FROM block
                WHERE level < 3 AND start_ms BETWEEN ?1 AND ?2 LIMIT ?3)",
        )?
        .query_row((now.0.saturating_sub(BELIEVED_MS), now.0, BELIEVED_MINUTES), |row| row.get(0))?;
    Ok(minutes >= BELIEVED_MINUTES)
}

/// How large the file would be without its free pages.
fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let used = number(connection, "page_count")?.saturating_sub(number(connection, "freelist_count")?);
    Ok(used.saturating_mul(number(connection, "page_size")?))
}

/// Gives free pages back but for `kept`, at most `step`; by how many bytes the file became smaller.
pub(crate) fn shrink(connection: &Connection, kept: u64, step: u64) -> rusqlite::Result<u64> {
    let free = number(connection, "freelist_count")?.saturating_sub(kept).min(step);
    let before = number(connection, "page_count")?;
    if free > 0 {
        let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({free})"))?;
        let mut rows = vacuum.query([])?;
        while rows.next()?.is_some() {}
    }
    let freed = before.saturating_sub(number(connection, "page_count")?);
    Ok(freed.saturating_mul(number(connection, "page_size")?))
}

fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<u64> {
    connection.pragma_query_value(None, pragma, |row| {
        row.get(0).map(|number: i64| u64::try_from(number).unwrap_or_default())
    })
}
