use std::collections::{HashMap, HashSet};

use portolan_bpf::LAYOUT;
use portolan_core::{Flow, MonotonicNs, ProcessKey, UnixMillis};

use super::{Entry, Head, RowNote, entry::FORMAT};
use crate::{identity::Remembered, monitor::Losses, pipeline::Ledger};

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
        if head.format != FORMAT || head.layout != LAYOUT || head.boot_id != boot_id {
            return None;
        }
        let committed = committed(head.journal).unwrap_or_default();
        let epoch = head.epoch;
        let mut recovered = Self {
            head,
            processes: Vec::new(),
            ledger: Ledger::default(),
            rows: HashMap::new(),
            losses: None,
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
            Entry::Head(_) => {}
            Entry::Process(process) => match places.get(&process.key) {
                Some(place) => self.processes[*place] = process,
                None => {
                    places.insert(process.key, self.processes.len());
                    self.processes.push(process);
                }
            },
            Entry::Ended(key, at) => self.change(places, key, |process| process.ended = Some(at)),
            Entry::Identified(key, identity) => {
                self.change(places, key, |process| process.identity = Some(identity));
            }
            Entry::Closed(closed) => {
                self.closed_generation = Some(closed.generation);
                self.ledger.recall_closed(&closed);
            }
            Entry::Counted(flow) => self.ledger.recall(flow),
            Entry::Grown { flow, bytes, row } => {
                self.ledger.recall_growth(flow, bytes);
                if let Some(row) = row {
                    self.add(row);
                }
            }
            Entry::Row(row) => self.add(row),
            Entry::Losses(losses) => self.losses = Some(losses),
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
        Self { format: FORMAT, layout: LAYOUT.to_owned(), boot_id, journal, instance, epoch }
    }
}
