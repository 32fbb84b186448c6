//! The blocks as the rows that the questions of today ask. It goes away with them.

use rusqlite::Connection;

use crate::{block::Level, tables::block};

/// Shows `work` the buckets as the tables `bucket` and `traffic`, and forgets these afterwards.
pub(super) fn with_rows<T>(
    connection: &Connection,
    work: impl FnOnce() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.pragma_update(None, "query_only", false)?;
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(
        "CREATE TEMP TABLE bucket (id INTEGER PRIMARY KEY, start_ms INTEGER, width_ms INTEGER);
        CREATE TEMP TABLE traffic (bucket_id INTEGER, actor_id INTEGER, peer_id INTEGER, local_port INTEGER,
            remote_port INTEGER, tx_bytes INTEGER, rx_bytes INTEGER, flows INTEGER, first_offset_ms INTEGER,
            last_offset_ms INTEGER);
        CREATE INDEX temp.traffic_bucket ON traffic (bucket_id)",
    )?;
    {
        let mut bucket =
            transaction.prepare("INSERT INTO temp.bucket (start_ms, width_ms) VALUES (?1, ?2)")?;
        let mut traffic = transaction
            .prepare("INSERT INTO temp.traffic VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?;
        block::each(&transaction, Level::Bucket, i64::MIN..=i64::MAX, |head, rows| {
            let id = bucket.insert((head.start_ms, head.width_ms))?;
            let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
            for row in rows? {
                let (tx, rx, flows) = (number(row.tx), number(row.rx), number(row.flows));
                let ports = (row.local_port, row.remote_port);
                let (first, last) = (row.first_ms, row.last_ms);
                traffic.execute((id, row.actor, row.peer, ports.0, ports.1, tx, rx, flows, first, last))?;
            }
            Ok(())
        })?;
    }
    let result = work();
    transaction.rollback()?;
    connection.pragma_update(None, "query_only", true)?;
    result
}
