//! What waits for the history.

use std::collections::{HashSet, VecDeque};

use portolan_bus::Finding;
use portolan_core::{FindingKind, UnixMillis};
use portolan_history::{Checkpoint, History, KnownApplication, NewFinding, Record, Spans, WriteError};

use super::Writing;
use crate::pipeline::{merge, outbox::FINDINGS_MAX};

/// Rows that wait as they are; beyond, all are merged: their bytes stay, their peers go.
const ROWS_MAX: usize = 100_000;

/// Rows and findings in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    records: Vec<Record>,
    /// Up to where these are all.
    checkpoint: Option<Checkpoint>,
    /// When it was recorded.
    recorded: Spans,
    /// Rows that were given to the history in one transaction, which may or may not have reached the disk.
    tried: Option<(Vec<Record>, Checkpoint)>,
    findings: VecDeque<NewFinding>,
    /// When learning ended.
    learning_ended: Option<UnixMillis>,
    merged_rows: u64,
    findings_refused: u64,
}

impl Backlog {
    pub(super) fn is_empty(&self) -> bool {
        let has_no_rows = self.len() == 0 && self.tried.is_none() && self.checkpoint.is_none();
        has_no_rows && self.recorded.is_empty() && self.learning_ended.is_none()
    }

    pub(super) fn len(&self) -> usize {
        self.records.len() + self.tried.as_ref().map_or(0, |(records, _)| records.len()) + self.findings.len()
    }

    pub(super) fn merged_rows(&self) -> u64 {
        self.merged_rows
    }

    pub(super) fn findings_refused(&self) -> u64 {
        self.findings_refused
    }

    pub(super) fn add_records(
        &mut self,
        records: Vec<Record>,
        checkpoint: Option<Checkpoint>,
        recorded: &Spans,
    ) {
        self.recorded.extend(recorded);
        self.records.extend(records);
        self.checkpoint = checkpoint.or(self.checkpoint);
    }

    /// Keeps what the history refused from growing without end.
    pub(super) fn bound(&mut self) {
        let merged = merge::bound(&mut self.records, ROWS_MAX);
        let tried = self.tried.as_mut().map_or(0, |(records, _)| merge::bound(records, ROWS_MAX));
        self.merged_rows = self.merged_rows.saturating_add(merged).saturating_add(tried);
    }

    /// The history says up to where it has everything: what was tried is there, or is not.
    pub(super) fn has_reached(&mut self, reached: Option<Checkpoint>, written: &mut u64) {
        if let Some((_, tried)) = &self.tried
            && reached.is_some_and(|reached| (reached.journal, reached.epoch) == (tried.journal, tried.epoch))
        {
            *written = tried.epoch;
            self.tried = None;
        }
    }

    /// Drops what was found when nobody knew what the history knows.
    pub(super) fn forget_findings_about(&mut self, known: &[KnownApplication]) {
        let known: HashSet<_> = known.iter().map(|known| &known.application).collect();
        self.findings.retain(|finding| {
            let application = finding.subject.as_ref().map(|subject| &subject.application);
            finding.kind != FindingKind::NewApplication || application.is_none_or(|key| !known.contains(key))
        });
    }

    pub(super) fn add_finding(&mut self, finding: NewFinding) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push_back(finding);
        } else {
            self.findings_refused += 1;
        }
    }

    /// After the findings that wait: they are what was learned.
    pub(super) fn end_learning(&mut self, at: UnixMillis) {
        self.learning_ended = Some(at);
    }

    pub(super) fn has_learned(&self) -> bool {
        self.learning_ended.is_some()
    }

    /// Writes everything, and tells each finding that got its number. `written` gets the number up to which rows are on the
    /// disk.
    pub(super) fn write(
        &mut self,
        history: &mut History,
        writing: &Writing,
        tell: &dyn Fn(Finding),
        written: &mut u64,
    ) -> Result<(), WriteError> {
        let done = self.write_records(history, writing, written);
        // What was refused is not there; only after any other error nobody knows.
        if !matches!(done, Ok(()) | Err(WriteError::Failed(_)))
            && let Some((mut records, checkpoint)) = self.tried.take()
        {
            records.append(&mut self.records);
            self.records = records;
            self.checkpoint = self.checkpoint.or(Some(checkpoint));
        }
        done?;
        while let Some(finding) = self.findings.front() {
            let row = history.raise(finding)?;
            self.findings.pop_front();
            tell(Finding::found(row));
        }
        if let Some(at) = self.learning_ended {
            let told = history.end_learning(at)?;
            self.learning_ended = None;
            told.into_iter().for_each(|row| tell(Finding::found(row)));
        }
        Ok(())
    }

    fn write_records(
        &mut self,
        history: &mut History,
        writing: &Writing,
        written: &mut u64,
    ) -> Result<(), WriteError> {
        if let Some((records, checkpoint)) = &self.tried {
            history.write_up_to(records.iter().inspect(|_| writing.step()), Some(*checkpoint))?;
            *written = checkpoint.epoch;
            self.tried = None;
        }
        let has_more = !self.records.is_empty() || !self.recorded.is_empty();
        if self.checkpoint.is_none() && has_more {
            history.write_recorded(&self.records, None, &self.recorded)?;
            (self.records, self.recorded) = (Vec::new(), Spans::default());
        }
        if let Some(checkpoint) = self.checkpoint.take() {
            // Not kept beside: a burst would keep its room for ever.
            let (records, _) = self.tried.insert((std::mem::take(&mut self.records), checkpoint));
            let records = records.iter().inspect(|_| writing.step());
            history.write_recorded(records, Some(checkpoint), &self.recorded)?;
            *written = checkpoint.epoch;
            (self.tried, self.recorded) = (None, Spans::default());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_findings_than_may_wait_are_counted() {
        let mut backlog = Backlog::default();
        for at in 0..=i64::try_from(FINDINGS_MAX).unwrap() {
            let kind = FindingKind::LostEvents;
            backlog.add_finding(NewFinding::about_the_daemon(kind, UnixMillis(at), String::new()));
        }
        assert_eq!((backlog.len(), backlog.findings_refused()), (FINDINGS_MAX, 1));
        assert_eq!(backlog.findings[0].at, UnixMillis(0), "the oldest stay: each content is told once");
    }
}
