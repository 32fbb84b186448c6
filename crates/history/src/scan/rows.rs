use portolan_core::UnixMillis;
use rusqlite::{Connection, types::ValueRef};

use super::Cover;
use crate::{
    Limits, ReadError,
    block::{Column, Columns, Damaged, Level},
    query::{Ports, Sight},
};

/// Which columns a question needs, besides those that decide who sees a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Wants {
    pub(crate) actor: bool,
    pub(crate) peer: bool,
    pub(crate) local: bool,
    pub(crate) ports: bool,
    pub(crate) sums: bool,
    pub(crate) times: bool,
}

/// The rows of a range that fit a filter and that a viewer may see.
#[derive(Debug)]
pub(crate) struct Scan<'s> {
    pub(crate) connection: &'s Connection,
    pub(crate) limits: &'s Limits,
    pub(crate) cover: &'s Cover,
    pub(crate) sight: &'s Sight,
}

/// The numbers of one block, column by column; those that were not asked for are empty.
#[derive(Debug, Default)]
struct Numbers {
    actor: Vec<u64>,
    peer: Vec<u64>,
    local: Vec<u64>,
    local_port: Vec<u64>,
    remote_port: Vec<u64>,
    tx: Vec<u64>,
    rx: Vec<u64>,
    flows: Vec<u64>,
    first: Vec<u64>,
    last: Vec<u64>,
    /// In the place of the others.
    zeros: Vec<u64>,
    /// Which rows are seen.
    seen: Vec<usize>,
}

/// The rows of a block that fit and may be seen, column by column; zeros in the place of what was not asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'n> {
    pub(crate) actor: &'n [u64],
    pub(crate) peer: &'n [u64],
    pub(crate) local: &'n [u64],
    pub(crate) local_port: &'n [u64],
    pub(crate) remote_port: &'n [u64],
    pub(crate) tx: &'n [u64],
    pub(crate) rx: &'n [u64],
    pub(crate) flows: &'n [u64],
    first: &'n [u64],
    last: &'n [u64],
    /// Whether the two above are times within the interval; otherwise nothing is known but the interval.
    has_times: bool,
}

/// The interval of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) level: Level,
    pub(crate) start_ms: i64,
    pub(crate) width_ms: u32,
}

/// A row; 0 in the place of what was not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Row {
    pub(crate) actor: u32,
    pub(crate) peer: u32,
    pub(crate) local: u32,
    pub(crate) ports: Ports,
    pub(crate) tx: u64,
    pub(crate) rx: u64,
    pub(crate) flows: u64,
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
}

impl Scan<'_> {
    /// Tells every row, the oldest block first.
    pub(crate) fn each(
        &self,
        wants: Wants,
        mut tell: impl FnMut(&Block, &Row) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        self.blocks(wants, |block, seen| seen.rows(block).try_for_each(|row| tell(block, &row)))
    }

    /// Tells the rows of every block, the oldest first.
    pub(crate) fn blocks(
        &self,
        wants: Wants,
        mut tell: impl FnMut(&Block, Seen<'_>) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let sight = self.sight;
        let wants = Wants {
            actor: wants.actor || sight.asks_actors(),
            peer: wants.peer || sight.asks_peers(),
            local: wants.local || sight.asks_locals(),
            ports: wants.ports || sight.asks_ports(),
            ..wants
        };
        // The sums of each actor stand before the rows, which then are not even read.
        let data = if wants.peer || wants.local || wants.ports { "data" } else { "ifnull(actors, data)" };
        let mut statement = self.connection.prepare(&format!(
            "SELECT start_ms, width_ms, {data} FROM block WHERE level = ?1 AND start_ms BETWEEN ?2 AND ?3
                ORDER BY start_ms, part",
        ))?;
        let mut numbers = Numbers::default();
        for span in &self.cover.spans {
            let (first, last) = span.starts();
            let mut blocks = statement.query((span.level.number(), first, last))?;
            loop {
                self.limits.check()?;
                let Some(block) = blocks.next()? else { break };
                let data = block.get_ref(2)?;
                let block = Block { level: span.level, start_ms: block.get(0)?, width_ms: block.get(1)? };
                let rows = match data {
                    ValueRef::Blob(data) => numbers.read(data, block.level, wants, sight),
                    _ => Err(Damaged),
                };
                let rows = rows.map_err(|Damaged| block.damaged())?;
                tell(&block, numbers.seen(&block, rows, wants, sight))?;
            }
        }
        Ok(())
    }
}

impl Block {
    fn damaged(&self) -> ReadError {
        ReadError::DamagedInterval { level: self.level.as_str(), start: UnixMillis(self.start_ms) }
    }

    /// Its last millisecond.
    fn last_ms(&self) -> i64 {
        self.start_ms.saturating_add(i64::from(self.width_ms.saturating_sub(1)))
    }
}

