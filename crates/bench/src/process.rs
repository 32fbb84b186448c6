//! What a process uses.

use std::{fs, time::Duration};

use anyhow::Context as _;
use nix::{time::ClockId, unistd::Pid};

/// CPU time of a process so far, all of its threads, in nanoseconds.
pub(crate) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let pid = Pid::from_raw(i32::try_from(pid)?);
    let read = || ClockId::pid_cpu_clock_id(pid)?.now();
    Ok(Duration::from(read().with_context(|| format!("cannot read the CPU time of process {pid}"))?))
}

/// Proportional set size of a process, in bytes.
pub(crate) fn pss(pid: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let kib = text.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix("kB"));
    let kib: u64 =
        kib.and_then(|kib| kib.trim().parse().ok()).with_context(|| format!("{path} has no Pss"))?;
    Ok(kib * 1024)
}
