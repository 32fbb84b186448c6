use portolan_core::{Bytes, Flow, MonotonicNs, Placement, ProcessKey, Unattributed, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::{
    clock::Moment,
    identity::{ExecContent, Remembered},
    monitor::{Closed, Losses},
    pipeline::SelfTestChild,
};

/// The version of [`Entry`]; another one cannot be read.
pub(super) const FORMAT: u32 = 13;

/// The first entry of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// See [`FORMAT`].
    pub(super) format: u32,
    /// The machine's start: another one has other processes.
    pub(super) boot_id: String,
    /// Tells this journal from all others in the history; stays when the file is written anew.
    pub journal: i64,
    /// The kernel's tables that this is about; see [`crate::monitor::Monitor::instance`].
    pub instance: u64,
    /// The last [`Entry::Handed`] before this file was written.
    pub epoch: u64,
    /// What of those tables is in rows that were or will be given to the history, or was nobody's traffic.
    pub accounted: Bytes,
}

/// What one flow moved in one bucket, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowNote {
    /// Whose, with whom.
    pub flow: Flow,
    /// When its bucket began.
    pub bucket_start: UnixMillis,
    /// How long that lasts.
    pub bucket_ms: u32,
    /// How much.
    pub bytes: Bytes,
    /// Flows that began in it.
    pub flows_opened: u64,
    /// When its first byte may have moved.
    pub first: UnixMillis,
    /// When the last was counted.
    pub last: UnixMillis,
}

/// What is remembered of a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowNote {
    /// Which.
    pub flow: Flow,
    /// What was put into rows.
    pub reported: Bytes,
    /// What its closed sockets left.
    pub closed: Bytes,
    /// When it was opened, until that is in a row.
    pub opened: Option<MonotonicNs>,
    /// Whether it may go on although no socket of it is seen.
    pub apart: bool,
}

/// What is noted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// Begins every file.
    Head(Head),
    /// A process is known.
    Process(Box<Remembered>),
    /// It ended, or runs another executable.
    Ended(ProcessKey, Moment),
    /// It was moved to another place.
    Moved(ProcessKey, Placement),
    /// It is known what it runs.
    Identified(ProcessKey, Result<ExecContent, Unattributed>),
    /// Counters were read that the kernel forgets next.
    Closed(Closed),
    /// How far a flow has been counted.
    Counted(FlowNote),
    /// A flow grew; in `row` unless it is nobody's traffic.
    Grown {
        /// Which flow.
        flow: Flow,
        /// By how much.
        bytes: Bytes,
        /// Where that was put.
        row: Option<RowNote>,
    },
    /// A row that was there when the file was written.
    Row(RowNote),
    /// What the kernel had refused.
    Losses(Losses),
    /// A process whose bytes are nobody's traffic.
    SelfTest(SelfTestChild),
    /// All rows but these were given to the history, in the transaction of this number.
    Handed {
        /// The number.
        epoch: u64,
        /// The rows that stayed: their owners were not known yet.
        kept: Vec<(UnixMillis, Flow)>,
    },
    /// The history has all that it was given up to this number.
    Written(u64),
}
