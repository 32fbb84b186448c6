use super::{
    COLUMNS, FORMAT, Level, Moved, ROWS_MAX,
    pack::{pack, pack_list, put_count},
    recent::Recent,
};

/// The blocks of these rows at that level, each with those it has: one, unless there are more than one may have. `rows` are sorted
/// afterwards, and those with the same key are one.
pub(crate) fn encode(rows: &mut Vec<Moved>, level: Level) -> impl Iterator<Item = (&[Moved], Vec<u8>)> {
    merge(rows, level);
    rows.chunks(ROWS_MAX).map(|rows| (rows, block(rows)))
}

/// The bytes of a block of rows that are merged.
fn block(rows: &[Moved]) -> Vec<u8> {
    let mut columns = Packed::default();
    columns.actors(rows);
    columns.peers(rows);
    let mut recent = Recent::default();
    let locals: Vec<u64> = rows.iter().map(|row| recent.code(row.local)).collect();
    columns.list(&locals);
    columns.numbers(rows, |row| row.local_port.into());
    columns.numbers(rows, |row| row.remote_port.into());
    columns.numbers(rows, |row| row.tx);
    columns.numbers(rows, |row| row.rx);
    columns.numbers(rows, |row| row.flows);
    columns.numbers(rows, |row| row.first_ms.into());
    columns.numbers(rows, |row| row.last_ms.wrapping_sub(row.first_ms).into());

    let mut block = Vec::with_capacity(columns.bytes.len() + 24);
    block.push(FORMAT);
    put_count(rows.len(), &mut block);
    for (length, are_runs) in columns.lengths {
        put_count(length << 1 | usize::from(are_runs), &mut block);
    }
    block.extend_from_slice(&columns.bytes);
    let checksum = crc32c::crc32c(&block);
    block.extend_from_slice(&checksum.to_le_bytes());
    block
}

/// Sorts rows as a block of that level has them, and makes those with the same key one.
pub(crate) fn merge(rows: &mut Vec<Moved>, level: Level) {
    for row in rows.iter_mut() {
        *row = row.at(level);
    }
    rows.sort_unstable_by_key(Moved::key);
    rows.dedup_by(|row, kept| {
        let is_same = row.key() == kept.key();
        if is_same {
            kept.add(row);
        }
        is_same
    });
}

/// The sums of each actor, without peers.
pub(crate) fn by_actor(rows: &[Moved]) -> Vec<Moved> {
    let mut sums: Vec<Moved> = Vec::new();
    for row in rows {
        match sums.last_mut().filter(|sum| sum.actor == row.actor) {
            Some(sum) => sum.add(row),
            None => sums.push(Moved { peer: 0, ..*row }),
        }
    }
    sums
}

/// Columns one after the other.
#[derive(Default)]
struct Packed {
    bytes: Vec<u8>,
    /// Of each column its length, and whether it is runs.
    lengths: Vec<(usize, bool)>,
    /// Where the shorter of two ways is tried.
    runs: Vec<u8>,
}

impl Packed {
    fn ends(&mut self, began: usize, are_runs: bool) {
        self.lengths.push((self.bytes.len() - began, are_runs));
        debug_assert!(self.lengths.len() <= COLUMNS);
    }

    fn actors(&mut self, rows: &[Moved]) {
        let began = self.bytes.len();
        let mut last = 0;
        for run in rows.chunk_by(|one, other| one.actor == other.actor) {
            let actor = run.first().map_or(0, |row| row.actor);
            pack(u64::from(actor - last), count(run.len()), &mut self.bytes);
            last = actor;
        }
        self.ends(began, true);
    }

    fn peers(&mut self, rows: &[Moved]) {
        let began = self.bytes.len();
        let mut last = 0;
        let mut difference = |row: &Moved| {
            let difference = i64::from(row.peer) - last;
            last = i64::from(row.peer);
            // The sign stands in the lowest bit.
            (difference << 1 ^ difference >> 63).cast_unsigned()
        };
        pack_list(rows.iter().map(&mut difference), &mut self.bytes);
        self.ends(began, false);
    }

    fn numbers(&mut self, rows: &[Moved], number: impl Fn(&Moved) -> u64) {
        let numbers: Vec<u64> = rows.iter().map(number).collect();
        self.list(&numbers);
    }

    fn list(&mut self, numbers: &[u64]) {
        let began = self.bytes.len();
        self.runs.clear();
        for run in numbers.chunk_by(u64::eq) {
            pack(run.first().copied().unwrap_or(0), count(run.len()), &mut self.runs);
        }
        pack_list(numbers.iter().copied(), &mut self.bytes);
        let are_zeros = numbers.iter().all(|number| *number == 0);
        let are_runs = self.runs.len() < self.bytes.len() - began;
        if are_zeros || are_runs {
            self.bytes.truncate(began);
        }
        if are_runs && !are_zeros {
            self.bytes.extend_from_slice(&self.runs);
        }
        self.ends(began, are_runs && !are_zeros);
    }
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
