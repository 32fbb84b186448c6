//! What the daemon itself uses.

use std::sync::atomic::{AtomicU64, Ordering};

use rustix::{
    mm::Advice,
    time::{ClockId, clock_gettime},
};

/// From -20, before all others, to 19.
const NICE: i32 = -10;

/// CPU time of this process so far, in milliseconds.
#[must_use]
pub fn cpu_ms() -> u64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(used.tv_sec).unwrap_or_default();
    seconds.saturating_mul(1000).saturating_add(u64::try_from(used.tv_nsec / 1_000_000).unwrap_or_default())
}

/// Proportional set size of this process, in bytes; 0 where the kernel does not say.
#[must_use]
pub fn pss_bytes() -> u64 {
    size_in("/proc/self/smaps_rollup", "Pss:")
}

/// Memory of this process that no file stands behind, in bytes; 0 where the kernel does not say.
#[must_use]
pub fn anonymous_bytes() -> u64 {
    size_in("/proc/self/status", "RssAnon:")
}

fn size_in(file: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|kib| kib.trim().parse::<u64>().ok())
        .map_or(0, |kib| kib.saturating_mul(1024))
}

/// Lets this thread, and those that it starts, run before ordinary ones: a file that was executed may be gone a moment later, on a
/// busy machine too. For what is short.
pub fn go_first() {
    set_nice(NICE);
}

/// Lets this thread run like any other, whoever has started it.
pub fn go_along() {
    set_nice(0);
}

/// Lets this thread run when others leave time: nobody waits for what it does.
pub fn stand_back() {
    set_nice(10);
}

/// CPU time of this thread so far, in microseconds.
#[must_use]
pub fn thread_cpu_us() -> u64 {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(used.tv_sec).unwrap_or_default();
    seconds.saturating_mul(1_000_000).saturating_add(u64::try_from(used.tv_nsec / 1000).unwrap_or_default())
}

fn set_nice(nice: i32) {
    let thread = rustix::thread::gettid();
    if let Err(error) = rustix::process::setpriority_process(Some(thread), nice) {
        tracing::debug!("a thread goes on at the priority that it has: {error}");
    }
}

/// Has all threads take memory from one heap. Each would have its own, and of those glibc gives back what is free in the middle,
/// but not what is free at the end: after loading the programs that is most of it. To be called before there are threads.
#[cfg(target_env = "gnu")]
pub fn share_one_heap() {
    // SAFETY: no pointers; no other thread allocates yet.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
}

/// Other allocators have no such habit.
#[cfg(not(target_env = "gnu"))]
pub fn share_one_heap() {}

/// Gives freed memory back to the system: glibc keeps it, and after a burst that is most of what the daemon holds.
pub fn give_memory_back() {
    trim();
    LEAST_BYTES.store(anonymous_bytes(), Ordering::Relaxed);
}

#[cfg(target_env = "gnu")]
fn trim() {
    // SAFETY: no pointers; it takes the allocator's own locks.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators give it back by themselves.
#[cfg(not(target_env = "gnu"))]
fn trim() {}

/// More than this is given back when something that may have needed much is over.
const MUCH_BYTES: u64 = 8 << 20;

/// Anonymous memory after it was last given back, or since then where that was less. What is in use then is no reason to try again.
static LEAST_BYTES: AtomicU64 = AtomicU64::new(u64::MAX);

/// Gives freed memory back where much more is held than after the last time; else it costs a small read.
pub fn give_back_much() {
    let held = anonymous_bytes();
    let least = LEAST_BYTES.fetch_min(held, Ordering::Relaxed);
    if held.saturating_sub(least) > MUCH_BYTES {
        give_memory_back();
    }
}

/// Takes the program's code out of this process: the start has been through most of it, and the kernel maps 16 pages for each that is
/// touched. What runs again comes back from the page cache.
pub fn forget_code_of_start() {
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else { return };
    let Ok(program) = std::fs::read_link("/proc/self/exe") else { return };
    for (begin, end) in maps.lines().filter_map(|line| code_of(line, program.to_str()?)) {
        // SAFETY: the kernel names this range as a file's code, which nobody can have written to, so that what comes back is the same.
        let result = unsafe {
            rustix::mm::madvise(std::ptr::without_provenance_mut(begin), end - begin, Advice::LinuxDontNeed)
        };
        if let Err(error) = result {
            tracing::debug!("the code of the start stays in memory: {error}");
        }
    }
}

/// The addresses of a line of `/proc/PID/maps` that is code of this file, which nothing was written to.
fn code_of(line: &str, file: &str) -> Option<(usize, usize)> {
    let mut words = line.splitn(6, ' ');
    let (range, rights, rest) = (words.next()?, words.next()?, words.last()?);
    let (begin, end) = range.split_once('-')?;
    let address = |hexadecimal| usize::from_str_radix(hexadecimal, 16).ok();
    (rights == "r-xp" && rest.trim_start() == file).then_some((address(begin)?, address(end)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_the_program_is_forgotten() {
        let code =
            "55d0c0a00000-55d0c1200000 r-xp 0027a000 fd:00 1234                       /usr/lib/porto land";
        assert_eq!(code_of(code, "/usr/lib/porto land"), Some((0x55d0_c0a0_0000, 0x55d0_c120_0000)));
        assert_eq!(code_of(code, "/usr/lib/land"), None);
        assert_eq!(code_of(&code.replace("r-xp", "r--p"), "/usr/lib/porto land"), None, "relocated data");
        assert_eq!(code_of("7ffd1000-7ffd2000 r-xp 00000000 00:00 0 ", "/usr/lib/land"), None, "no file");
    }

    #[test]
    fn the_program_goes_on_without_the_code_of_its_start() {
        forget_code_of_start();
        assert!(pss_bytes() > 0);
    }
}
