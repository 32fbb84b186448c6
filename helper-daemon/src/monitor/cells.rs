//! The cells of the sockets in use.

use std::{io, os::fd::OwnedFd};

use aya::maps::{Array, MapData};
use portolan_bpf::{Socket, split_socket};

use super::{MonitorError, counters, iterators::read_parts, programs::Programs};
use crate::clock::Now;

pub(super) struct Cells {
    link: OwnedFd,
    /// Whom the program shows a flow to once; see `reader` in bpf/c/maps.h.
    reader: Array<MapData, u32>,
    number: u32,
}

impl Cells {
    pub(super) fn new(link: OwnedFd, programs: &mut Programs) -> Result<Self, MonitorError> {
        // Another number than that of the daemon before, most likely. With the same one, the first reading takes two.
        let number = u32::try_from(Now::read().monotonic.0 % u64::from(u32::MAX)).unwrap_or_default();
        let mut cells = Self { link, reader: counters::open(programs, "reader")?, number };
        cells.forget()?;
        Ok(cells)
    }

    /// Shows every socket in use to `see`, with its flow the first time; `false` from it means that it does not know a socket
    /// that came without. It may be shown one twice, and not be shown one that is there.
    pub(super) fn read(&mut self, mut see: impl FnMut(Socket) -> bool) -> Result<(), MonitorError> {
        match self.read_once(&mut see) {
            Ok(true) => return Ok(()),
            Ok(false) => self.forget()?,
            Err(source) => {
                // The program may take for shown what has not come here.
                self.forget()?;
                return Err(unreadable(source));
            }
        }
        match self.read_once(&mut see) {
            Ok(true) => Ok(()),
            // Connected anew just now: shown by the next reading.
            Ok(false) => self.forget(),
            Err(source) => Err(unreadable(source)),
        }
    }

    /// `true` when all were known.
    fn read_once(&self, mut see: impl FnMut(Socket) -> bool) -> io::Result<bool> {
        let mut all_known = true;
        // The beginning of a socket whose end is in the next part.
        let mut begun: Vec<u8> = Vec::new();
        read_parts(&self.link, |part| {
            let mut rest = if begun.is_empty() {
                part
            } else {
                begun.extend_from_slice(part);
                &begun
            };
            while let Some((socket, after)) = split_socket(rest) {
                all_known &= see(socket);
                rest = after;
            }
            begun = rest.to_vec();
        })?;
        if begun.is_empty() {
            return Ok(all_known);
        }
        Err(io::Error::other(
            "the kernel programs sent a part of a socket; restart the daemon to load its own",
        ))
    }

    /// Has every flow shown again.
    fn forget(&mut self) -> Result<(), MonitorError> {
        self.number = self.number.checked_add(1).unwrap_or(1);
        self.reader
            .set(0, self.number, 0)
            .map_err(|source| MonitorError::Map { name: "reader", source: Box::new(source) })
    }
}

fn unreadable(source: io::Error) -> MonitorError {
    MonitorError::Read { what: "the sockets' counters", source }
}
