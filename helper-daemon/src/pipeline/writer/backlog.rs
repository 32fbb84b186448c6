//! What waits for the history.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use portolan_bus::Finding;
use portolan_core::{Direction, Protocol};
use portolan_history::{Checkpoint, History, NewFinding, Record, WriteError};

use crate::pipeline::findings::to_wire;

/// Rows that wait as they are; beyond, all are merged: their bytes stay, their peers go.
const ROWS_MAX: usize = 100_000;

/// Rows and findings in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    records: Vec<Record>,
    /// Up to where these are all.
    checkpoint: Option<Checkpoint>,
    findings: VecDeque<NewFinding>,
    merged_rows: u64,
}

impl Backlog {
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn len(&self) -> usize {
        self.records.len() + self.findings.len()
    }

    pub(super) fn merged_rows(&self) -> u64 {
        self.merged_rows
    }

    pub(super) fn add_records(&mut self, records: Vec<Record>, checkpoint: Option<Checkpoint>) {
        self.records.extend(records);
        self.checkpoint = checkpoint.or(self.checkpoint);
    }

    /// Keeps what the history refused from growing without end.
    pub(super) fn bound(&mut self) {
        if self.records.len() <= ROWS_MAX {
            return;
        }
        let before = self.records.len();
        self.records = merge(std::mem::take(&mut self.records));
        let merged = u64::try_from(before - self.records.len()).unwrap_or(u64::MAX);
        self.merged_rows = self.merged_rows.saturating_add(merged);
    }

    pub(super) fn add_finding(&mut self, finding: NewFinding) {
        self.findings.push_back(finding);
    }

    /// Writes everything, and tells each finding that got its number. `written` gets the number up to which rows are on the
    /// disk.
    pub(super) fn write(
        &mut self,
        history: &mut History,
        tell: &dyn Fn(Finding),
        written: &mut u64,
    ) -> Result<(), WriteError> {
        if !self.records.is_empty() {
            history.write_up_to(&self.records, self.checkpoint)?;
            *written = self.checkpoint.map_or(*written, |checkpoint| checkpoint.epoch);
            // Not cleared: a burst would keep its room for ever.
            self.records = Vec::new();
        }
        while let Some(finding) = self.findings.front() {
            let row = history.raise(finding)?;
            self.findings.pop_front();
            tell(to_wire(row));
        }
        Ok(())
    }
}

/// One row for each bucket, owner and user: the sums stay exact, peers, command lines and places go.
fn merge(records: Vec<Record>) -> Vec<Record> {
    let mut merged: HashMap<_, Record> = HashMap::new();
    for record in records {
        let key = (record.bucket_start, record.owner.clone(), record.uid);
        match merged.get_mut(&key) {
            Some(sum) => {
                sum.bytes += record.bytes;
                sum.flows_opened = sum.flows_opened.saturating_add(record.flows_opened);
                sum.first = sum.first.min(record.first);
                sum.last = sum.last.max(record.last);
            }
            None => {
                let stripped = Record {
                    command_line: None,
                    placement: Arc::default(),
                    protocol: Protocol::Ip(0),
                    direction: Direction::Unknown,
                    local: None,
                    remote: None,
                    service_port: None,
                    network_namespace: 0,
                    ..record
                };
                merged.insert(key, stripped);
            }
        }
    }
    merged.into_values().collect()
}

#[cfg(test)]
mod tests {
    use portolan_core::{Bytes, Owner, Uid, UnixMillis};

    use super::*;

    #[test]
    fn too_many_rows_are_merged_and_no_byte_is_lost() {
        let record = |port: usize| Record {
            bucket_start: UnixMillis(0),
            bucket_ms: 10_000,
            owner: Owner::Kernel,
            command_line: None,
            placement: Arc::default(),
            uid: Uid(0),
            protocol: Protocol::Tcp,
            direction: Direction::Outbound,
            local: None,
            remote: None,
            service_port: u16::try_from(port % 60_000).ok(),
            network_namespace: 0,
            bytes: Bytes { tx: 3, rx: 5 },
            flows_opened: 1,
            first: UnixMillis(0),
            last: UnixMillis(1),
        };
        let mut backlog = Backlog::default();
        backlog.add_records((0..=ROWS_MAX).map(record).collect(), None);
        backlog.bound();
        assert_eq!(backlog.len(), 1);
        let rows = u64::try_from(ROWS_MAX).unwrap() + 1;
        assert_eq!(backlog.records[0].bytes, Bytes { tx: rows * 3, rx: rows * 5 });
        assert_eq!((backlog.records[0].flows_opened, backlog.merged_rows()), (rows, rows - 1));
    }
}
