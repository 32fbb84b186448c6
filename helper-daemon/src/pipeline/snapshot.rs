//! What the status says of recording.

use portolan_bus::Hook;

use super::{
    handle::Snapshot,
    recorder::{Recorder, RecorderError},
    tally::{Refused, losses_to_wire},
};
use crate::{
    clock::Now,
    monitor::{NetworkLayer, Truth},
};

impl Recorder {
    pub(super) fn snapshot(&mut self) -> Result<Snapshot, RecorderError> {
        let (losses, truth) = (self.monitor.losses()?, self.monitor.truth()?);
        self.conservation.begin(truth);
        let hooks: Vec<Hook> = self
            .monitor
            .hooks()
            .iter()
            .map(|hook| Hook {
                name: hook.name.to_owned(),
                active: hook.problem.is_none(),
                reason: match &hook.problem {
                    None => hook.purpose.to_owned(),
                    Some(problem) => format!("{problem} (this hook {})", hook.purpose),
                },
            })
            .collect();
        let health = self.writer.health();
        let changes = self.changes.counts();
        let refused = Refused {
            merged_rows: health.merged_rows + self.outbox.merged_rows() + self.merged_rows,
            findings: health.findings_refused + self.outbox.findings_refused(),
            executed_files: self.processes.files_closed_early(),
            flows_forgotten: self.ledger.forgotten_early(),
            files_not_watched: changes.not_watched,
            change_queue_overflows: changes.queue_overflows,
            processes_not_inspected: self.inspector.counts().not_inspected(),
            names_forgotten: self.naming.forgotten_early(),
        };
        Ok(Snapshot {
            self_test: self.self_test.to_wire(),
            notes: self.notes(health.replaced),
            counting: self.monitor.counting(),
            hooks,
            attribution: self.tally.to_wire(self.rows.pending()),
            ledger: self.conservation.to_wire(self.owned()),
            network: self.network.to_wire(NetworkLayer::read(), truth),
            losses: losses_to_wire(&losses, refused),
            sockets: u64::try_from(self.ledger.sizes().1).unwrap_or(u64::MAX),
            processes: u64::try_from(self.processes.running()).unwrap_or(u64::MAX),
            process_events: self.monitor.events_taken(),
            unreviewed: u32::try_from(self.judge.unreviewed()).unwrap_or(u32::MAX),
            learning_until: self
                .learning
                .as_ref()
                .map(|learning| learning.until(Now::read().wall, self.learning_period)),
            history_problem: health.problem,
        })
    }

    /// After a reading that is in rows and tally; the truth from before and after it.
    pub(super) fn check_conservation(&mut self, now: Now, before: Truth, after: Truth) {
        let owned = self.owned();
        if let Some(detail) = self.conservation.read(now.monotonic, before, after, owned)
            && let Some(finding) = self.judge.unbalanced(&detail, now.wall)
        {
            self.raise(finding);
        }
    }

    /// Keeps rows without an owner from growing without end. The journal tells rows by their keys, so it is written anew, and for
    /// that the history must have what it was given.
    pub(super) fn bound_rows(&mut self) {
        if self.rows.are_too_many() && self.is_all_written() {
            self.merged_rows = self.merged_rows.saturating_add(self.rows.bound());
            self.write_journal(false);
        }
    }

    /// All bytes that have an owner, a reason, or an owner that is being identified.
    fn owned(&self) -> u64 {
        self.tally.total().saturating_add(self.rows.pending().total())
    }

    /// Sentences on what is not as it should be.
    fn notes(&self, mut notes: Vec<String>) -> Vec<String> {
        notes.extend(self.gaps.iter().map(|gap| gap.sentence.clone()));
        if let Some(problem) = self.monitor.pin_problem() {
            notes.push(format!(
                "if the daemon were killed, what moves until it is back would not be counted: {problem}"
            ));
        }
        if let Some(problem) = self.journal.problem() {
            notes.push(format!(
                "if the daemon were killed, what is not in the history yet would be lost: {problem}"
            ));
        }
        notes
    }
}
