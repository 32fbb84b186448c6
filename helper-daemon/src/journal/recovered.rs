use std::collections::{HashMap, HashSet};

use portolan_core::{Bytes, Flow, MonotonicNs, ProcessKey, UnixMillis};

use super::{Entry, Head, RowNote, entry::FORMAT};
use crate::{
    identity::Remembered,
    monitor::Losses,
    pipeline::{Ledger, SelfTestChild},
};

/// What a daemon that is gone had taken out of the kernel, and the history has not.
#[derive(Debug)]
pub struct Recovered {
    /// Of its file.
    pub head: Head,
    /// The processes that it knew, each after its parent.
    pub processes: Vec<Remembered>,
    /// What it had reported of each flow.
    pub ledger: Ledger,
    /// What it had not given to the history, or the history has not acknowledged.
    pub rows: HashMap<(UnixMillis, Flow), RowNote>,
    /// What the kernel had refused when it looked last.
    pub losses: Option<Losses>,
    /// Whose bytes are nobody's traffic.
    pub self_tests: Vec<SelfTestChild>,
    /// The last of the kernel's tables that it had read; the kernel may not have forgotten it yet.
    pub closed_generation: Option<u32>,
    /// The last number under which it gave rows to the history.
    pub epoch: u64,
}

impl Recovered {
    /// What the entries amount to when the history has acknowledged `committed` of this journal.
    ///
    /// `None` when there are none, when they are of another version or of an earlier start of the machine, or when the history
    /// knows more than they do (the file could not be written to its end).
    #[must_use]
    pub fn replay(
        entries: Vec<Entry>,
        boot_id: &str,
        committed: impl Fn(i64) -> Option<u64>,
    ) -> Option<Self> {
        let mut entries = entries.into_iter();
        let Some(Entry::Head(head)) = entries.next() else { return None };
        if head.format != FORMAT || head.boot_id != boot_id {
            return None;
        }
        // A history that cannot be read now may have said so before.
        let acknowledged = entries.as_slice().iter().filter_map(|entry| match entry {
            Entry::Written(epoch) => Some(*epoch),
            _ => None,
        });
        let committed = committed(head.journal).max(acknowledged.max()).unwrap_or_default();
        let epoch = head.epoch;
        let mut recovered = Self {
            head,
            processes: Vec::new(),
            ledger: Ledger::default(),
            rows: HashMap::new(),
            losses: None,
            self_tests: Vec::new(),
            closed_generation: None,
            epoch,
        };
        let mut places = HashMap::new();
        for entry in entries {
            recovered.take(entry, committed, &mut places);
        }
        (committed <= recovered.epoch).then_some(recovered)
    }

    fn take(&mut self, entry: Entry, committed: u64, places: &mut HashMap<ProcessKey, usize>) {
        match entry {
            Entry::Head(_) | Entry::Written(_) => {}
            Entry::Process(process) => match places.get(&process.key) {
                Some(place) => self.processes[*place] = *process,
                None => {
                    places.insert(process.key, self.processes.len());
                    self.processes.push(*process);
                }
            },
            Entry::Ended(key, at) => self.change(places, key, |process| process.ended = Some(at)),
            Entry::Moved(key, placement) => {
                self.change(places, key, |process| process.placement = placement);
            }
            Entry::Identified(key, content) => {
                self.change(places, key, |process| process.content = Some(content));
            }
            Entry::Closed(closed) => {
                self.closed_generation = Some(closed.generation);
                self.ledger.recall_closed(&closed);
            }
            Entry::Counted(flow) => self.ledger.recall(flow),
            Entry::Grown { flow, bytes, row } => {
                self.head.accounted += bytes;
                self.ledger.recall_growth(flow, bytes);
                if let Some(row) = row {
                    self.add(row);
                }
            }
            Entry::Row(row) => self.add(row),
            Entry::Losses(losses) => self.losses = Some(losses),
            Entry::SelfTest(child) => self.self_tests.push(child),
            Entry::Handed { epoch, kept } => {
                self.epoch = epoch;
                if epoch <= committed {
                    let kept: HashSet<_> = kept.into_iter().collect();
                    self.rows.retain(|key, _| kept.contains(key));
                }
            }
        }
    }

    fn change(
        &mut self,
        places: &HashMap<ProcessKey, usize>,
        key: ProcessKey,
        change: impl FnOnce(&mut Remembered),
    ) {
        if let Some(process) = places.get(&key).and_then(|place| self.processes.get_mut(*place)) {
            change(process);
        }
    }

    fn add(&mut self, row: RowNote) {
        match self.rows.get_mut(&(row.bucket_start, row.flow)) {
            Some(sum) => {
                sum.bucket_ms = sum.bucket_ms.max(row.bucket_ms);
                sum.bytes += row.bytes;
                sum.flows_opened = sum.flows_opened.saturating_add(row.flows_opened);
                sum.first = sum.first.min(row.first);
                sum.last = sum.last.max(row.last);
            }
            None => {
                self.rows.insert((row.bucket_start, row.flow), row);
            }
        }
    }
}

