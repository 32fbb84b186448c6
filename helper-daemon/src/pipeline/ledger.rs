//! Growth of cumulative counters, exactly once.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;
use portolan_bpf::Cell;
use portolan_core::{Bytes, Flow, MonotonicNs, ProcessKey};

use crate::{journal::FlowNote, monitor::Closed};

/// Readings for which a use apart is remembered, so that it is one flow when it goes on.
const REMEMBERED_FOR: u64 = 60;
/// Readings after which a flow that vanished may have come under its owner's name.
pub(super) const SETTLED_AFTER: u64 = 2;
/// Readings after which a flow that vanished is given up: its socket can be lost only by a fault of the kernel.
const GIVEN_UP_AFTER: u64 = 36_000;
/// Flows that are remembered; beyond, those without a socket are forgotten at once: no byte is lost, but one that goes on
/// counts as another flow.
const REMEMBERED_MAX: usize = 400_000;
/// Room that stays after a burst.
const ROOM: usize = 4096;

/// What a flow moved since the last reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Growth {
    pub(crate) flow: Flow,
    pub(crate) bytes: Bytes,
    /// When it was opened; `None` when it was seen before.
    pub(crate) opened: Option<MonotonicNs>,
}

/// Remembers of each flow what has been reported.
///
/// The total of a flow is what its live sockets show plus what its closed ones have left. A reading may miss a socket (it is
/// being closed, or the iterator passed over it), never count it twice: the total is then short until a later reading, and
/// what was reported is kept for as long as that takes, so that nothing is reported twice.
#[derive(Debug, Default)]
pub struct Ledger {
    // Its hash is most of what a tick with many sockets costs; the keys are seeded at random, like the default ones.
    entries: HashMap<Flow, Entry, RandomState>,
    overflows: HashMap<ProcessKey, Overflow>,
    reading: u64,
    live_sockets: usize,
    /// Whether flows came from another ledger, whose growth may not be reported yet.
    has_recalled: bool,
    forgotten_early: u64,
}

#[derive(Debug, Default)]
struct Entry {
    reported: Bytes,
    closed: Bytes,
    live: Bytes,
    /// The reading that last saw a socket of it in use.
    live_at: u64,
    /// The reading that last saw anything of it.
    seen_at: u64,
    /// When it was opened, until that is reported.
    opened: Option<MonotonicNs>,
    /// Uses apart from a socket's cell: they may go on although no socket is seen.
    apart: bool,
}

impl Entry {
    fn opened_at(cell: &Cell) -> Self {
        Self { opened: Some(cell.opened), ..Self::default() }
    }
}

/// Bytes that are known by owner only, until it is clear which of them had been reported by flow before.
#[derive(Debug, Default)]
struct Overflow {
    /// What came with which reading, oldest first.
    came: VecDeque<(u64, Bytes)>,
    reported_before: Bytes,
}

impl Ledger {
    /// Takes in a reading: `closed` and `overflow` were read before `live`.
    pub(crate) fn advance(
        &mut self,
        closed: &[Cell],
        overflow: &[(ProcessKey, Bytes)],
        live: &[Cell],
    ) -> Vec<Growth> {
        self.reading += 1;
        self.live_sockets = live.len();
        let mut touched = Vec::with_capacity(closed.len() + live.len());
        if std::mem::take(&mut self.has_recalled) {
            for (flow, entry) in &mut self.entries {
                entry.seen_at = self.reading;
                touched.push(*flow);
            }
        }
        for cell in closed {
            let entry = self.touch(cell, &mut touched);
            entry.closed += cell.bytes;
            entry.apart = cell.closed_sockets == 0;
        }
        let reading = self.reading;
        for cell in live {
            let entry = self.touch(cell, &mut touched);
            if entry.live_at != reading {
                entry.live_at = reading;
                entry.live = Bytes::default();
            }
            entry.live += cell.bytes;
        }
        let mut growths: Vec<Growth> = touched.into_iter().filter_map(|flow| self.grow(flow)).collect();
        for (owner, bytes) in overflow {
            self.overflows.entry(*owner).or_default().came.push_back((reading, *bytes));
        }
        self.forget_settled();
        growths.extend(self.settle_overflows());
        growths
    }

    /// What is remembered of each flow.
    pub(crate) fn remembered(&self) -> impl Iterator<Item = FlowNote> {
        self.entries.iter().map(|(flow, entry)| FlowNote {
            flow: *flow,
            reported: entry.reported,
            closed: entry.closed,
            opened: entry.opened,
            apart: entry.apart,
        })
    }

    /// What is known by owner only and not reported yet.
    pub(crate) fn unsettled(&self) -> Vec<(ProcessKey, Bytes)> {
        let of = |(owner, overflow): (&ProcessKey, &Overflow)| {
            let sum = overflow.came.iter().fold(Bytes::default(), |sum, (_, bytes)| sum + *bytes);
            (*owner, sum)
        };
        self.overflows.iter().map(of).collect()
    }

