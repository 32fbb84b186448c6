use std::collections::BTreeMap;

use portolan_core::{Bytes, Dimension, Only, Uid, UnixMillis};

mod answer;
mod columns;
mod compile;
mod unpacked;

pub(crate) use answer::answer;

/// A question to the history: sums of what moved, by group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Question {
    /// Only buckets that end after this; `None` from the beginning.
    pub since: Option<UnixMillis>,
    /// Only buckets that start before this; `None` to the end. Not later than `since`: nothing.
    pub until: Option<UnixMillis>,
    /// What to group by, in any order; twice is once. Empty for one group with the total.
    pub by: Vec<Dimension>,
    /// Which traffic: of each dimension named here, what has one of the values named; empty for all.
    pub only: Vec<Only>,
    /// Whose traffic; `None` for everybody's.
    pub viewer: Option<Uid>,
    /// At most so many groups.
    pub limit: usize,
}

/// The groups that a question found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Largest first (sent and received together), then by their keys.
    pub rows: Vec<Group>,
    /// Whether there were more groups than the limit.
    pub truncated: bool,
}

/// The sum of what moved in one group. Sums above `u64::MAX` are that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The value of each dimension by its word. Hostile text.
    ///
    /// `executable` is a path and comes with `path`, `sha256`, `provenance` (its word) and `package` (`deb curl 7.88.1-10`); `script`
    /// comes with the same as `script_path` and so on, `parent` with `parent_path` and `parent_sha256`; `domain` with `name_source`
    /// (the surest) and `inferred` = `true` where it is, `registrable_domain` with the latter; `country` and `asn` with `range` where they are not known, `asn` with
    /// `asn_name`; `service` with `recognised` = `true` or `false`; `time` is in milliseconds since 1970. A key that is missing is
    /// not known. By application, executable or parent, the kernel's groups have `kernel` = `kernel`, and groups without an
    /// owner have `unattributed` with the reason.
    pub keys: BTreeMap<String, String>,
    /// Payload bytes.
    pub bytes: Bytes,
    /// Flows seen for the first time.
    pub flows: u64,
    /// First bytes or opening; `None` when the group is empty, which only the total can be.
    pub first: Option<UnixMillis>,
    /// Last bytes; `None` when the group is empty.
    pub last: Option<UnixMillis>,
}
