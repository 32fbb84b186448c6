//! Calls that the kernel did not hand to a program because the program was running on that processor already.

use std::{
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    path::Path,
};

use aya::programs::{Program, ProgramFd, ProgramInfo};

/// The attached programs that count calls.
#[derive(Default)]
pub(super) struct Missed(Vec<ProgramFd>);

impl Missed {
    /// Watches a program that has just been loaded, and pins it for the next daemon.
    pub(super) fn watch(&mut self, program: &mut Program, pin: Option<&Path>) {
        self.0.extend(program.fd().ok().and_then(|program| program.try_clone().ok()));
        if let Some(pin) = pin
            && let Err(error) = program.pin(pin)
        {
            tracing::warn!("a daemon after this one will not know how many calls are missed: {error}");
        }
    }

    /// Watches a program that an earlier daemon has pinned.
    pub(super) fn watch_pinned(&mut self, pin: Option<&Path>) {
        let program = pin.and_then(|pin| ProgramInfo::from_pin(pin).ok());
        self.0.extend(program.and_then(|program| program.fd().ok()));
    }

    /// How many calls they have missed since they were attached. The kernel counts them since Linux 5.12; 0 before.
    pub(super) fn calls(&self) -> u64 {
        self.0.iter().filter_map(|program| value(&info(program.as_fd()), "recursion_misses:")).sum()
    }
}

/// What the kernel says of a descriptor (bpf_prog_show_fdinfo in kernel/bpf/syscall.c).
fn info(descriptor: BorrowedFd<'_>) -> String {
    std::fs::read_to_string(format!("/proc/self/fdinfo/{}", descriptor.as_raw_fd())).unwrap_or_default()
}

fn value(info: &str, key: &str) -> Option<u64> {
    info.lines().find_map(|line| line.strip_prefix(key))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn the_kernels_count_is_read() {
        let text =
            "pos:\t0\nprog_type:\t26\nprog_id:\t7\nrun_cnt:\t9\nrecursion_misses:\t3\nverified_insns:\t40\n";
        assert_eq!((value(text, "recursion_misses:"), value(text, "prog_id:")), (Some(3), Some(7)));
        assert_eq!(value("prog_id:\t7\n", "recursion_misses:"), None);
    }
}