impl Head {
    /// The head of a journal that is written for the first time `now`, or anew.
    #[must_use]
    pub fn new(before: Option<&Self>, boot_id: String, instance: u64, epoch: u64, now: MonotonicNs) -> Self {
        let journal = before.map_or_else(|| i64::try_from(now.0).unwrap_or(i64::MAX), |head| head.journal);
        let accounted =
            before.filter(|head| head.instance == instance).map_or(Bytes::default(), |head| head.accounted);
        Self { format: FORMAT, boot_id, journal, instance, epoch, accounted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::flow;

    const BOOT: &str = "this start";

    fn head(epoch: u64) -> Entry {
        let head = Head::new(None, BOOT.to_owned(), 5, epoch, MonotonicNs(77));
        Entry::Head(head)
    }

    fn grown(pid: u32, tx: u64) -> Entry {
        let bytes = Bytes { tx, rx: 0 };
        let at = UnixMillis(0);
        let row = RowNote {
            flow: flow(pid),
            bucket_start: at,
            bucket_ms: 10_000,
            bytes,
            flows_opened: 1,
            first: at,
            last: at,
        };
        Entry::Grown { flow: flow(pid), bytes, row: Some(row) }
    }

    fn replay(entries: Vec<Entry>, committed: u64) -> Option<Recovered> {
        Recovered::replay(entries, BOOT, |journal| (journal == 77).then_some(committed))
    }

    fn tx(recovered: &Recovered) -> u64 {
        recovered.rows.values().map(|row| row.bytes.tx).sum()
    }

    #[test]
    fn rows_are_given_to_the_history_again_until_it_has_acknowledged_them() {
        let kept = vec![(UnixMillis(0), flow(2))];
        let entries =
            vec![head(3), grown(1, 10), grown(2, 20), Entry::Handed { epoch: 4, kept }, grown(1, 5)];
        assert_eq!(tx(&replay(entries.clone(), 3).unwrap()), 35, "not acknowledged");
        let acknowledged = replay(entries.clone(), 4).unwrap();
        assert_eq!(
            (tx(&acknowledged), acknowledged.epoch),
            (25, 4),
            "what was kept, and what came afterwards"
        );
        let accounted = acknowledged.head.accounted;
        assert_eq!(accounted.tx, 35, "whether it has been written or not");
        let other_tables = Head::new(Some(&acknowledged.head), BOOT.to_owned(), 6, 4, MonotonicNs(78));
        assert_eq!((other_tables.accounted.tx, other_tables.journal), (0, 77));
        let noted = [entries.clone(), vec![Entry::Written(4)]].concat();
        assert_eq!(tx(&replay(noted, 0).unwrap()), 25, "the history cannot be read, but it had acknowledged");
        assert!(replay(entries, 5).is_none(), "the history knows more than this file, which is not whole");
    }

    #[test]
    fn growth_that_was_reported_is_not_reported_again() {
        let mut recovered = replay(vec![head(0), grown(1, 10)], 0).unwrap();
        let cell = portolan_bpf::Cell {
            flow: flow(1),
            bytes: Bytes { tx: 12, rx: 0 },
            opened: MonotonicNs(2),
            closed_sockets: 0,
        };
        let growths = recovered.ledger.advance(&[], &[], &[cell]);
        assert_eq!((growths.len(), growths[0].bytes.tx, growths[0].opened), (1, 2, None));
    }

    #[test]
    fn what_was_read_and_not_reported_is_reported_although_its_socket_is_gone() {
        let cell = portolan_bpf::Cell {
            flow: flow(1),
            bytes: Bytes { tx: 12, rx: 0 },
            opened: MonotonicNs(2),
            closed_sockets: 1,
        };
        let closed = crate::monitor::Closed { generation: 8, cells: vec![cell], overflow: Vec::new() };
        let mut recovered = replay(vec![head(0), Entry::Closed(closed)], 0).unwrap();
        assert_eq!(recovered.closed_generation, Some(8));
        let growths = recovered.ledger.advance(&[], &[], &[]);
        assert_eq!((growths[0].bytes.tx, growths[0].opened), (12, Some(MonotonicNs(2))));
        assert!(recovered.ledger.advance(&[], &[], &[]).is_empty());
    }

    #[test]
    fn another_start_of_the_machine_or_another_version_is_not_gone_on_with() {
        assert!(Recovered::replay(vec![head(0)], "another start", |_| None).is_none());
        let Entry::Head(head) = head(0) else { unreachable!() };
        assert!(replay(vec![Entry::Head(Head { format: 0, ..head })], 0).is_none());
        assert!(replay(Vec::new(), 0).is_none());
    }
}
