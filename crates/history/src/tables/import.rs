use portolan_core::UnixMillis;
use rusqlite::{Connection, OptionalExtension, params};

use crate::{Ready, Record, Source};

/// What imports have told so far.
#[derive(Debug)]
pub(crate) struct Markers {
    /// Rows of the same source.
    told: u64,
    /// Times that other sources of the same recorder have covered, both ends included.
    covered: Vec<(i64, i64)>,
}

impl Markers {
    pub(crate) fn read(connection: &Connection, source: &Source) -> rusqlite::Result<Self> {
        let told = connection
            .prepare_cached(
                "SELECT told FROM import WHERE recorder = ?1 AND source_rows = ?2 AND first_ms = ?3 AND last_ms = ?4
                    AND source_bytes = ?5",
            )?
            .query_row(key(source), |row| row.get::<_, i64>(0))
            .optional()?;
        let covered = connection
            .prepare_cached(
                "SELECT first_ms, until_ms FROM import WHERE recorder = ?1 AND added > 0 AND until_ms IS NOT NULL
                    AND NOT (source_rows = ?2 AND first_ms = ?3 AND last_ms = ?4 AND source_bytes = ?5)",
            )?
            .query_map(key(source), |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(Self { told: told.and_then(|told| told.try_into().ok()).unwrap_or_default(), covered })
    }

    /// The records of which nobody has told.
    pub(crate) fn unknown<'r>(&self, ready: &'r Ready) -> Vec<&'r Record> {
        let is_covered =
            |at: UnixMillis| self.covered.iter().any(|(first, until)| (*first..=*until).contains(&at.0));
        let told = usize::try_from(self.told.saturating_sub(ready.before)).unwrap_or(usize::MAX);
        let untold = ready.records.iter().skip(told).flatten();
        untold.filter(|record| !is_covered(record.first)).collect()
    }

    /// Notes that these rows are told.
    pub(crate) fn write(
        &mut self,
        connection: &Connection,
        ready: &Ready,
        added: usize,
        now: UnixMillis,
    ) -> rusqlite::Result<()> {
        let told = ready.before.saturating_add(u64::try_from(ready.records.len()).unwrap_or(u64::MAX));
        self.told = self.told.max(told);
        let until = ready.records.iter().flatten().map(|record| record.first.0).max();
        let (recorder, rows, first, last, bytes) = key(&ready.source);
        connection
            .prepare_cached(
                "INSERT INTO import (recorder, source_rows, first_ms, last_ms, source_bytes, told, until_ms, added, at_ms)
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                    ON CONFLICT (recorder, source_rows, first_ms, last_ms, source_bytes) DO UPDATE SET
                    told = excluded.told, added = added + excluded.added, at_ms = excluded.at_ms,
                    until_ms = max(ifnull(until_ms, excluded.until_ms), ifnull(excluded.until_ms, until_ms))",
            )?
            .execute(params![
                recorder,
                rows,
                first,
                last,
                bytes,
                saturate(self.told),
                until,
                i64::try_from(added).unwrap_or(i64::MAX),
                now.0
            ])?;
        Ok(())
    }
}

fn key(source: &Source) -> (&str, i64, i64, i64, i64) {
    let Source { recorder, rows, first_unix_ms, last_unix_ms, bytes } = source;
    (recorder, saturate(*rows), *first_unix_ms, *last_unix_ms, saturate(*bytes))
}

fn saturate(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
