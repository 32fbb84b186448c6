//! Blocks of traffic that come out of a damaged file.

use std::collections::HashSet;

use rusqlite::{Connection, types::Value};

use super::{
    cells::{Row, Rows},
    repair::stand_in,
};
use crate::block::{Column, Columns, Damaged};

/// Whom the new file knows; read once.
#[derive(Debug, Default)]
pub(super) struct Known {
    actors: Option<HashSet<u64>>,
    peers: Option<HashSet<u64>>,
    addresses: Option<HashSet<u64>>,
}

impl Known {
    /// Leaves only the blocks that are what was written, and puts stand-ins where nobody is known; how many.
    pub(super) fn check(&mut self, connection: &Connection, rows: &mut Rows) -> rusqlite::Result<u64> {
        let all = std::mem::take(&mut rows.rows);
        let mut invented = 0;
        for mut row in all {
            let Ok([actors, peers, locals]) = numbers(&row) else {
                rows.lost += 1;
                continue;
            };
            forget_damaged_sums(&mut row);
            let tables = [
                ("actor", &mut self.actors, actors),
                ("peer", &mut self.peers, peers),
                ("address", &mut self.addresses, locals),
            ];
            for (table, known, named) in tables {
                let known = match known {
                    Some(known) => known,
                    None => known.insert(numbers_of(connection, table)?),
                };
                for number in named {
                    if known.insert(number) {
                        stand_in(connection, table, i64::try_from(number).unwrap_or(i64::MAX))?;
                        invented += 1;
                    }
                }
            }
            rows.rows.push(row);
        }
        Ok(invented)
    }
}

/// The actors, the peers and the local addresses of a block; an error where it is not what was written.
fn numbers(row: &Row) -> Result<[Vec<u64>; 3], Damaged> {
    let Some(Value::Blob(data)) = row.values.last() else { return Err(Damaged) };
    let columns = Columns::open(data)?;
    let (mut actors, mut peers, mut locals) = (Vec::new(), Vec::new(), Vec::new());
    columns.read(Column::Actor, &mut actors)?;
    columns.read(Column::Peer, &mut peers)?;
    columns.read(Column::Local, &mut locals)?;
    locals.retain(|local| *local != 0);
    Ok([actors, peers, locals])
}

/// Where the sums of a block are not what was written, its rows are enough.
fn forget_damaged_sums(row: &mut Row) {
    if let [.., sums, _] = row.values.as_mut_slice()
        && let Value::Blob(data) = &*sums
        && Columns::open(data).is_err()
    {
        *sums = Value::Null;
    }
}

fn numbers_of(connection: &Connection, table: &str) -> rusqlite::Result<HashSet<u64>> {
    let mut list = connection.prepare(&format!("SELECT id FROM {table}"))?;
    let numbers = list.query_map([], |row| row.get::<_, i64>(0))?;
    numbers.map(|number| Ok(u64::try_from(number?).unwrap_or_default())).collect()
}

/// Up to where a level is the sum of what is below it, where that was lost: as far as its blocks reach.
pub(super) fn close(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "INSERT OR IGNORE INTO closed SELECT level, max(start_ms + width_ms) FROM block WHERE level > 0 GROUP BY level",
    )
}
