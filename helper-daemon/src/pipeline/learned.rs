//! What other threads find out for the recorder: one queue for all of it.

use std::time::Duration;

use super::{
    intake::take_events,
    recorder::{Recorder, RecorderError},
};
use crate::{
    changes,
    clock::Now,
    foreign::Inspected,
    identity::{Answer, Hashed},
    names::Hosts,
};

/// What other threads found out.
pub(super) enum Learned {
    Hash(Hashed),
    Origin(Answer),
    Change(changes::Answer),
    Foreign(Inspected),
    Hosts(Hosts),
}

impl Recorder {
    /// `true` when there was anything.
    pub(super) fn take_learned(&mut self) -> bool {
        let mut any = false;
        while let Ok(learned) = self.learned.try_recv() {
            self.learn(learned);
            any = true;
        }
        any
    }

    fn learn(&mut self, learned: Learned) {
        match learned {
            Learned::Hash(hashed) => self.processes.hashed(hashed),
            Learned::Origin(answer) => self.processes.answered(answer),
            Learned::Change(answer) => self.changes.answered(answer, Now::read()),
            Learned::Foreign(inspected) => self.tell_foreign_code(inspected, Now::read()),
            Learned::Hosts(hosts) => self.naming.names.set_hosts(hosts),
        }
    }

    /// Waits until everybody is identified, or nothing comes.
    pub(super) fn wait_for_identities(&mut self, patience: Duration) -> Result<(), RecorderError> {
        while self.rows.unidentified().next().is_some() {
            let Ok(learned) = self.learned.recv_timeout(patience) else { break };
            self.learn(learned);
            // As in a step: who is asked for its identity was there when its file had been read, or is known to have ended.
            take_events(&mut self.monitor, &mut self.processes, &mut self.journal)?;
            self.identify_owners(Now::read().monotonic)?;
        }
        Ok(())
    }
}
