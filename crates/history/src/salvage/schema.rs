//! What a damaged file says of its tables.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use rusqlite::{Connection, types::Value};

use super::{cells, pages::Pages, tables::Table};
use crate::migrations;

/// Older ones were never released.
const OLDEST: i64 = 6;

/// The version of the file: the one that has the tables which it names; where several have, or none, the one in its header, if that can
/// be, else the newest. The header alone could be what is damaged.
pub(super) fn version(path: &Path) -> rusqlite::Result<i64> {
    let pages = Pages::open(path).ok();
    let (header, named) = pages.map_or((None, HashSet::new()), |mut pages| {
        (version_in_header(&mut pages), roots(&mut pages).into_keys().collect::<HashSet<_>>())
    });
    let newest = migrations::newest();
    let mut blank = Connection::open_in_memory()?;
    let mut having = Vec::new();
    for version in 1..=newest {
        migrations::migrate_to(&mut blank, version)?;
        let tables: HashSet<_> = Table::all(&blank)?.into_iter().map(|(_, table)| table.name).collect();
        if version >= OLDEST && tables == named {
            having.push(version);
        }
    }
    let can_be = |version: &i64| {
        if having.is_empty() { (OLDEST..=newest).contains(version) } else { having.contains(version) }
    };
    Ok(header.filter(can_be).or(having.last().copied()).unwrap_or(newest))
}

/// The version that the file says to have.
fn version_in_header(pages: &mut Pages) -> Option<i64> {
    let page = pages.read(1)?;
    let version = u32::from_be_bytes(page.get(60..64)?.try_into().ok()?);
    page.starts_with(b"SQLite format 3\0").then_some(i64::from(version))
}

/// Where each table begins, as far as the file says so.
pub(super) fn roots(pages: &mut Pages) -> HashMap<String, u32> {
    pages.walk(1);
    let schema = (1..=pages.count()).filter(|page| pages.root_of(*page) == Some(1));
    let rows = schema.filter_map(|page| cells::rows(pages, page)).flat_map(|rows| rows.rows);
    rows.filter_map(|row| match row.values.as_slice() {
        [Value::Text(kind), Value::Text(name), _, Value::Integer(root), ..] if kind == "table" => {
            Some((name.clone(), u32::try_from(*root).ok()?))
        }
        _ => None,
    })
    .collect()
}
