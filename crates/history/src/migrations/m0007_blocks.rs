use rusqlite::{Connection, OptionalExtension, Row};

use crate::{
    block::{Level, Moved},
    tables::block::{self as table, Head},
};

/// So many rows are turned in one transaction, and what else there is of the bucket that they end in.
const STEP_ROWS: usize = 20_000;

/// Peers that differ in nothing but the local address, which from now on stands in blocks, become the first of them. No peer comes or
/// goes before all is turned, so each connection finds the same.
const SAME_PEERS: &str = "CREATE TEMP TABLE same_peer (peer_id INTEGER PRIMARY KEY, id INTEGER NOT NULL, local_address_id INTEGER) STRICT;
    INSERT INTO same_peer SELECT id, min(id) OVER (PARTITION BY ifnull(remote_address_id, 0), ifnull(service_port, -1), protocol,
        direction, ifnull(domain_id, 0), ifnull(name_source, ''), name_inferred, ifnull(place_id, 0), ifnull(recognised, '')),
        local_address_id FROM peer";
const WITHOUT_LOCALS: &str = "DROP TABLE traffic; DROP TABLE bucket;
    DELETE FROM peer WHERE id NOT IN (SELECT id FROM same_peer); DROP TABLE temp.same_peer;
    DROP INDEX peer_identity; ALTER TABLE peer DROP COLUMN local_address_id;
    CREATE UNIQUE INDEX peer_identity ON peer (
        ifnull(remote_address_id, 0), ifnull(service_port, -1), protocol, direction,
        ifnull(domain_id, 0), ifnull(name_source, ''), name_inferred, ifnull(place_id, 0), ifnull(recognised, ''))";

/// Turns some rows of `traffic` into blocks of their buckets, the oldest first, and deletes them; whether that was all. Their room is the
/// next ones', and the log stays short. Sums are made of them later.
///
/// Numbers that no version could have written are 0.
pub(super) fn turn_traffic_into_blocks(connection: &Connection) -> rusqlite::Result<bool> {
    if !has(connection, "SELECT 1 FROM main.sqlite_schema WHERE name = 'traffic'")? {
        return Ok(true);
    }
    if !has(connection, "SELECT 1 FROM temp.sqlite_schema WHERE name = 'same_peer'")? {
        connection.execute_batch(SAME_PEERS)?;
    }
    let mut turned = 0;
    while turned < STEP_ROWS {
        let Some((bucket, head)) = oldest(connection)? else {
            connection.flush_prepared_statement_cache();
            connection.execute_batch(WITHOUT_LOCALS)?;
            return Ok(true);
        };
        let mut rows = rows(connection, bucket)?;
        turned += rows.len().max(1);
        table::put(connection, Level::Bucket, head, &mut rows)?;
        connection.prepare_cached("DELETE FROM traffic WHERE bucket_id = ?1")?.execute([bucket])?;
        connection.prepare_cached("DELETE FROM bucket WHERE id = ?1")?.execute([bucket])?;
    }
    Ok(false)
}

fn has(connection: &Connection, what: &str) -> rusqlite::Result<bool> {
    connection.prepare(what)?.exists([])
}

fn oldest(connection: &Connection) -> rusqlite::Result<Option<(i64, Head)>> {
    connection
        .prepare_cached("SELECT id, start_ms, width_ms FROM bucket ORDER BY start_ms LIMIT 1")?
        .query_row([], |row| {
            Ok((row.get(0)?, Head { start_ms: row.get(1)?, part: 0, width_ms: row.get(2)? }))
        })
        .optional()
}

fn rows(connection: &Connection, bucket: i64) -> rusqlite::Result<Vec<Moved>> {
    connection
        .prepare_cached(
            "SELECT actor_id, same.id, local_port, remote_port, tx_bytes, rx_bytes, flows, first_offset_ms,
                last_offset_ms, ifnull(local_address_id, 0) FROM traffic JOIN same_peer same ON same.peer_id = traffic.peer_id
                WHERE bucket_id = ?1",
        )?
        .query_map([bucket], moved)?
        .collect()
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
