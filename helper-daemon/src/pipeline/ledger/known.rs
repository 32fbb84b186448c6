//! What is remembered of one flow.

use std::{
    borrow::Borrow,
    cell::{RefCell, RefMut},
    hash::{Hash, Hasher},
    rc::Rc,
};

use portolan_core::{Bytes, Flow, MonotonicNs};

use super::Growth;
use crate::journal::FlowNote;

/// A flow and what was reported of it, found by the flow, and held by each of its sockets.
#[derive(Debug, Clone)]
pub(super) struct Known(Rc<(Flow, RefCell<Entry>)>);

#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) reported: Bytes,
    pub(super) closed: Bytes,
    /// What its sockets in use show.
    pub(super) live: Bytes,
    /// How many they are.
    pub(super) sockets: u32,
    /// The last reading that saw one of those that are in use no more.
    pub(super) live_at: u64,
    /// The last reading that saw bytes that closed sockets or uses apart have left.
    pub(super) closed_at: u64,
    /// When it was opened, until that is reported.
    pub(super) opened: Option<MonotonicNs>,
    /// Uses apart from a socket's cell: they may go on although no socket is seen.
    pub(super) apart: bool,
    /// Whether it is among those that may have grown in this reading.
    pub(super) is_touched: bool,
    /// Whether it is among those without a socket.
    pub(super) is_waiting: bool,
    /// Whether the ledger does not know it any more.
    pub(super) is_forgotten: bool,
}

impl Known {
    pub(super) fn new(flow: Flow, entry: Entry) -> Self {
        Self(Rc::new((flow, RefCell::new(entry))))
    }

    pub(super) fn flow(&self) -> &Flow {
        &self.0.0
    }

    pub(super) fn entry(&self) -> RefMut<'_, Entry> {
        self.0.1.borrow_mut()
    }

    /// What is new of it, once.
    pub(super) fn grow(&self) -> Option<Growth> {
        let mut entry = self.entry();
        entry.is_touched = false;
        let bytes = (entry.closed + entry.live).growth_since(entry.reported);
        entry.reported += bytes;
        let opened = entry.opened.take();
        (opened.is_some() || !bytes.is_zero()).then_some(Growth { flow: *self.flow(), bytes, opened })
    }

    /// Whether it waits to be forgotten from now on, and did not yet.
    pub(super) fn begins_to_wait(&self) -> bool {
        !std::mem::replace(&mut self.entry().is_waiting, true)
    }

    pub(super) fn note(&self) -> FlowNote {
        let entry = self.entry();
        FlowNote {
            flow: *self.flow(),
            reported: entry.reported,
            closed: entry.closed,
            opened: entry.opened,
            apart: entry.apart,
        }
    }
}

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        self.flow() == other.flow()
    }
}

impl Eq for Known {}

impl Hash for Known {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.flow().hash(state);
    }
}

impl Borrow<Flow> for Known {
    fn borrow(&self) -> &Flow {
        self.flow()
    }
}
