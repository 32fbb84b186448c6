use std::{net::IpAddr, sync::Arc};

use portolan_core::{
    Bytes, Direction, Executable, FileContent, Name, Place, Protocol, Recognised, Uid, UnixMillis, Untrusted,
};

/// What one owner exchanged with one peer in one interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowRow {
    /// Where the interval starts.
    pub start: UnixMillis,
    /// How long it is.
    pub width_ms: u32,
    /// Who moved the bytes.
    pub actor: Arc<FlowActor>,
    /// With whom, and as what.
    pub peer: Arc<FlowPeer>,
    /// This machine's address; `None` where it is not known, and in intervals that are longer than a bucket.
    pub local: Option<IpAddr>,
    /// This machine's port; `None` where there is none, and in intervals that are longer than a bucket.
    pub local_port: Option<u16>,
    /// The other side's port; the same.
    pub remote_port: Option<u16>,
    /// Payload bytes.
    pub bytes: Bytes,
    /// Flows seen for the first time.
    pub flows: u64,
    /// First bytes or opening; in intervals that are longer than a bucket, their start.
    pub first: UnixMillis,
    /// Last bytes; in intervals that are longer than a bucket, their last millisecond.
    pub last: UnixMillis,
}

/// Who moved bytes. Hostile text. `None` is not known, or not recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowActor {
    /// `program`, `kernel` or `unattributed`.
    pub owner: String,
    /// Why it is unattributed.
    pub reason: Option<String>,
    /// The application's key.
    pub application: Option<String>,
    /// What was executed.
    pub executable: Option<Executable>,
    /// The script that it runs.
    pub script: Option<FileContent>,
    /// What started it, and what started that, up to the first process.
    pub parents: Vec<Executable>,
    /// The command line.
    pub command_line: Option<Untrusted>,
    /// As which user.
    pub uid: Uid,
    /// The systemd unit.
    pub unit: Option<String>,
    /// The container.
    pub container: Option<String>,
    /// The network namespace, by its inode number; 0 where it is not known.
    pub namespace: u32,
}

/// With whom bytes were exchanged, and as what. `None` is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowPeer {
    /// What the socket speaks.
    pub protocol: Protocol,
    /// Who opened the flow.
    pub direction: Direction,
    /// The other side's address.
    pub remote: Option<IpAddr>,
    /// What the other side is called.
    pub name: Option<Name>,
    /// Where the remote address belongs.
    pub place: Option<Place>,
    /// The port that names the service.
    pub service_port: Option<u16>,
    /// What is spoken, as its bytes told.
    pub recognised: Option<Recognised>,
    /// What is spoken, as far as its bytes told, else the usual name of the port, else `tcp/12345`.
    pub service: Option<String>,
}
