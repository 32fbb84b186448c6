//! What the history has had no room for yet.

use std::collections::VecDeque;

use portolan_bus::Error;
use portolan_history::{Checkpoint, NewFinding, Record, Spans};
use tokio::sync::oneshot;

use super::{
    merge,
    writer::{Job, Writer},
};

/// Rows that wait as they are while a write takes long: four times what one tick can bring. Beyond, all are merged.
const ROWS_MAX: usize = 500_000;
/// Findings that wait. Beyond, they are not kept: what they tell of is in the list of applications all the same.
pub(super) const FINDINGS_MAX: usize = 10_000;

/// Jobs in the order in which they came; rows that wait are one job.
#[derive(Default)]
pub(super) struct Outbox {
    jobs: VecDeque<Job>,
    findings: usize,
    merged_rows: u64,
    findings_refused: u64,
}

impl Outbox {
    /// Questions of clients, which are as many as calls may be under way.
    pub(super) fn push(&mut self, job: Job) {
        self.jobs.push_back(job);
    }

    /// Rows, when it was recorded, and who is to be told when they are on the disk. They go with those that wait already.
    pub(super) fn write(
        &mut self,
        records: Vec<Record>,
        checkpoint: Option<Checkpoint>,
        recorded: Spans,
        done: Vec<oneshot::Sender<Result<(), Error>>>,
    ) {
        let waiting = self.jobs.iter_mut().find_map(|job| match job {
            Job::Write { records, checkpoint, recorded, done } => Some((records, checkpoint, recorded, done)),
            _ => None,
        });
        match waiting {
            Some((rows, reached, times, told)) => {
                rows.extend(records);
                times.extend(&recorded);
                *reached = checkpoint.or(*reached);
                told.extend(done);
            }
            None => {
                let recorded = Box::new(recorded);
                self.jobs.push_back(Job::Write { records, checkpoint, recorded, done });
            }
        }
    }

    pub(super) fn raise(&mut self, finding: NewFinding) {
        if self.findings < FINDINGS_MAX {
            self.findings += 1;
            self.jobs.push_back(Job::Raise(Box::new(finding)));
        } else {
            self.findings_refused += 1;
        }
    }

    /// Gives the history as many jobs as it has room for, and keeps the rows that stay from growing without end.
    pub(super) fn send(&mut self, writer: &Writer) {
        while let Some(job) = self.jobs.pop_front() {
            let is_finding = matches!(job, Job::Raise(_));
            if let Err(job) = writer.try_send(job) {
                self.jobs.push_front(job);
                break;
            }
            self.findings -= usize::from(is_finding);
        }
        self.bound();
    }

    /// Gives the history everything, however long that takes. Only for the end of the daemon.
    pub(super) fn send_all(&mut self, writer: &Writer) {
        self.jobs.drain(..).for_each(|job| writer.send(job));
    }

    pub(super) fn merged_rows(&self) -> u64 {
        self.merged_rows
    }

    pub(super) fn findings_refused(&self) -> u64 {
        self.findings_refused
    }

    fn bound(&mut self) {
        for job in &mut self.jobs {
            if let Job::Write { records, .. } = job {
                self.merged_rows = self.merged_rows.saturating_add(merge::bound(records, ROWS_MAX));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use portolan_core::{Bytes, Direction, FindingKind, Owner, Protocol, Uid, UnixMillis};

    use super::*;

    fn record(port: usize) -> Record {
        Record {
            bucket_start: UnixMillis(0),
            bucket_ms: 10_000,
            owner: Owner::Kernel,
            command_line: None,
            placement: std::sync::Arc::default(),
            uid: Uid(0),
            protocol: Protocol::Tcp,
            direction: Direction::Outbound,
            local: None,
            remote: None,
            name: None,
            place: None,
            service_port: u16::try_from(port % 60_000).ok(),
            recognised: None,
            network_namespace: 0,
            bytes: Bytes { tx: 3, rx: 5 },
            flows_opened: 1,
            first: UnixMillis(0),
            last: UnixMillis(1),
        }
    }

    #[test]
    fn rows_that_wait_are_one_job_and_bounded() {
        let mut outbox = Outbox::default();
        outbox.write((0..ROWS_MAX).map(record).collect(), None, Spans::default(), Vec::new());
        outbox.bound();
        assert_eq!(outbox.merged_rows(), 0);
        outbox.write(vec![record(0)], None, Spans::default(), Vec::new());
        outbox.bound();
        let [Job::Write { records, .. }] = outbox.jobs.make_contiguous() else { panic!("two jobs of rows") };
        let rows = u64::try_from(ROWS_MAX).unwrap() + 1;
        assert_eq!((records.len(), records[0].bytes), (1, Bytes { tx: rows * 3, rx: rows * 5 }));
        assert_eq!(outbox.merged_rows(), rows - 1);
    }

    #[test]
    fn findings_beyond_the_bound_are_counted() {
        let mut outbox = Outbox::default();
        for _ in 0..FINDINGS_MAX + 3 {
            let lost = NewFinding::about_the_daemon(FindingKind::LostEvents, UnixMillis(0), String::new());
            outbox.raise(lost);
        }
        assert_eq!((outbox.jobs.len(), outbox.findings_refused()), (FINDINGS_MAX, 3));
    }
}
