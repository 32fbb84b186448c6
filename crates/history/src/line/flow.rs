use std::net::IpAddr;

use portolan_core::{Endpoint, Executable, FileContent, Name, Owner, Place, Uid, UnixMillis, Untrusted};
use serde::{Deserialize, Serialize};

use crate::{FlowRow, Record};

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

    fn of_name(&mut self, name: Option<&Name>) {
        self.domain = name.map(|name| name.domain.to_string());
        self.domain_source = name.map(|name| name.source.as_str().to_owned());
        self.domain_inferred = name.map(|name| name.is_inferred);
    }

    fn of_place(&mut self, place: Option<&Place>) {
        let network = place.and_then(|place| place.network.as_ref());
        self.country = place.and_then(|place| place.country).map(|country| country.to_string());
        self.asn = network.map(|network| network.asn);
        self.network = network.and_then(|network| network.name.as_deref()).map(str::to_owned);
        self.range = place.map(|place| place.range.as_str().to_owned());
    }

    fn of_script(&mut self, script: Option<&FileContent>) {
        self.script = script.map(|script| script.path.as_raw().to_owned());
        self.script_sha256 = script.and_then(|script| script.sha256).map(|sha256| sha256.to_string());
    }

    fn owned_by(&mut self, owner: &Owner) {
        match owner {
            Owner::Program { lineage, application, .. } => {
                self.owner = "program".to_owned();
                self.application = Some(text(application.as_untrusted()));
                self.executable = Some(text(&lineage.executable.path));
                self.sha256 = Some(lineage.executable.sha256.to_string());
                self.of_script(lineage.script.as_ref());
                self.parents = lineage.iter().skip(1).map(Parent::from).collect();
            }
            Owner::Kernel => self.owner = "kernel".to_owned(),
            Owner::Unattributed(reason) => self.owner = reason.as_str().to_owned(),
        }
    }
}

impl From<&Executable> for Parent {
    fn from(executable: &Executable) -> Self {
        Self { path: text(&executable.path), sha256: executable.sha256.to_string() }
    }
}

impl From<&FlowRow> for FlowLine {
    fn from(row: &FlowRow) -> Self {
        let (actor, peer) = (&row.actor, &row.peer);
        let mut line = Self {
            start: Self::instant(row.start),
            start_unix_ms: row.start.0,
            width_ms: row.width_ms,
            first_unix_ms: row.first.0,
            last_unix_ms: row.last.0,
            owner: actor.reason.as_ref().unwrap_or(&actor.owner).clone(),
            application: actor.application.clone(),
            executable: actor.executable.as_ref().map(|executable| text(&executable.path)),
            sha256: actor.executable.as_ref().map(|executable| executable.sha256.to_string()),
            parents: actor.parents.iter().map(Parent::from).collect(),
            command_line: actor.command_line.as_ref().map(text),
            uid: known(actor.uid),
            unit: actor.unit.clone(),
            container: actor.container.clone(),
            network_namespace: Some(actor.namespace).filter(|namespace| *namespace != 0),
            protocol: peer.protocol.to_string(),
            direction: peer.direction.as_str().to_owned(),
            local_address: row.local,
            local_port: row.local_port,
            remote_address: peer.remote,
            remote_port: row.remote_port,
            service_port: peer.service_port,
            service: peer.recognised.map(|recognised| recognised.as_str().to_owned()),
            tx_bytes: row.bytes.tx,
            rx_bytes: row.bytes.rx,
            flows: row.flows,
            ..Self::default()
        };
        line.of_script(actor.script.as_ref());
        line.of_name(peer.name.as_ref());
        line.of_place(peer.place.as_ref());
        line
    }
}

impl From<&Record> for FlowLine {
    fn from(record: &Record) -> Self {
        let port = |side: Option<Endpoint>| side.map(|side| side.port).filter(|port| *port != 0);
        let placement = &record.placement;
        let mut line = Self {
            start: Self::instant(record.bucket_start),
            start_unix_ms: record.bucket_start.0,
            width_ms: record.bucket_ms,
            first_unix_ms: record.first.0,
            last_unix_ms: record.last.0,
            command_line: record.command_line.as_ref().map(text),
            uid: known(record.uid),
            unit: placement.unit.as_ref().map(|unit| text(&unit.to_text())),
            container: placement.container.as_ref().map(|container| text(&container.to_text())),
            network_namespace: Some(record.network_namespace).filter(|namespace| *namespace != 0),
            protocol: record.protocol.to_string(),
            direction: record.direction.as_str().to_owned(),
            local_address: record.local.map(|local| local.address),
            local_port: port(record.local),
            remote_address: record.remote.map(|remote| remote.address),
            remote_port: port(record.remote),
            service_port: record.service_port,
            service: record.recognised.map(|recognised| recognised.as_str().to_owned()),
            tx_bytes: record.bytes.tx,
            rx_bytes: record.bytes.rx,
            flows: record.flows_opened,
            ..Self::default()
        };
        line.owned_by(&record.owner);
        line.of_name(record.name.as_ref());
        line.of_place(record.place.as_ref());
        line
    }
}

fn text(text: &Untrusted) -> String {
    text.as_raw().to_owned()
}

fn known(uid: Uid) -> Option<u32> {
    (uid != Uid::UNKNOWN).then_some(uid.0)
}
