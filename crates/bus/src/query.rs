use serde::{Deserialize, Serialize};
use ts_rs::TS;
use zvariant::Type;

use crate::{Access, Column, Groups, PlaceData, Sum};

/// The most dimensions that a question groups by.
pub const BY_MAX: usize = 3;

/// A question to the history: which traffic, and how it is summed up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct QueryRequest {
    /// Which traffic, in the query language (`docs/query.md`); empty for all.
    pub query: String,
    /// What to group by: at most three words of `portolan_core::Dimension`; none for the total alone.
    pub by: Vec<String>,
    /// At most so many groups or lines, largest first; 0 for as many as the daemon gives. The rest is summed up as `other`.
    pub top: u32,
    /// How long each step of a series is: `bucket`, `minute`, `hour` or `day`; empty for what suits the time asked for. Of no
    /// meaning for sums.
    pub step: String,
    /// The time zone of dates in the query (`Europe/Berlin`); empty for the daemon's.
    pub zone: String,
    /// The caller's own number for this question, to cancel it by; 0 for none.
    pub token: u32,
}

/// The answer: sums by group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct QueryResult {
    /// The groups, largest first, and what was left out.
    pub groups: Groups,
    /// The sum of all groups, also of those left out.
    pub total: Sum,
    /// Which time it is about.
    pub covered: Covered,
    /// Where countries and networks come from; none unless grouped by one of them, and where there is no database.
    pub places: Vec<PlaceData>,
    /// Whose traffic it is.
    pub access: Access,
}

/// The time that an answer really is about: where fine sums were deleted by their age, it begins and ends with coarser ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct Covered {
    /// From when on; `None` when there is nothing.
    #[ts(type = "number | null")]
    pub since_unix_ms: Option<i64>,
    /// Until before when; `None` when there is nothing.
    #[ts(type = "number | null")]
    pub until_unix_ms: Option<i64>,
    /// The finest sums that were read: `bucket`, `minute`, `hour` or `day`. The times in the answer are as exact as that.
    pub finest: String,
}

/// The answer: what moved in each step, by line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct SeriesResult {
    /// The length of a step; a day is one of UTC.
    #[ts(type = "number")]
    pub step_ms: i64,
    /// The beginning of each step.
    #[ts(type = "number[]")]
    pub times_unix_ms: Vec<i64>,
    /// What the lines are of: each column has a place for each line.
    pub keys: Vec<Column>,
    /// The lines, largest first.
    pub lines: Vec<Line>,
    /// All other lines together; `None` where there are none.
    pub other: Option<Line>,
    /// When nobody recorded, the oldest first; also what is still to come. Each has a whole step; a step that was recorded in part is what
    /// was recorded.
    pub gaps: Vec<Gap>,
    /// Which time it is about.
    pub covered: Covered,
    /// Where countries and networks come from; none unless grouped by one of them, and where there is no database.
    pub places: Vec<PlaceData>,
    /// Whose traffic it is.
    pub access: Access,
}

/// A stretch of time in which nobody recorded, or of which nothing is kept: the daemon did not run, or the machine was off or asleep, or its
/// clock was another one. What moved then is not known; where the kernel counted on, it stands in the first step after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct Gap {
    /// Where it begins; perhaps within a step.
    #[ts(type = "number")]
    pub from_unix_ms: i64,
    /// Before when it ends.
    #[ts(type = "number")]
    pub until_unix_ms: i64,
}

impl SeriesResult {
    /// Whether nothing is known of the step that begins then: it is no step in which nothing moved.
    #[must_use]
    pub fn is_gap(&self, start_unix_ms: i64) -> bool {
        let end = start_unix_ms.saturating_add(self.step_ms);
        let at = self.gaps.partition_point(|gap| gap.until_unix_ms < end);
        self.gaps.get(at).is_some_and(|gap| gap.from_unix_ms <= start_unix_ms)
    }
}

/// One line of a series: a place for each step.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct Line {
    /// Payload bytes sent.
    #[ts(type = "number[]")]
    pub tx_bytes: Vec<u64>,
    /// Payload bytes received.
    #[ts(type = "number[]")]
    pub rx_bytes: Vec<u64>,
    /// Flows seen for the first time.
    #[ts(type = "number[]")]
    pub flows: Vec<u64>,
}

impl Line {
    /// Adds another line, step by step.
    pub fn add(&mut self, other: &Self) {
        let add = |sums: &mut Vec<u64>, others: &[u64]| {
            sums.resize(sums.len().max(others.len()), 0);
            sums.iter_mut().zip(others).for_each(|(sum, other)| *sum = sum.saturating_add(*other));
        };
        add(&mut self.tx_bytes, &other.tx_bytes);
        add(&mut self.rx_bytes, &other.rx_bytes);
        add(&mut self.flows, &other.flows);
    }
}

/// What could stand at the cursor of a query that somebody writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct Completion {
    /// What they would replace: from this character on, counted from 0,
    pub start: u32,
    /// up to before this one.
    pub end: u32,
    /// What to write there, the likeliest first: fields with their `:`, or values, quoted where they have to be.
    pub words: Vec<String>,
}
