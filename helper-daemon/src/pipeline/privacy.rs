//! What of the traffic is written down: exclusions, and parts that are off.

use std::net::IpAddr;

use portolan_config::{Config, Exclusions, Recording, Traffic};
use portolan_core::{Container, Endpoint, Flow, Name, Owner, Placement, Range, Uid, Untrusted};
use portolan_history::Record;

use super::rows::Row;

#[derive(Debug, Clone)]
pub(super) struct Privacy {
    recording: Recording,
    exclusions: Exclusions,
    excludes_nothing: bool,
}

/// As whom, and between which ends.
struct Ends {
    uid: Uid,
    local: Option<Endpoint>,
    remote: Option<Endpoint>,
    service_port: Option<u16>,
}

impl Privacy {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            recording: config.recording.clone(),
            exclusions: config.exclusions.clone(),
            excludes_nothing: config.exclusions == Exclusions::default(),
        }
    }

    /// Whether a row is not to be recorded at all.
    pub(super) fn excludes(&self, row: &Row, owner: &Owner, name: Option<&Name>) -> bool {
        let Flow { uid, local, remote, .. } = row.flow;
        let ends = Ends { uid, local, remote, service_port: row.flow.service_port() };
        self.covers(owner, &row.source.placement(), &ends, name)
    }

    /// The same of a row that another recorder counted.
    pub(super) fn excludes_record(&self, record: &Record) -> bool {
        let Record { uid, local, remote, service_port, .. } = *record;
        let ends = Ends { uid, local, remote, service_port };
        self.covers(&record.owner, &record.placement, &ends, record.name.as_ref())
    }

    fn covers(&self, owner: &Owner, placement: &Placement, ends: &Ends, name: Option<&Name>) -> bool {
        if self.excludes_nothing {
            return false;
        }
        let (application, files) = match owner {
            Owner::Program { lineage, application, .. } => {
                let executable = (lineage.executable.path.as_raw(), Some(lineage.executable.sha256));
                let script = lineage.script.as_ref().map(|script| (script.path.as_raw(), script.sha256));
                (Some(application.as_untrusted().as_raw()), [Some(executable), script])
            }
            Owner::Kernel | Owner::Unattributed(_) => (None, [None, None]),
        };
        let container = placement.container.as_ref().map(Container::to_text);
        let traffic = Traffic {
            application,
            files,
            container: container.as_ref().map(Untrusted::as_raw),
            uid: ends.uid.0,
            local: ends.local.map(|local| local.address),
            remote: ends.remote.map(|remote| remote.address),
            service_port: ends.service_port,
            domain: name.map(|name| &name.domain),
        };
        self.exclusions.cover(&traffic, is_on_internet)
    }

    /// The other side of a row, as a finding may keep it.
    pub(super) fn peer_of<'a>(
        &self,
        row: &Row,
        owner: &Owner,
        name: Option<&'a Name>,
    ) -> (Option<Endpoint>, Option<&'a Name>) {
        if self.excludes(row, owner, name) {
            return (None, None);
        }
        (self.side(row.flow.remote), name.filter(|_| self.recording.domains))
    }

    /// Takes out what is not to be recorded of a row.
    pub(super) fn strip(&self, record: &mut Record) {
        let Recording { command_lines, ports, domains, .. } = self.recording;
        (record.local, record.remote) = (self.side(record.local), self.side(record.remote));
        record.service_port = record.service_port.filter(|_| ports);
        record.command_line = record.command_line.take().filter(|_| command_lines);
        record.name = record.name.take().filter(|_| domains);
    }

    fn side(&self, side: Option<Endpoint>) -> Option<Endpoint> {
        let side = side.filter(|_| self.recording.addresses)?;
        Some(if self.recording.ports { side } else { Endpoint { port: 0, ..side } })
    }
}

/// As the registries say; what translates an address of the internet is on it.
fn is_on_internet(address: IpAddr) -> bool {
    use Range::{Benchmarking, Documentation, Nat64, Public, Reserved, SixToFour, Teredo};
    let (range, _) = portolan_places::range_of(address);
    matches!(range, Public | Nat64 | SixToFour | Teredo | Documentation | Benchmarking | Reserved)
}
