//! Which processes are children of self-tests, also of those of a killed daemon.

use std::collections::BTreeMap;

use portolan_core::{MonotonicNs, Pid, ProcessKey};
use serde::{Deserialize, Serialize};

/// Children that are remembered: daemons that are killed before their first reading have one each, whose bytes come later.
const REMEMBERED: usize = 1024;

/// One child. Its pid was nobody else's between these moments, for nobody had waited for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfTestChild {
    pub(super) pid: Pid,
    /// Before it was forked.
    pub(super) since: MonotonicNs,
    /// After that.
    pub(super) until: MonotonicNs,
}

impl SelfTestChild {
    pub(super) fn is(&self, process: &ProcessKey) -> bool {
        self.pid == process.pid && (self.since..=self.until).contains(&process.started)
    }
}

/// The last of them. Pids come back while the bytes of an earlier child are still to come: several may have the same one, each in
/// its own time.
#[derive(Debug, Default)]
pub(super) struct Kin(BTreeMap<(Pid, MonotonicNs), SelfTestChild>);

impl Kin {
    pub(super) fn add(&mut self, child: SelfTestChild) {
        if self.0.len() >= REMEMBERED
            && let Some(oldest) = self.0.keys().copied().min_by_key(|(_, since)| *since)
        {
            self.0.remove(&oldest);
        }
        self.0.insert((child.pid, child.since), child);
    }

    pub(super) fn has(&self, process: &ProcessKey) -> bool {
        let until_then = (process.pid, MonotonicNs(0))..=(process.pid, process.started);
        self.0.range(until_then).next_back().is_some_and(|(_, child)| child.is(process))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = SelfTestChild> {
        self.0.values().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child(pid: u32, since: u64) -> SelfTestChild {
        SelfTestChild { pid: Pid(pid), since: MonotonicNs(since), until: MonotonicNs(since + 2) }
    }

    fn process(pid: u32, started: u64) -> ProcessKey {
        ProcessKey { pid: Pid(pid), started: MonotonicNs(started), exec_generation: 1 }
    }

    #[test]
    fn a_pid_that_came_back_is_each_of_its_children_and_nobody_in_between() {
        let mut kin = Kin::default();
        for since in [30, 10, 20] {
            kin.add(child(7, since));
        }
        for since in [10, 20, 30] {
            assert!(kin.has(&process(7, since)) && kin.has(&process(7, since + 2)), "{since}");
            assert!(!kin.has(&process(7, since - 1)) && !kin.has(&process(7, since + 3)), "{since}");
        }
        assert!(!kin.has(&process(6, 10)) && !kin.has(&process(8, 10)));
        assert_eq!(kin.iter().count(), 3, "the next daemon is told of all of them");
    }

    #[test]
    fn the_last_of_too_many_stay() {
        let mut kin = Kin::default();
        let most = u64::try_from(REMEMBERED).unwrap();
        for since in 0..=most {
            kin.add(child(7, since * 10));
        }
        assert_eq!(kin.iter().count(), REMEMBERED);
        assert!(!kin.has(&process(7, 0)) && kin.has(&process(7, 10)) && kin.has(&process(7, most * 10)));
    }
}
