//! Finds the numbers that nothing speaks of any more, and deletes them: a mark over the blocks, then over each table, a little in each
//! transaction. What is written meanwhile is marked as it is written.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::block::{Column, Columns, Level, Moved};

/// So many rows of blocks are looked at in one step.
const BLOCK_ROWS: usize = 20_000;
/// So many rows of a table.
const TABLE_ROWS: i64 = 2000;
/// So many rows are deleted in one step.
const DELETED: usize = 64;

/// A table whose rows others name.
struct Table {
    name: &'static str,
    key: &'static str,
    /// Who names them: tables whose rows only come, each with a greater number than all before, while this is looked at.
    named_by: &'static [(&'static str, &'static str)],
    /// The column with which they name each other; always an older one.
    parent: Option<&'static str>,
    /// What else must hold of a row that is deleted.
    condition: &'static str,
}

/// The table that blocks name with their local addresses.
const LOCALS: &str = "address";

/// Each after those that name it.
const TABLES: [Table; 8] = [
    Table { parent: Some("parent_id"), ..table("lineage", &[("actor", "lineage_id")], "1") },
    table(
        "application",
        &[("actor", "application_id")],
        "review = 'unreviewed' AND NOT EXISTS (SELECT 1 FROM sighting WHERE application_id = ?1)
            AND NOT EXISTS (SELECT 1 FROM finding WHERE application_id = ?1)
            AND NOT EXISTS (SELECT 1 FROM finding_member WHERE application_id = ?1)
            AND NOT EXISTS (SELECT 1 FROM forgetting_application WHERE application_id = ?1)",
    ),
    table(
        "executable",
        &[("lineage", "executable_id")],
        "NOT EXISTS (SELECT 1 FROM sighting WHERE executable_id = ?1)
            AND NOT EXISTS (SELECT 1 FROM finding WHERE ?1 IN (executable_id, parent_executable_id))
            AND NOT EXISTS (SELECT 1 FROM finding_member WHERE executable_id = ?1)",
    ),
    table(
        "text",
        &[
            ("executable", "path_id"),
            ("lineage", "script_path_id"),
            ("actor", "command_id"),
            ("actor", "unit_id"),
            ("actor", "container_id"),
        ],
        "1",
    ),
    table(
        "address",
        &[("peer", "remote_address_id")],
        "NOT EXISTS (SELECT 1 FROM finding WHERE remote_address_id = ?1)",
    ),
    table(
        "domain",
        &[("peer", "domain_id")],
        "NOT EXISTS (SELECT 1 FROM finding WHERE remote_domain_id = ?1)
            AND NOT EXISTS (SELECT 1 FROM forgetting_domain WHERE domain_id = ?1)",
    ),
    table("place", &[("peer", "place_id")], "1"),
    Table { key: "asn", ..table("network", &[("place", "asn")], "1") },
];

const fn table(
    name: &'static str,
    named_by: &'static [(&'static str, &'static str)],
    condition: &'static str,
) -> Table {
    Table { name, key: "id", named_by, parent: None, condition }
}

/// A search for what is not used, between two of its steps.
#[derive(Debug)]
pub(crate) struct Sweep {
    phase: Phase,
    actors: Numbers,
    peers: Numbers,
    /// Addresses that blocks name: local ones.
    locals: Numbers,
    /// The database's count of what other connections wrote, which nobody marked.
    others: Option<i64>,
}

#[derive(Debug)]
enum Phase {
    /// Blocks of this level that start later than that are not marked yet.
    Blocks(Level, Option<i64>),
    /// Actors, then peers, below this number are not looked at yet.
    Actors(i64),
    Peers(i64),
    /// The rows of a table; how many of [`TABLES`] are done.
    Table(usize, Names),
}

/// Which rows of a table are named.
#[derive(Debug)]
struct Names {
    used: Numbers,
    /// Up to which row each of those that name them was looked at.
    seen: Vec<i64>,
    /// Rows below this number are not looked at yet.
    below: i64,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Swept {
    pub(crate) deleted: usize,
    pub(crate) is_done: bool,
}

impl Sweep {
    pub(crate) fn new() -> Self {
        let phase = Phase::Blocks(Level::Bucket, None);
        Self {
            phase,
            actors: Numbers::default(),
            peers: Numbers::default(),
            locals: Numbers::default(),
            others: None,
        }
    }

    /// This is written: what it names is used.
    pub(crate) fn note(&mut self, row: &Moved) {
        self.actors.insert(row.actor.into());
        self.peers.insert(row.peer.into());
        self.locals.insert(row.local.into());
    }

    /// Whether the actors and peers that nothing uses are gone, and only what they named may still be there.
    pub(crate) fn has_actors_done(&self) -> bool {
        matches!(self.phase, Phase::Table(..))
    }

