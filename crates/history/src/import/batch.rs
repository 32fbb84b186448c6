use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
};

use portolan_core::{
    ApplicationKey, Bytes, Direction, Domain, Endpoint, Executable, Lineage, Name, NameSource, Owner,
    Placement, Protocol, Provenance, Sha256Digest, Uid, Unattributed, UnixMillis, Untrusted,
};
use serde::{Deserialize, Serialize};

use super::arguments::masked;
use crate::Record;

/// What was counted, some rows at a time: the same recorder's, in one order however often it is read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Batch {
    /// Where the rows come from.
    pub source: Source,
    /// How many rows of the source came before these.
    pub before: u64,
    /// Each once.
    pub programs: Vec<Program>,
    /// The rows, the oldest first.
    pub flows: Vec<Flow>,
}

/// Tells one collection of rows from another: two that are the same in all of this are taken for one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Source {
    /// Which recorder's.
    pub recorder: String,
    /// How many rows.
    pub rows: u64,
    /// The time of the first.
    pub first_unix_ms: i64,
    /// The time of the last.
    pub last_unix_ms: i64,
    /// All bytes of them, added up.
    pub bytes: u64,
}

/// A program, in the other recorder's words. Hostile text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Program {
    /// The path of the executable; empty when it is not known.
    pub path: String,
    /// The SHA-256 of its content; anything but 64 hexadecimal digits is "not known".
    pub sha256: String,
    /// The command line, quoted as for a shell.
    pub command_line: String,
}

/// What one program exchanged with one peer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Flow {
    /// When it was written down.
    pub unix_ms: i64,
    /// The program, what started it, and so on, by their places in [`Batch::programs`].
    pub programs: Vec<usize>,
    /// As which user; `None` when that is not known.
    pub uid: Option<u32>,
    /// The IANA number of the protocol; `None` when it is not known.
    pub protocol: Option<u8>,
    /// This machine's address.
    pub local: Option<IpAddr>,
    /// This machine's port.
    pub local_port: Option<u16>,
    /// The other side's address.
    pub remote: Option<IpAddr>,
    /// The other side's port.
    pub remote_port: Option<u16>,
    /// What the other side is called; what is no domain name is "not known".
    pub domain: String,
    /// Inode number of the network namespace.
    pub network_namespace: Option<u32>,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Bytes received.
    pub rx_bytes: u64,
}

/// Why rows are not taken, each reason with the number of rows.
pub type Refused = BTreeMap<String, u64>;

/// How rows of another recorder become this one's.
#[derive(Debug, Clone, Copy)]
pub struct Importing {
    /// Now: what is said to be later is not believed.
    pub now: UnixMillis,
    /// How long a bucket is.
    pub bucket_ms: u32,
    /// Whether command lines are kept.
    pub keeps_command_lines: bool,
    /// The part of a name that somebody registered.
    pub registrable: fn(&Domain) -> Option<Domain>,
}

/// The longest path that is believed (PATH_MAX).
const PATH_MAX: usize = 4096;
/// The deepest chain of parents that is believed.
const PARENTS_MAX: usize = 64;
/// The most bytes that a row is believed to have: no machine moves more between two of them.
const BYTES_MAX: u64 = 1 << 50;
/// The first time that is believed: no such recorder is older than the year 2000.
const FIRST: UnixMillis = UnixMillis(946_684_800_000);

/// A batch that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    pub(crate) source: Source,
    pub(crate) before: u64,
    /// As many as rows; `None` for each that is not believed.
    pub(crate) records: Vec<Option<Record>>,
    /// Why those are not.
    pub refused: Refused,
}

impl Ready {
    /// Takes out, or changes, what is not to be kept of the rows; those that are taken out are refused for this reason.
    pub fn filter(&mut self, reason: &str, mut keeps: impl FnMut(&mut Record) -> bool) {
        for place in &mut self.records {
            if let Some(record) = place
                && !keeps(record)
            {
                *place = None;
                *self.refused.entry(reason.to_owned()).or_default() += 1;
            }
        }
    }
}

