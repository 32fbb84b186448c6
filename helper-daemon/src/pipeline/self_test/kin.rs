//! Which processes are children of self-tests, also of those of a killed daemon.

use std::collections::VecDeque;

use portolan_core::{MonotonicNs, Pid, ProcessKey};
use serde::{Deserialize, Serialize};

/// Children that are remembered: a daemon that is killed again and again has one each time, whose bytes come later.
const REMEMBERED: usize = 16;

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

/// The last of them, oldest first.
#[derive(Debug, Default)]
pub(super) struct Kin(VecDeque<SelfTestChild>);

impl Kin {
    pub(super) fn add(&mut self, child: SelfTestChild) {
        self.0.push_back(child);
        if self.0.len() > REMEMBERED {
            self.0.pop_front();
        }
    }

    pub(super) fn has(&self, process: &ProcessKey) -> bool {
        self.0.iter().any(|child| child.is(process))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = SelfTestChild> {
        self.0.iter().copied()
    }
}
