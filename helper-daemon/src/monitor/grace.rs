//! Waiting until no kernel program can still be running that started before.

use std::time::Duration;

use aya::maps::{Array, ArrayOfMaps, MapData};

use super::{MonitorError, counters, programs::Programs};

/// The table that is waited with; see `grace` in bpf/c/maps.h.
pub(super) struct Grace(ArrayOfMaps<MapData, Array<MapData, u32>>);

impl Grace {
    pub(super) fn open(programs: &mut Programs) -> Result<Self, MonitorError> {
        counters::open(programs, "grace").map(Self)
    }

    /// Returns after an RCU grace period; any table will do.
    ///
    /// Our programs that write to tables do not sleep, so they run inside RCU read sections: what started before this call has
    /// ended when it returns. Whoever changes a table of tables waits for one (`maybe_wait_bpf_programs` in
    /// kernel/bpf/syscall.c, since Linux 4.20). Not `membarrier(MEMBARRIER_CMD_GLOBAL)`: it does not wait on a machine with one
    /// processor, where a program may have been preempted all the same, and is refused where CPUs run tickless (nohz_full).
    pub(super) fn wait(&mut self, any: &Array<MapData, u32>) {
        if let Err(error) = self.0.set(0, any, 0) {
            tracing::debug!("the kernel does not tell when its programs have ended: {error}");
            // Every such program ends within it.
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}
