use std::{net::IpAddr, sync::Arc};

use portolan_core::{
    ApplicationKey, Direction, Domain, Flow, MonotonicNs, Name, NameSource, ProcessKey, Recognised, Uid,
    Untrusted,
};
use portolan_names::{Opened, registrable};

use super::{
    answers::{Answers, Asker, Known, Wanted},
    flows::Flows,
    hosts::Hosts,
    resolvers::Resolvers,
};

/// What processes are to each other, as far as names depend on it.
pub trait Relations {
    /// Whose memory a process has: its own, without end, and that of those which it is a copy of, until it was made (fork, and no exec
    /// since). Not of endlessly many.
    fn memory_of(&self, process: &ProcessKey) -> Vec<(ProcessKey, MonotonicNs)>;
    /// Whether both are known to be the same application.
    fn are_same_application(&self, one: &ProcessKey, other: &ProcessKey) -> bool;
    /// Whether the machine's /etc/hosts is what a process sees there.
    fn sees_machines_hosts(&self, process: &ProcessKey) -> bool;
}

/// All that is known of names. Which name a flow has: docs/names.md.
#[derive(Debug, Default)]
pub struct Names {
    flows: Flows,
    answers: Answers,
    resolvers: Resolvers,
    hosts: Hosts,
}

impl Names {
    /// A process received a DNS answer: the name that was asked for, and its addresses with their times to live in seconds.
    pub fn answered(&mut self, asker: Asker, question: Domain, addresses: &[(IpAddr, u32)], at: MonotonicNs) {
        let asks_for_others = self.resolvers.has(&asker.process);
        self.answers.add(asker, asks_for_others, question, addresses, at);
    }

    /// A flow said what it is. What says nothing changes nothing.
    pub fn opened(&mut self, flow: &Flow, opened: Opened, at: MonotonicNs) {
        if opened == Opened::default() {
            return;
        }
        let Opened { recognised, name, is_inferred } = opened;
        // What the other side says names this one.
        let name = name.filter(|_| flow.direction != Direction::Inbound);
        let name = name.map(|(domain, source)| called(domain, source, is_inferred));
        self.flows.said(flow, recognised, name, at);
    }

    /// A process holds port 53 in a network namespace, so it may be asked by others there.
    pub fn holds_port_53(&mut self, process: ProcessKey, uid: Uid, network_namespace: u32) {
        self.resolvers.holds_port(process, uid, network_namespace);
    }

    /// A process runs this program, which may be one that is asked by others.
    pub fn runs(&mut self, process: ProcessKey, uid: Uid, application: &ApplicationKey, path: &Untrusted) {
        self.resolvers.runs(process, uid, application, path);
    }

    /// What stands in /etc/hosts now.
    pub fn set_hosts(&mut self, hosts: Hosts) {
        self.hosts = hosts;
    }

    /// The name of a flow's other side; `None` when none was seen. `began`: when the flow was first used, `None` for one of which
    /// a row was asked about before: that has the name that it was found to have then, or said since.
    pub fn name_of(
        &mut self,
        flow: &Flow,
        began: Option<MonotonicNs>,
        relations: &impl Relations,
    ) -> Option<Arc<Name>> {
        if let Some(began) = began {
            self.flows.begins(flow, began);
        }
        if let Some(name) = self.flows.name(flow) {
            return Some(name);
        }
        let remote = flow.remote?.address.to_canonical();
        if let Some(began) = began
            && let Some((known, source)) = self.known(flow, remote, began, relations)
        {
            let is_inferred = known.is_doubtful
                || source != NameSource::Dns
                // A server does not go by names, and who asks for others means none of them.
                || flow.direction == Direction::Inbound
                || self.resolvers.has(&flow.owner);
            let name = called(Domain::clone(&known.domain), source, is_inferred);
            self.flows.found(flow, began, Arc::clone(&name));
            return Some(name);
        }
        let name = self.hosts.name_of(remote)?;
        relations.sees_machines_hosts(&flow.owner).then(|| Arc::clone(name))
    }

    /// What a flow was seen to speak. To be asked after its name: that knows whether another flow began.
    #[must_use]
    pub fn recognised_of(&self, flow: &Flow) -> Option<Recognised> {
        self.flows.recognised(flow)
    }

    /// When a flow said something.
    pub(super) fn said_at(&self, flow: &Flow) -> Option<MonotonicNs> {
        self.flows.said_at(flow)
    }

    /// How many names were not kept because there was no room for them.
    #[must_use]
    pub fn forgotten_early(&self) -> u64 {
        self.answers.forgotten_early().saturating_add(self.flows.forgotten_early())
    }

    /// Forgets what nobody needs any more. `is_there`: whether a process is remembered, or one that began as its copy;
    /// `is_needed`: whether a flow may still move bytes, or has some that are not written.
    pub fn sweep(
        &mut self,
        now: MonotonicNs,
        is_there: impl Fn(&ProcessKey) -> bool,
        is_needed: impl Fn(&Flow) -> bool,
    ) {
        self.flows.sweep(now, is_needed);
        self.answers.sweep(&is_there);
        self.resolvers.sweep(&is_there);
    }

    fn known(
        &self,
        flow: &Flow,
        address: IpAddr,
        moment: MonotonicNs,
        relations: &impl Relations,
    ) -> Option<(Known, NameSource)> {
        // Of most addresses nobody knows anything, and there may be a million flows.
        if !self.answers.has(address) {
            return None;
        }
        let Flow { owner, uid, network_namespace, .. } = *flow;
        let memory = relations.memory_of(&owner);
        let own = Wanted { address, moment, uid: Some(uid), fresh_in: None };
        if let Some(known) = self.answers.known_to(memory.iter().copied(), own) {
            return Some((known, NameSource::Dns));
        }
        let always = |process| (process, MonotonicNs(u64::MAX));
        let is_other = |process: &ProcessKey| memory.iter().all(|(mine, _)| mine != process);
        let kin = self
            .answers
            .holders(address, uid)
            .filter(|process| is_other(process) && relations.are_same_application(&owner, process));
        let of_others = Wanted { fresh_in: Some(network_namespace), ..own };
        if let Some(known) = self.answers.known_to(kin.map(always), of_others) {
            return Some((known, NameSource::Application));
        }
        let resolvers = self.resolvers.of(network_namespace).filter(is_other).map(always);
        let of_resolvers = Wanted { uid: None, ..of_others };
        Some((self.answers.known_to(resolvers, of_resolvers)?, NameSource::Resolver))
    }

    /// How many answers there are.
    #[cfg(test)]
    pub(super) fn answers(&self) -> usize {
        self.answers.len()
    }
}

/// A name as it is shown.
pub(super) fn called(domain: Domain, source: NameSource, is_inferred: bool) -> Arc<Name> {
    Arc::new(Name { registrable: registrable(&domain), domain, source, is_inferred })
}
