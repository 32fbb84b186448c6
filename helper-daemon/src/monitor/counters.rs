//! The tables of closed flows and of losses.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use aya::maps::{Array, HashMap, Map, MapData};
use portolan_bpf::{Cell, Counters as RawCounters, FlowKey, OwnerKey, abi, decode_closed, decode_owner};
use portolan_core::{Bytes, Flow, ProcessKey};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use super::{MonitorError, grace, programs::Programs, syscall};

/// How many entries one system call takes out of a table.
const BATCH: usize = 1024;

/// One reading of all counters.
#[derive(Debug, Default)]
pub struct Reading {
    /// What closed sockets moved, and uses apart from a socket's cell, since the last reading.
    pub closed: Vec<Cell>,
    /// Bytes by owner whose flows found no room in the table of closed flows, since the last reading.
    pub overflow: Vec<(ProcessKey, Bytes)>,
    /// Cumulative counters of the sockets in use.
    pub live: Vec<Cell>,
}

/// What was refused, cumulative.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
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
    /// How often the queue of executed files overflowed.
    pub exec_file_overflows: u64,
}

/// What has been closed: by flow, and by owner where there was no room for the flow.
pub(super) type Closed = (Vec<Cell>, Vec<(ProcessKey, Bytes)>);

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
    active: Array<MapData, u32>,
    losses: Array<MapData, u64>,
    /// Index of the table that the programs fill.
    filled: usize,
    /// Whether reading the other one failed half-way, so that it must be read before they are swapped.
    unread: bool,
}

impl Counters {
    pub(super) fn new(programs: &mut Programs) -> Result<Self, MonitorError> {
        Ok(Self {
            closed: Pair::open(programs, ["closed_0", "closed_1"])?,
            overflow: Pair::open(programs, ["overflow_0", "overflow_1"])?,
            active: open(programs, "active")?,
            losses: open(programs, "losses")?,
            filled: 0,
            unread: false,
        })
    }

    /// Takes out everything that was closed since the last call.
    pub(super) fn take_closed(&mut self) -> Result<Closed, MonitorError> {
        if !self.unread {
            let empty =
                is_empty(&self.closed.tables[self.filled])? && is_empty(&self.overflow.tables[self.filled])?;
            if empty {
                return Ok((Vec::new(), Vec::new()));
            }
            let other = 1 - self.filled;
            self.active
                .set(0, u32::from(other == 1), 0)
                .map_err(|source| MonitorError::Map { name: "active", source: Box::new(source) })?;
            self.filled = other;
            grace::wait();
            self.unread = true;
        }
        let retired = 1 - self.filled;
        let mut closed = Vec::new();
        take::<abi::portolan_flow>(self.closed.tables[retired].descriptor.as_fd(), |key, counters| {
            closed.push(decode_closed(FlowKey(key), counters));
        })?;
        let mut overflow = Vec::new();
        take::<abi::portolan_owner>(
            self.overflow.tables[retired].descriptor.as_fd(),
            |key, RawCounters(counters)| {
                let bytes = Bytes { tx: counters.tx_bytes, rx: counters.rx_bytes };
                overflow.push((decode_owner(&key).unwrap_or(Flow::KERNEL), bytes));
            },
        )?;
        self.unread = false;
        Ok((closed, overflow))
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
            exec_file_overflows: 0,
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

fn open<T: TryFrom<Map, Error = aya::maps::MapError>>(
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

/// Takes every entry out of a table that no program writes to.
fn take<K: FromBytes + FromZeros + IntoBytes + Copy>(
    table: BorrowedFd<'_>,
    mut each: impl FnMut(K, RawCounters),
) -> Result<(), MonitorError> {
    let error = |source| MonitorError::Read { what: "the closed flows", source };
    let mut keys = vec![0_u8; BATCH * size_of::<K>()];
    let mut values = vec![0_u8; BATCH * size_of::<abi::portolan_counters>()];
    let mut cursor = None;
    loop {
        let room = u32::try_from(BATCH).map_err(io::Error::other).map_err(error)?;
        let (count, ended) =
            syscall::take_batch(table, &mut cursor, &mut keys, &mut values, room).map_err(error)?;
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
