//! The tables of closed flows and of losses.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use aya::maps::{Array, HashMap, Map, MapData};
use portolan_bpf::{Cell, Counters as RawCounters, FlowKey, OwnerKey, abi, decode_closed, decode_owner};
use portolan_core::{Bytes, Flow, MonotonicNs, ProcessKey};
use serde::{Deserialize, Serialize};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use super::{MonitorError, closings::Closings, grace::Grace, programs::Programs, syscall, syscall::Batch};

/// How many entries one system call takes out of a table.
const BATCH: usize = 1024;

/// What a retired pair of tables held, all of it.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// How often the tables had been swapped when these were filled; never the same twice.
    pub generation: u32,
    /// What closed sockets moved, and uses apart from a socket's cell.
    pub cells: Vec<Cell>,
    /// Bytes by owner whose flows found no room in the table of closed flows.
    pub overflow: Vec<(ProcessKey, Bytes)>,
}

/// What was refused, cumulative.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Losses {
    /// Process events that found the ring full.
    pub events: u64,
    /// Flows that were kept by owner only.
    pub closed_flows: u64,
    /// Flows whose owner found no room either.
    pub unowned_flows: u64,
    /// Their bytes.
    pub unowned_bytes: Bytes,
    /// Sockets without a cell; their bytes are counted elsewhere.
    pub cells: u64,
    /// Datagrams whose peer could not be kept.
    pub peers: u64,
    /// What was said, and found the ring full.
    pub said_without_room: u64,
    /// What was said beyond what is looked at in a second, or of one connection.
    pub said_too_often: u64,
    /// Calls that were not counted, because another one was being counted on the same processor.
    pub missed_calls: u64,
    /// How often the queue of executed files overflowed.
    pub exec_file_overflows: u64,
    /// How often a list of mounts was too much at once: what it names is found through /proc meanwhile.
    pub mount_lists_postponed: u64,
    /// Mounts beyond those that are remembered: the same for ever.
    pub mounts_not_watched: u64,
}

/// One of two tables, of which one is filled while the other is read.
struct Pair<K> {
    tables: [Table<K>; 2],
}

struct Table<K> {
    entries: HashMap<MapData, K, RawCounters>,
    /// The same table, for the system calls that aya does not offer.
    descriptor: OwnedFd,
}

pub(super) struct Counters {
    closed: Pair<FlowKey>,
    overflow: Pair<OwnerKey>,
    closings: Closings,
    active: Array<MapData, u32>,
    grace: Grace,
    losses: Array<MapData, u64>,
    /// Names this set of tables; see `instance` in bpf/c/maps.h.
    instance: Array<MapData, u64>,
    /// How often the tables were swapped; the last bit is the index of the one that the programs fill.
    generation: u32,
    /// Whether the other one holds nothing that is not known.
    is_clear: bool,
}

impl Counters {
    pub(super) fn new(programs: &mut Programs) -> Result<Self, MonitorError> {
        let active: Array<MapData, u32> = open(programs, "active")?;
        let generation = active
            .get(&0, 0)
            .map_err(|source| MonitorError::Map { name: "active", source: Box::new(source) })?;
        Ok(Self {
            closed: Pair::open(programs, ["closed_0", "closed_1"])?,
            overflow: Pair::open(programs, ["overflow_0", "overflow_1"])?,
            closings: Closings::open(programs)?,
            active,
            grace: Grace::open(programs)?,
            losses: open(programs, "losses")?,
            instance: open(programs, "instance")?,
            generation,
            is_clear: false,
        })
    }

    /// Names this set of tables, `now` when it is new.
    pub(super) fn instance(&mut self, now: MonotonicNs) -> Result<u64, MonitorError> {
        let error = |source| MonitorError::Map { name: "instance", source: Box::new(source) };
        let known = self.instance.get(&0, 0).map_err(error)?;
        if known != 0 {
            return Ok(known);
        }
        self.instance.set(0, now.0, 0).map_err(error)?;
        Ok(now.0)
    }

    /// What was closed since the last call. The kernel keeps it until [`Self::clear_closed`]; without that in between, the
    /// same is returned again.
    pub(super) fn read_closed(&mut self) -> Result<Closed, MonitorError> {
        if !self.is_clear {
            let left = self.read_retired()?;
            if !left.cells.is_empty() || !left.overflow.is_empty() {
                return Ok(left);
            }
            self.is_clear = true;
        }
        let filled = index(self.generation);
        if self.closings.is_empty(filled)?
            && is_empty(&self.closed.tables[filled])?
            && is_empty(&self.overflow.tables[filled])?
        {
            return Ok(Closed { generation: self.generation.wrapping_sub(1), ..Closed::default() });
        }
        let next = self.generation.wrapping_add(1);
        self.active
            .set(0, next, 0)
            .map_err(|source| MonitorError::Map { name: "active", source: Box::new(source) })?;
        self.generation = next;
        self.is_clear = false;
        self.grace.wait(&self.active);
        self.read_retired()
    }

