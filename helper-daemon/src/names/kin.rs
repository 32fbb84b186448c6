use portolan_core::{ApplicationKey, MonotonicNs, Owner, ProcessKey};

use super::Relations;
use crate::identity::{Identity, Processes};

/// How far back: shells and servers make copies of copies, and who makes more of them has names to lose.
const ORIGINALS: usize = 16;

impl Relations for Processes {
    fn memory_of(&self, process: &ProcessKey) -> Vec<(ProcessKey, MonotonicNs)> {
        let mut until = MonotonicNs(u64::MAX);
        let mut memory = Vec::with_capacity(1);
        match self.get(process) {
            None => memory.push((*process, until)),
            Some(process) => memory.extend(process.and_originals().take(ORIGINALS).map(|process| {
                let mine = (process.key, until);
                until = process.key.started;
                mine
            })),
        }
        memory
    }

    fn are_same_application(&self, one: &ProcessKey, other: &ProcessKey) -> bool {
        let of = |process| application(self, process);
        of(one).is_some_and(|one| of(other).is_some_and(|other| one == other))
    }

    fn sees_machines_hosts(&self, process: &ProcessKey) -> bool {
        self.get(process).is_some_and(|process| process.has_machines_files())
    }
}

fn application(processes: &Processes, process: &ProcessKey) -> Option<ApplicationKey> {
    match processes.get(process)?.identity() {
        Identity::Settled(Owner::Program { application, .. }) => Some(application),
        Identity::Settled(Owner::Kernel | Owner::Unattributed(_)) | Identity::Pending => None,
    }
}
