use portolan_core::Bytes;
use rusqlite::{Connection, OptionalExtension, Row};

/// How much of a daemon's journal, and of what the kernel's tables counted, a history holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which journal.
    pub journal: i64,
    /// The last of its numbers whose records are written, together with those of all smaller ones.
    pub epoch: u64,
    /// Which tables.
    pub tables: u64,
    /// What of theirs was accounted for by then.
    pub accounted: Bytes,
    /// What waits for a later number: all else that was accounted for is written.
    pub waiting: Bytes,
}

const COLUMNS: &str = "journal, epoch, tables, accounted_tx, accounted_rx, waiting_tx, waiting_rx";

/// The newest checkpoint; `None` before the first.
pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Option<Checkpoint>> {
    connection.query_row(&format!("SELECT {COLUMNS} FROM checkpoint"), [], from_row).optional()
}

/// Replaces the checkpoint.
pub(crate) fn write(connection: &Connection, checkpoint: Checkpoint) -> rusqlite::Result<()> {
    let Checkpoint { journal, epoch, tables, accounted, waiting } = checkpoint;
    let [epoch, tables, accounted_tx, accounted_rx, waiting_tx, waiting_rx] =
        [epoch, tables, accounted.tx, accounted.rx, waiting.tx, waiting.rx]
            .map(|number| i64::try_from(number).unwrap_or(i64::MAX));
    connection
        .prepare_cached(&format!(
            "INSERT OR REPLACE INTO checkpoint (one, {COLUMNS}) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)"
        ))?
        .execute((journal, epoch, tables, accounted_tx, accounted_rx, waiting_tx, waiting_rx))?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Checkpoint> {
    let number =
        |index| Ok::<_, rusqlite::Error>(u64::try_from(row.get::<_, i64>(index)?).unwrap_or_default());
    Ok(Checkpoint {
        journal: row.get(0)?,
        epoch: number(1)?,
        tables: number(2)?,
        accounted: Bytes { tx: number(3)?, rx: number(4)? },
        waiting: Bytes { tx: number(5)?, rx: number(6)? },
    })
}
