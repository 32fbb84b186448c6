//! What the recorder knows of names, and who tells it.

use std::{collections::HashSet, io, sync::Arc};

use foldhash::fast::RandomState;
use portolan_bpf::Said;
use portolan_core::{Direction, Flow, MonotonicNs, Name, Owner, Recognised};

use super::{
    ledger::Ledger,
    rows::{Row, Rows, Source},
};
use crate::{
    identity::Processes,
    names::{DNS_PORT, Hearing, Hosts, HostsReader, Names},
};

/// How often what nobody needs is forgotten.
const SWEEP_NS: u64 = 10_000_000_000;

/// What is known of a flow's other side.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) name: Option<Arc<Name>>,
    pub(super) recognised: Option<Recognised>,
}

pub(super) struct Naming {
    pub(super) names: Names,
    /// What programs said, as far as it is not whole.
    hearing: Hearing,
    hosts: HostsReader,
    swept: MonotonicNs,
}

impl Naming {
    /// Nothing is known yet but, soon, /etc/hosts.
    pub(super) fn start(learn: impl Fn(Hosts) + Send + 'static, now: MonotonicNs) -> io::Result<Self> {
        let mut hosts = HostsReader::start(learn)?;
        hosts.look(now);
        Ok(Self { names: Names::default(), hearing: Hearing::default(), hosts, swept: now })
    }

    /// A program said something.
    pub(super) fn hear(&mut self, said: &Said) {
        self.hearing.hear(said, &mut self.names);
    }

    /// What the other side of a row is called, as far as that is known by now.
    pub(super) fn name_of(&mut self, row: &Row, processes: &Processes) -> Option<Arc<Name>> {
        self.names.name_of(&row.flow, row.began, processes)
    }

    /// The same, and what it speaks.
    pub(super) fn known_of(&mut self, row: &Row, processes: &Processes) -> Known {
        let name = self.name_of(row, processes);
        Known { name, recognised: self.names.recognised_of(&row.flow) }
    }

    /// A flow moved bytes: who holds the port of DNS is asked by others.
    pub(super) fn moved(&mut self, flow: &Flow) {
        if flow.direction != Direction::Outbound && flow.local.is_some_and(|local| local.port == DNS_PORT) {
            self.names.holds_port_53(flow.owner, flow.uid, flow.network_namespace);
        }
    }

    /// It is known who a flow belongs to.
    pub(super) fn identified(&mut self, flow: &Flow, owner: &Owner) {
        if let Owner::Program { lineage, application, .. } = owner {
            self.names.runs(flow.owner, flow.uid, application, &lineage.executable.path);
        }
    }

    /// How many names there was no room for.
    pub(super) fn forgotten_early(&self) -> u64 {
        self.names.forgotten_early().saturating_add(self.hearing.forgotten_early())
    }

    /// After each tick: looks at /etc/hosts and forgets what nobody needs, when it is time to.
    pub(super) fn sweep(&mut self, now: MonotonicNs, processes: &Processes, ledger: &Ledger, rows: &Rows) {
        self.hosts.look(now);
        self.hearing.sweep(now, &mut self.names);
        if now.0 < self.swept.0.saturating_add(SWEEP_NS) {
            return;
        }
        self.swept = now;
        let mut there = processes.all_and_originals();
        let mut unwritten: HashSet<&Flow, RandomState> = HashSet::default();
        for (flow, source) in rows.flows() {
            unwritten.insert(flow);
            if let Source::Process(process) = source {
                process.add_with_originals(&mut there);
            }
        }
        let is_needed = |flow: &Flow| ledger.may_go_on(flow) || unwritten.contains(flow);
        self.names.sweep(now, |process| there.contains(process), is_needed);
    }
}
