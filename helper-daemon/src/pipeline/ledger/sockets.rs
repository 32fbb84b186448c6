//! What each socket in use showed last: one that shows the same again costs one look.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use portolan_bpf::Socket;
use portolan_core::{Bytes, MonotonicNs};

use super::{ROOM, SETTLED_AFTER, known::Known};

#[derive(Debug, Default)]
pub(super) struct Sockets {
    by_address: HashMap<u64, Seen, RandomState>,
    /// How many the reading of now has shown.
    in_use: usize,
    /// Whether a flow has got its first socket or lost its last since somebody asked.
    has_changed: bool,
}

#[derive(Debug)]
struct Seen {
    known: Known,
    opened: MonotonicNs,
    /// The part of the flow's `live` that is this socket's.
    bytes: Bytes,
    /// The reading that showed it last.
    reading: u64,
    /// Whether a later reading has passed over it: it is none of the flow's sockets then.
    is_missing: bool,
}

/// What a socket shows.
pub(super) enum Sight {
    /// The same as before.
    Same,
    /// Something else, of this flow.
    Changed(Known),
    /// It was not seen before, or as another flow's.
    New,
}

impl Sockets {
    /// How many the last reading saw.
    pub(super) fn in_use(&self) -> usize {
        self.in_use
    }

    /// Whether other flows have a socket than at the last call.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.has_changed)
    }

    pub(super) fn begin(&mut self) {
        self.in_use = 0;
    }

    /// Takes in what a socket shows, when it is known.
    pub(super) fn see(&mut self, socket: &Socket, reading: u64) -> Sight {
        let Some(seen) = self.by_address.get_mut(&socket.address) else { return Sight::New };
        if !seen.is_of(socket) || (seen.is_missing && seen.known.entry().is_forgotten) {
            return Sight::New;
        }
        if seen.reading != reading {
            seen.reading = reading;
            self.in_use += 1;
        }
        if seen.bytes == socket.bytes && !seen.is_missing {
            return Sight::Same;
        }
        {
            let mut entry = seen.known.entry();
            entry.live = entry.live.growth_since(seen.bytes) + socket.bytes;
            if seen.is_missing {
                self.has_changed |= entry.sockets == 0;
                entry.sockets += 1;
            }
        }
        seen.bytes = socket.bytes;
        seen.is_missing = false;
        Sight::Changed(seen.known.clone())
    }

    /// Adds a socket that is new to [`Self::see`]; the flow of which it was before, when that has no socket any more.
    pub(super) fn add(&mut self, socket: &Socket, known: Known, reading: u64) -> Option<Known> {
        {
            let mut entry = known.entry();
            entry.live += socket.bytes;
            self.has_changed |= entry.sockets == 0;
            entry.sockets += 1;
        }
        let (opened, bytes) = (socket.opened, socket.bytes);
        let seen = Seen { known, opened, bytes, reading, is_missing: false };
        let before = self.by_address.insert(socket.address, seen);
        self.in_use += usize::from(before.as_ref().is_none_or(|before| before.reading != reading));
        let left = before.and_then(|mut before| before.miss());
        self.has_changed |= left.is_some();
        left
    }

    /// After a reading: what it has not shown counts no more for its flow, and is forgotten after a few of them. Tells the flows
    /// that have no socket any more.
    pub(super) fn end(&mut self, reading: u64, mut left: impl FnMut(Known)) {
        let Self { by_address, in_use, has_changed } = self;
        if *in_use == by_address.len() {
            return;
        }
        by_address.retain(|_, seen| {
            if seen.reading == reading {
                return true;
            }
            if let Some(known) = seen.miss() {
                *has_changed = true;
                left(known);
            }
            seen.reading + SETTLED_AFTER > reading
        });
        if by_address.capacity() > ROOM.max(by_address.len() * 4) {
            by_address.shrink_to(ROOM.max(by_address.len() * 2));
        }
    }
}

impl Seen {
    fn is_of(&self, socket: &Socket) -> bool {
        self.opened == socket.opened && socket.flow.is_none_or(|flow| flow == *self.known.flow())
    }

    /// It is not in use, as far as is known; its flow, when that has no other socket.
    fn miss(&mut self) -> Option<Known> {
        if std::mem::replace(&mut self.is_missing, true) {
            return None;
        }
        let mut entry = self.known.entry();
        entry.live = entry.live.growth_since(std::mem::take(&mut self.bytes));
        entry.live_at = entry.live_at.max(self.reading);
        entry.sockets -= 1;
        (entry.sockets == 0).then(|| self.known.clone())
    }
}
