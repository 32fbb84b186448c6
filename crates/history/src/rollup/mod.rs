//! How what moved is written, and how the sums of each level are kept.
//!
//! Of every level, all before its `until` in `closed` is the sum of all that was ever written before it; nothing of it reaches further.

use std::{collections::BTreeMap, ops::RangeInclusive};

use rusqlite::Connection;

use crate::{
    block::{self, Level, Moved},
    tables::{
        block::{self as table, Head},
        closed,
    },
};

/// The longest bucket: a day.
pub(crate) const LONGEST_MS: u32 = 86_400_000;
/// An interval that has more parts is made one.
const PARTS_MAX: i64 = 16;
/// So many rows are added up in one transaction, and what else there is of the day that they end in.
const CLOSED_ROWS: usize = 20_000;
/// So many intervals are looked at for lost sums in one step.
const RESTORED: usize = 256;
/// So many rows are gathered before those with the same key are made one.
const GATHERED_ROWS: usize = 1 << 16;

/// What a transaction writes, by where its buckets start, with the longest width that was said of each.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    buckets: BTreeMap<i64, (u32, Vec<Moved>)>,
}

impl Batch {
    /// Adds a row to the bucket that starts at `start_ms`.
    pub(crate) fn add(&mut self, start_ms: i64, width_ms: u32, row: Moved) {
        let (width, rows) = self.buckets.entry(start_ms).or_default();
        *width = (*width).max(width_ms.clamp(1, LONGEST_MS));
        rows.push(row);
    }

    /// Writes all, adds what came late to the sums that it belongs to, and makes those that are now complete, see [`close_some`].
    pub(crate) fn write(mut self, connection: &Connection) -> rusqlite::Result<()> {
        let Some(newest) = self.buckets.last_key_value().map(|(start, _)| *start) else { return Ok(()) };
        for level in Level::SUMS {
            let Some(until) = closed::until(connection, level)? else { continue };
            let mut late: BTreeMap<i64, Vec<Moved>> = BTreeMap::new();
            for (start, (_, rows)) in self.buckets.range(..until) {
                late.entry(level.start_of(*start)).or_default().extend(rows);
            }
            for (start, mut rows) in late {
                append(connection, level, start, level.width_ms(), &mut rows)?;
            }
        }
        for (start, (width, rows)) in &mut self.buckets {
            append(connection, Level::Bucket, *start, *width, rows)?;
        }
        close_some(connection, newest).map(|_| ())
    }
}

/// Adds a part to an interval; where there are many, all are made one.
fn append(
    connection: &Connection,
    level: Level,
    start_ms: i64,
    width_ms: u32,
    rows: &mut Vec<Moved>,
) -> rusqlite::Result<()> {
    let (count, part) = table::parts(connection, level, start_ms)?;
    table::put(connection, level, Head { start_ms, part, width_ms }, rows)?;
    if count >= PARTS_MAX { unite(connection, level, start_ms) } else { Ok(()) }
}

/// Makes the parts of an interval one, as long as the longest. Those that are damaged stay as they are.
fn unite(connection: &Connection, level: Level, start_ms: i64) -> rusqlite::Result<()> {
    let mut all = Gathered::default();
    let mut heads: Vec<Head> = Vec::new();
    table::each(connection, level, start_ms..=start_ms, |head, rows| {
        if let Ok(rows) = rows {
            heads.push(head);
            all.add(rows, level);
        }
        Ok(())
    })?;
    let width_ms = heads.iter().map(|head| head.width_ms).max().unwrap_or(1);
    let Some((first, others)) = heads.split_first() else { return Ok(()) };
    // First room, then what takes it: so it stays in its page.
    others.iter().try_for_each(|other| table::delete(connection, level, start_ms, other.part))?;
    table::put(connection, level, Head { width_ms, ..*first }, &mut all.rows)
}

