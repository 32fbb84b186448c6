use portolan_core::UnixMillis;
use rusqlite::Connection;

use crate::{cache::Cache, ids::BucketId};

/// The longest bucket that the table takes: a day.
pub(crate) const LONGEST_MS: u32 = 86_400_000;

/// Write side of `bucket`.
#[derive(Debug)]
pub(crate) struct Buckets {
    known: Cache<(UnixMillis, u32), BucketId>,
}

impl Default for Buckets {
    fn default() -> Self {
        Self { known: Cache::new(64) }
    }
}

impl Buckets {
    /// The bucket that starts at `start`. Where two widths were written for one start, the longer one stands.
    pub(crate) fn id(
        &mut self,
        connection: &Connection,
        start: UnixMillis,
        width_ms: u32,
    ) -> rusqlite::Result<BucketId> {
        let width_ms = width_ms.clamp(1, LONGEST_MS);
        if let Some(id) = self.known.get(&(start, width_ms)) {
            return Ok(id);
        }
        let id = connection
            .prepare_cached(
                "INSERT INTO bucket (start_ms, width_ms) VALUES (?1, ?2)
                    ON CONFLICT (start_ms) DO UPDATE SET width_ms = max(width_ms, excluded.width_ms) RETURNING id",
            )?
            .query_row((start.0, width_ms), |row| row.get(0))?;
        self.known.put((start, width_ms), id);
        Ok(id)
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }
}

/// The start of the oldest bucket; `None` while the history is empty.
pub(crate) fn first(connection: &Connection) -> rusqlite::Result<Option<UnixMillis>> {
    let first: Option<i64> =
        connection.query_row("SELECT min(start_ms) FROM bucket", [], |row| row.get(0))?;
    Ok(first.map(UnixMillis))
}
