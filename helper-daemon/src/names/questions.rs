use std::collections::HashMap;

use foldhash::fast::RandomState;
use portolan_core::{Domain, Endpoint, Flow, MonotonicNs, ProcessKey, Uid};
use portolan_names::dns::Answered;

use super::shares::Shares;

/// Questions that wait for an answer, of all users: about 200 bytes each.
const QUESTIONS: usize = 16_384;
/// Of one process to one server, by the same number.
const ALIKE: usize = 8;
/// For how long they wait.
const PATIENCE_NS: u64 = 10_000_000_000;

/// What processes asked DNS servers by datagrams, and were not answered yet.
///
/// Whoever can reach a socket can send to it from port 53: only the answer to a question is one.
#[derive(Debug)]
pub(super) struct Questions {
    of: HashMap<Asked, Vec<Question>, RandomState>,
    shares: Shares,
    refused: u64,
}

/// Who asked whom, by which number. Not the local address: a socket may have none when it asks, and one when it is answered.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Asked {
    process: ProcessKey,
    network_namespace: u32,
    server: Endpoint,
    id: u16,
}

#[derive(Debug)]
struct Question {
    name: Domain,
    local_port: Option<u16>,
    uid: Uid,
    at: MonotonicNs,
}

impl Default for Questions {
    fn default() -> Self {
        Self { of: HashMap::default(), shares: Shares::of(QUESTIONS), refused: 0 }
    }
}

impl Questions {
    /// A flow asked for a name.
    pub(super) fn ask(&mut self, flow: &Flow, id: u16, name: Domain, at: MonotonicNs) {
        let Some(asked) = asked(flow, id) else { return };
        let (local_port, uid) = (flow.local.map(|local| local.port), flow.uid);
        let alike = self.of.entry(asked).or_default();
        // One call may be copied twice, and programs ask again.
        if let Some(same) = alike.iter_mut().find(|one| one.name == name && one.local_port == local_port) {
            same.at = at;
            return;
        }
        if alike.len() >= ALIKE {
            self.shares.give_back(alike.remove(0).uid);
        }
        if self.shares.take(uid) {
            alike.push(Question { name, local_port, uid, at });
        } else {
            self.refused += 1;
        }
    }

    /// Whether this answers a question of the flow's process, which then is answered.
    pub(super) fn has(&mut self, flow: &Flow, answer: &Answered) -> bool {
        let Some(alike) = asked(flow, answer.id).and_then(|asked| self.of.get_mut(&asked)) else {
            return false;
        };
        let is_its = |one: &Question| {
            let ports = one.local_port.zip(flow.local.map(|local| local.port));
            one.name == answer.question && ports.is_none_or(|(asked, answered)| asked == answered)
        };
        let Some(place) = alike.iter().position(is_its) else { return false };
        self.shares.give_back(alike.remove(place).uid);
        true
    }

    /// Questions that found no room.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// Forgets those that nobody answered in time.
    pub(super) fn sweep(&mut self, now: MonotonicNs) {
        let Self { of, shares, .. } = self;
        of.retain(|_, alike| {
            alike.retain(|one| {
                let stays = one.at.0.saturating_add(PATIENCE_NS) > now.0;
                if !stays {
                    shares.give_back(one.uid);
                }
                stays
            });
            !alike.is_empty()
        });
        of.shrink_to(of.len().saturating_mul(2));
    }
}

fn asked(flow: &Flow, id: u16) -> Option<Asked> {
    let Flow { owner: process, network_namespace, .. } = *flow;
    Some(Asked { process, network_namespace, server: flow.remote?, id })
}
