use std::{ops::Range, sync::Arc};

use portolan_core::{
    Bytes, Direction, Endpoint, Name, Owner, Place, Placement, Protocol, Recognised, Uid, UnixMillis,
    Untrusted,
};

use crate::{WriteError, block::Moved, intern::Place as Numbers, rollup::LONGEST_MS};

/// What one owner exchanged with one peer in one bucket.
///
/// Records of the same bucket that differ in nothing but `bytes`, `flows_opened`, `first` and `last` are one row: their
/// numbers add up, `first` is the earliest and `last` the latest. Sums above `u64::MAX` are stored as that, times before the
/// bucket as its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where the bucket starts.
    pub bucket_start: UnixMillis,
    /// How long the bucket is; read as 1 when it is 0, and as a day when it is longer than a day.
    pub bucket_ms: u32,
    /// Who moved the bytes.
    pub owner: Owner,
    /// The owner's command line; `None` when it is not known or not to be recorded.
    pub command_line: Option<Untrusted>,
    /// Where the owner ran.
    pub placement: Arc<Placement>,
    /// As which user.
    pub uid: Uid,
    /// What the socket speaks.
    pub protocol: Protocol,
    /// Who opened the flow.
    pub direction: Direction,
    /// This machine's side; `None` when it is not known. A port of 0 is stored as no port.
    pub local: Option<Endpoint>,
    /// The other side; `None` when it is not known. A port of 0 is stored as no port.
    pub remote: Option<Endpoint>,
    /// What the other side is called; `None` when no name was seen.
    pub name: Option<Name>,
    /// Where the remote address belongs; `None` when nobody looked.
    pub place: Option<Place>,
    /// The port that names the service; `None` when there is none.
    pub service_port: Option<u16>,
    /// What is spoken; `None` when the bytes did not tell.
    pub recognised: Option<Recognised>,
    /// Inode number of the network namespace.
    pub network_namespace: u32,
    /// Payload bytes moved in the bucket.
    pub bytes: Bytes,
    /// Flows that were seen for the first time in the bucket.
    pub flows_opened: u64,
    /// First bytes or opening.
    pub first: UnixMillis,
    /// Last bytes.
    pub last: UnixMillis,
}

impl Record {
    /// From when to when its bucket is.
    pub(crate) fn bucket(&self) -> Range<UnixMillis> {
        let width_ms = i64::from(self.bucket_ms.clamp(1, LONGEST_MS));
        self.bucket_start..UnixMillis(self.bucket_start.0.saturating_add(width_ms))
    }

    /// Its row in a block.
    pub(crate) fn moved(&self, numbers: &Numbers) -> Result<Moved, WriteError> {
        let port = |side: Option<Endpoint>| side.map_or(0, |endpoint| endpoint.port);
        let offset_ms = |time: UnixMillis| {
            let offset = time.0.saturating_sub(self.bucket_start.0).max(0);
            u32::try_from(offset).unwrap_or(u32::MAX)
        };
        Ok(Moved {
            actor: i64::from(numbers.actor).try_into().map_err(|_| WriteError::TooMuch)?,
            peer: i64::from(numbers.peer).try_into().map_err(|_| WriteError::TooMuch)?,
            local: numbers
                .local
                .map_or(Ok(0), |local| i64::from(local).try_into())
                .map_err(|_| WriteError::TooMuch)?,
            local_port: port(self.local),
            remote_port: port(self.remote),
            tx: self.bytes.tx,
            rx: self.bytes.rx,
            flows: self.flows_opened,
            first_ms: offset_ms(self.first),
            last_ms: offset_ms(self.last),
        })
    }
}
