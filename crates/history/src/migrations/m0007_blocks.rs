use rusqlite::{Connection, Row};

use crate::block::{Level, Moved, encode};

/// Turns the rows of `traffic` into blocks of their buckets. Sums are made of them when something is written.
///
/// Numbers that no version could have written are 0.
pub(super) fn turn_traffic_into_blocks(connection: &Connection) -> rusqlite::Result<()> {
    {
        let mut buckets = connection.prepare("SELECT id, start_ms, width_ms FROM bucket ORDER BY id")?;
        let mut traffic = connection.prepare(
            "SELECT actor_id, peer_id, local_port, remote_port, tx_bytes, rx_bytes, flows, first_offset_ms,
                last_offset_ms FROM traffic WHERE bucket_id = ?1",
        )?;
        let mut write = connection.prepare(
            "INSERT INTO block (id, level, start_ms, part, width_ms, rows, data)
                VALUES ((3 << 48) + ?1, 0, ?2, ?3, ?4, ?5, ?6)",
        )?;
        let mut buckets = buckets.query([])?;
        let mut id = 0_i64;
        while let Some(bucket) = buckets.next()? {
            let (bucket_id, start_ms, width_ms): (i64, i64, i64) =
                (bucket.get(0)?, bucket.get(1)?, bucket.get(2)?);
            let mut rows = traffic.query_map([bucket_id], moved)?.collect::<rusqlite::Result<Vec<_>>>()?;
            for (part, (rows, data)) in (0_i64..).zip(encode(&mut rows, Level::Bucket)) {
                id += 1;
                let rows = i64::try_from(rows).unwrap_or(i64::MAX);
                write.execute((id, start_ms, part, width_ms, rows, data))?;
            }
        }
    }
    connection.execute_batch("DROP TABLE traffic; DROP TABLE bucket")
}

fn moved(row: &Row<'_>) -> rusqlite::Result<Moved> {
    let sum = |column| row.get(column).map(|sum: i64| u64::try_from(sum).unwrap_or_default());
    let offset = |column| row.get(column).map(|offset: i64| u32::try_from(offset).unwrap_or_default());
    Ok(Moved {
        actor: row.get(0)?,
        peer: row.get(1)?,
        local_port: row.get(2)?,
        remote_port: row.get(3)?,
        tx: sum(4)?,
        rx: sum(5)?,
        flows: sum(6)?,
        first_ms: offset(7)?,
        last_ms: offset(8)?,
    })
}
