//! When a flow may be forgotten, and when bytes without a flow are reported.

use portolan_core::Flow;

use super::{
    GIVEN_UP_AFTER, Growth, Ledger, REMEMBERED_FOR, REMEMBERED_MAX, ROOM, SETTLED_AFTER, known::Known,
};

impl Ledger {
    /// Forgets flows without a socket, whose bytes are all reported.
    pub(super) fn forget_settled(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        let too_many = self.flows.len() > REMEMBERED_MAX;
        waiting.retain(|known| {
            let is_in_use = known.entry().sockets > 0;
            let stays = !is_in_use && self.has_to_wait(known, too_many);
            known.entry().is_waiting = stays;
            if !stays && !is_in_use {
                known.entry().is_forgotten = true;
                self.flows.remove(known.flow());
            }
            stays
        });
        if waiting.capacity() > ROOM.max(waiting.len() * 4) {
            waiting.shrink_to(ROOM.max(waiting.len() * 2));
        }
        self.waiting = waiting;
        let Self { flows, .. } = self;
        if flows.capacity() > ROOM.max(flows.len() * 4) {
            flows.shrink_to(ROOM.max(flows.len() * 2));
        }
    }

    /// Whether a flow without a socket may still move something, or come back.
    fn has_to_wait(&mut self, known: &Known, too_many: bool) -> bool {
        let (reading, entry) = (self.reading, known.entry());
        let missing = entry.reported.growth_since(entry.closed);
        if missing.is_zero() {
            let is_due = entry.apart && entry.closed_at.max(entry.live_at) + REMEMBERED_FOR > reading;
            self.forgotten_early += u64::from(is_due && too_many);
            return is_due && !too_many;
        }
        if entry.live_at + SETTLED_AFTER > reading {
            return true;
        }
        match self.overflows.get_mut(&known.flow().owner) {
            // The table was full when it was closed: its bytes came under the owner's name.
            Some(overflow) => overflow.reported_before += missing,
            None if entry.live_at + GIVEN_UP_AFTER > reading => return true,
            None => {}
        }
        false
    }

    /// Reports what came under an owner's name, less what had been reported by flow.
    pub(super) fn settle_overflows(&mut self) -> Vec<Growth> {
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
