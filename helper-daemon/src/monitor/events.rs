use std::os::fd::{AsFd, BorrowedFd};

use aya::maps::{MapData, RingBuf};
use portolan_bpf::{DecodeError, Event, decode_event};

/// The ring of process events.
pub(super) struct Events {
    ring: RingBuf<MapData>,
    taken: u64,
}

impl Events {
    pub(super) fn new(ring: RingBuf<MapData>) -> Self {
        Self { ring, taken: 0 }
    }

    /// How many there have been.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// The oldest event, which stays in the ring until [`Self::forget_first`].
    pub(super) fn first(&mut self) -> Result<Option<Event>, DecodeError> {
        let Some(item) = self.ring.next() else { return Ok(None) };
        let event = decode_event(&item);
        // Dropping it would take it out.
        std::mem::forget(item);
        event.map(Some)
    }

    pub(super) fn forget_first(&mut self) {
        drop(self.ring.next());
        self.taken += 1;
    }
}

impl AsFd for Events {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}
