//! Which processes are children of self-tests, also of those of a killed daemon.

use std::collections::HashMap;

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

/// The last of them, by their pids.
#[derive(Debug, Default)]
pub(super) struct Kin(HashMap<Pid, SelfTestChild>);

impl Kin {
    pub(super) fn add(&mut self, child: SelfTestChild) {
        if self.0.len() >= REMEMBERED
            && let Some(oldest) = self.0.values().min_by_key(|child| child.since).map(|child| child.pid)
        {
            self.0.remove(&oldest);
        }
        self.0.insert(child.pid, child);
    }

    pub(super) fn has(&self, process: &ProcessKey) -> bool {
        self.0.get(&process.pid).is_some_and(|child| child.is(process))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = SelfTestChild> {
        self.0.values().copied()
    }
}
