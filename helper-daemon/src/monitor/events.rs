use std::os::fd::{AsFd, BorrowedFd};

use aya::maps::{MapData, RingBuf};
use portolan_bpf::{DecodeError, Event, decode_event};

/// The ring of process events.
pub(super) struct Events {
    ring: RingBuf<MapData>,
}

impl Events {
    pub(super) fn new(ring: RingBuf<MapData>) -> Self {
        Self { ring }
    }

    pub(super) fn take(&mut self) -> Result<Vec<Event>, DecodeError> {
        let mut events = Vec::new();
        while let Some(item) = self.ring.next() {
            events.push(decode_event(&item)?);
        }
        Ok(events)
    }
}

impl AsFd for Events {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}
