use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;
use portolan_core::{Flow, MonotonicNs, Name, Recognised};

use super::shares::Shares;

/// Flows of which something is known: about 440 bytes each.
const FLOWS: usize = 65_536;
/// For how long that is kept at least: what a flow says comes before its first bytes are read.
const KEPT_NS: u64 = 10_000_000_000;

/// What is known of single flows: what they said, and which name they were found to have.
#[derive(Debug)]
pub(super) struct Flows {
    of: HashMap<Flow, Entry, RandomState>,
    shares: Shares,
    forgotten_early: u64,
}

#[derive(Debug, Default)]
struct Entry {
    said: Option<Said>,
    /// By a DNS answer, and when the flow began for which that was found.
    found: Option<(MonotonicNs, Arc<Name>)>,
}

#[derive(Debug)]
struct Said {
    at: MonotonicNs,
    name: Option<Arc<Name>>,
    recognised: Option<Recognised>,
}

impl Default for Flows {
    fn default() -> Self {
        Self { of: HashMap::default(), shares: Shares::of(FLOWS), forgotten_early: 0 }
    }
}

impl Flows {
    /// Notes what the bytes of a flow told.
    pub(super) fn said(
        &mut self,
        flow: &Flow,
        recognised: Option<Recognised>,
        name: Option<Arc<Name>>,
        at: MonotonicNs,
    ) {
        let is_worth_less = name.is_none();
        if let Some(entry) = self.entry(flow, is_worth_less) {
            // What follows of the same may say no name; that takes none away.
            let before = entry.said.take().filter(|before| before.recognised == recognised);
            let name = name.or(before.and_then(|before| before.name));
            entry.said = Some(Said { at, name, recognised });
        }
    }

    /// Keeps the name that a flow was found to have: what is answered later does not change it. Worth less than what flows say.
    pub(super) fn found(&mut self, flow: &Flow, began: MonotonicNs, name: Arc<Name>) {
        if let Some(entry) = self.entry(flow, true) {
            entry.found = Some((began, name));
        }
    }

    /// A flow began: what is older is of another one with the same addresses.
    pub(super) fn begins(&mut self, flow: &Flow, began: MonotonicNs) {
        if let Some(entry) = self.of.get_mut(flow) {
            entry.said.take_if(|said| said.at < began);
            entry.found.take_if(|(at, _)| *at < began);
        }
    }

    /// The name that it said or was found to have.
    pub(super) fn name(&self, flow: &Flow) -> Option<Arc<Name>> {
        let entry = self.of.get(flow)?;
        let said = entry.said.as_ref().and_then(|said| said.name.as_ref());
        said.or(entry.found.as_ref().map(|(_, name)| name)).cloned()
    }

    /// What it was seen to speak.
    pub(super) fn recognised(&self, flow: &Flow) -> Option<Recognised> {
        self.of.get(flow)?.said.as_ref()?.recognised
    }

    /// When it said something.
    pub(super) fn said_at(&self, flow: &Flow) -> Option<MonotonicNs> {
        Some(self.of.get(flow)?.said.as_ref()?.at)
    }

    pub(super) fn forgotten_early(&self) -> u64 {
        self.forgotten_early
    }

    /// Forgets what nobody needs any more.
    pub(super) fn sweep(&mut self, now: MonotonicNs, is_needed: impl Fn(&Flow) -> bool) {
        let shares = &mut self.shares;
        self.of.retain(|flow, entry| {
            let newest = entry.said.as_ref().map(|said| said.at).max(entry.found.as_ref().map(|(at, _)| *at));
            let is_new = newest.is_some_and(|at| at.0.saturating_add(KEPT_NS) > now.0);
            let stays = is_new || is_needed(flow);
            if !stays {
                shares.give_back(flow.uid);
            }
            stays
        });
        self.of.shrink_to(self.of.len().saturating_mul(2));
    }

    fn entry(&mut self, flow: &Flow, is_worth_less: bool) -> Option<&mut Entry> {
        if !self.of.contains_key(flow) {
            let Self { shares, forgotten_early, .. } = self;
            let has_room = if is_worth_less { shares.take_spare(flow.uid) } else { shares.take(flow.uid) };
            if !has_room {
                *forgotten_early += 1;
                return None;
            }
        }
        Some(self.of.entry(*flow).or_default())
    }
}
