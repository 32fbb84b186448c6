//! Waiting until no kernel program can still be running that started before.

use std::time::Duration;

const MEMBARRIER_CMD_GLOBAL: libc::c_int = 1;

/// Returns after an RCU grace period.
///
/// Our programs that write to tables do not sleep, so they run inside RCU read sections: what started before this call has
/// ended when it returns. `membarrier(MEMBARRIER_CMD_GLOBAL)` is a `synchronize_rcu` (kernel/sched/membarrier.c); it is
/// refused where CPUs run tickless (nohz_full), and then a second, in which every such program ends, must do.
pub(super) fn wait() {
    // SAFETY: the call takes no pointer.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) };
    if result != 0 {
        std::thread::sleep(Duration::from_secs(1));
    }
}
