use std::{collections::HashMap, net::IpAddr};

use foldhash::fast::RandomState;
use portolan_core::{Domain, Flow, MonotonicNs, Protocol, Recognised, Uid};

use super::{Asker, Names, Opened, shares::Shares};

/// Where DNS is asked.
const DNS_PORT: u16 = 53;
/// Beginnings of flows that are not whole yet, of all users; the parsers bound each (16 KiB).
const OPENINGS: usize = 512;
/// Connections to DNS servers.
const STREAMS: usize = 512;
/// For how long either waits for what follows.
const PATIENCE_NS: u64 = 10_000_000_000;

/// Which way bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// This machine's program sent them.
    Sent,
    /// It received them.
    Received,
}

/// A copy of bytes that a program moved by one call.
#[derive(Debug, Clone, Copy)]
pub struct Heard<'a> {
    /// Whose, and with whom.
    pub flow: &'a Flow,
    /// When the call ended.
    pub at: MonotonicNs,
    /// Which way.
    pub way: Way,
    /// Where they stand in the stream, for TCP: bytes that went this way before.
    pub offset: u64,
    /// The bytes, or as many as were copied.
    pub bytes: &'a [u8],
}

/// A DNS answer, as the parsers give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The name that was asked for.
    pub question: Domain,
    /// Its addresses, by whatever names it came to them, and for how many seconds.
    pub addresses: Vec<(IpAddr, u32)>,
}

/// Who takes bytes apart. Everything they are given is hostile; what they keep is bounded.
pub trait Parsers {
    /// The beginning of a flow that is not whole yet.
    type Opening;
    /// The DNS messages of a connection.
    type Stream;

    /// Nothing of a flow yet.
    fn opening(protocol: Protocol) -> Self::Opening;
    /// Adds what was sent; what the flow is, once that is clear.
    fn open(opening: &mut Self::Opening, offset: u64, bytes: &[u8]) -> Option<Opened>;
    /// A DNS message: `None` when it is no answer with addresses.
    fn answer(message: &[u8]) -> Option<Answered>;
    /// Nothing of a connection yet.
    fn stream() -> Self::Stream;
    /// Adds what was received; the messages that are whole by now.
    fn join(stream: &mut Self::Stream, offset: u64, bytes: &[u8]) -> Vec<Vec<u8>>;
}

/// Listens to what was copied, and tells the names that are in it.
#[derive(Debug)]
pub struct Hearing<P: Parsers> {
    openings: Parts<P::Opening>,
    streams: Parts<P::Stream>,
}

impl<P: Parsers> Default for Hearing<P> {
    fn default() -> Self {
        Self { openings: Parts::of(OPENINGS), streams: Parts::of(STREAMS) }
    }
}

impl<P: Parsers> Hearing<P> {
    /// Takes in one copy.
    pub fn hear(&mut self, heard: Heard<'_>, names: &mut Names) {
        let Heard { flow, at, way, offset, bytes } = heard;
        let is_from_dns = flow.remote.is_some_and(|remote| remote.port == DNS_PORT);
        match (way, flow.protocol) {
            (Way::Received, Protocol::Udp) if is_from_dns => answered::<P>(flow, at, bytes, names),
            (Way::Received, Protocol::Tcp) if is_from_dns => {
                let Some(mut stream) = self.streams.take(flow, || P::stream()) else { return };
                for message in P::join(&mut stream, offset, bytes) {
                    answered::<P>(flow, at, &message, names);
                }
                self.streams.keep(*flow, stream, at);
            }
            (_, Protocol::Tcp | Protocol::Udp) => self.open(heard, names),
            (_, Protocol::Icmp | Protocol::Packet | Protocol::Ip(_)) => {}
        }
    }

    /// Gives up what nothing follows.
    pub fn sweep(&mut self, now: MonotonicNs) {
        self.openings.sweep(now);
        self.streams.sweep(now);
    }

    /// How many flows were not listened to because there was no room for what they began with.
    #[must_use]
    pub fn forgotten_early(&self) -> u64 {
        self.openings.refused.saturating_add(self.streams.refused)
    }

    fn open(&mut self, heard: Heard<'_>, names: &mut Names) {
        let Heard { flow, at, offset, bytes, .. } = heard;
        // What follows an opening that was whole already, or given up.
        if flow.protocol == Protocol::Tcp && offset > 0 && !self.openings.has(flow) {
            return;
        }
        let Some(mut opening) = self.openings.take(flow, || P::opening(flow.protocol)) else { return };
        match P::open(&mut opening, offset, bytes) {
            Some(opened) => {
                self.openings.give_back(flow.uid);
                names.opened(flow, opened, at);
            }
            None => self.openings.keep(*flow, opening, at),
        }
    }
}

fn answered<P: Parsers>(flow: &Flow, at: MonotonicNs, message: &[u8], names: &mut Names) {
    let Some(Answered { question, addresses }) = P::answer(message) else { return };
    let Flow { owner: process, uid, network_namespace, .. } = *flow;
    names.answered(Asker { process, uid, network_namespace }, question, &addresses, at);
    names.opened(flow, Opened { recognised: Some(Recognised::Dns), name: None, is_inferred: false }, at);
}

/// What is not whole yet, by flow.
#[derive(Debug)]
struct Parts<T> {
    of: HashMap<Flow, (MonotonicNs, T), RandomState>,
    shares: Shares,
    refused: u64,
}

impl<T> Parts<T> {
    fn of(most: usize) -> Self {
        Self { of: HashMap::default(), shares: Shares::of(most), refused: 0 }
    }

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

    fn sweep(&mut self, now: MonotonicNs) {
        let shares = &mut self.shares;
        self.of.retain(|flow, (at, _)| {
            let stays = at.0.saturating_add(PATIENCE_NS) > now.0;
            if !stays {
                shares.give_back(flow.uid);
            }
            stays
        });
        self.of.shrink_to(self.of.len().saturating_mul(2));
    }
}
