use std::collections::HashMap;

use foldhash::fast::RandomState;
use portolan_bpf::{Said, Way};
use portolan_core::{Direction, Flow, MonotonicNs, Protocol, Recognised, Uid};
use portolan_names::{
    Opened, Opening, State,
    dns::{self, Answered, Stream},
    recognised_from_answer,
};

use super::{Asker, Names, questions::Questions, shares::Shares};

/// Where DNS is asked.
pub const DNS_PORT: u16 = 53;
/// Beginnings of flows that are not whole yet, of all users; the parsers bound each (16 KiB).
const OPENINGS: usize = 512;
/// Connections to DNS servers.
const STREAMS: usize = 512;
/// For how long either waits for what follows.
const PATIENCE_NS: u64 = 10_000_000_000;

/// Listens to what was copied, and tells the names that are in it.
#[derive(Default)]
pub struct Hearing {
    openings: Parts<Opening, OPENINGS>,
    streams: Parts<Stream, STREAMS>,
    questions: Questions,
}

impl Hearing {
    /// Takes in one copy.
    pub fn hear(&mut self, said: &Said, names: &mut Names) {
        let Said { flow, at, way, offset, bytes, .. } = said;
        let is_with_dns = flow.remote.is_some_and(|remote| remote.port == DNS_PORT);
        match (flow.protocol, flow.direction, way) {
            (Protocol::Udp, _, Way::Sent) if is_with_dns => {
                if let Some((id, name)) = dns::question(bytes) {
                    self.questions.ask(flow, id, name, *at);
                }
            }
            // Anybody can send from that port: who did not ask was not answered.
            (Protocol::Udp, _, Way::Received) if is_with_dns => {
                let answer = dns::answer(bytes).filter(|answer| self.questions.has(flow, answer));
                answered(flow, *at, answer, names);
            }
            (Protocol::Tcp, Direction::Outbound, Way::Received) if is_with_dns => {
                let Some(mut stream) = self.streams.take(flow, || Stream::at(*offset)) else { return };
                answered(flow, *at, stream.add(*offset, bytes), names);
                if stream.is_lost() {
                    // What comes next may begin a message.
                    self.streams.give_back(flow.uid);
                } else {
                    self.streams.keep(*flow, stream, *at);
                }
            }
            // What a server answers tells what it speaks, and its client is not called anything.
            (Protocol::Tcp, Direction::Inbound, Way::Sent) => {
                let recognised = recognised_from_answer(bytes);
                names.opened(flow, Opened { recognised, ..Opened::default() }, *at);
            }
            (Protocol::Udp, Direction::Inbound, _) => {}
            (Protocol::Tcp | Protocol::Udp, _, Way::Sent) => self.open(said, names),
            _ => {}
        }
    }

    /// Gives up what nothing follows; what it told so far is all there is.
    pub fn sweep(&mut self, now: MonotonicNs, names: &mut Names) {
        self.openings.sweep(now, |flow, opening, at| names.opened(flow, opening.so_far().clone(), at));
        self.streams.sweep(now, |_, _, _| {});
        self.questions.sweep(now);
    }

    /// How many flows were not listened to because there was no room for what they began with.
    #[must_use]
    pub fn forgotten_early(&self) -> u64 {
        let refused = [self.openings.refused, self.streams.refused, self.questions.refused()];
        refused.into_iter().fold(0, u64::saturating_add)
    }

    fn open(&mut self, said: &Said, names: &mut Names) {
        let Said { flow, at, offset, bytes, .. } = said;
        // What follows an opening that was whole already, or given up: later packets of QUIC carry another connection id, and
        // cannot be read without the first.
        let is_late = match flow.protocol {
            Protocol::Tcp => *offset > 0,
            _ => names.said_at(flow).is_some_and(|then| then.0.saturating_add(PATIENCE_NS) > at.0),
        };
        if is_late && !self.openings.has(flow) {
            // Unless it is the beginning of another connection between the same two sockets.
            if flow.protocol != Protocol::Tcp
                && let State::Done(opened) = Opening::new(flow.protocol).add(0, bytes)
                && opened.name.is_some()
            {
                names.opened(flow, opened, *at);
            }
            return;
        }
        let Some(mut opening) = self.openings.take(flow, || Opening::new(flow.protocol)) else { return };
        match opening.add(*offset, bytes) {
            State::Done(opened) => {
                self.openings.give_back(flow.uid);
                names.opened(flow, opened, *at);
            }
            State::More => self.openings.keep(*flow, opening, *at),
        }
    }
}

fn answered(flow: &Flow, at: MonotonicNs, answers: impl IntoIterator<Item = Answered>, names: &mut Names) {
    let Flow { owner: process, uid, network_namespace, .. } = *flow;
    for Answered { question, addresses, .. } in answers {
        names.answered(Asker { process, uid, network_namespace }, question, &addresses, at);
        names.opened(flow, Opened { recognised: Some(Recognised::Dns), ..Opened::default() }, at);
    }
}

/// What is not whole yet, by flow.
struct Parts<T, const MOST: usize> {
    of: HashMap<Flow, (MonotonicNs, T), RandomState>,
    shares: Shares,
    refused: u64,
}

impl<T, const MOST: usize> Default for Parts<T, MOST> {
    fn default() -> Self {
        Self { of: HashMap::default(), shares: Shares::of(MOST), refused: 0 }
    }
}

impl<T, const MOST: usize> Parts<T, MOST> {
    fn has(&self, flow: &Flow) -> bool {
        self.of.contains_key(flow)
    }

    /// Takes what there is of a flow, or begins; `None` when there is no room. It is to be kept, or its room given back.
    fn take(&mut self, flow: &Flow, begin: impl FnOnce() -> T) -> Option<T> {
        if let Some((_, part)) = self.of.remove(flow) {
            return Some(part);
        }
        if !self.shares.take(flow.uid) {
            self.refused += 1;
            return None;
        }
        Some(begin())
    }

    fn keep(&mut self, flow: Flow, part: T, at: MonotonicNs) {
        self.of.insert(flow, (at, part));
    }

    fn give_back(&mut self, uid: Uid) {
        self.shares.give_back(uid);
    }

    fn sweep(&mut self, now: MonotonicNs, mut give_up: impl FnMut(&Flow, &T, MonotonicNs)) {
        let shares = &mut self.shares;
        self.of.retain(|flow, (at, part)| {
            let stays = at.0.saturating_add(PATIENCE_NS) > now.0;
            if !stays {
                shares.give_back(flow.uid);
                give_up(flow, part, *at);
            }
            stays
        });
        self.of.shrink_to(self.of.len().saturating_mul(2));
    }
}
