//! Fewer rows, when too many wait for their owner to be identified.

use portolan_core::Flow;

use super::{Row, Rows};

/// Rows that wait as they are: three times what one tick can bring. Beyond, each process keeps one for each user and bucket,
/// without peers.
const UNIDENTIFIED_MAX: usize = 400_000;

impl Rows {
    pub(in crate::pipeline) fn are_too_many(&self) -> bool {
        self.rows.len() > UNIDENTIFIED_MAX
    }

    /// Keeps rows from growing without end, and returns by how many they became fewer.
    pub(in crate::pipeline) fn bound(&mut self) -> u64 {
        self.bound_to(UNIDENTIFIED_MAX)
    }

    fn bound_to(&mut self, most: usize) -> u64 {
        let before = self.rows.len();
        if before <= most {
            return 0;
        }
        for ((bucket, _), row) in std::mem::take(&mut self.rows) {
            let flow = Flow { uid: row.flow.uid, ..Flow::of_unknown_peer(row.flow.owner) };
            match self.rows.get_mut(&(bucket, flow)) {
                Some(sum) => sum.absorb(&row),
                None => drop(self.rows.insert((bucket, flow), Row { flow, ..row })),
            }
        }
        u64::try_from(before - self.rows.len()).unwrap_or(u64::MAX)
    }
}

impl Row {
    fn absorb(&mut self, other: &Self) {
        self.bucket_ms = self.bucket_ms.max(other.bucket_ms);
        self.bytes += other.bytes;
        self.fresh += other.fresh;
        self.inherited += other.inherited;
        self.flows_opened = self.flows_opened.saturating_add(other.flows_opened);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        // Told by one of them is not told by both: what is told again adds no byte.
        if other.owner.is_none() {
            self.owner = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use portolan_core::{Bytes, MonotonicNs, Pid, ProcessKey, Protocol, Unattributed, UnixMillis};

    use super::*;
    use crate::{
        clock::Now,
        pipeline::{ledger::Growth, naming::Known, rows::Source},
    };

    fn growth(pid: u32, network_namespace: u32) -> Growth {
        let owner = ProcessKey { pid: Pid(pid), started: MonotonicNs(1), exec_generation: 1 };
        let flow = Flow { protocol: Protocol::Tcp, network_namespace, ..Flow::of_unknown_peer(owner) };
        Growth { flow, bytes: Bytes { tx: 3, rx: 5 }, opened: Some(MonotonicNs(1)) }
    }

    #[test]
    fn each_process_keeps_its_bytes() {
        let mut rows = Rows::default();
        let now = Now { monotonic: MonotonicNs(10), stamp: MonotonicNs(10), wall: UnixMillis(5000) };
        for flow in 0..100 {
            let source = Source::Nobody(Unattributed::ProcessGone);
            rows.add(&growth(flow % 2, flow), &source, 10_000, MonotonicNs(0), now);
        }
        assert_eq!((rows.bound_to(100), rows.len()), (0, 100));
        assert_eq!((rows.bound_to(99), rows.len()), (98, 2));
        assert_eq!(rows.pending(), Bytes { tx: 300, rx: 500 });
        let mut told = Bytes::default();
        rows.settle(|row| told += row.bytes);
        assert_eq!(told, Bytes { tx: 300, rx: 500 });
        let (taken, records) = rows.take_settled(|_, _| Some(Known::default()));
        assert_eq!(taken, 2);
        assert!(records.iter().all(|record| record.flows_opened == 50 && record.bytes.tx == 150));
    }
}
