//! Whose the bytes were since the daemon started, and what was lost.

use std::collections::BTreeMap;

use portolan_bus::Attribution;
use portolan_core::{Bytes, Owner, Unattributed};

use crate::monitor::Losses;

#[derive(Debug, Default)]
pub(super) struct Tally {
    attributed: u64,
    kernel: u64,
    unattributed: BTreeMap<Unattributed, u64>,
    excluded: u64,
}

impl Tally {
    pub(super) fn add(&mut self, owner: &Owner, bytes: Bytes) {
        let to = self.of(owner);
        *to = to.saturating_add(bytes.total());
    }

    /// Bytes that it holds are in no history, for the configuration excludes them: from now on nobody's.
    pub(super) fn exclude(&mut self, owner: &Owner, bytes: Bytes) {
        let from = self.of(owner);
        let excluded = bytes.total().min(*from);
        *from -= excluded;
        self.excluded = self.excluded.saturating_add(excluded);
    }

    fn of(&mut self, owner: &Owner) -> &mut u64 {
        match owner {
            Owner::Program { .. } => &mut self.attributed,
            Owner::Kernel => &mut self.kernel,
            Owner::Unattributed(reason) => self.unattributed.entry(*reason).or_default(),
        }
    }

    /// All bytes that it holds.
    pub(super) fn total(&self) -> u64 {
        let unattributed = self.unattributed.values().fold(0_u64, |sum, bytes| sum.saturating_add(*bytes));
        unattributed.saturating_add(self.attributed).saturating_add(self.kernel).saturating_add(self.excluded)
    }

    pub(super) fn to_wire(&self, pending: Bytes) -> Attribution {
        let unattributed: BTreeMap<String, u64> = Unattributed::ALL
            .into_iter()
            .map(|reason| (reason.to_string(), self.unattributed.get(&reason).copied().unwrap_or_default()))
            .collect();
        let (attributed, kernel, excluded) = (self.attributed, self.kernel, self.excluded);
        let (total, pending) = (self.total(), pending.total());
        Attribution { total, attributed, kernel, unattributed, excluded, pending }
    }
}

/// What the daemon's own queues refused.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Refused {
    /// Rows that became fewer.
    pub(super) merged_rows: u64,
    pub(super) findings: u64,
    /// Executed files whose descriptors were closed before their exec came.
    pub(super) executed_files: u64,
    /// Flows that were forgotten before their time: when they go on, they count as new ones.
    pub(super) flows_forgotten: u64,
    /// Files of programs that have talked, of which no change will be seen.
    pub(super) files_not_watched: u64,
    /// Times that what was done to watched files was dropped: all of them were looked at, but who did it is not known.
    pub(super) change_queue_overflows: u64,
    /// Processes that were not looked at for foreign code, or not to the end.
    pub(super) processes_not_inspected: u64,
    /// Names that there was no room for.
    pub(super) names_forgotten: u64,
}

/// Losses by kind, as the status shows them.
pub(super) fn losses_to_wire(losses: &Losses, refused: Refused) -> BTreeMap<String, u64> {
    [
        ("process_events", losses.events),
        ("calls_not_counted", losses.missed_calls),
        ("executed_file_queue_overflows", losses.exec_file_overflows),
        ("executed_files_closed_early", refused.executed_files),
        ("mount_lists_postponed", losses.mount_lists_postponed),
        ("mounts_not_watched", losses.mounts_not_watched),
        ("flows_kept_by_owner_only", losses.closed_flows),
        ("flows_without_owner", losses.unowned_flows),
        ("flows_forgotten_early", refused.flows_forgotten),
        ("sockets_without_cell", losses.cells),
        ("datagrams_without_peer", losses.peers),
        ("names_not_read", losses.said_without_room),
        ("names_said_too_often", losses.said_too_often),
        ("history_rows_merged", refused.merged_rows),
        ("findings_not_kept", refused.findings),
        ("files_not_watched", refused.files_not_watched),
        ("changed_file_queue_overflows", refused.change_queue_overflows),
        ("processes_not_inspected", refused.processes_not_inspected),
        ("names_forgotten_early", refused.names_forgotten),
    ]
    .into_iter()
    .map(|(kind, count)| (kind.to_owned(), count))
    .collect()
}