impl Importing {
    /// The records of a batch's rows.
    #[must_use]
    pub fn prepare(&self, batch: &Batch) -> Ready {
        let mut owners = HashMap::new();
        let (mut refused, placement) = (Refused::new(), Arc::new(Placement::default()));
        let records = batch.flows.iter().map(|flow| {
            if let Err(reason) = self.believe(flow, batch) {
                *refused.entry(reason.to_owned()).or_default() += 1;
                return None;
            }
            let owner: &Owner = owners.entry(flow.programs.as_slice()).or_insert_with(|| owner(flow, batch));
            Some(self.record(flow, batch, owner, &placement))
        });
        let records = records.collect();
        Ready { source: batch.source.clone(), before: batch.before, records, refused }
    }

    fn believe(&self, flow: &Flow, batch: &Batch) -> Result<(), &'static str> {
        let programs = &batch.programs;
        if flow.unix_ms > self.now.0 {
            Err("a time in the future")
        } else if flow.unix_ms < FIRST.0 {
            Err("a time before the year 2000")
        } else if flow.tx_bytes > BYTES_MAX || flow.rx_bytes > BYTES_MAX {
            Err("more bytes than a machine can move")
        } else if flow.tx_bytes == 0 && flow.rx_bytes == 0 {
            Err("nothing moved")
        } else if flow.programs.len() > PARENTS_MAX || flow.programs.iter().any(|at| *at >= programs.len()) {
            Err("its programs are not told")
        } else {
            Ok(())
        }
    }

    fn record(&self, flow: &Flow, batch: &Batch, owner: &Owner, placement: &Arc<Placement>) -> Record {
        let at = UnixMillis(flow.unix_ms);
        let side = |address: Option<IpAddr>, port: Option<u16>| {
            address
                .map(|address| Endpoint { address: address.to_canonical(), port: port.unwrap_or_default() })
        };
        let program = flow.programs.first().and_then(|at| batch.programs.get(*at));
        let domain = Domain::from_bytes(flow.domain.as_bytes()).filter(|_| flow.remote.is_some());
        Record {
            bucket_start: at.bucket_start(self.bucket_ms),
            bucket_ms: self.bucket_ms,
            owner: owner.clone(),
            command_line: program
                .filter(|_| self.keeps_command_lines)
                .and_then(|program| masked(&program.command_line)),
            placement: Arc::clone(placement),
            uid: flow.uid.map_or(Uid::UNKNOWN, Uid),
            protocol: Protocol::from_ip_number(u16::from(flow.protocol.unwrap_or_default())),
            direction: Direction::Unknown,
            local: side(flow.local, flow.local_port),
            remote: side(flow.remote, flow.remote_port),
            name: domain.map(|domain| Name {
                registrable: (self.registrable)(&domain),
                domain,
                source: NameSource::Imported,
                is_inferred: true,
            }),
            place: None,
            // Who opened it is not known: the lower of both, as for datagrams.
            service_port: [flow.local_port, flow.remote_port]
                .into_iter()
                .flatten()
                .filter(|port| *port != 0)
                .min(),
            recognised: None,
            network_namespace: flow.network_namespace.unwrap_or_default(),
            bytes: Bytes { tx: flow.tx_bytes, rx: flow.rx_bytes },
            flows_opened: 0,
            first: at,
            last: at,
        }
    }
}

/// Whose it was: nobody's where the program or its content is not known. Parents end where one of them is not.
fn owner(flow: &Flow, batch: &Batch) -> Owner {
    let programs = flow.programs.iter().map_while(|at| batch.programs.get(*at).and_then(executable));
    let lineage = programs
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .fold(None, |parent, executable| Some(Arc::new(Lineage { executable, script: None, parent })));
    match lineage {
        Some(lineage) => Owner::Program {
            application: ApplicationKey::imported(&lineage.executable.path),
            lineage,
            provenance: Arc::new(Provenance::not_looked_at()),
            code: None,
        },
        None => Owner::Unattributed(Unattributed::Imported),
    }
}

fn executable(program: &Program) -> Option<Executable> {
    let sha256: Sha256Digest = program.sha256.parse().ok()?;
    let is_path = program.path.starts_with('/') && program.path.len() <= PATH_MAX;
    (is_path && !program.path.contains('\0'))
        .then(|| Executable { path: Untrusted::from(program.path.as_str()), sha256 })
}
