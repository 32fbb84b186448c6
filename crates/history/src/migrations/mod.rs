mod m0007_blocks;

use rusqlite::{Connection, TransactionBehavior};

/// Written into the file's header, so that the database of another program is never taken for a history ("PORT").
pub(crate) const APPLICATION_ID: i64 = 0x504f_5254;

/// The step from version `n` to `n + 1` stands at index `n`. A step, once released, never changes.
const STEPS: [&str; 13] = [
    include_str!("0001_first.sql"),
    include_str!("0002_checkpoint.sql"),
    include_str!("0003_placement.sql"),
    include_str!("0004_accounted.sql"),
    include_str!("0005_findings.sql"),
    include_str!("0006_names.sql"),
    include_str!("0007_blocks.sql"),
    include_str!("0008_forgotten.sql"),
    include_str!("0009_imports.sql"),
    include_str!("0010_learned.sql"),
    include_str!("0011_forgetting.sql"),
    include_str!("0012_touched.sql"),
    concat!(
        include_str!("0013_recorded.sql"),
        "INSERT INTO recorded (from_ms, until_ms) ",
        include_str!("0013_days.sql")
    ),
];

/// The version that this program reads and writes.
pub(crate) fn newest() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// Brings the file to the newest version, each step in a transaction of its own; `false` when there is more to do than is done at once:
/// it is to be called again. Nothing but the version is to be asked before.
///
/// The version is read again inside each transaction: another process may migrate at the same time.
pub(crate) fn migrate(connection: &mut Connection) -> rusqlite::Result<bool> {
    migrate_to(connection, newest())
}

/// The same, to an earlier version.
pub(crate) fn migrate_to(connection: &mut Connection, version_wanted: i64) -> rusqlite::Result<bool> {
    for (step, to) in STEPS.iter().zip(1..=version_wanted) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if version(&transaction)? >= to {
            continue;
        }
        // Version 7 has the tables of version 6 until they are empty.
        if to == 8 && !m0007_blocks::turn_traffic_into_blocks(&transaction)? {
            transaction.commit()?;
            return Ok(false);
        }
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", to)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.commit()?;
    }
    Ok(true)
}

/// The version of the file; 0 before the first step.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_run_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        assert_eq!(version(&connection).unwrap(), newest());
    }

    #[test]
    fn a_step_that_fails_leaves_the_version_before_it() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE traffic (x)").unwrap();
        migrate(&mut connection).unwrap_err();
        assert_eq!(version(&connection).unwrap(), 0);
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
        assert_eq!(tables, 1);
    }

    #[test]
    fn every_table_is_strict() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        let loose: i64 = connection
            .query_row(
                "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' AND strict = 0",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(loose, 0);
    }
}