    /// One step. A damaged block is an error: what it names is not known, so nothing can be deleted.
    ///
    /// `connection` does not check foreign keys: no row that another names is deleted, and each check would read a whole table.
    pub(crate) fn step(&mut self, connection: &Connection) -> rusqlite::Result<Swept> {
        let others = connection.pragma_query_value(None, "data_version", |row| row.get(0))?;
        if self.others != Some(others) {
            *self = Self { others: Some(others), ..Self::new() };
        }
        let mut deleted = 0;
        let next = match &mut self.phase {
            Phase::Blocks(level, after) => {
                let used = [&mut self.actors, &mut self.peers, &mut self.locals];
                match mark_blocks(connection, *level, *after, used)? {
                    Some(marked) => Some(Phase::Blocks(*level, Some(marked))),
                    None => Some(
                        level.above().map_or(Phase::Actors(i64::MAX), |above| Phase::Blocks(above, None)),
                    ),
                }
            }
            Phase::Actors(below) => {
                let (count, rest) = delete_unused(connection, "actor", &self.actors, *below)?;
                deleted = count;
                Some(rest.map_or(Phase::Peers(i64::MAX), Phase::Actors))
            }
            Phase::Peers(below) => {
                let (count, rest) = delete_unused(connection, "peer", &self.peers, *below)?;
                deleted = count;
                Some(match rest {
                    Some(rest) => Phase::Peers(rest),
                    None => Phase::Table(0, Names::new(connection, 0)?),
                })
            }
            Phase::Table(at, names) => {
                let Some(table) = TABLES.get(*at) else { return Ok(Swept { deleted: 0, is_done: true }) };
                let (count, is_done) = names.step(connection, table, &self.locals)?;
                deleted = count;
                if is_done { Some(Phase::Table(*at + 1, Names::new(connection, *at + 1)?)) } else { None }
            }
        };
        if let Some(next) = next {
            self.phase = next;
        }
        let is_done = matches!(self.phase, Phase::Table(at, _) if at >= TABLES.len());
        Ok(Swept { deleted, is_done })
    }
}

/// Marks what some blocks of a level name, whole intervals; where to go on, `None` at the end of the level.
fn mark_blocks(
    connection: &Connection,
    level: Level,
    after: Option<i64>,
    [actors, peers, locals]: [&mut Numbers; 3],
) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT start_ms, data FROM block WHERE level = ?1 AND (?2 IS NULL OR start_ms > ?2) ORDER BY start_ms",
    )?;
    let mut blocks = statement.query((level.number(), after))?;
    let (mut last, mut rows, mut numbers) = (None, 0, Vec::new());
    while let Some(block) = blocks.next()? {
        let start = block.get(0)?;
        if rows > BLOCK_ROWS && last != Some(start) {
            return Ok(last);
        }
        last = Some(start);
        // Nobody can ever read a damaged one: what it names is nobody's.
        let Ok(columns) = Columns::open(block.get_ref(1)?.as_blob()?) else { continue };
        for (column, used) in
            [(Column::Actor, &mut *actors), (Column::Peer, &mut *peers), (Column::Local, &mut *locals)]
        {
            columns.read(column, &mut numbers)?;
            // Sorted by actor: the same comes again and again.
            numbers.dedup();
            numbers.iter().for_each(|number| used.insert(*number));
        }
        rows += columns.rows();
    }
    Ok(None)
}

