//! How what moved is written, and how the sums of each level are kept.
//!
//! Of every level, all before its `until` in `closed` is the sum of all that was ever written before it; nothing of it reaches further.

use std::collections::BTreeMap;

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

    /// Writes all, adds what came late to the sums that it belongs to, and makes those that are now complete.
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
        Level::SUMS.into_iter().try_for_each(|level| close(connection, level, level.start_of(newest)))
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

/// Makes the sums of a level up to `until`, which are complete: something later was written.
fn close(connection: &Connection, level: Level, until: i64) -> rusqlite::Result<()> {
    let from = closed::until(connection, level)?;
    let Some(below) = level.below().filter(|_| from.is_none_or(|from| from < until)) else { return Ok(()) };
    // Before the first of all times there is nothing to sum up.
    let Some(last) = until.checked_sub(1) else { return closed::set(connection, level, until) };
    let starts = from.unwrap_or(i64::MIN)..=last;
    for start in table::in_parts(connection, below, starts.clone())? {
        unite(connection, below, start)?;
    }
    let width_ms = level.width_ms();
    let write = |(start_ms, mut all): (i64, Gathered)| {
        table::put(connection, level, Head { start_ms, part: 0, width_ms }, &mut all.rows)
    };
    let mut open: Option<(i64, Gathered)> = None;
    table::each(connection, below, starts, |head, rows| {
        // What is damaged is missing in the sum: recording goes on, and who asks for the block itself is told.
        let Ok(rows) = rows else { return Ok(()) };
        let start = level.start_of(head.start_ms);
        if let Some(complete) = open.take_if(|(open, _)| *open != start) {
            write(complete)?;
        }
        open.get_or_insert_with(|| (start, Gathered::default())).1.add(rows, level);
        Ok(())
    })?;
    open.map_or(Ok(()), write)?;
    closed::set(connection, level, until)
}

/// Makes the sums of everything that there is: nothing later is expected.
pub(crate) fn close_all(connection: &Connection) -> rusqlite::Result<()> {
    let Some(newest) = table::last(connection)? else { return Ok(()) };
    Level::SUMS.into_iter().try_for_each(|level| {
        close(connection, level, level.start_of(newest).saturating_add(level.width_ms().into()))
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
