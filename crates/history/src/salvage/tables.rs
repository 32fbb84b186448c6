//! Which rows go where.

use rusqlite::{Connection, ErrorCode, params_from_iter, types::Value};

use super::cells::{Row, Rows};

/// The table that grows with time; all others are small, and there before anything is written.
const BULK: &str = "block";

/// A table of the new file, which has the version of the damaged one.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    /// In the order in which they are stored.
    columns: Vec<String>,
    /// Which of them is the row's number.
    number: Option<usize>,
}

impl Table {
    /// Each with its first page.
    pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<(u32, Self)>> {
        let mut list = connection.prepare(
            "SELECT name, rootpage, wr FROM sqlite_schema JOIN pragma_table_list USING (name) \
             WHERE sqlite_schema.type = 'table' AND schema = 'main' AND name NOT LIKE 'sqlite_%'",
        )?;
        let tables = list.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        tables
            .map(|table| {
                let (name, root, keyed_first): (String, u32, bool) = table?;
                // Without numbers, the key is stored before everything else.
                let order = if keyed_first { "pk = 0, pk, cid" } else { "cid" };
                let mut list = connection
                    .prepare(&format!("SELECT name, type, pk FROM pragma_table_info(?1) ORDER BY {order}"))?;
                let columns = list.query_map([&name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
                let columns: Vec<(String, String, i64)> = columns.collect::<Result<_, _>>()?;
                let keys = columns.iter().filter(|(.., key)| *key > 0).count();
                let is_number =
                    |(_, kind, key): &(String, String, i64)| *key > 0 && keys == 1 && kind == "INTEGER";
                let number = (!keyed_first).then(|| columns.iter().position(is_number)).flatten();
                let columns = columns.into_iter().map(|(name, ..)| name).collect();
                Ok((root, Self { name, columns, number }))
            })
            .collect()
    }

    pub(super) fn is_bulk(&self) -> bool {
        self.name == BULK
    }

    /// Adds those that fit the table and are not there yet; how many, and how many did not fit.
    pub(super) fn add(&self, connection: &Connection, rows: Rows) -> rusqlite::Result<(u64, u64)> {
        let (mut kept, mut lost) = (0, u64::from(rows.lost));
        for row in rows.rows {
            match self.add_row(connection, row) {
                Ok(added) => kept += added,
                Err(rusqlite::Error::SqliteFailure(failure, _))
                    if matches!(failure.code, ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) =>
                {
                    lost += 1;
                }
                Err(error) => return Err(error),
            }
        }
        Ok((kept, lost))
    }

    /// Columns that the row was written without have their default.
    fn add_row(&self, connection: &Connection, mut row: Row) -> rusqlite::Result<u64> {
        if let (Some(number), Some(id)) = (self.number, row.id)
            && let Some(value) = row.values.get_mut(number)
        {
            *value = Value::Integer(id);
        }
        let columns = self.columns.get(..row.values.len()).unwrap_or(&self.columns).join(", ");
        let places = vec!["?"; row.values.len()].join(", ");
        let table = &self.name;
        // A row with more values than columns is refused by SQLite as a mistake of ours.
        if row.values.len() > self.columns.len() || row.values.is_empty() {
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CONSTRAINT),
                None,
            ));
        }
        let text = format!("INSERT OR FAIL INTO {table} ({columns}) VALUES ({places})");
        let done = connection.prepare_cached(&text)?.execute(params_from_iter(row.values));
        match done {
            Err(rusqlite::Error::SqliteFailure(failure, _)) if is_there(failure.extended_code) => Ok(0),
            done => Ok(u64::try_from(done?).unwrap_or_default()),
        }
    }
}

/// A row that moved from one page to another stands on both when one of them is older.
fn is_there(code: i32) -> bool {
    use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_ROWID, SQLITE_CONSTRAINT_UNIQUE};
    [SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_ROWID, SQLITE_CONSTRAINT_UNIQUE].contains(&code)
}
