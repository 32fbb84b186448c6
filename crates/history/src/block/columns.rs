use super::{
    COLUMNS, Damaged, FORMAT, Moved, ROWS_MAX,
    pack::{Pairs, take_count},
    recent::Recent,
};

/// A column of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Actor,
    Peer,
    Local,
    LocalPort,
    RemotePort,
    Tx,
    Rx,
    Flows,
    First,
    Last,
}

impl Column {
    /// As they stand in a block.
    #[cfg(test)]
    pub(crate) const ALL: [Self; COLUMNS] = [
        Self::Actor,
        Self::Peer,
        Self::Local,
        Self::LocalPort,
        Self::RemotePort,
        Self::Tx,
        Self::Rx,
        Self::Flows,
        Self::First,
        Self::Last,
    ];

    /// The largest number that it can have.
    const fn limit(self) -> u64 {
        match self {
            Self::Actor | Self::Peer | Self::Local | Self::First | Self::Last => 0xffff_ffff,
            Self::LocalPort | Self::RemotePort => 0xffff,
            Self::Tx | Self::Rx | Self::Flows => u64::MAX,
        }
    }
}

/// A block whose checksum is right. Only the columns that are asked for are read.
#[derive(Debug)]
pub(crate) struct Columns<'b> {
    rows: usize,
    columns: [Packed<'b>; COLUMNS],
}

#[derive(Debug, Clone, Copy)]
struct Packed<'b> {
    pairs: Pairs<'b>,
    encoding: Encoding,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Plain,
    /// Each number with how often it stands.
    Runs,
    /// Each number as what is added to the one before it, with how often it stands.
    RisingRuns,
}

impl<'b> Columns<'b> {
    /// Looks at the checksum and the lengths.
    pub(crate) fn open(bytes: &'b [u8]) -> Result<Self, Damaged> {
        let (block, checksum) = bytes.split_last_chunk::<4>().ok_or(Damaged)?;
        if crc32c::crc32c(block) != u32::from_le_bytes(*checksum) {
            return Err(Damaged);
        }
        let (format, mut rest) = block.split_first().ok_or(Damaged)?;
        if *format != FORMAT {
            return Err(Damaged);
        }
        let rows = take_count(&mut rest)?;
        let mut lengths = [0; COLUMNS];
        for length in &mut lengths {
            *length = take_count(&mut rest)?;
        }
        let mut columns = [Packed { pairs: Pairs::new(&[], 0), encoding: Encoding::Plain }; COLUMNS];
        for (column, length) in columns.iter_mut().zip(lengths) {
            let (length, are_runs) = (length >> 1, length & 1 == 1);
            let after = rest.get(length..).ok_or(Damaged)?;
            let encoding = if are_runs { Encoding::Runs } else { Encoding::Plain };
            *column = Packed { pairs: Pairs::new(rest, length), encoding };
            rest = after;
        }
        // Each length takes half a byte, and peers are no runs: what reading a block takes is bounded by its size, too.
        let [actors, peers, ..] = &mut columns;
        let is_bounded = rows <= ROWS_MAX && rows <= peers.pairs.left().saturating_mul(2);
        if !rest.is_empty()
            || !is_bounded
            || actors.encoding != Encoding::Runs
            || peers.encoding != Encoding::Plain
        {
            return Err(Damaged);
        }
        actors.encoding = Encoding::RisingRuns;
        Ok(Self { rows, columns })
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Puts the numbers of a column into `numbers`, in the place of what was there.
    pub(crate) fn read(&self, column: Column, numbers: &mut Vec<u64>) -> Result<(), Damaged> {
        let [actor, peer, local, local_port, remote_port, tx, rx, flows, first, last] = self.columns;
        let packed = match column {
            Column::Actor => actor,
            Column::Peer => peer,
            Column::Local => local,
            Column::LocalPort => local_port,
            Column::RemotePort => remote_port,
            Column::Tx => tx,
            Column::Rx => rx,
            Column::Flows => flows,
            Column::First => first,
            Column::Last => last,
        };
        numbers.clear();
        numbers.resize(self.rows, 0);
        packed.read(numbers)?;
        match column {
            Column::Peer => {
                let mut peer = 0_u64;
                for number in numbers.iter_mut() {
                    // The sign stands in the lowest bit.
                    peer = peer.wrapping_add(*number >> 1 ^ (*number & 1).wrapping_neg());
                    *number = peer;
                }
            }
            Column::Local if !packed.is_empty() => {
                let mut recent = Recent::default();
                numbers.iter_mut().for_each(|number| *number = recent.number(*number));
            }
            Column::Last => {
                let mut firsts = vec![0; self.rows];
                first.read(&mut firsts)?;
                for (last, first) in numbers.iter_mut().zip(firsts) {
                    *last = last.wrapping_add(first) & Column::Last.limit();
                }
            }
            _ => {}
        }
        // Every limit is a power of two less one: none is beyond it where all bits together are not.
        let all = numbers.iter().fold(0, |all, number| all | number);
        if all > column.limit() { Err(Damaged) } else { Ok(()) }
    }

    /// All columns, row by row.
    pub(crate) fn rows_into(&self, rows: &mut Vec<Moved>) -> Result<(), Damaged> {
        let began = rows.len();
        rows.resize(began + self.rows, Moved::default());
        let rows = rows.get_mut(began..).unwrap_or_default();
        let mut numbers = Vec::new();
        let mut fill = |column, put: fn(&mut Moved, u64)| {
            self.read(column, &mut numbers)?;
            rows.iter_mut().zip(&numbers).for_each(|(row, number)| put(row, *number));
            Ok(())
        };
        // No number is beyond its column's limit.
        fn narrow<T: TryFrom<u64> + Default>(number: u64) -> T {
            T::try_from(number).unwrap_or_default()
        }
        fill(Column::Actor, |row, number| row.actor = narrow(number))?;
        fill(Column::Peer, |row, number| row.peer = narrow(number))?;
        fill(Column::Local, |row, number| row.local = narrow(number))?;
        fill(Column::LocalPort, |row, number| row.local_port = narrow(number))?;
        fill(Column::RemotePort, |row, number| row.remote_port = narrow(number))?;
        fill(Column::Tx, |row, number| row.tx = number)?;
        fill(Column::Rx, |row, number| row.rx = number)?;
        fill(Column::Flows, |row, number| row.flows = number)?;
        fill(Column::First, |row, number| row.first_ms = narrow(number))?;
        fill(Column::Last, |row, number| row.last_ms = narrow(number))
    }
}

impl Packed<'_> {
    fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Fills all of `numbers`; a column without bytes has nothing but zeros.
    fn read(self, numbers: &mut [u64]) -> Result<(), Damaged> {
        let Self { mut pairs, encoding } = self;
        if encoding == Encoding::Plain {
            if pairs.is_empty() {
                numbers.fill(0);
                return Ok(());
            }
            return pairs.list(numbers);
        }
        let mut rest = numbers;
        let mut sum = 0_u64;
        while !rest.is_empty() {
            let (number, count) = pairs.next()?;
            let run = usize::try_from(count).map_err(|_| Damaged)?;
            let (now, later) = rest.split_at_mut_checked(run).ok_or(Damaged)?;
            sum = if encoding == Encoding::RisingRuns { sum.wrapping_add(number) } else { number };
            now.fill(sum);
            rest = later;
        }
        if pairs.is_empty() { Ok(()) } else { Err(Damaged) }
    }
}
