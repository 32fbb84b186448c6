use std::{
    fs, thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// How often a group that is ending is looked at; the kernel has no event for the end of a process group.
const LOOK: Duration = Duration::from_millis(10);

/// Sends `signal` to everybody in the group whose leader has not been waited for.
pub(crate) fn signal(leader: Pid, signal: Signal) {
    // Fails only when nobody of the group is left, which is what is wanted.
    let _ = kill_process_group(leader, signal);
}

/// Waits until nobody of the group runs any more; kills those who still do when the time is over.
///
/// A session bus starts programs in its own group and does not wait for them when it ends.
pub(crate) fn wait_for_end(leader: Pid, timeout: Duration) {
    let deadline = Instant::now() + timeout;
    loop {
        let left = running_members(leader);
        if left.is_empty() {
            return;
        }
        if Instant::now() >= deadline {
            for pid in left {
                // It may have ended by now.
                let _ = kill_process(pid, Signal::KILL);
            }
            return;
        }
        thread::sleep(LOOK);
    }
}

fn running_members(leader: Pid) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok().and_then(Pid::from_raw))
        .filter(|pid| {
            let stat = fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
            is_running_member(&String::from_utf8_lossy(&stat), leader)
        })
        .collect()
}

/// Reads `/proc/PID/stat`: after the name in parentheses, which may hold anything, come state, parent and group.
fn is_running_member(stat: &str, leader: Pid) -> bool {
    let mut fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ');
    let state = fields.next().unwrap_or("");
    let group = fields.nth(1).and_then(|field| field.parse().ok());
    group == Some(leader.as_raw_nonzero().get()) && !["Z", "X", ""].contains(&state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dead_are_no_members() {
        let leader = Pid::from_raw(42).expect("42 is a pid");
        assert!(is_running_member("43 (a) Z 1 9 (b)) S 1 42 7 0", leader));
        assert!(!is_running_member("43 (a) Z 1 42 7 0", leader));
        assert!(!is_running_member("43 (a) S 42 7 7 0", leader));
        assert!(!is_running_member("", leader));
    }
}
