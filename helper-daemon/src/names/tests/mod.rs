//! The store by its rules, with processes that are only said to be so.

mod bounds;
mod dns;
mod others;
mod own;
mod parts;

use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, Ipv4Addr},
};

use portolan_bpf::{Said, Way};
use portolan_core::{
    Direction, Domain, Endpoint, Flow, MonotonicNs, NameSource, Pid, ProcessKey, Protocol, Uid,
};

use super::{Asker, Hosts, Names, Relations};

pub(super) const HOME: u32 = 1;
pub(super) const ELSEWHERE: u32 = 2;
pub(super) const USER: Uid = Uid(1000);
pub(super) const ADDRESS: &str = "192.0.2.1";

pub(super) fn process(pid: u32) -> ProcessKey {
    ProcessKey { pid: Pid(pid), started: MonotonicNs(u64::from(pid)), exec_generation: 1 }
}

pub(super) fn domain(text: &str) -> Domain {
    text.parse().unwrap()
}

pub(super) fn seconds(seconds: u64) -> MonotonicNs {
    MonotonicNs(seconds * 1_000_000_000)
}

/// A flow of a process to port 443 of this address.
pub(super) fn flow_to(pid: u32, address: &str) -> Flow {
    Flow {
        owner: process(pid),
        uid: USER,
        protocol: Protocol::Tcp,
        direction: Direction::Outbound,
        local: Some(Endpoint { address: Ipv4Addr::LOCALHOST.into(), port: 40_000 }),
        remote: Some(Endpoint { address: address.parse().unwrap(), port: 443 }),
        network_namespace: HOME,
    }
}

pub(super) fn flow(pid: u32) -> Flow {
    flow_to(pid, ADDRESS)
}

/// Who is a copy of whom since when, and what belongs together.
#[derive(Default)]
pub(super) struct Kin {
    pub(super) forked_from: HashMap<u32, (u32, MonotonicNs)>,
    pub(super) applications: HashMap<u32, &'static str>,
    pub(super) in_containers: HashSet<u32>,
}

impl Relations for Kin {
    fn memory_of(&self, of: &ProcessKey) -> Vec<(ProcessKey, MonotonicNs)> {
        let (mut pid, mut memory) = (of.pid.0, vec![(*of, MonotonicNs(u64::MAX))]);
        while let Some((parent, at)) = self.forked_from.get(&pid) {
            memory.push((process(*parent), *at));
            pid = *parent;
        }
        memory
    }

    fn are_same_application(&self, one: &ProcessKey, other: &ProcessKey) -> bool {
        let of = |process: &ProcessKey| self.applications.get(&process.pid.0);
        of(one).is_some() && of(one) == of(other)
    }

    fn sees_machines_hosts(&self, process: &ProcessKey) -> bool {
        !self.in_containers.contains(&process.pid.0)
    }
}

/// A store and those whom it is asked about.
pub(super) struct Bed {
    pub(super) names: Names,
    pub(super) kin: Kin,
}

impl Bed {
    pub(super) fn new() -> Self {
        Self { names: Names::default(), kin: Kin::default() }
    }

    pub(super) fn asker(pid: u32) -> Asker {
        Asker { process: process(pid), uid: USER, network_namespace: HOME }
    }

    pub(super) fn answers_to(&mut self, asker: Asker, name: &str, address: &str, ttl: u32, at: MonotonicNs) {
        let address: IpAddr = address.parse().unwrap();
        self.names.answered(asker, domain(name), &[(address, ttl)], at);
    }

    pub(super) fn answers(&mut self, pid: u32, name: &str, at: MonotonicNs) {
        self.answers_to(Self::asker(pid), name, ADDRESS, 60, at);
    }

    /// The name of a flow that began then: its text, source, and whether it is inferred.
    pub(super) fn name(
        &mut self,
        flow: &Flow,
        began: impl Into<Option<MonotonicNs>>,
    ) -> Option<(String, NameSource, bool)> {
        let name = self.names.name_of(flow, began.into(), &self.kin)?;
        Some((name.domain.to_string(), name.source, name.is_inferred))
    }

    pub(super) fn set_hosts(&mut self, text: &str) {
        self.names.set_hosts(Hosts::parse(text.as_bytes()).unwrap());
    }
}

pub(super) fn named(name: &str, source: NameSource, is_inferred: bool) -> Option<(String, NameSource, bool)> {
    Some((name.to_owned(), source, is_inferred))
}

/// What was copied at the first second.
pub(super) fn heard(flow: &Flow, way: Way, offset: u64, bytes: &(impl AsRef<[u8]> + ?Sized)) -> Said {
    let bytes = bytes.as_ref().to_vec();
    Said { flow: *flow, at: seconds(1), way, offset, bytes }
}
