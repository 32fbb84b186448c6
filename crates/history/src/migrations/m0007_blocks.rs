use rusqlite::{Connection, Row};

use crate::block::{Level, Moved, encode};

/// Peers that differ in nothing but the local address, which from now on stands in blocks, become the first of them.
const SAME_PEERS: &str = "CREATE TABLE same_peer (peer_id INTEGER PRIMARY KEY, id INTEGER NOT NULL, local_address_id INTEGER) STRICT;
    INSERT INTO same_peer SELECT id, min(id) OVER (PARTITION BY ifnull(remote_address_id, 0), ifnull(service_port, -1), protocol,
        direction, ifnull(domain_id, 0), ifnull(name_source, ''), name_inferred, ifnull(place_id, 0), ifnull(recognised, '')),
        local_address_id FROM peer";
const WITHOUT_LOCALS: &str = "DROP TABLE traffic; DROP TABLE bucket;
    DELETE FROM peer WHERE id NOT IN (SELECT id FROM same_peer); DROP TABLE same_peer;
    DROP INDEX peer_identity; ALTER TABLE peer DROP COLUMN local_address_id;
    CREATE UNIQUE INDEX peer_identity ON peer (
        ifnull(remote_address_id, 0), ifnull(service_port, -1), protocol, direction,
        ifnull(domain_id, 0), ifnull(name_source, ''), name_inferred, ifnull(place_id, 0), ifnull(recognised, ''))";

/// Turns the rows of `traffic` into blocks of their buckets. Sums are made of them when something is written.
///
/// Numbers that no version could have written are 0.
pub(super) fn turn_traffic_into_blocks(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(SAME_PEERS)?;
    {
        let mut buckets = connection.prepare("SELECT id, start_ms, width_ms FROM bucket ORDER BY id")?;
        let mut traffic = connection.prepare(
            "SELECT actor_id, same.id, local_port, remote_port, tx_bytes, rx_bytes, flows, first_offset_ms,
                last_offset_ms, ifnull(local_address_id, 0) FROM traffic JOIN same_peer same ON same.peer_id = traffic.peer_id
                WHERE bucket_id = ?1",
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
                let rows = i64::try_from(rows.len()).unwrap_or(i64::MAX);
                write.execute((id, start_ms, part, width_ms, rows, data))?;
            }
        }
    }
    connection.execute_batch(WITHOUT_LOCALS)
}

fn moved(row: &Row<'_>) -> rusqlite::Result<Moved> {
    let sum = |column| row.get(column).map(|sum: i64| u64::try_from(sum).unwrap_or_default());
    let offset = |column| row.get(column).map(|offset: i64| u32::try_from(offset).unwrap_or_default());
    Ok(Moved {
        actor: row.get(0)?,
        peer: row.get(1)?,
        local: row.get(9)?,
        local_port: row.get(2)?,
        remote_port: row.get(3)?,
        tx: sum(4)?,
        rx: sum(5)?,
        flows: sum(6)?,
        first_ms: offset(7)?,
        last_ms: offset(8)?,
    })
}
