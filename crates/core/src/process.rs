use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::MonotonicNs;

/// A process id as users see it: the kernel's thread group id, in the initial pid namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(transparent)]
#[ts(export, export_to = "evidence.ts")]
pub struct Pid(pub u32);

/// A user id in the initial user namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(transparent)]
#[ts(export, export_to = "evidence.ts")]
pub struct Uid(pub u32);

impl Uid {
    /// The kernel's `(uid_t) -1`, which no user can have.
    pub const UNKNOWN: Self = Self(u32::MAX);
}

/// One run of one executable: never reused, neither by a later process with the same pid nor by an exec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProcessKey {
    /// Thread group id.
    pub pid: Pid,
    /// When the process was forked, on the boot clock.
    pub started: MonotonicNs,
    /// How many times it and its ancestors called exec (`task_struct.self_exec_id`): exec keeps pid and start time.
    pub exec_generation: u64,
}
