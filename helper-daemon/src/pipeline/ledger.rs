//! Growth of cumulative counters, exactly once.

use std::collections::{HashMap, HashSet, VecDeque};

use foldhash::fast::RandomState;
use portolan_bpf::{Cell, Socket};
use portolan_core::{Bytes, Flow, MonotonicNs, ProcessKey, Uid};

use crate::{journal::FlowNote, monitor::Closed};

mod known;
mod settling;
mod sockets;

use known::{Entry, Known};
use sockets::{Sight, Sockets};

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
    flows: HashSet<Known, RandomState>,
    sockets: Sockets,
    /// Flows that may have grown in this reading.
    touched: Vec<Known>,
    /// Flows without a socket, until they are forgotten.
    waiting: Vec<Known>,
    overflows: HashMap<ProcessKey, Overflow>,
    reading: u64,
    open: OpenFlows,
    forgotten_early: u64,
}

/// How many flows of an owner and a user have a socket in use, and the one of them with the highest remote side.
pub(super) type OpenFlows = HashMap<(ProcessKey, Uid), (u32, Flow), RandomState>;

/// Bytes that are known by owner only, until it is clear which of them had been reported by flow before.
#[derive(Debug, Default)]
struct Overflow {
    /// What came with which reading, oldest first.
    came: VecDeque<(u64, Bytes)>,
    reported_before: Bytes,
}

impl Ledger {
    /// Begins a reading with what was closed before it. Then come the sockets in use ([`Self::see`]), then [`Self::finish`].
    pub(crate) fn begin(&mut self, closed: &[Cell], overflow: &[(ProcessKey, Bytes)]) {
        self.reading += 1;
        self.sockets.begin();
        for cell in closed {
            self.take_closed(cell);
        }
        for (owner, bytes) in overflow {
            self.overflows.entry(*owner).or_default().came.push_back((self.reading, *bytes));
        }
    }

    /// Takes in a socket in use; `false` when it is not known and came without its flow.
    pub(crate) fn see(&mut self, socket: Socket) -> bool {
        match self.sockets.see(&socket, self.reading) {
            Sight::Same => {}
            Sight::Changed(known) => self.touch(known),
            Sight::New => {
                let Some(flow) = socket.flow else { return false };
                let known = self.known(flow, Some(socket.opened));
                let left = self.sockets.add(&socket, known.clone(), self.reading);
                self.waiting.extend(left.filter(Known::begins_to_wait));
                self.touch(known);
            }
        }
        true
    }

    /// Ends a reading: what has moved since the last one.
    pub(crate) fn finish(&mut self) -> Vec<Growth> {
        let Self { sockets, waiting, reading, .. } = self;
        sockets.end(*reading, |known| {
            if known.begins_to_wait() {
                waiting.push(known);
            }
        });
        let touched = std::mem::take(&mut self.touched);
        let mut growths: Vec<Growth> = touched.iter().filter_map(Known::grow).collect();
        self.forget_settled();
        growths.extend(self.settle_overflows());
        growths
    }

    /// What is remembered of each flow.
    pub(crate) fn remembered(&self) -> impl Iterator<Item = FlowNote> {
        self.flows.iter().map(Known::note)
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
        let known = self.known(flow, opened);
        {
            let mut entry = known.entry();
            (entry.reported, entry.closed, entry.apart) = (reported, closed, apart);
            entry.opened = opened;
        }
        self.touch(known);
    }

    /// What the other had read of closed sockets.
    pub(crate) fn recall_closed(&mut self, closed: &Closed) {
        for cell in &closed.cells {
            self.take_closed(cell);
        }
        for (owner, bytes) in &closed.overflow {
            self.overflows.entry(*owner).or_default().came.push_back((0, *bytes));
        }
    }

    /// What the other had reported, in the order in which it did.
    pub(crate) fn recall_growth(&mut self, flow: Flow, bytes: Bytes) {
        if flow != Flow::of_unknown_peer(flow.owner) {
            let known = self.known(flow, None);
            {
                let mut entry = known.entry();
                entry.reported += bytes;
                entry.opened = None;
            }
            self.touch(known);
        } else if let Some(overflow) = self.overflows.get_mut(&flow.owner) {
            overflow.came.pop_front();
        }
    }

    /// Whether a flow has a socket, or may go on without one that is seen.
    pub(super) fn may_go_on(&self, flow: &Flow) -> bool {
        self.flows.get(flow).is_some_and(|known| {
            let entry = known.entry();
            entry.sockets > 0 || entry.apart
        })
    }

    /// How many flows are remembered, and how many sockets the last reading saw.
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.flows.len(), self.sockets.in_use())
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
    pub(super) fn open(&mut self) -> &OpenFlows {
        if self.sockets.take_changed() {
            self.open.clear();
            for known in self.flows.iter().filter(|known| known.entry().sockets > 0) {
                let flow = *known.flow();
                let (flows, shown) = self.open.entry((flow.owner, flow.uid)).or_insert((0, flow));
                *flows = flows.saturating_add(1);
                if flow.remote > shown.remote {
                    *shown = flow;
                }
            }
        }
        &self.open
    }

    fn take_closed(&mut self, cell: &Cell) {
        let known = self.known(cell.flow, Some(cell.opened));
        {
            let mut entry = known.entry();
            entry.closed += cell.bytes;
            entry.closed_at = self.reading;
            entry.apart = cell.closed_sockets == 0;
        }
        self.touch(known);
    }

    /// What is remembered of a flow; `opened` when it is new.
    fn known(&mut self, flow: Flow, opened: Option<MonotonicNs>) -> Known {
        if let Some(known) = self.flows.get(&flow) {
            return known.clone();
        }
        let known = Known::new(flow, Entry { opened, is_waiting: true, ..Entry::default() });
        self.flows.insert(known.clone());
        self.waiting.push(known.clone());
        known
    }

    fn touch(&mut self, known: Known) {
        if !std::mem::replace(&mut known.entry().is_touched, true) {
            self.touched.push(known);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