/// Makes sums that are complete because something was written at `newest`, the oldest first, whole days, until so many rows were added up: so
/// no transaction is much longer than a day's traffic, however much of it was never summed. Whether there are more.
fn close_some(connection: &Connection, newest: i64) -> rusqlite::Result<bool> {
    let mut summed = 0;
    while summed < CLOSED_ROWS {
        let (rows, has_more) = close_day(connection, newest)?;
        summed += rows.max(1);
        if !has_more {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The same for one day at each level; how many rows were added up.
fn close_day(connection: &Connection, newest: i64) -> rusqlite::Result<(usize, bool)> {
    let (mut complete, mut rows, mut has_more) = (newest, 0, false);
    for level in Level::SUMS {
        let Some(below) = level.below() else { continue };
        let wanted = level.start_of(complete);
        let from = closed::until(connection, level)?.unwrap_or(i64::MIN);
        let oldest = table::next(connection, below, from)?.filter(|oldest| *oldest < wanted);
        let day = |oldest| Level::Day.start_of(oldest).saturating_add(Level::Day.width_ms().into());
        let until = oldest.map_or(wanted, |oldest| wanted.min(day(oldest)));
        rows += close(connection, level, until)?;
        has_more |= until < wanted;
        complete = complete.min(until.max(from));
    }
    Ok((rows, has_more))
}

/// Makes some of the sums that are complete and were not made when the next bucket was written; whether there are more.
pub(crate) fn close_more(connection: &Connection) -> rusqlite::Result<bool> {
    table::last(connection)?.map_or(Ok(false), |newest| close_some(connection, newest))
}

/// Makes the sums of a level up to `until`, which are complete: something later was written. How many rows were added up.
fn close(connection: &Connection, level: Level, until: i64) -> rusqlite::Result<usize> {
    let from = closed::until(connection, level)?;
    let Some(below) = level.below().filter(|_| from.is_none_or(|from| from < until)) else { return Ok(0) };
    // Before the first of all times there is nothing to sum up.
    let rows = match until.checked_sub(1) {
        Some(last) => sum(connection, level, below, from.unwrap_or(i64::MIN)..=last)?,
        None => 0,
    };
    closed::set(connection, level, until)?;
    Ok(rows)
}

/// Writes the blocks of a level that are the sums of those below it, where there is none yet; of how many rows.
fn sum(
    connection: &Connection,
    level: Level,
    below: Level,
    starts: RangeInclusive<i64>,
) -> rusqlite::Result<usize> {
    for start in table::in_parts(connection, below, starts.clone())? {
        unite(connection, below, start)?;
    }
    let width_ms = level.width_ms();
    let write = |(start_ms, mut all): (i64, Gathered)| {
        table::put(connection, level, Head { start_ms, part: 0, width_ms }, &mut all.rows)
    };
    let (mut open, mut count): (Option<(i64, Gathered)>, usize) = (None, 0);
    table::each(connection, below, starts, |head, rows| {
        // What is damaged is missing in the sum: recording goes on, and who asks for the block itself is told.
        let Ok(rows) = rows else { return Ok(()) };
        count += rows.len();
        let start = level.start_of(head.start_ms);
        if let Some(complete) = open.take_if(|(open, _)| *open != start) {
            write(complete)?;
        }
        open.get_or_insert_with(|| (start, Gathered::default())).1.add(rows, level);
        Ok(())
    })?;
    open.map_or(Ok(()), write)?;
    Ok(count)
}

/// How many sums were made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Restored {
    pub(crate) whole: u64,
    /// Of which the level below had been deleted in part: a file that is too large is cut wherever that is enough.
    pub(crate) in_part: u64,
}

/// Makes sums anew that are lost although there is something of which they are: a few intervals from `from` on, of those that are not
/// deleted for their age. How many, and where to go on; `None` at the end of the level.
pub(crate) fn restore(
    connection: &Connection,
    level: Level,
    from: i64,
) -> rusqlite::Result<(Restored, Option<i64>)> {
    let mut made = Restored::default();
    let (Some(below), Some(until)) = (level.below(), closed::until(connection, level)?) else {
        return Ok((made, None));
    };
    let deleted = closed::deleted(connection, level)?.unwrap_or(i64::MIN);
    let deleted_below = closed::deleted(connection, below)?.unwrap_or(i64::MIN);
    let mut from = from.max(deleted);
    for _ in 0..RESTORED {
        let next = table::next(connection, below, from)?.map(|next| level.start_of(next));
        let next = next.map(|start| (start, start.saturating_add(level.width_ms().into())));
        let Some((start, end)) = next.filter(|(_, end)| from < *end && *end <= until) else {
            return Ok((made, None));
        };
        if start >= deleted && table::parts(connection, level, start)?.0 == 0 {
            sum(connection, level, below, start..=end - 1)?;
            *if start < deleted_below { &mut made.in_part } else { &mut made.whole } += 1;
        }
        from = end;
    }
    Ok((made, Some(from)))
}

/// Makes the sums of everything that there is: nothing later is expected.
pub(crate) fn close_all(connection: &Connection) -> rusqlite::Result<()> {
    let Some(newest) = table::last(connection)? else { return Ok(()) };
    Level::SUMS.into_iter().try_for_each(|level| {
        close(connection, level, level.start_of(newest).saturating_add(level.width_ms().into())).map(|_| ())
    })
}

/// Rows that add up, without more memory than a multiple of what they are in the end.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    rows: Vec<Moved>,
    /// How many of them have a key of their own.
    merged: usize,
}

impl Gathered {
    /// How many rows were added, less those that were made one.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows, each key once.
    pub(crate) fn into_rows(mut self, level: Level) -> Vec<Moved> {
        block::merge(&mut self.rows, level);
        self.rows
    }

    pub(crate) fn add(&mut self, rows: &[Moved], level: Level) {
        self.rows.extend_from_slice(rows);
        if self.rows.len() > 2 * self.merged + GATHERED_ROWS {
            block::merge(&mut self.rows, level);
            self.merged = self.rows.len();
        }
    }
}

#[cfg(test)]
mod tests;