/// Deletes some rows below a number that are not used; how many, and where to go on.
fn delete_unused(
    connection: &Connection,
    table: &str,
    used: &Numbers,
    below: i64,
) -> rusqlite::Result<(usize, Option<i64>)> {
    let ids = format!("SELECT id FROM {table} WHERE id < ?1 ORDER BY id DESC LIMIT ?2");
    let ids: Vec<i64> = connection
        .prepare_cached(&ids)?
        .query_map((below, TABLE_ROWS), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut delete = connection.prepare_cached(&format!("DELETE FROM {table} WHERE id = ?1"))?;
    let mut deleted = 0;
    for id in &ids {
        if deleted == DELETED {
            return Ok((deleted, Some(id + 1)));
        }
        if !used.has(*id) {
            deleted += delete.execute([id])?;
        }
    }
    Ok((deleted, ids.last().copied()))
}

impl Names {
    fn new(connection: &Connection, at: usize) -> rusqlite::Result<Self> {
        let Some(table) = TABLES.get(at) else {
            return Ok(Self { used: Numbers::default(), seen: vec![], below: 0 });
        };
        let mut seen = vec![i64::MIN; table.named_by.len()];
        if table.parent.is_some() {
            // Their own are followed from the newest to the oldest; only those that come from now on are looked at like others.
            let newest = format!("SELECT ifnull(max(id), 0) FROM {}", table.name);
            seen.push(connection.query_row(&newest, [], |row| row.get(0))?);
        }
        Ok(Self { used: Numbers::default(), seen, below: i64::MAX })
    }

    /// Marks what is named, and deletes when all of that is known; how many, and whether that was all.
    fn step(
        &mut self,
        connection: &Connection,
        table: &Table,
        locals: &Numbers,
    ) -> rusqlite::Result<(usize, bool)> {
        let by_parent = table.parent.map(|column| (table.name, column));
        for ((from, column), seen) in table.named_by.iter().copied().chain(by_parent).zip(&mut self.seen) {
            let key = if from == "network" { "asn" } else { "id" };
            let sql = format!("SELECT {key}, {column} FROM {from} WHERE {key} > ?1 ORDER BY {key} LIMIT ?2");
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query((*seen, TABLE_ROWS))?;
            let mut count = 0;
            while let Some(row) = rows.next()? {
                *seen = row.get(0)?;
                self.used.insert_if(row.get(1)?);
                count += 1;
            }
            if count == TABLE_ROWS {
                return Ok((0, false));
            }
        }
        let Table { name, key, parent, condition, .. } = table;
        let parent = parent.unwrap_or("NULL");
        let sql = format!("SELECT {key}, {parent} FROM {name} WHERE {key} < ?1 ORDER BY {key} DESC LIMIT ?2");
        let mut statement = connection.prepare_cached(&sql)?;
        let rows: Vec<(i64, Option<i64>)> = statement
            .query_map((self.below, TABLE_ROWS), |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let mut delete =
            connection.prepare_cached(&format!("DELETE FROM {name} WHERE {key} = ?1 AND {condition}"))?;
        let (mut deleted, mut tried) = (0, 0);
        for (number, parent) in &rows {
            if self.used.has(*number) || (table.name == LOCALS && locals.has(*number)) {
                self.used.insert_if(*parent);
            } else if tried < DELETED {
                deleted += delete.execute([number])?;
                tried += 1;
            } else {
                return Ok((deleted, false));
            }
            self.below = *number;
        }
        Ok((deleted, rows.is_empty()))
    }
}

/// A set of row numbers, most of which lie close together.
#[derive(Debug, Default)]
struct Numbers {
    pages: BTreeMap<u64, [u64; 16]>,
}

impl Numbers {
    fn insert(&mut self, number: u64) {
        let page = self.pages.entry(number >> 10).or_insert([0; 16]);
        if let Some(word) = usize::try_from(number >> 6 & 15).ok().and_then(|at| page.get_mut(at)) {
            *word |= 1 << (number & 63);
        }
    }

    fn insert_if(&mut self, number: Option<i64>) {
        if let Some(number) = number.and_then(|number| u64::try_from(number).ok()) {
            self.insert(number);
        }
    }

    fn has(&self, number: i64) -> bool {
        let Ok(number) = u64::try_from(number) else { return false };
        let word =
            |page: &[u64; 16]| usize::try_from(number >> 6 & 15).ok().and_then(|at| page.get(at).copied());
        self.pages.get(&(number >> 10)).and_then(word).is_some_and(|word| word >> (number & 63) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::migrate;

    #[test]
    fn whoever_names_a_row_is_asked_before_it_is_deleted() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        let mut keys = connection
            .prepare(
                "SELECT t.name, k.\"from\", k.\"table\" FROM pragma_table_list t JOIN pragma_foreign_key_list(t.name) k
                    WHERE t.schema = 'main'",
            )
            .unwrap();
        let mut keys = keys.query([]).unwrap();
        let mut count = 0;
        while let Some(key) = keys.next().unwrap() {
            let [from, column, to]: [String; 3] = [0, 1, 2].map(|at| key.get(at).unwrap());
            if to == "finding" {
                // Findings go with their members.
                continue;
            }
            let table = TABLES
                .iter()
                .find(|table| table.name == to)
                .unwrap_or_else(|| panic!("{to} is never looked at"));
            let is_named = table.named_by.contains(&(&from, &column));
            let is_parent = from == to && table.parent == Some(&column);
            let is_asked =
                table.condition.contains(&format!("FROM {from} ")) && table.condition.contains(&column);
            assert!(is_named || is_parent || is_asked, "{from}.{column}");
            count += 1;
        }
        assert!(count > 20, "{count}");
    }

    #[test]
    fn a_set_has_what_was_put_into_it() {
        let mut numbers = Numbers::default();
        let all = [0, 1, 63, 64, 1023, 1024, 4_294_967_295];
        all.iter().for_each(|number| numbers.insert_if(Some(*number)));
        for near in all.iter().flat_map(|number| number - 1..=number + 1) {
            assert_eq!(numbers.has(near), all.contains(&near), "{near}");
        }
    }
}