impl Numbers {
    /// Reads the columns; how many rows there are. Numbers that no row of their table has are damage.
    fn read(&mut self, data: &[u8], level: Level, wants: Wants, sight: &Sight) -> Result<usize, Damaged> {
        let columns = Columns::open(data)?;
        let has_times = wants.times && level == Level::Bucket;
        if self.zeros.len() < columns.rows() {
            self.zeros.resize(columns.rows(), 0);
        }
        let wanted = [
            (wants.actor, Column::Actor, &mut self.actor),
            (wants.peer, Column::Peer, &mut self.peer),
            (wants.local, Column::Local, &mut self.local),
            (wants.ports, Column::LocalPort, &mut self.local_port),
            (wants.ports, Column::RemotePort, &mut self.remote_port),
            (wants.sums, Column::Tx, &mut self.tx),
            (wants.sums, Column::Rx, &mut self.rx),
            (wants.sums, Column::Flows, &mut self.flows),
            (has_times, Column::First, &mut self.first),
            (has_times, Column::Last, &mut self.last),
        ];
        for (is_wanted, column, numbers) in wanted {
            if is_wanted {
                columns.read(column, numbers)?;
            }
        }
        let are_known =
            |numbers: &[u64], end: u32| numbers.iter().max().is_none_or(|last| *last < end.into());
        let are_known = (!wants.actor || are_known(&self.actor, sight.actors_end()))
            && (!wants.peer || are_known(&self.peer, sight.peers_end()))
            && (!wants.local || are_known(&self.local, sight.addresses_end()));
        if are_known { Ok(columns.rows()) } else { Err(Damaged) }
    }

    /// Those that are seen of so many rows that were read.
    fn seen(&mut self, block: &Block, rows: usize, wants: Wants, sight: &Sight) -> Seen<'_> {
        let has_times = wants.times && block.level == Level::Bucket;
        let mut rows = rows;
        if !sight.sees_all() {
            let mut seen = std::mem::take(&mut self.seen);
            seen.clear();
            let all = self.columns(rows, wants, has_times);
            seen.extend(all.rows(block).enumerate().filter(|(_, row)| sight.sees(row)).map(|(at, _)| at));
            rows = seen.len();
            self.keep(&seen);
            self.seen = seen;
        }
        self.columns(rows, wants, has_times)
    }

    /// Keeps only these rows, which are in their order.
    fn keep(&mut self, rows: &[usize]) {
        let Self { actor, peer, local, local_port, remote_port, tx, rx, flows, first, last, .. } = self;
        for numbers in [actor, peer, local, local_port, remote_port, tx, rx, flows, first, last] {
            // What was not read is shorter, or of another block, and nobody looks at it.
            if rows.last().is_some_and(|last| *last < numbers.len()) {
                rows.iter().enumerate().for_each(|(to, from)| numbers[to] = numbers[*from]);
            }
        }
    }

    fn columns(&self, rows: usize, wants: Wants, has_times: bool) -> Seen<'_> {
        let of = |is_wanted: bool, numbers| -> &[u64] {
            let numbers: &Vec<u64> = if is_wanted { numbers } else { &self.zeros };
            numbers.get(..rows).unwrap_or_default()
        };
        Seen {
            actor: of(wants.actor, &self.actor),
            peer: of(wants.peer, &self.peer),
            local: of(wants.local, &self.local),
            local_port: of(wants.ports, &self.local_port),
            remote_port: of(wants.ports, &self.remote_port),
            tx: of(wants.sums, &self.tx),
            rx: of(wants.sums, &self.rx),
            flows: of(wants.sums, &self.flows),
            first: of(has_times, &self.first),
            last: of(has_times, &self.last),
            has_times,
        }
    }
}

impl Seen<'_> {
    /// Row by row.
    pub(crate) fn rows(self, block: &Block) -> impl Iterator<Item = Row> {
        // No number is beyond its column's limit.
        let id = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let port = |number: u64| u16::try_from(number).unwrap_or(u16::MAX);
        let who = self.actor.iter().zip(self.peer);
        let ends = self.local.iter().zip(self.local_port.iter().zip(self.remote_port));
        let sums = self.tx.iter().zip(self.rx).zip(self.flows);
        let rows = who.zip(ends).zip(sums).zip(self.times(block));
        rows.map(move |((((actor, peer), (address, (local, remote))), ((tx, rx), flows)), times)| Row {
            actor: id(*actor),
            peer: id(*peer),
            local: id(*address),
            ports: Ports { local: port(*local), remote: port(*remote) },
            tx: *tx,
            rx: *rx,
            flows: *flows,
            first_ms: times.0,
            last_ms: times.1,
        })
    }

    /// When each row's first and last bytes moved, as exactly as is known.
    #[inline]
    pub(crate) fn times(self, block: &Block) -> impl Iterator<Item = (i64, i64)> {
        let (start_ms, end_ms, has_times) = (block.start_ms, block.last_ms(), self.has_times);
        self.first.iter().zip(self.last).map(move |(first, last)| {
            if has_times { (offset(start_ms, *first), offset(start_ms, *last)) } else { (start_ms, end_ms) }
        })
    }
}

fn offset(start_ms: i64, offset_ms: u64) -> i64 {
    start_ms.saturating_add(i64::try_from(offset_ms).unwrap_or(i64::MAX))
}
