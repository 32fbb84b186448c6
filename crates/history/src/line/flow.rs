use std::net::IpAddr;

use portolan_core::{Lineage, NameSource, Owner, Unattributed, UnixMillis, Untrusted};
use serde::{Deserialize, Serialize};

use crate::Record;

/// What one owner exchanged with one peer in one interval, in words. Texts are hostile; `None` is "not known".
///
/// The fields' names are the names in JSON and the columns of CSV and Parquet, in this order. Bytes are payload, times are
/// milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FlowLine {
    /// Where the interval starts, as RFC 3339 in UTC.
    pub start: String,
    /// The same as a number.
    pub start_unix_ms: i64,
    /// How long it is.
    pub width_ms: u32,
    /// First bytes or opening in it.
    pub first_unix_ms: i64,
    /// Last bytes in it.
    pub last_unix_ms: i64,
    /// `program`, `kernel`, or why nobody is known.
    pub owner: String,
    /// The application's key.
    pub application: Option<String>,
    /// The executable's path.
    pub executable: Option<String>,
    /// The SHA-256 of its content.
    pub sha256: Option<String>,
    /// The path of the script that it runs.
    pub script: Option<String>,
    /// The SHA-256 of the script.
    pub script_sha256: Option<String>,
    /// What started it, what started that, and so on.
    pub parents: Vec<Parent>,
    /// Its command line.
    pub command_line: Option<String>,
    /// As which user; `None` when that is not known.
    pub uid: Option<u32>,
    /// The systemd unit.
    pub unit: Option<String>,
    /// The container, `kind:name`.
    pub container: Option<String>,
    /// Inode number of the network namespace.
    pub network_namespace: Option<u32>,
    /// `tcp`, `udp`, `icmp`, `packet` or `ip-NUMBER`.
    pub protocol: String,
    /// `outbound`, `inbound` or `unknown`.
    pub direction: String,
    /// This machine's address.
    pub local_address: Option<IpAddr>,
    /// This machine's port.
    pub local_port: Option<u16>,
    /// The other side's address.
    pub remote_address: Option<IpAddr>,
    /// The other side's port.
    pub remote_port: Option<u16>,
    /// What the other side is called.
    pub domain: Option<String>,
    /// How that is known.
    pub domain_source: Option<String>,
    /// Whether it may as well be another name.
    pub domain_inferred: Option<bool>,
    /// The country of the remote address.
    pub country: Option<String>,
    /// The number of its network.
    pub asn: Option<u32>,
    /// The name of its network.
    pub network: Option<String>,
    /// What its range is for.
    pub range: Option<String>,
    /// The port that names the service.
    pub service_port: Option<u16>,
    /// What the bytes said that is spoken.
    pub service: Option<String>,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Flows that were opened in the interval.
    pub flows: u64,
}

/// One of those that started a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// Its path.
    pub path: String,
    /// The SHA-256 of its content.
    pub sha256: String,
}

impl FlowLine {
    /// The time in words that `start_unix_ms` is; empty beyond the year 9999.
    #[must_use]
    pub fn instant(at: UnixMillis) -> String {
        jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| String::new(), |at| format!("{at:.3}"))
    }

    fn owned_by(&mut self, owner: &Owner) {
        match owner {
            Owner::Program { lineage, application, .. } => {
                self.owner = "program".to_owned();
                self.application = Some(application.as_untrusted().as_raw().to_owned());
                self.run_by(lineage);
            }
            Owner::Kernel => self.owner = "kernel".to_owned(),
            Owner::Unattributed(reason) => self.owner = Unattributed::as_str(*reason).to_owned(),
        }
    }

    fn run_by(&mut self, lineage: &Lineage) {
        self.executable = Some(lineage.executable.path.as_raw().to_owned());
        self.sha256 = Some(lineage.executable.sha256.to_string());
        self.script = lineage.script.as_ref().map(|script| script.path.as_raw().to_owned());
        self.script_sha256 =
            lineage.script.as_ref().and_then(|script| script.sha256).map(|hash| hash.to_string());
        let parent = |file: &portolan_core::Executable| Parent {
            path: file.path.as_raw().to_owned(),
            sha256: file.sha256.to_string(),
        };
        self.parents = lineage.iter().skip(1).map(parent).collect();
    }
}

impl From<&Record> for FlowLine {
    fn from(record: &Record) -> Self {
        let text = |text: Untrusted| text.as_raw().to_owned();
        let port = |port: u16| Some(port).filter(|port| *port != 0);
        let place = record.place.as_ref();
        let network = place.and_then(|place| place.network.as_ref());
        let name = record.name.as_ref();
        let mut line = Self {
            start: Self::instant(record.bucket_start),
            start_unix_ms: record.bucket_start.0,
            width_ms: record.bucket_ms,
            first_unix_ms: record.first.0,
            last_unix_ms: record.last.0,
            command_line: record.command_line.clone().map(text),
            uid: (record.uid != portolan_core::Uid::UNKNOWN).then_some(record.uid.0),
            unit: record.placement.unit.as_ref().map(|unit| text(unit.to_text())),
            container: record.placement.container.as_ref().map(|container| text(container.to_text())),
            network_namespace: Some(record.network_namespace).filter(|namespace| *namespace != 0),
            protocol: record.protocol.to_string(),
            direction: record.direction.as_str().to_owned(),
            local_address: record.local.map(|local| local.address),
            local_port: record.local.and_then(|local| port(local.port)),
            remote_address: record.remote.map(|remote| remote.address),
            remote_port: record.remote.and_then(|remote| port(remote.port)),
            domain: name.map(|name| name.domain.to_string()),
            domain_source: name.map(|name| NameSource::as_str(name.source).to_owned()),
            domain_inferred: name.map(|name| name.is_inferred),
            country: place.and_then(|place| place.country).map(|country| country.to_string()),
            asn: network.map(|network| network.asn),
            network: network.and_then(|network| network.name.as_deref()).map(str::to_owned),
            range: place.map(|place| place.range.as_str().to_owned()),
            service_port: record.service_port,
            service: record.recognised.map(|recognised| recognised.as_str().to_owned()),
            tx_bytes: record.bytes.tx,
            rx_bytes: record.bytes.rx,
            flows: record.flows_opened,
            ..Self::default()
        };
        line.owned_by(&record.owner);
        line
    }
}
