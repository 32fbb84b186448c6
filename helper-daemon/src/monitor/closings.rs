//! The two lists of closed sockets, of which one is filled while the other is read.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use aya::maps::{Array, Map, MapData};
use portolan_bpf::{Cell, Counters, FlowKey, abi, decode_closed};
use zerocopy::FromBytes;

use super::{MonitorError, counters, programs::Programs, syscall, syscall::Batch};

/// How many entries one system call reads.
const BATCH: usize = 1024;

pub(super) struct Closings {
    lists: [OwnedFd; 2],
    /// How many sockets were put into each, or would have been had there been room.
    used: Array<MapData, u64>,
}

impl Closings {
    pub(super) fn open(programs: &mut Programs) -> Result<Self, MonitorError> {
        let mut list = |name| -> Result<OwnedFd, MonitorError> {
            let map = programs.take_map(name)?;
            let Map::Array(data) = &map else { return Err(MonitorError::Missing(name)) };
            data.fd().as_fd().try_clone_to_owned().map_err(unreadable)
        };
        let lists = [list("closings_0")?, list("closings_1")?];
        Ok(Self { lists, used: counters::open(programs, "closings_used")? })
    }

    pub(super) fn is_empty(&self, index: usize) -> Result<bool, MonitorError> {
        Ok(self.len(index)? == 0)
    }

    /// All entries, of which some may be of one flow. Nobody may be adding to the list.
    pub(super) fn read(&self, index: usize) -> Result<Vec<Cell>, MonitorError> {
        let len = self.len(index)?;
        let mut cells = Vec::with_capacity(len);
        let size = size_of::<abi::portolan_closing>();
        let (mut keys, mut values) = (vec![0_u8; BATCH * size_of::<u32>()], vec![0_u8; BATCH * size]);
        let mut cursor = None;
        while cells.len() < len {
            let room = BATCH.min(len - cells.len());
            let list = self.lists[index].as_fd();
            let room = u32::try_from(room).map_err(io::Error::other).map_err(unreadable)?;
            let (count, ended) =
                syscall::read_batch(list, Batch::Read, &mut cursor, &mut keys, &mut values, room)
                    .map_err(unreadable)?;
            let count = usize::try_from(count).map_err(io::Error::other).map_err(unreadable)?;
            for entry in values.chunks_exact(size).take(count) {
                if let Ok(closing) = abi::portolan_closing::read_from_bytes(entry) {
                    cells.push(decode_closed(FlowKey(closing.flow), Counters(closing.counters)));
                }
            }
            if ended || count == 0 {
                break;
            }
        }
        Ok(cells)
    }

    /// Forgets the entries. Nobody may be adding to the list.
    pub(super) fn clear(&mut self, index: usize) -> Result<(), MonitorError> {
        self.used.set(key(index)?, 0, 0).map_err(unusable)
    }

    fn len(&self, index: usize) -> Result<usize, MonitorError> {
        let used = self.used.get(&key(index)?, 0).map_err(unusable)?;
        let used = used.min(u64::from(abi::PORTOLAN_CLOSINGS_MAX));
        usize::try_from(used).map_err(io::Error::other).map_err(unreadable)
    }
}

fn key(index: usize) -> Result<u32, MonitorError> {
    u32::try_from(index).map_err(io::Error::other).map_err(unreadable)
}

fn unusable(source: aya::maps::MapError) -> MonitorError {
    MonitorError::Map { name: "closings_used", source: Box::new(source) }
}

fn unreadable(source: io::Error) -> MonitorError {
    MonitorError::Read { what: "the closed sockets", source }
}
