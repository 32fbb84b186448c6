use std::os::fd::{AsFd, BorrowedFd};

use aya::maps::{MapData, RingBuf};
use portolan_bpf::{DecodeError, Said, abi, decode_said};

use super::{MonitorError, programs::Programs};

/// The ring of what programs said. It is this daemon's own: who takes over begins with an empty one.
pub(super) struct SaidRing(RingBuf<MapData>);

impl SaidRing {
    pub(super) fn open(programs: &mut Programs) -> Result<Self, MonitorError> {
        programs.ring("said").map(Self)
    }

    /// Shows what is there to `see`, oldest first, and at most as much as the ring holds: programs may be faster.
    pub(super) fn read(&mut self, mut see: impl FnMut(Said)) -> Result<(), DecodeError> {
        let mut left = usize::try_from(abi::PORTOLAN_SAID_RING_BYTES).unwrap_or_default();
        while left > 0
            && let Some(item) = self.0.next()
        {
            left = left.saturating_sub(item.len());
            see(decode_said(&item)?);
        }
        Ok(())
    }
}

impl AsFd for SaidRing {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
