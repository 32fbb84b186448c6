//! What the status says of recording.

use portolan_bus::Hook;

use super::{
    handle::Snapshot,
    recorder::{Recorder, RecorderError},
    tally::losses_to_wire,
};

impl Recorder {
    pub(super) fn snapshot(&self) -> Result<Snapshot, RecorderError> {
        let losses = self.monitor.losses()?;
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
        Ok(Snapshot {
            self_test: self.self_test.to_wire(),
            notes: self.notes(health.set_aside),
            counting: self.monitor.counting(),
            hooks,
            attribution: self.tally.to_wire(self.rows.pending()),
            losses: losses_to_wire(&losses, health.merged_rows),
            sockets: u64::try_from(self.ledger.sizes().1).unwrap_or(u64::MAX),
            processes: u64::try_from(self.processes.running()).unwrap_or(u64::MAX),
            unreviewed: u32::try_from(self.judge.unreviewed()).unwrap_or(u32::MAX),
            history_problem: health.problem,
        })
    }

    /// Sentences on what is not as it should be.
    fn notes(&self, mut notes: Vec<String>) -> Vec<String> {
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
