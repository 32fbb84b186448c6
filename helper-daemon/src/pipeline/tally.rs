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
}

impl Tally {
    pub(super) fn add(&mut self, owner: &Owner, bytes: Bytes) {
        let to = match owner {
            Owner::Program { .. } => &mut self.attributed,
            Owner::Kernel => &mut self.kernel,
            Owner::Unattributed(reason) => self.unattributed.entry(*reason).or_default(),
        };
        *to = to.saturating_add(bytes.total());
    }

    pub(super) fn to_wire(&self, pending: Bytes) -> Attribution {
        let unattributed: BTreeMap<String, u64> = Unattributed::ALL
            .into_iter()
            .map(|reason| (reason.to_string(), self.unattributed.get(&reason).copied().unwrap_or_default()))
            .collect();
        let (attributed, kernel) = (self.attributed, self.kernel);
        let total = unattributed.values().fold(0_u64, |sum, bytes| sum.saturating_add(*bytes));
        Attribution {
            total: total.saturating_add(attributed).saturating_add(kernel),
            attributed,
            kernel,
            unattributed,
            pending: pending.total(),
        }
    }
}

/// Losses by kind, as the status shows them.
pub(super) fn losses_to_wire(losses: &Losses, history_merged_rows: u64) -> BTreeMap<String, u64> {
    [
        ("process_events", losses.events),
        ("executed_file_queue_overflows", losses.exec_file_overflows),
        ("flows_kept_by_owner_only", losses.closed_flows),
        ("flows_without_owner", losses.unowned_flows),
        ("sockets_without_cell", losses.cells),
        ("datagrams_without_peer", losses.peers),
        ("calls_not_counted", losses.missed_calls),
        ("history_rows_merged", history_merged_rows),
    ]
    .into_iter()
    .map(|(kind, count)| (kind.to_owned(), count))
    .collect()
}