    /// What the tables hold that are not being filled.
    pub(super) fn read_retired(&self) -> Result<Closed, MonitorError> {
        let generation = self.generation.wrapping_sub(1);
        let cells = self.closings.read(index(generation))?;
        let mut closed = Closed { generation, cells, ..Closed::default() };
        let tables = (&self.closed.tables[index(generation)], &self.overflow.tables[index(generation)]);
        read::<abi::portolan_flow>(tables.0.descriptor.as_fd(), Batch::Read, |key, counters| {
            closed.cells.push(decode_closed(FlowKey(key), counters));
        })?;
        read::<abi::portolan_owner>(
            tables.1.descriptor.as_fd(),
            Batch::Read,
            |key, RawCounters(counters)| {
                let bytes = Bytes { tx: counters.tx_bytes, rx: counters.rx_bytes };
                closed.overflow.push((decode_owner(&key).unwrap_or(Flow::KERNEL), bytes));
            },
        )?;
        Ok(closed)
    }

    pub(super) fn closed_generation(&self) -> u32 {
        self.generation.wrapping_sub(1)
    }

    /// Lets the kernel forget what [`Self::read_closed`] gave, or a daemon before this one had read: `generation`.
    pub(super) fn clear_closed(&mut self, generation: u32) -> Result<(), MonitorError> {
        if self.is_clear || generation != self.generation.wrapping_sub(1) {
            return Ok(());
        }
        let retired = index(generation);
        self.closings.clear(retired)?;
        read::<abi::portolan_flow>(self.closed.tables[retired].descriptor.as_fd(), Batch::Take, |_, _| {})?;
        read::<abi::portolan_owner>(
            self.overflow.tables[retired].descriptor.as_fd(),
            Batch::Take,
            |_, _| {},
        )?;
        self.is_clear = true;
        Ok(())
    }

    pub(super) fn losses(&self) -> Result<Losses, MonitorError> {
        let read = |kind| {
            self.losses
                .get(&kind, 0)
                .map_err(|source| MonitorError::Map { name: "losses", source: Box::new(source) })
        };
        Ok(Losses {
            events: read(abi::PORTOLAN_LOSS_EVENTS)?,
            closed_flows: read(abi::PORTOLAN_LOSS_CLOSED)?,
            unowned_flows: read(abi::PORTOLAN_LOSS_OVERFLOW)?,
            unowned_bytes: Bytes {
                tx: read(abi::PORTOLAN_LOSS_OVERFLOW_TX_BYTES)?,
                rx: read(abi::PORTOLAN_LOSS_OVERFLOW_RX_BYTES)?,
            },
            cells: read(abi::PORTOLAN_LOSS_CELLS)?,
            peers: read(abi::PORTOLAN_LOSS_PEERS)?,
            said_without_room: read(abi::PORTOLAN_LOSS_SAID)?,
            said_too_often: read(abi::PORTOLAN_LOSS_SAID_TOO_OFTEN)?,
            ..Losses::default()
        })
    }
}

impl<K: aya::Pod> Pair<K> {
    fn open(programs: &mut Programs, names: [&'static str; 2]) -> Result<Self, MonitorError> {
        let mut table = |name| -> Result<Table<K>, MonitorError> {
            let map = programs.take_map(name)?;
            let Map::HashMap(data) = &map else { return Err(MonitorError::Missing(name)) };
            let descriptor = data.fd().as_fd().try_clone_to_owned();
            let descriptor =
                descriptor.map_err(|source| MonitorError::Read { what: "the closed flows", source })?;
            let entries = HashMap::try_from(map)
                .map_err(|source| MonitorError::Map { name, source: Box::new(source) })?;
            Ok(Table { entries, descriptor })
        };
        Ok(Self { tables: [table(names[0])?, table(names[1])?] })
    }
}

pub(super) fn open<T: TryFrom<Map, Error = aya::maps::MapError>>(
    programs: &mut Programs,
    name: &'static str,
) -> Result<T, MonitorError> {
    T::try_from(programs.take_map(name)?)
        .map_err(|source| MonitorError::Map { name, source: Box::new(source) })
}

fn is_empty<K: aya::Pod>(table: &Table<K>) -> Result<bool, MonitorError> {
    match table.entries.keys().next() {
        None => Ok(true),
        Some(Ok(_)) => Ok(false),
        Some(Err(source)) => Err(MonitorError::Map { name: "closed flows", source: Box::new(source) }),
    }
}

/// Which of two tables a generation fills.
fn index(generation: u32) -> usize {
    usize::from(generation % 2 == 1)
}

/// Goes through all entries of a table that no program writes to.
fn read<K: FromBytes + FromZeros + IntoBytes + Copy>(
    table: BorrowedFd<'_>,
    batch: Batch,
    mut each: impl FnMut(K, RawCounters),
) -> Result<(), MonitorError> {
    let error = |source| MonitorError::Read { what: "the closed flows", source };
    let mut keys = vec![0_u8; BATCH * size_of::<K>()];
    let mut values = vec![0_u8; BATCH * size_of::<abi::portolan_counters>()];
    let mut cursor = None;
    loop {
        let room = u32::try_from(BATCH).map_err(io::Error::other).map_err(error)?;
        let (count, ended) =
            syscall::read_batch(table, batch, &mut cursor, &mut keys, &mut values, room).map_err(error)?;
        let count = usize::try_from(count).map_err(io::Error::other).map_err(error)?;
        let entries =
            keys.chunks_exact(size_of::<K>()).zip(values.chunks_exact(size_of::<abi::portolan_counters>()));
        for (key, value) in entries.take(count) {
            if let (Ok(key), Ok(value)) =
                (K::read_from_bytes(key), abi::portolan_counters::read_from_bytes(value))
            {
                each(key, RawCounters(value));
            }
        }
        if ended {
            return Ok(());
        }
    }
}
