use portolan_core::{Endpoint, UnixMillis};
use rusqlite::{CachedStatement, Connection};

use crate::{Record, intern::Place};

/// Sums stay at the largest number that the column holds: without that SQLite would go over to floating point, which
/// the column refuses.
const ADD: &str = "
    INSERT INTO traffic (bucket_id, actor_id, peer_id, local_port, remote_port,
        tx_bytes, rx_bytes, flows, first_offset_ms, last_offset_ms)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
    ON CONFLICT (bucket_id, actor_id, peer_id, local_port, remote_port) DO UPDATE SET
        tx_bytes = CASE WHEN tx_bytes > 9223372036854775807 - excluded.tx_bytes
            THEN 9223372036854775807 ELSE tx_bytes + excluded.tx_bytes END,
        rx_bytes = CASE WHEN rx_bytes > 9223372036854775807 - excluded.rx_bytes
            THEN 9223372036854775807 ELSE rx_bytes + excluded.rx_bytes END,
        flows = CASE WHEN flows > 9223372036854775807 - excluded.flows
            THEN 9223372036854775807 ELSE flows + excluded.flows END,
        first_offset_ms = min(first_offset_ms, excluded.first_offset_ms),
        last_offset_ms = max(last_offset_ms, excluded.last_offset_ms)";

/// Write side of `traffic`.
pub(crate) struct TrafficWriter<'c> {
    add: CachedStatement<'c>,
}

impl<'c> TrafficWriter<'c> {
    pub(crate) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self { add: connection.prepare_cached(ADD)? })
    }

    /// Adds the record's numbers to its row.
    pub(crate) fn add(&mut self, place: &Place, record: &Record) -> rusqlite::Result<()> {
        let offset_ms = |time: UnixMillis| time.0.saturating_sub(record.bucket_start.0);
        self.add.execute((
            place.bucket,
            place.actor,
            place.peer,
            port(record.local),
            port(record.remote),
            saturate(record.bytes.tx),
            saturate(record.bytes.rx),
            saturate(record.flows_opened),
            offset_ms(record.first),
            offset_ms(record.last),
        ))?;
        Ok(())
    }
}

/// 0 where there is no port, because a column of the primary key cannot be NULL.
fn port(side: Option<Endpoint>) -> u16 {
    side.map_or(0, |endpoint| endpoint.port)
}

fn saturate(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
