use rusqlite::{Connection, OptionalExtension};

/// How much of a daemon's journal a history holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which journal.
    pub journal: i64,
    /// The last of its numbers whose records are written, together with those of all smaller ones.
    pub epoch: u64,
}

/// The newest checkpoint; `None` before the first.
pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Option<Checkpoint>> {
    connection
        .query_row("SELECT journal, epoch FROM checkpoint", [], |row| {
            let epoch: i64 = row.get(1)?;
            Ok(Checkpoint { journal: row.get(0)?, epoch: u64::try_from(epoch).unwrap_or_default() })
        })
        .optional()
}

/// Replaces the checkpoint.
pub(crate) fn write(connection: &Connection, checkpoint: Checkpoint) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO checkpoint (one, journal, epoch) VALUES (1, ?1, ?2)")?
        .execute((checkpoint.journal, i64::try_from(checkpoint.epoch).unwrap_or(i64::MAX)))?;
    Ok(())
}
