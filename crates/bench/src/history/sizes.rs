//! What a year takes on the disk.

use std::{fs, path::Path};

use rusqlite::{Connection, OpenFlags};

use super::fill::Year;
use crate::{figures::figure, table::Table};

/// The tables of blocks and of everything else, beside the other file.
pub(super) fn table(year: &Year) -> anyhow::Result<Table> {
    let connection = Connection::open_with_flags(&year.own, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut table = Table::new(&["", "rows", "MB", "bytes a row"]);
    let mut rolled_up = 0.0;
    for (level, name) in ["buckets", "minutes", "hours", "days"].into_iter().enumerate() {
        let (rows, bytes): (i64, i64) = connection.query_row(
            "SELECT ifnull(sum(rows), 0), ifnull(sum(length(data)), 0) FROM block WHERE level = ?",
            [i64::try_from(level)?],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        if level > 0 {
            rolled_up += figure(u64::try_from(bytes)?);
        }
        table.row(&row(name, u64::try_from(rows)?, u64::try_from(bytes)?));
    }
    let all: i64 =
        connection.query_row("SELECT sum(pgsize) FROM dbstat WHERE name != 'block'", [], |row| row.get(0))?;
    let blocks: i64 =
        connection.query_row("SELECT sum(pgsize) FROM dbstat WHERE name = 'block'", [], |row| row.get(0))?;
    let [all, blocks] = [u64::try_from(all)?, u64::try_from(blocks)?];
    table.row(&row("all that is said once, with its indexes", 0, all));
    table.row(&row("pages of blocks", 0, blocks));
    table.row(&row("the file", year.records, size(&year.own)?));
    table.row(&row("picosnitch's file", rows_of(&year.peer)?, size(&year.peer)?));
    table.note(format!(
        "{} days, {} records. Roll-ups without what is said once: {:.1} MB, with it {:.1} MB; target: ≤ 75 MB.",
        year.plan.days,
        year.records,
        rolled_up / 1e6,
        (rolled_up + figure(all)) / 1e6
    ));
    table.note(format!(
        "Made up in {:.0} s, written in {:.0} s; picosnitch's in {:.0} s, with its indexes made at the end.",
        year.made_in.as_secs_f64(),
        year.own_in.as_secs_f64(),
        year.peer_in.as_secs_f64()
    ));
    Ok(table)
}

fn row(name: &str, rows: u64, bytes: u64) -> [String; 4] {
    let each = if rows == 0 { String::new() } else { format!("{:.1}", figure(bytes) / figure(rows)) };
    let rows = if rows == 0 { String::new() } else { rows.to_string() };
    [name.to_owned(), rows, format!("{:.1}", figure(bytes) / 1e6), each]
}

fn size(path: &Path) -> anyhow::Result<u64> {
    Ok(fs::metadata(path)?.len())
}

fn rows_of(path: &Path) -> anyhow::Result<u64> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let rows: i64 = connection.query_row("SELECT max(rowid) FROM connections", [], |row| row.get(0))?;
    Ok(u64::try_from(rows)?)
}
