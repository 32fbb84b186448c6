use std::ops::Range;

use portolan_core::{Bytes, UnixMillis};

use super::Keys;

/// The groups that a question found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Largest first (sent and received together), then by their keys.
    pub groups: Vec<Group>,
    /// The sum of the groups that are not among them, and how many those are; `None` when there are none.
    pub other: Option<(Sum, u64)>,
    /// The sum of all groups.
    pub total: Sum,
    /// Of what time this is the answer.
    pub covered: Covered,
}

/// What moved in one group.
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
    pub keys: Keys,
    /// How much.
    pub sum: Sum,
}

/// How much moved. What is above `u64::MAX` is that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// Payload bytes.
    pub bytes: Bytes,
    /// Flows seen for the first time.
    pub flows: u64,
    /// First bytes or opening, as exact as the intervals that were summed; `None` when nothing was.
    pub first: Option<UnixMillis>,
    /// Last bytes; the same.
    pub last: Option<UnixMillis>,
}

impl Sum {
    /// Adds another one.
    pub fn add(&mut self, other: &Self) {
        self.bytes += other.bytes;
        self.flows = self.flows.saturating_add(other.flows);
        self.first = self.first.into_iter().chain(other.first).min();
        self.last = self.last.max(other.last);
    }
}

/// The time that an answer speaks of: the range that was asked for, unless the history holds less, or only longer intervals at its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covered {
    /// Everything from here on; `None` from the beginning.
    pub since: Option<UnixMillis>,
    /// Everything before this; `None` to the end.
    pub until: Option<UnixMillis>,
    /// The shortest intervals that were summed: `bucket`, `minute`, `hour` or `day`.
    pub finest: &'static str,
}

/// What moved over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// How long each interval is.
    pub step_ms: i64,
    /// Where each starts, milliseconds since 1970; all there are in the range, also those in which nothing moved.
    pub times: Vec<i64>,
    /// The largest groups, as in an [`Answer`].
    pub lines: Vec<Line>,
    /// The sum of all other groups; `None` when there are none.
    pub other: Option<Line>,
    /// Times at which nobody recorded, as far as they have a whole step, the oldest first; also what is still to come.
    pub gaps: Vec<Range<UnixMillis>>,
    /// Of what time this is the answer.
    pub covered: Covered,
}

/// What moved in one group, one number for each of the [`Series`]'s times.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// As in a [`Group`]; none for the others.
    pub keys: Keys,
    /// Bytes sent.
    pub tx: Vec<u64>,
    /// Bytes received.
    pub rx: Vec<u64>,
    /// Flows seen for the first time.
    pub flows: Vec<u64>,
}
