//! What a year takes on the disk.

use std::{fs, path::Path};

use rusqlite::{Connection, OpenFlags};

use super::fill::Year;
use crate::{figures::figure, table::Table};

/// The tables of blocks and of everything else, beside the other file.
pub(super) fn table(year: &Year) -> anyhow::Result<Table> {
    let connection = Connection::open_with_flags(&year.own, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut table = Table::new(&["", "rows", "MB", "bytes a row", "target"]);
    let mut rolled_up = 0;
    for (level, name) in ["buckets", "minutes", "hours", "days"].into_iter().enumerate() {
        let (rows, bytes): (i64, i64) = connection.query_row(
            "SELECT ifnull(sum(rows), 0), ifnull(sum(length(data) + ifnull(length(actors), 0)), 0) FROM block WHERE level = ?",
            [i64::try_from(level)?],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let bytes = u64::try_from(bytes)?;
        if level > 0 {
            rolled_up += bytes;
        }
        let target = if level == 0 { "≤ 25 a row" } else { "–" };
        table.row(&row(name, u64::try_from(rows)?, bytes, target));
    }
    table.row(&row("minutes, hours and days", 0, rolled_up, "≤ 75 MB"));
    let all: i64 =
        connection.query_row("SELECT sum(pgsize) FROM dbstat WHERE name != 'block'", [], |row| row.get(0))?;
    let blocks: i64 =
        connection.query_row("SELECT sum(pgsize) FROM dbstat WHERE name = 'block'", [], |row| row.get(0))?;
    let [all, blocks] = [u64::try_from(all)?, u64::try_from(blocks)?];
    table.row(&row("all that is said once, with its indexes", 0, all, "–"));
    table.row(&row("pages of blocks", 0, blocks, "–"));
    table.row(&row("the file", 0, size(&year.own)?, "–"));
    table.row(&row("picosnitch's file, of the last days", rows_of(&year.peer)?, size(&year.peer)?, "–"));
    table.note(format!(
        "{} days, {} records: buckets are kept for 7 days, minutes for 30, hours and days for all of them. Roll-ups with what is said once: {:.1} MB.",
        year.plan.days,
        year.records,
        figure(rolled_up + all) / 1e6
    ));
    table.note(format!(
        "Made up in {:.0} s, written in {:.0} s, what is not kept deleted in {:.0} s; picosnitch's written in {:.0} s, with its indexes made at the end.",
        year.made_in.as_secs_f64(),
        year.own_in.as_secs_f64(),
        year.kept_in.as_secs_f64(),
        year.peer_in.as_secs_f64()
    ));
    Ok(table)
}

fn row(name: &str, rows: u64, bytes: u64, target: &str) -> [String; 5] {
    let each = if rows == 0 { "–".to_owned() } else { format!("{:.1}", figure(bytes) / figure(rows)) };
    let rows = if rows == 0 { "–".to_owned() } else { rows.to_string() };
    [name.to_owned(), rows, format!("{:.1}", figure(bytes) / 1e6), each, target.to_owned()]
}

fn size(path: &Path) -> anyhow::Result<u64> {
    Ok(fs::metadata(path)?.len())
}

fn rows_of(path: &Path) -> anyhow::Result<u64> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let rows: i64 = connection.query_row("SELECT max(rowid) FROM connections", [], |row| row.get(0))?;
    Ok(u64::try_from(rows)?)
}
