//! Runs that the kernel left out.

use std::os::fd::{AsRawFd, OwnedFd};

/// The loaded programs, to ask the kernel how often it did not run them.
///
/// It leaves a run out when the same program already runs on the same CPU: an interrupt came while it ran. What that run
/// would have counted is in no table and not in the truth either. Since Linux 5.12; older kernels do not count it.
pub(super) struct MissedRuns(Vec<OwnedFd>);

impl MissedRuns {
    pub(super) fn of(programs: Vec<OwnedFd>) -> Self {
        Self(programs)
    }

    /// In all, since the programs were loaded.
    pub(super) fn count(&self) -> u64 {
        self.0.iter().filter_map(of_program).sum()
    }
}

fn of_program(program: &OwnedFd) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", program.as_raw_fd())).ok()?;
    text.lines().find_map(|line| line.strip_prefix("recursion_misses:"))?.trim().parse().ok()
}