    /// Takes over what another ledger remembered of a flow.
    pub(crate) fn recall(&mut self, note: FlowNote) {
        let FlowNote { flow, reported, closed, opened, apart } = note;
        self.entries.insert(flow, Entry { reported, closed, opened, apart, ..Entry::default() });
        self.has_recalled = true;
    }

    /// What the other had read of closed sockets.
    pub(crate) fn recall_closed(&mut self, closed: &Closed) {
        for cell in &closed.cells {
            let entry = self.entries.entry(cell.flow).or_insert_with(|| Entry::opened_at(cell));
            entry.closed += cell.bytes;
            entry.apart = cell.closed_sockets == 0;
        }
        self.has_recalled = true;
        for (owner, bytes) in &closed.overflow {
            self.overflows.entry(*owner).or_default().came.push_back((0, *bytes));
        }
    }

    /// What the other had reported, in the order in which it did.
    pub(crate) fn recall_growth(&mut self, flow: Flow, bytes: Bytes) {
        if flow != Flow::of_unknown_peer(flow.owner) {
            let entry = self.entries.entry(flow).or_default();
            entry.reported += bytes;
            entry.opened = None;
            self.has_recalled = true;
        } else if let Some(overflow) = self.overflows.get_mut(&flow.owner) {
            overflow.came.pop_front();
        }
    }

    /// How many flows are remembered, and how many sockets the last reading saw.
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.entries.len(), self.live_sockets)
    }

    /// How many flows were forgotten because there were too many.
    pub(super) fn forgotten_early(&self) -> u64 {
        self.forgotten_early
    }

    /// Whether bytes wait for the next readings, because they are known by owner only.
    pub(super) fn is_settling(&self) -> bool {
        !self.overflows.is_empty()
    }

    /// The flows with a socket in use.
    pub(super) fn live(&self) -> impl Iterator<Item = &Flow> {
        self.entries.iter().filter(|(_, entry)| entry.live_at == self.reading).map(|(flow, _)| flow)
    }

    fn touch(&mut self, cell: &Cell, touched: &mut Vec<Flow>) -> &mut Entry {
        let reading = self.reading;
        let entry = self.entries.entry(cell.flow).or_insert_with(|| Entry::opened_at(cell));
        if entry.seen_at != reading {
            entry.seen_at = reading;
            touched.push(cell.flow);
        }
        entry
    }

    fn grow(&mut self, flow: Flow) -> Option<Growth> {
        let reading = self.reading;
        let entry = self.entries.get_mut(&flow)?;
        let live = if entry.live_at == reading { entry.live } else { Bytes::default() };
        let bytes = (entry.closed + live).growth_since(entry.reported);
        entry.reported += bytes;
        let opened = entry.opened.take();
        (opened.is_some() || !bytes.is_zero()).then_some(Growth { flow, bytes, opened })
    }

    /// Forgets flows without a socket, whose bytes are all reported.
    fn forget_settled(&mut self) {
        let Self { entries, overflows, reading, forgotten_early, .. } = self;
        let too_many = entries.len() > REMEMBERED_MAX;
        entries.retain(|flow, entry| {
            if entry.live_at == *reading {
                return true;
            }
            let missing = entry.reported.growth_since(entry.closed);
            if missing.is_zero() {
                let is_due = entry.apart && entry.seen_at + REMEMBERED_FOR > *reading;
                *forgotten_early += u64::from(is_due && too_many);
                return is_due && !too_many;
            }
            if entry.live_at + SETTLED_AFTER > *reading {
                return true;
            }
            match overflows.get_mut(&flow.owner) {
                // The table was full when it was closed: its bytes came under the owner's name.
                Some(overflow) => overflow.reported_before += missing,
                None if entry.live_at + GIVEN_UP_AFTER > *reading => return true,
                None => {}
            }
            false
        });
        if entries.capacity() > ROOM.max(entries.len() * 4) {
            entries.shrink_to(ROOM.max(entries.len() * 2));
        }
    }

    /// Reports what came under an owner's name, less what had been reported by flow.
    fn settle_overflows(&mut self) -> Vec<Growth> {
        let mut growths = Vec::new();
        let reading = self.reading;
        self.overflows.retain(|owner, overflow| {
            while let Some((_, bytes)) =
                overflow.came.pop_front_if(|(came, _)| *came + SETTLED_AFTER < reading)
            {
                let known = overflow.reported_before;
                overflow.reported_before = known.growth_since(bytes);
                let bytes = bytes.growth_since(known);
                growths.push(Growth { flow: Flow::of_unknown_peer(*owner), bytes, opened: None });
            }
            !overflow.came.is_empty()
        });
        growths
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
